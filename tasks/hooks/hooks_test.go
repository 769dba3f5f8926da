package hooks

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

const source = `
# a comment
import re
from functools import partial

WORDS = {
    "en": ["a", 'b'],  # words
}

def helper(x):
    return WORDS[x]


@decorated
def f(doc, subject):
    """what it does"""
    return helper(doc["x"]) + f"{subject}"


def other(doc): return 1
g = partial(f, subject="law, and 'more'", n=-1)
h = g2 = other
if True:
    late = 2
else:
    later = 3
`

func TestModule(t *testing.T) {
	m := ParseModule(source)
	want := "WORDS = {\n\"en\": [\"a\", 'b'],\n}\ndef helper(x):\n    return WORDS[x]\n@decorated\ndef f(doc, subject):\n" +
		"    \"\"\"what it does\"\"\"\n    return helper(doc[\"x\"]) + f\"{subject}\"\n"
	if got, err := m.Source("f"); got != want || err != nil {
		t.Errorf("Source(f) = %q, %v; want %q", got, err, want)
	}
	for _, name := range []string{"re", "partial", "WORDS", "helper", "f", "other", "g", "late", "later", "h"} {
		if !m.Defines(name) {
			t.Errorf("%s is not defined", name)
		}
	}
	for _, name := range []string{"x", "doc", "subject", "en", ""} {
		if m.Defines(name) {
			t.Errorf("%q is defined", name)
		}
	}
	if _, err := m.Digest("missing"); err == nil {
		t.Error("a missing function has a digest")
	}
	base, args, ok := m.Partial("g")
	if got := pyval.Repr(args); base != "f" || !ok || got != `{'subject': "law, and 'more'", 'n': -1}` {
		t.Errorf("Partial(g) = %s, %s, %v", base, got, ok)
	}
	if text, ok := m.Assigned("WORDS"); !ok || !strings.HasPrefix(text, "{") {
		t.Errorf("Assigned(WORDS) = %q, %v", text, ok)
	}
}

// A digest changes with what a function uses, and not with comments, blank lines and other functions.
func TestDigest(t *testing.T) {
	digest := func(s string) string {
		d, err := ParseModule(s).Digest("f")
		if err != nil || len(d) != 16 {
			t.Fatalf("digest %q, %v", d, err)
		}
		return d
	}
	same := digest(source)
	for name, s := range map[string]string{"comment": strings.Replace(source, "a comment", "another", 1), "blank": source + "\n\n#\n",
		"other": strings.Replace(source, "return 1", "return 2", 1), "line ends": strings.ReplaceAll(source, "\n", "\r\n")} {
		if digest(s) != same {
			t.Errorf("%s: the digest changes", name)
		}
	}
	for name, s := range map[string]string{"body": strings.Replace(source, "doc[\"x\"]", "doc[\"y\"]", 1),
		"helper": strings.Replace(source, "return WORDS[x]", "return WORDS[x][0]", 1), "constant": strings.Replace(source, `"a"`, `"c"`, 1),
		"decorator": strings.Replace(source, "@decorated", "@again", 1), "indentation": strings.Replace(source, "    return helper", "  return helper", 1)} {
		if digest(s) == same {
			t.Errorf("%s: the digest stays the same", name)
		}
	}
}

func TestFind(t *testing.T) {
	missing := func(err error) *MissingError {
		var m *MissingError
		if !errors.As(err, &m) {
			t.Fatalf("error %v", err)
		}
		return m
	}
	c := Call{File: "x/hellaswag/utils.py", Name: "process_docs"}
	if f, err := Find(Docs, c); err != nil || f.Func.Row == nil || f.Digest != "" {
		t.Errorf("without the source: %+v, %v", f, err)
	}
	c.Module = ParseModule("def process_docs(d): return d")
	_, err := Find(Docs, c)
	if m := missing(err); !m.Changed || !strings.Contains(err.Error(), "changed upstream") || m.Hint() == "" {
		t.Errorf("a changed source: %v", err)
	}
	_, err = Find(Docs, Call{File: "x/utils.py", Name: "process_docs"})
	if m := missing(err); m.Changed || !strings.Contains(err.Error(), "no native equivalent") {
		t.Errorf("an unknown file: %v", err)
	}
	if f, err := Find(Results, Call{File: "x/utils.py", Name: "score", Module: ParseModule("def score(): pass")}); err != nil || f.Digest == "" {
		t.Errorf("a function that scores: %+v, %v", f, err)
	}
}

// Every hook has what it needs, and stands for some file.
func TestHooks(t *testing.T) {
	n := 0
	for _, group := range all {
		for _, h := range group {
			n++
			if h.Kind.Scores() || len(h.Files) == 0 || len(h.Digests) == 0 || h.Name == "" && h.Partials == "" {
				t.Errorf("hook %v of %v is incomplete", h.Name, h.Files)
			}
			for _, pattern := range append(h.Files, h.Name, h.Partials) {
				if _, err := path.Match(pattern, "x"); err != nil {
					t.Errorf("hook %v of %v: %v", h.Name, h.Files, err)
				}
			}
			set := 0
			for _, is := range []bool{h.Make != nil, h.Func.Row != nil, h.Func.All != nil, h.Func.Doc != nil, h.Func.Samples != nil} {
				if is {
					set++
				}
			}
			if set != 1 {
				t.Errorf("hook %v of %v has %d functions", h.Name, h.Files, set)
			}
		}
	}
	if n == 0 {
		t.Fatal("there are no hooks")
	}
}

// Expected values were computed by running the functions of lm_eval 0.4.13 under Python 3.11.
func TestHookValues(t *testing.T) {
	for _, c := range []struct{ file, name, doc, want string }{
		{"winogrande/preprocess_winogrande.py", "doc_to_text", `{'answer': '2'}`, `1`},
		{"winogrande/preprocess_winogrande.py", "doc_to_target", `{'sentence': 'A _ was, b_c. '}`, `'was, b_c.'`},
		{"winogrande/preprocess_winogrande.py", "doc_to_choice", `{'sentence': 'A _ was', 'option1': 'x', 'option2': 'y'}`, `['A x', 'A y']`},
		{"mathqa/utils.py", "doc_to_choice", `{'options': 'a ) 1 , b ) 2 , 3 , c ) x , d ) , e ) none , of'}`, `['1', '2', 'x', '', 'none , of']`},
		{"mmlu_pro/utils.py", "doc_to_text", `{'question': 'q', 'options': [' a ', 'b']}`, `"Question:\nq\nOptions:\nA. a\nB. b\nAnswer: Let's think step by step."`},
		{"afrixnli/direct/prompt_2/utils.py", "doc_to_target", `{'label': 1}`, `'Neither'`},
		{"egymmlu/utils.py", "doc_to_choice", `{'choices': ['x', 'y', 'z']}`, `['A', 'B', 'C']`},
		{"race/preprocess_race.py", "doc_to_text", `{'article': 'a', 'problems': "[{'question': 'x  _  .', 'answer': 'B', 'options': ['1', '2', '3', '4']}, {'question': 'y?', 'answer': 'A', 'options': ['1', '2', '3', '4']}, {'question': 'z?', 'answer': 'C', 'options': ['5', '6', '7', '8']}]"}`,
			`'Article: a\n\nx 2\nQuestion: y?\nAnswer: 1\nz?'`},
		{"race/preprocess_race.py", "doc_to_target", `{'problems': "[{'question': 'z?', 'answer': 'C', 'options': ['5', '6', '7', '8']}]"}`, `2`},
		{"race/preprocess_race.py", "doc_to_choice", `{'problems': "[{'question': 'z?', 'answer': 'C', 'options': ['5', '6', '7', '8']}]"}`, `['5', '6', '7', '8']`},
		{"webqs/utils.py", "doc_to_choice", `{'answers': ['b c', 'b', 'a', 'ab', 'B']}`, `['B', 'a', 'b']`},
		{"webqs/utils.py", "doc_to_target", `{'answers': ['b c', 'b', 'a', 'ab', 'B']}`, `[0, 1, 2]`},
		{"super_glue/record/util.py", "doc_to_text", `{'passage': ' p\n@highlight\nh one\n@highlight\nh two '}`, `'p\n\n  - h one.\n  - h two.\n'`},
		{"super_glue/record/util.py", "doc_to_choice", `{'query': 'q @placeholder', 'entities': ['x', 'y']}`, `['  - q x', '  - q y']`},
		{"coqa/utils.py", "doc_to_text", `{'story': 's', 'questions': {'input_text': ['q1', 'q2']}, 'answers': {'input_text': ['a1', 'a2']}}`, `'s\n\nQ: q1\n\nA: a1\n\nQ: q2\n\nA:'`},
		{"coqa/utils.py", "doc_to_target", `{'questions': {'input_text': ['q1', 'q2']}, 'answers': {'input_text': ['a1', 'a2']}, 'additional_answers': {'0': {'input_text': ['x', 'A2']}, '1': {'input_text': ['x', 'b']}}}`, `['a2', 'b']`},
		{"leaderboard/musr/utils.py", "doc_to_text", `{'narrative': 'n', 'question': 'q', 'choices': "['a', 'b']"}`, `'n\n\nq\n\n1 - a\n2 - b\n\nAnswer:'`},
		{"glue/mnli/utils.py", "doc_to_text", `{'premise': 'p', 'hypothesis': ' h '}`, `'p\nQuestion: h. True, False or Neither?\nAnswer:'`},
		{"wikitext/preprocess_wikitext.py", "wikitext_detokenizer", `{'page': ' = = H = = \n a @-@ b , ( c ) " d " it \'s 3 @.@ 4 ; [ e ] { f } 5 ° N '}`, `' == H ==\na-b, (c) "d" it\'s 3.4; [e] {f} 5°N '`},
		{"super_glue/copa/utils.py", "doc_to_target", `{'label': True, 'choice1': 'A b', 'choice2': 'C d'}`, `' c d'`},
	} {
		f, err := Find(Doc, Call{File: c.file, Name: c.name})
		if err != nil {
			t.Error(err)
			continue
		}
		doc, err := pyval.LiteralEval(c.doc)
		if err != nil {
			t.Fatal(err)
		}
		v, err := f.Func.Doc(doc.(*pyval.Dict))
		if err != nil || pyval.Repr(v) != c.want {
			t.Errorf("%s:%s of %s is %s, %v; want %s", c.file, c.name, c.doc, pyval.Repr(v), err, c.want)
		}
		if _, err := f.Func.Doc(new(pyval.Dict)); err == nil {
			t.Errorf("%s:%s of nothing has a value", c.file, c.name)
		}
	}
}

// Expected rows were computed as those of TestHookValues, with a dataset of one row.
func TestHookRows(t *testing.T) {
	for _, c := range []struct{ file, name, doc, want string }{
		{"drop/utils.py", "process_docs", `{'query_id': 'i', 'passage': 'p', 'question': 'q', 'answer': {'number': '3', 'date': {'day': '', 'month': '', 'year': ''}, 'spans': []}, 'validated_answers': {'number': ['3', '', ''], 'date': [{'day': '', 'month': '', 'year': ''}, {'day': '1', 'month': 'May', 'year': ''}, {'day': '', 'month': '', 'year': ''}], 'spans': [[], [], ['a', 'b']]}}`,
			`{'query_id': 'i', 'passage': 'p', 'question': 'q', 'answer': {'number': '3', 'date': {'day': '', 'month': '', 'year': ''}, 'spans': []}, 'validated_answers': {'number': ['3', '', ''], 'date': [{'day': '', 'month': '', 'year': ''}, {'day': '1', 'month': 'May', 'year': ''}, {'day': '', 'month': '', 'year': ''}], 'spans': [[], [], ['a', 'b']]}, 'id': 'i', 'answers': [['3'], ['1 May'], ['a', 'b']]}`},
		{"arithmetic/utils.py", "process_docs", `{'context': ' Q: a\n\nA: b ', 'completion': ' c'}`, `{'context': 'Question: a\nAnswer: b', 'completion': ' c'}`},
		{"mutual/utils.py", "process_docs", `{'article': "it 's ` + "`` so ''" + ` n't ?", 'options': ['a .', 'b \n c']}`, `{'article': 'it\'s "so"n\'t?', 'options': ['a.', 'b\nc']}`},
		{"truthfulqa/utils.py", "process_docs_gen", `{'question': ' q ', 'correct_answers': ['a', 'b.', ' '], 'incorrect_answers': ['c'], 'x': 1}`,
			`{'question': 'q', 'correct_answers': ['a.', 'b.', 'I have no comment.'], 'incorrect_answers': ['c.'], 'x': 1}`},
		{"super_glue/record/util.py", "process_docs", `{'passage': 'p', 'query': 'q', 'entities': ['b', 'a', 'b'], 'answers': ['z', 'y'], 'idx': 0}`,
			`{'passage': 'p', 'query': 'q', 'entities': ['a', 'b'], 'answers': ['y', 'z'], 'idx': 0}`},
		{"tmmluplus/default/utils.py", "process_docs", `{'question': 'q', 'A': 1, 'B': 2, 'C': 3, 'D': 4, 'answer': 'C'}`,
			`{'question': 'q', 'A': 1, 'B': 2, 'C': 3, 'D': 4, 'answer': 'C', 'questions': 'q', 'choices': [1, 2, 3, 4], 'goal': 2}`},
		{"tmlu/default/utils.py", "process_docs", `{'question': 'q', 'A': 1, 'B': 2, 'C': 3, 'D': 4, 'E': None, 'F': '6', 'answer': 'F'}`,
			`{'question': 'q', 'A': 1, 'B': 2, 'C': 3, 'D': 4, 'E': None, 'F': '6', 'answer': 'F', 'questions': 'q', 'choices': [1, 2, 3, 4, '6'], 'goal': 4}`},
		{"mmlusr/answer_only/utils.py", "process_docs", `{'choice1': None, 'choice2': 'b', 'choice3': 'c', 'choice4': 'd', 'answer': ' x '}`,
			`{'choice1': None, 'choice2': 'b', 'choice3': 'c', 'choice4': 'd', 'answer': 'x', 'choices': ['', 'b', 'c', 'd']}`},
		{"okapi/arc_multilingual/utils.py", "process_docs", `{'id': 1, 'instruction': ' a [b] c', 'option_a': 'x', 'option_b': '', 'option_c': None, 'option_d': 'y [title]z', 'option_e': 'w', 'answer': 'B'}`,
			`{'id': 1, 'instruction': ' a [b] c', 'option_a': 'x', 'option_b': '', 'option_c': None, 'option_d': 'y [title]z', 'option_e': 'w', 'answer': 'B', 'query': 'Question: a c\nAnswer:', 'choices': ['x', 'y. z', 'w'], 'gold': 1}`},
		{"eus_exams/utils.py", "process_docs", `{'answer': 4, 'candidates': ['a', 'b', 'c', 'd']}`, `None`},
		{"eus_exams/utils.py", "process_docs", `{'answer': 3, 'candidates': ['a', 'b', 'c', 'd']}`, `{'answer': 3, 'candidates': ['a', 'b', 'c', 'd']}`},
		{"bigbench/utils.py", "filter_multiple_choice", `{'multiple_choice_targets': []}`, `None`},
		{"winogender/utils.py", "filter_male", `{'gender': 'female'}`, `None`},
		{"global_mmlu/full/en/utils.py", "process_anatomy", `{'subject': 'anatomy'}`, `{'subject': 'anatomy'}`},
		{"global_mmlu/full/en/utils.py", "process_anatomy", `{'subject': 'law'}`, `None`},
		{"global_mmlu/default/en/utils.py", "process_social_sciences", `{'subject_category': 'Social Sciences'}`, `{'subject_category': 'Social Sciences'}`},
		{"include/default/Albanian/utils.py", "process_arts_humanities", `{'domain': 'Arts & Humanities'}`, `{'domain': 'Arts & Humanities'}`},
		{"mmlu_pro/utils.py", "process_computer_science", `{'category': 'computer science'}`, `{'category': 'computer science'}`},
		{"llama3/instruct/mmlu_es/utils.py", "process_docs_anatomy", `{'subtask_name': 'mmlu_es_chat.anatomy'}`, `{'subtask_name': 'mmlu_es_chat.anatomy'}`},
		{"openai-mmmlu/default/utils.py", "process_anatomy", `{'Subject': 'anatomy_test.csv_sw-KE.csv'}`, `{'Subject': 'anatomy_test.csv_sw-KE.csv'}`},
		{"hendrycks_math/utils.py", "process_docs", `{'problem': 'p', 'level': 'l', 'solution': 's \\\\boxed{\\\\frac{1}{2}} t'}`, `{'problem': 'p', 'level': 'l', 'solution': 's \\\\boxed{\\\\frac{1}{2}} t', 'answer': '\\\\frac{1}{2}'}`},
	} {
		f, err := Find(Docs, Call{File: c.file, Name: c.name})
		if err != nil {
			t.Error(err)
			continue
		}
		doc, err := pyval.LiteralEval(c.doc)
		if err != nil {
			t.Fatal(c.file, err)
		}
		row, err := f.Func.Row(doc.(*pyval.Dict))
		got := "None"
		if row != nil {
			got = pyval.Repr(row)
		}
		if err != nil || got != c.want {
			t.Errorf("%s:%s of %s is\n%s, %v; want\n%s", c.file, c.name, c.doc, got, err, c.want)
		}
		if again, _ := pyval.LiteralEval(c.doc); !pyval.Equal(again, doc) {
			t.Errorf("%s:%s changes its document", c.file, c.name)
		}
		if _, err := f.Func.Row(new(pyval.Dict)); err == nil {
			t.Errorf("%s:%s of nothing has a value", c.file, c.name)
		}
	}
}

func FuzzParseModule(f *testing.F) {
	f.Add(source, "f")
	f.Add("x = '''a\nb", "x")
	f.Add("@\n\\\n(\n", "")
	f.Fuzz(func(t *testing.T, text, name string) {
		m := ParseModule(text)
		if _, err := m.Digest(name); err == nil && name != "" && !m.Defines(name) && !m.dynamic() {
			t.Errorf("%q has a digest and no definition", name)
		}
		m.Partial(name)
	})
}

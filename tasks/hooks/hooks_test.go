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
		{"afrixnli/direct/prompt_2/utils.py", "doc_to_target", `{'label': 1}`, `'neutral'`},
		{"egymmlu/utils.py", "doc_to_choice", `{'choices': ['x', 'y', 'z']}`, `['A', 'B', 'C']`},
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

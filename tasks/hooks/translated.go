package hooks

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// columnHooks are small functions of one document, or of one row, in families of translated benchmarks.
var columnHooks = []Hook{
	{Kind: Docs, Files: []string{"mmlusr/*/utils.py"}, Name: "process_docs", Digests: []string{"0f46f651372563ee"}, Func: mapRows(mmlusr)},
	{Kind: Docs, Files: []string{"bigbench/utils.py"}, Name: "filter_multiple_choice", Digests: []string{"ffe5920d8ee35daa"},
		Func: keepRows(func(r *reader) bool { return len(r.list("multiple_choice_targets")) > 0 })},
	{Kind: Docs, Files: []string{"eus_exams/utils.py"}, Name: "process_docs", Digests: []string{"3359ec0b8d6e3c8f"}, Func: keepRows(eusExams)},
	{Kind: Docs, Files: []string{"tmmluplus/default/utils.py"}, Name: "process_docs", Digests: []string{"0c35b783e7351b3f"},
		Func: mapRows(func(r *reader) *pyval.Dict { return lettered(r, "ABCD", 4) })},
	{Kind: Docs, Files: []string{"tmlu/default/utils.py"}, Name: "process_docs", Digests: []string{"aeb923fb914106ed"},
		Func: mapRows(func(r *reader) *pyval.Dict { return lettered(r, "ABCDEF", 4) })},
	{Kind: Docs, Files: []string{"okapi/arc_multilingual/utils.py"}, Name: "process_docs", Digests: []string{"1af4bd433fc53907"}, Func: mapRows(okapiARC)},
	{Kind: Doc, Files: []string{"afrixnli/*/prompt_[134]/utils.py", "afrixnli/lai prompt/*/utils.py"}, Name: "doc_to_target", Digests: []string{"56d75032ad014686"},
		Func: byLabel("entailment", "neutral", "contradiction")},
	{Kind: Doc, Files: []string{"afrixnli/*/prompt_2/utils.py", "afrixnli/anli prompt/*/utils.py"}, Name: "doc_to_target", Digests: []string{"63f548056a02519f"},
		Func: byLabel("True", "Neither", "False")},
	{Kind: Doc, Files: []string{"afrixnli/*/prompt_5/utils.py"}, Name: "doc_to_target", Digests: []string{"567b95e07a145927"},
		Func: byLabel("true", "false", "inconclusive")},
	{Kind: Doc, Files: []string{"afrimmlu/*/*/utils.py"}, Name: "doc_to_choice", Digests: []string{"b97e41747cfef67f"},
		Func: ofDoc(func(r *reader) pyval.Value { return r.literal("choices") })},
	{Kind: Doc, Files: []string{"afrobench/masakhapos/*/utils.py"}, Name: "doc_to_target", Digests: []string{"22b06863430cb6dc"}, Func: ofDoc(partsOfSpeech)},
	{Kind: Doc, Files: []string{"egymmlu/utils.py"}, Name: "doc_to_choice", Digests: []string{"f5be30a2e56513ad"},
		Func: ofDoc(func(r *reader) pyval.Value { return letters(r, len(r.list("choices")), 5) })},
	{Kind: Doc, Files: []string{"paloma/paloma_utils.py"}, Name: "doc_to_target", Digests: []string{"975344e671c75aa5"},
		Func: ofDoc(func(r *reader) pyval.Value { return r.str("text") })},
}

// orEmpty is doc[key] or "".
func (r *reader) orEmpty(key string) string {
	v := r.value(key)
	if ok, err := pyval.Truth(v); err != nil || !ok {
		return ""
	}
	return r.textOf(v)
}

// literal is ast.literal_eval(doc[key]).
func (r *reader) literal(key string) pyval.Value {
	v, err := pyval.LiteralEval(r.text(key))
	if err != nil && r.err == nil {
		r.err = err
	}
	return v
}

func mmlusr(r *reader) *pyval.Dict {
	return dict(field{"choices", texts(r.orEmpty("choice1"), r.orEmpty("choice2"), r.orEmpty("choice3"), r.orEmpty("choice4"))},
		field{"answer", pyval.Strip(r.orEmpty("answer"), nil, true, true)})
}

// eusExams keeps the examples that have candidates and an answer among them.
func eusExams(r *reader) bool {
	answer, empty := r.value("answer"), texts("", "", "", "")
	for i := range int64(4) {
		if pyval.Equal(answer, i) {
			return !pyval.Equal(r.value("candidates"), empty)
		}
	}
	return false
}

// lettered makes questions, choices and goal of the columns A, B, ..., of which those after the first least may be
// empty or missing.
func lettered(r *reader, columns string, least int) *pyval.Dict {
	var names []string
	var options pyval.List
	for i, c := range columns {
		key := string(c)
		if i >= least {
			v, _ := r.doc.Get(key)
			if ok, err := pyval.Truth(v); err != nil || !ok {
				continue
			}
		}
		names = append(names, key)
		options = append(options, r.value(key))
	}
	return dict(field{"questions", r.value("question")}, field{"choices", options}, field{"goal", r.index(names, r.value("answer"))})
}

// withoutBrackets cleans a text as the HellaSwag hook does.
func (r *reader) withoutBrackets(s string) string {
	s = strings.ReplaceAll(pyval.Strip(s, nil, true, true), " [title]", ". ")
	return strings.ReplaceAll(r.remove(bracketed, s), "  ", " ")
}

func okapiARC(r *reader) *pyval.Dict {
	options := pyval.List{}
	for _, c := range "abcde" {
		v := r.value("option_" + string(c))
		if ok, err := pyval.Truth(v); err == nil && ok {
			options = append(options, r.withoutBrackets(r.textOf(v)))
		}
	}
	return dict(field{"id", r.value("id")}, field{"query", "Question: " + r.withoutBrackets(r.text("instruction")) + "\nAnswer:"},
		field{"choices", options}, field{"gold", r.index([]string{"A", "B", "C", "D", "E"}, r.value("answer"))})
}

// byLabel gives the word of doc["label"], a number from 0.
func byLabel(words ...string) Func {
	return ofDoc(func(r *reader) pyval.Value {
		for i, w := range words {
			if pyval.Equal(r.value("label"), int64(i)) {
				return w
			}
		}
		r.fail("KeyError", "%s", pyval.Repr(r.value("label")))
		return nil
	})
}

// partsOfSpeech gives the names of the universal tags in doc["upos"] (de Marneffe et al. 2021).
func partsOfSpeech(r *reader) pyval.Value {
	tags := strings.Fields("NOUN PUNCT ADP NUM SYM SCONJ ADJ PART DET CCONJ PROPN PRON X _ ADV INTJ VERB AUX")
	out := pyval.List{}
	for _, v := range r.list("upos") {
		i := r.integerOf(v)
		if i < 0 || int(i) >= len(tags) {
			r.fail("KeyError", "%d", i)
			return nil
		}
		out = append(out, tags[i])
	}
	return out
}

// letters gives A, B, ... of n choices, of which there are at most most.
func letters(r *reader, n, most int) pyval.List {
	out := pyval.List{}
	for i := range n {
		if i >= most {
			r.fail("IndexError", "list index out of range")
			break
		}
		out = append(out, string(rune('A'+i)))
	}
	return out
}

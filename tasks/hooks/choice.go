package hooks

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// choices are the hooks of well-known benchmarks with choices.
var choices = []Hook{
	{Kind: Docs, Files: []string{"hellaswag/utils.py"}, Name: "process_docs", Digests: []string{"35c7d2a950b11990"}, Func: mapRows(hellaswag)},
	{Kind: Doc, Files: []string{"winogrande/preprocess_winogrande.py"}, Name: "doc_to_text", Digests: []string{"27e9872afeab7690"},
		Func: ofDoc(func(r *reader) pyval.Value { return r.index([]string{"1", "2"}, r.value("answer")) })},
	{Kind: Doc, Files: []string{"winogrande/preprocess_winogrande.py"}, Name: "doc_to_target", Digests: []string{"ad09001157056053"},
		Func: ofDoc(func(r *reader) pyval.Value {
			_, after := r.blank()
			return pyval.Strip(after, nil, true, true)
		})},
	{Kind: Doc, Files: []string{"winogrande/preprocess_winogrande.py"}, Name: "doc_to_choice", Digests: []string{"530c0030f94d2ae3"},
		Func: ofDoc(func(r *reader) pyval.Value {
			before, _ := r.blank()
			return texts(before+r.text("option1"), before+r.text("option2"))
		})},
	{Kind: Doc, Files: []string{"super_glue/copa/utils.py"}, Name: "doc_to_text", Digests: []string{"b47674aa1fef0248"}, Func: ofDoc(copaText)},
	{Kind: Doc, Files: []string{"super_glue/copa/utils.py"}, Name: "doc_to_target", Digests: []string{"6882dcba85870bbc"}, Func: ofDoc(copaTarget)},
	{Kind: Doc, Files: []string{"super_glue/copa/utils.py"}, Name: "doc_to_choice", Digests: []string{"e37d6d49394f5f62"},
		Func: ofDoc(func(r *reader) pyval.Value {
			return texts(" "+r.lowerFirst(r.text("choice1")), " "+r.lowerFirst(r.text("choice2")))
		})},
	{Kind: Doc, Files: []string{"logiqa/utils_logiqa.py"}, Name: "doc_to_text", Digests: []string{"0d0e1a7f188a6dc1"}, Func: ofDoc(logiqaText)},
	{Kind: Doc, Files: []string{"logiqa/utils_logiqa.py"}, Name: "doc_to_target", Digests: []string{"2aeda69a33895578"},
		Func: ofDoc(func(r *reader) pyval.Value {
			return r.index([]string{"a", "b", "c", "d"}, pyval.Strip(r.text("label"), nil, true, true))
		})},
	{Kind: Doc, Files: []string{"mathqa/utils.py"}, Name: "doc_to_choice", Digests: []string{"864c5e0b59281def"}, Func: ofDoc(mathqaChoice)},
	{Kind: Doc, Files: []string{"medqa/preprocess_medqa.py"}, Name: "doc_to_text", Digests: []string{"1a68d717dc288165"}, Func: ofDoc(medqaText)},
	{Kind: Doc, Files: []string{"medqa/preprocess_medqa.py"}, Name: "doc_to_target", Digests: []string{"acaf7e2a3d281f64"}, Func: columnOf("label")},
}

var bracketed = pyre.MustCompile(`\[.*?\]`)

// hellaswag makes query, choices and gold of an activity and its endings.
func hellaswag(r *reader) *pyval.Dict {
	clean := r.withoutBrackets
	context := r.text("ctx_a") + " " + pyval.Capitalize(r.text("ctx_b"))
	var endings pyval.List
	for _, e := range r.list("endings") {
		endings = append(endings, clean(r.textOf(e)))
	}
	return dict(field{"query", clean(r.text("activity_label") + ": " + context)}, field{"choices", endings}, field{"gold", r.integer("label")})
}

// remove drops all matches.
func (r *reader) remove(re *pyre.Regexp, s string) string {
	out, err := re.Remove(s)
	if err != nil && r.err == nil {
		r.err = err
	}
	return out
}

// blank gives what stands before and after the blank of a sentence.
func (r *reader) blank() (before, after string) {
	before, after, ok := strings.Cut(r.text("sentence"), "_")
	if !ok {
		r.fail("ValueError", "substring not found")
	}
	return before, after
}

// lowerFirst lowers the first character.
func (r *reader) lowerFirst(s string) string {
	runes := []rune(s)
	if len(runes) == 0 {
		r.fail("IndexError", "string index out of range")
		return ""
	}
	return pyval.Lower(string(runes[0])) + string(runes[1:])
}

// cutLast drops the last character.
func cutLast(s string) string {
	runes := []rune(s)
	return string(runes[:max(0, len(runes)-1)])
}

func copaText(r *reader) pyval.Value {
	question, _ := r.value("question").(string)
	word := map[string]string{"cause": "because", "effect": "therefore"}[question]
	if word == "" {
		r.fail("KeyError", "%s", pyval.Repr(r.value("question")))
	}
	return cutLast(pyval.Strip(r.text("premise"), nil, true, true)) + " " + word
}

func copaTarget(r *reader) pyval.Value {
	key := "choice2"
	if pyval.Equal(r.value("label"), int64(0)) {
		key = "choice1"
	}
	return " " + r.lowerFirst(r.text(key))
}

func logiqaText(r *reader) pyval.Value {
	var b strings.Builder
	b.WriteString("Passage: " + r.text("context") + "\nQuestion: " + r.text("question") + "\nChoices:\n")
	for i, o := range r.list("options") {
		if i == 4 {
			break
		}
		b.WriteString(string(rune('A'+i)) + ". " + pyval.Str(o) + "\n")
	}
	b.WriteString("Answer:")
	return b.String()
}

var mathqaOption = pyre.MustCompile(`[abcd] \) .*?, |e \) .*?$`)

// mathqaChoice cuts "a ) 1 , b ) 2 , ..." into its options.
func mathqaChoice(r *reader) pyval.Value {
	matches, err := mathqaOption.FindAll(r.text("options"))
	if err != nil && r.err == nil {
		r.err = err
	}
	out := pyval.List{}
	blanks := " ,"
	for _, m := range matches {
		runes := []rune(m.Groups[0])
		out = append(out, pyval.Strip(string(runes[min(4, len(runes)):]), &blanks, false, true))
	}
	return out
}

func medqaText(r *reader) pyval.Value {
	var b strings.Builder
	b.WriteString("Question: " + r.str("sent1") + "\n")
	for i, key := range []string{"ending0", "ending1", "ending2", "ending3"} {
		b.WriteString(string(rune('A'+i)) + ". " + r.str(key) + "\n")
	}
	b.WriteString("Answer:")
	return b.String()
}

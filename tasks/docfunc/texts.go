package docfunc

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func strip(s string) string { return strings.TrimFunc(s, isSpace) }

// replaced replaces texts one after the other.
func replaced(s string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
	}
	return s
}

// between takes white space away within pairs of marks.
var between = []struct {
	pattern     *pyre.Regexp
	open, close string
}{
	{pyre.MustCompile(`\(\s*([^\)]*?)\s*\)`), "(", ")"},
	{pyre.MustCompile(`\[\s*([^\]]*?)\s*\]`), "[", "]"},
	{pyre.MustCompile(`{\s*([^}]*?)\s*}`), "{", "}"},
	{pyre.MustCompile(`"\s*([^"]*?)\s*"`), `"`, `"`},
	{pyre.MustCompile(`'\s*([^']*?)\s*'`), "'", "'"},
}

var slashedQuote = pyre.MustCompile(`/' [0-9]/`)

// wikitext undoes the tokenization of a page of WikiText.
func wikitext(r *reader) string {
	s := strings.ReplaceAll(r.text("page"), "s '", "s'")
	s = r.sub(slashedQuote, s, func(pyre.Match) string { return "/'[0-9]/" })
	s = replaced(s, " @-@ ", "-", " @,@ ", ",", " @.@ ", ".",
		" : ", ": ", " ; ", "; ", " . ", ". ", " ! ", "! ", " ? ", "? ", " , ", ", ")
	for _, b := range between {
		s = r.sub(b.pattern, s, func(m pyre.Match) string { return b.open + m.Groups[1] + b.close })
	}
	return replaced(s, "= = = =", "====", "= = =", "===", "= =", "==", " ° ", "°", " \n", "\n", "\n ", "\n", " N ", " 1 ", " 's", "'s")
}

func (r *reader) sub(re *pyre.Regexp, s string, f func(pyre.Match) string) string {
	out, err := re.Sub(s, f)
	if err != nil {
		r.fail("%w", err)
	}
	return out
}

// coqaText is the story and the dialogue up to the last question.
func coqaText(r *reader) string {
	questions, answers := r.inside("questions"), r.inside("answers")
	asked, answered := questions.texts("input_text"), answers.texts("input_text")
	r.join(questions)
	r.join(answers)
	var b strings.Builder
	b.WriteString(r.text("story") + "\n\n")
	answered = answered[:max(0, len(answered)-1)]
	for i := range max(len(asked), len(answered)) {
		question, answer := "None", "A:"
		if i < len(asked) {
			question = asked[i]
		}
		if i < len(answered) {
			answer = "A: " + answered[i] + "\n\n"
		}
		b.WriteString("Q: " + question + "\n\n" + answer)
	}
	return b.String()
}

// coqaTarget lists the answers to the last question, without those that differ in case alone.
func coqaTarget(r *reader) pyval.List {
	questions, answers := r.inside("questions"), r.inside("answers")
	turn := len(questions.texts("input_text")) - 1
	r.join(questions)
	at := func(texts []string) string {
		if turn < 0 || turn >= len(texts) {
			r.fail("there are %d answers to question %d", len(texts), turn+1)
			return ""
		}
		return texts[turn]
	}
	targets := []string{at(answers.texts("input_text"))}
	r.join(answers)
	v, _ := r.doc.Get("additional_answers")
	additional, _ := v.(*pyval.Dict)
	more := &reader{doc: additional}
	for _, key := range additional.Keys() {
		inner := more.inside(key)
		t := at(inner.texts("input_text"))
		more.join(inner)
		small := strings.ToLower(t)
		if !slices.ContainsFunc(targets, func(have string) bool { return strings.ToLower(have) == small }) {
			targets = append(targets, t)
		}
	}
	r.join(more)
	return list(targets)
}

// recordText is the passage with its highlights as a list.
func recordText(r *reader) string {
	parts := strings.Split(strip(r.text("passage")), "\n@highlight\n")
	text := parts[0] + "\n\n"
	for _, p := range parts[1:] {
		text += "  - " + p + ".\n"
	}
	return text
}

func (r *reader) filled(entity string) string {
	return strings.ReplaceAll("  - "+r.text("query"), "@placeholder", entity)
}

func recordTarget(r *reader) string {
	answers := r.texts("answers")
	if len(answers) == 0 {
		r.fail("there are no answers")
		return ""
	}
	return r.filled(answers[0])
}

func recordChoice(r *reader) pyval.List {
	entities := r.texts("entities")
	for i, e := range entities {
		entities[i] = r.filled(e)
	}
	return list(entities)
}

// wscText marks the pronoun in the passage. It stands at a word's index, and the rest of the passage is found by
// length, so that a pronoun with a mark behind it keeps the mark.
func wscText(r *reader) string {
	passage, noun, pronoun := r.text("text"), r.text("span1_text"), r.text("span2_text")
	words := strings.FieldsFunc(passage, isSpace)
	before := strings.Join(words[:r.integer("span2_index", len(words)+1)], " ")
	runes := []rune(passage)
	from := len([]rune(before)) + len([]rune(pronoun)) + 1
	after := string(runes[min(from, len(runes)):])
	passage = replaced(before+" *"+pronoun+"*"+after, " n't", "n't", " )", ")", "( ", "(", `" `, `"`, ` "`, `"`)
	passage = r.sub(spacedMark, passage, func(m pyre.Match) string { return m.Groups[1] })
	return fmt.Sprintf("Passage: %s\nQuestion: In the passage above, does the pronoun \"*%s*\" refer to \"*%s*\"?\nAnswer:", passage, pronoun, noun)
}

var spacedMark = pyre.MustCompile(` (['.,])`)

func mnliText(r *reader) string {
	hypothesis := strip(r.text("hypothesis"))
	if !strings.HasSuffix(hypothesis, ".") {
		hypothesis += "."
	}
	return r.text("premise") + "\nQuestion: " + hypothesis + " True, False or Neither?\nAnswer:"
}

func medmcqaText(r *reader) string {
	text := "Question: " + r.text("question") + "\nChoices:\n"
	for i, key := range []string{"opa", "opb", "opc", "opd"} {
		text += string(rune('A'+i)) + ". " + r.text(key) + "\n"
	}
	return text + "Answer:"
}

func pubmedText(r *reader) string {
	return "Abstract: " + strings.Join(r.texts("CONTEXTS"), "\n") + "\nQuestion: " + r.text("QUESTION") + "\nAnswer:"
}

// webqsChoice sorts the accepted answers and drops those that begin with the one kept before.
func webqsChoice(r *reader) pyval.List {
	answers := slices.Sorted(slices.Values(r.texts("answers")))
	var kept []string
	for _, a := range answers {
		if len(kept) == 0 || !strings.HasPrefix(a, kept[len(kept)-1]) {
			kept = append(kept, a)
		}
	}
	if len(kept) == 0 {
		r.fail("there are no answers")
	}
	return list(kept)
}

func webqsTarget(r *reader) pyval.List {
	out := webqsChoice(r)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

func crowsChoice(r *reader) pyval.List { return pyval.List{r.text("sent_more"), r.text("sent_less")} }

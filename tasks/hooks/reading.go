package hooks

import (
	"cmp"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// reading are the hooks of reading comprehension and question answering.
var reading = []Hook{
	{Kind: Doc, Files: []string{"race/preprocess_race.py"}, Name: "doc_to_text", Digests: []string{"86f872a7653afb90"}, Func: ofDoc(raceText)},
	{Kind: Doc, Files: []string{"race/preprocess_race.py"}, Name: "doc_to_target", Digests: []string{"859ec1225e523a1e"},
		Func: ofDoc(func(r *reader) pyval.Value { return r.last(r.problems()).letter() })},
	{Kind: Doc, Files: []string{"race/preprocess_race.py"}, Name: "doc_to_choice", Digests: []string{"aaa785529a65656f"},
		Func: ofDoc(func(r *reader) pyval.Value { return r.last(r.problems()).options() })},
	{Kind: Doc, Files: []string{"webqs/utils.py"}, Name: "doc_to_choice", Digests: []string{"75758fb4a04592b5"},
		Func: Func{Doc: func(doc *pyval.Dict) (pyval.Value, error) { r := &reader{doc: doc}; return r.shortAliases(), r.err }, Leaves: sortedAnswers}},
	{Kind: Doc, Files: []string{"webqs/utils.py"}, Name: "doc_to_target", Digests: []string{"12df88028d398762"},
		Func: ofDoc(func(r *reader) pyval.Value {
			out := pyval.List{}
			for i := range r.shortAliases() {
				out = append(out, int64(i))
			}
			return out
		})},
	{Kind: Docs, Files: []string{"super_glue/record/util.py"}, Name: "process_docs", Digests: []string{"f28b7b0385454ef6"},
		Func: mapRows(func(r *reader) *pyval.Dict {
			return dict(field{"passage", r.value("passage")}, field{"query", r.value("query")},
				field{"entities", r.distinct("entities")}, field{"answers", r.distinct("answers")})
		})},
	{Kind: Doc, Files: []string{"super_glue/record/util.py"}, Name: "doc_to_text", Digests: []string{"41e8a7638c4a83a0"}, Func: ofDoc(recordText)},
	{Kind: Doc, Files: []string{"super_glue/record/util.py"}, Name: "doc_to_target", Digests: []string{"6126a6c5150bbcd8"},
		Func: ofDoc(func(r *reader) pyval.Value { return r.recordAnswer(r.first("answers")) })},
	{Kind: Doc, Files: []string{"super_glue/record/util.py"}, Name: "doc_to_choice", Digests: []string{"77a9efac32a1423f"},
		Func: ofDoc(func(r *reader) pyval.Value {
			out := pyval.List{}
			for _, e := range r.list("entities") {
				out = append(out, r.recordAnswer(e))
			}
			return out
		})},
	{Kind: Doc, Files: []string{"super_glue/wsc/preprocess_wsc.py"}, Name: "default_doc_to_text", Digests: []string{"320852b9860e1e1b"}, Func: ofDoc(wscText)},
	{Kind: Docs, Files: []string{"mlqa/utils.py"}, Name: "process_docs", Digests: []string{"920fee55fa4f39e2"},
		Func: mapRows(func(r *reader) *pyval.Dict {
			return dict(field{"context", r.value("context")}, field{"question", r.value("question")}, field{"answers", r.in("answers").value("text")})
		})},
	{Kind: Docs, Files: []string{"mutual/utils.py"}, Name: "process_docs", Digests: []string{"bcdab299ca6c9742"},
		Func: mapRows(func(r *reader) *pyval.Dict {
			options := pyval.List{}
			for _, o := range r.list("options") {
				options = append(options, mutualBlanks(r.textOf(o)))
			}
			return dict(field{"article", mutualBlanks(r.text("article"))}, field{"options", options})
		})},
	{Kind: Doc, Files: []string{"coqa/utils.py"}, Name: "doc_to_text", Digests: []string{"e79dde95af9a0a3f"}, Func: ofDoc(coqaText)},
	{Kind: Doc, Files: []string{"coqa/utils.py"}, Name: "doc_to_target", Digests: []string{"f30d50c5192b9478"}, Func: ofDoc(coqaTarget)},
	{Kind: Docs, Files: []string{"drop/utils.py"}, Name: "process_docs", Digests: []string{"366fdc3df23362d5"},
		Func: mapRows(func(r *reader) *pyval.Dict {
			return dict(field{"id", r.value("query_id")}, field{"passage", r.value("passage")}, field{"question", r.value("question")},
				field{"answers", dropAnswers(r)})
		})},
}

// in gives a reader of a column that must be a dictionary.
func (r *reader) in(key string) *reader { return r.inside(r.value(key)) }

// inside gives a reader of a dictionary; its error is lost unless the caller keeps it, so that a wrong type fails
// here.
func (r *reader) inside(v pyval.Value) *reader {
	d, ok := v.(*pyval.Dict)
	if !ok {
		r.fail("TypeError", "a dictionary is expected, not %s", pyval.TypeName(v))
	}
	return &reader{doc: d, err: r.err, above: r}
}

// first gives the first item of a column.
func (r *reader) first(key string) pyval.Value {
	items := r.list(key)
	if len(items) == 0 {
		r.fail("IndexError", "list index out of range")
		return nil
	}
	return items[0]
}

// problems gives the problems of a RACE article, which are written as a Python literal.
func (r *reader) problems() []*reader {
	var out []*reader
	for _, p := range r.listOf(r.literal("problems")) {
		out = append(out, r.inside(p))
	}
	return out
}

func (r *reader) last(problems []*reader) *reader {
	if len(problems) == 0 {
		r.fail("IndexError", "list index out of range")
		return r.inside(new(pyval.Dict))
	}
	return problems[len(problems)-1]
}

func (r *reader) letter() int64 {
	i := r.index([]string{"A", "B", "C", "D"}, r.value("answer"))
	return i
}

func (r *reader) options() pyval.List {
	items := r.list("options")
	if len(items) < 4 {
		r.fail("IndexError", "list index out of range")
		return nil
	}
	return pyval.List(items[:4])
}

// raceText gives the article, its problems but the last with their answers, and the last problem's question.
func raceText(r *reader) pyval.Value {
	text := "Article: " + r.text("article") + "\n\n"
	problems := r.problems()
	for _, p := range problems[:max(0, len(problems)-1)] {
		q, answer := p.text("question"), ""
		if items, i := p.list("options"), p.letter(); int(i) < len(items) {
			answer = p.textOf(items[i])
		}
		if before, ok := strings.CutSuffix(q, "  _  ."); ok {
			text += before + " " + answer + "\n"
		} else {
			text += "Question: " + q + "\nAnswer: " + answer + "\n"
		}
	}
	return text + r.last(problems).text("question")
}

// shortAliases sorts the accepted answers and drops those that begin with another one.
func (r *reader) shortAliases() pyval.List {
	out := pyval.List{}
	for _, v := range r.sorted("answers") {
		if s := r.textOf(v); len(out) == 0 || !strings.HasPrefix(s, out[len(out)-1].(string)) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		r.fail("IndexError", "list index out of range")
	}
	return out
}

// sorted gives the texts of a column in order.
func (r *reader) sorted(key string) pyval.List {
	out := pyval.List(slices.Clone(r.list(key)))
	slices.SortStableFunc(out, func(a, b pyval.Value) int { return cmp.Compare(r.textOf(a), r.textOf(b)) })
	return out
}

// distinct gives sorted(set(column)).
func (r *reader) distinct(key string) pyval.List { return slices.Compact(r.sorted(key)) }

// sortedAnswers is what the WebQuestions hook leaves of a document: it sorts the answers in place.
func sortedAnswers(doc *pyval.Dict) *pyval.Dict {
	r := &reader{doc: doc}
	answers := r.sorted("answers")
	if r.err != nil {
		return doc
	}
	out := doc.Clone()
	out.Set("answers", answers)
	return out
}

func recordText(r *reader) pyval.Value {
	parts := strings.Split(pyval.Strip(r.text("passage"), nil, true, true), "\n@highlight\n")
	text := parts[0] + "\n\n"
	for _, highlight := range parts[1:] {
		text += "  - " + highlight + ".\n"
	}
	return text
}

func (r *reader) recordAnswer(entity pyval.Value) string {
	return strings.ReplaceAll("  - "+r.str("query"), "@placeholder", r.textOf(entity))
}

var beforeMark = pyre.MustCompile(` (['.,])`)

// wscText marks the pronoun in the passage and asks for its noun.
func wscText(r *reader) pyval.Value {
	raw, pronoun := r.text("text"), r.text("span2_text")
	words := pyval.SplitSpace(raw, -1)
	at := int(r.integer("span2_index"))
	if at < 0 {
		at = max(0, len(words)+at)
	}
	before := strings.Join(words[:min(at, len(words))], " ")
	runes := []rune(raw)
	after := string(runes[min(len(runes), len([]rune(before))+len([]rune(pronoun))+1):])
	passage := before + " *" + pronoun + "*" + after
	for _, pair := range [...][2]string{{" n't", "n't"}, {" )", ")"}, {"( ", "("}, {`" `, `"`}, {` "`, `"`}} {
		passage = strings.ReplaceAll(passage, pair[0], pair[1])
	}
	passage, err := beforeMark.Sub(passage, func(m pyre.Match) string { return m.Groups[1] })
	if err != nil && r.err == nil {
		r.err = err
	}
	return "Passage: " + passage + "\nQuestion: In the passage above, does the pronoun \"*" + pronoun + "*\" refer to \"*" +
		r.str("span1_text") + "*\"?\nAnswer:"
}

// mutualBlanks takes the blanks out that a tokenizer put in, one pair after the other.
func mutualBlanks(s string) string {
	for _, pair := range [...][2]string{{" '", "'"}, {" \n", "\n"}, {"\n ", "\n"}, {" n't", "n't"}, {"`` ", `"`}, {"''", `"`},
		{" :", ":"}, {" ;", ";"}, {" !", "!"}, {" ?", "?"}, {" ,", ","}, {" .", "."}} {
		s = strings.ReplaceAll(s, pair[0], pair[1])
	}
	return s
}

// coqaText gives the story with all questions and, but for the last, their answers.
func coqaText(r *reader) pyval.Value {
	text := r.text("story") + "\n\n"
	questions, answers := r.in("questions").list("input_text"), r.in("answers").list("input_text")
	answers = answers[:max(0, len(answers)-1)]
	for i := range max(len(questions), len(answers)) {
		q := pyval.Value(nil)
		if i < len(questions) {
			q = questions[i]
		}
		text += "Q: " + pyval.Str(q) + "\n\n"
		if i < len(answers) && answers[i] != nil {
			text += "A: " + pyval.Str(answers[i]) + "\n\n"
		} else {
			text += "A:"
		}
	}
	return text
}

// coqaTarget gives the last answer and the other annotators' that differ but for case.
func coqaTarget(r *reader) pyval.Value {
	turn := len(r.in("questions").list("input_text")) - 1
	at := func(d *reader) string {
		items := d.list("input_text")
		if turn < 0 || turn >= len(items) {
			d.fail("IndexError", "list index out of range")
			return ""
		}
		return d.textOf(items[turn])
	}
	out := pyval.List{at(r.in("answers"))}
	more, ok := r.doc.Get("additional_answers")
	if yes, err := pyval.Truth(more); !ok || err != nil || !yes {
		return out
	}
	others := r.in("additional_answers")
	for _, key := range others.doc.Keys() {
		answer := at(others.in(key))
		if !slices.ContainsFunc(out, func(v pyval.Value) bool { return pyval.Lower(v.(string)) == pyval.Lower(answer) }) {
			out = append(out, answer)
		}
	}
	return out
}

// dropAnswers gives the answer and the validated ones, each once: a list of texts each.
func dropAnswers(r *reader) pyval.Value {
	candidates := []*reader{r.in("answer")}
	validated := r.in("validated_answers")
	numbers, dates, spans := validated.list("number"), validated.list("date"), validated.list("spans")
	for i := range numbers {
		if i >= len(dates) || i >= len(spans) {
			r.fail("IndexError", "list index out of range")
			break
		}
		candidates = append(candidates, r.inside(dict(field{"number", numbers[i]}, field{"date", dates[i]}, field{"spans", spans[i]})))
	}
	out := pyval.List{}
	for _, c := range candidates {
		var answer pyval.List
		if n := c.value("number"); n != "" {
			answer = texts(pyval.Str(n))
		} else if items := c.list("spans"); len(items) > 0 {
			answer = pyval.List(items)
		} else {
			d := c.in("date")
			answer = texts(pyval.Strip(d.text("day")+" "+d.text("month")+" "+d.text("year"), nil, true, true))
		}
		if !slices.ContainsFunc(out, func(v pyval.Value) bool { return pyval.Equal(v, answer) }) {
			out = append(out, answer)
		}
	}
	return out
}

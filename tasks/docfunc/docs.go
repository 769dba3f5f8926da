package docfunc

import (
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// drop lists the different answers to a question, each a list of spans.
func drop(r *reader) *pyval.Dict {
	first := r.inside("answer")
	var answers pyval.List
	seen := make(map[string]bool)
	add := func(a *reader) {
		spans := dropAnswer(a)
		if key := pyval.Repr(spans); !seen[key] {
			seen[key] = true
			answers = append(answers, spans)
		}
	}
	add(first)
	r.join(first)
	validated := r.inside("validated_answers")
	numbers, dates, spans := validated.list("number"), validated.list("date"), validated.list("spans")
	r.join(validated)
	for i := range numbers {
		if i >= len(dates) || i >= len(spans) {
			r.fail("field validated_answers has %d numbers, %d dates and %d spans", len(numbers), len(dates), len(spans))
			break
		}
		a := &reader{doc: dict("number", numbers[i], "date", dates[i], "spans", spans[i])}
		add(a)
		r.join(a)
	}
	return dict("id", r.any("query_id"), "passage", r.any("passage"), "question", r.any("question"), "answers", answers)
}

// any gives a field that must be there.
func (r *reader) any(key string) pyval.Value {
	v, ok := r.doc.Get(key)
	if !ok {
		r.fail("there is no field %q", key)
	}
	return v
}

// dropAnswer is a number, spans or a date, as a list of texts.
func dropAnswer(r *reader) pyval.List {
	if number := pyval.Str(r.any("number")); number != "" {
		return pyval.List{number}
	}
	if spans := r.list("spans"); len(spans) > 0 {
		return list(r.texts("spans"))
	}
	date := r.inside("date")
	text := strip(date.text("day") + " " + date.text("month") + " " + date.text("year"))
	r.join(date)
	return pyval.List{text}
}

// truthfulGen sets full stops behind answers, and lets "I have no comment." be a true one.
func truthfulGen(r *reader) *pyval.Dict {
	const noComment = "I have no comment."
	clean := func(key string) []string {
		var out []string
		for _, a := range r.texts(key) {
			if a = strip(a); a != "" {
				out = append(out, strings.TrimSuffix(a, ".")+".")
			}
		}
		return out
	}
	wrong, right := clean("incorrect_answers"), clean("correct_answers")
	if !slices.Contains(right, noComment) {
		right = append(right, noComment)
	}
	return dict("question", strip(r.text("question")), "correct_answers", list(right), "incorrect_answers", list(wrong))
}

// mutual undoes the tokenization of a dialogue and its options.
func mutual(r *reader) *pyval.Dict {
	clean := func(s string) string {
		return replaced(s, " '", "'", " \n", "\n", "\n ", "\n", " n't", "n't", "`` ", `"`, "''", `"`,
			" :", ":", " ;", ";", " !", "!", " ?", "?", " ,", ",", " .", ".")
	}
	options := r.texts("options")
	for i, o := range options {
		options[i] = clean(o)
	}
	return dict("article", clean(r.text("article")), "options", list(options))
}

// record sorts the entities and the answers, each once.
func record(r *reader) *pyval.Dict {
	sorted := func(key string) pyval.List { return list(slices.Compact(slices.Sorted(slices.Values(r.texts(key))))) }
	return dict("passage", r.text("passage"), "query", r.text("query"), "entities", sorted("entities"), "answers", sorted("answers"))
}

var upperPronouns = strings.Fields("A An The She He It They My His Her Their")

// wsc273 makes possessives of options that stand for one, and small letters of a pronoun within a sentence.
func wsc273(r *reader) *pyval.Dict {
	text, pronoun := strings.ReplaceAll(r.text("text"), "  ", " "), r.text("pronoun")
	runes := []rune(text)
	at := r.integer("pronoun_loc", len(runes)+2) - 2
	if at < 0 {
		at += len(runes) // Python counts from the end
	}
	begins := at >= 0 && at < len(runes) && runes[at] == '.'
	options := r.texts("options")
	for i, o := range options[:min(2, len(options))] {
		if slices.Contains([]string{"my", "his", "her", "our", "their"}, strings.ToLower(pronoun)) {
			o += "'s"
		}
		if words := strings.FieldsFunc(o, isSpace); !begins && len(words) > 0 && slices.Contains(upperPronouns, words[0]) {
			o = strings.ReplaceAll(o, words[0], strings.ToLower(words[0]))
		}
		options[i] = o
	}
	return dict("text", text, "options", list(options))
}

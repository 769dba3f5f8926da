package hooks

import (
	"errors"
	"regexp"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// sourced are hooks whose words stand in the Python file alone: they are read there, not kept here.
var sourced = []Hook{
	{Kind: Doc, Files: []string{"afrimmlu/*/*/utils.py"}, Name: "doc_to_text", Digests: []string{"29971a5b98334f91", "68374a633024914e",
		"22482e59eff9ab7f", "1cfb1f5c6b38d315", "becfedc9ee9728d2", "0e11ecd0a1a08cf6", "e0160eb0a3b62064"}, Make: afriMMLU},
	{Kind: Doc, Files: []string{"darijammlu/utils.py"}, Name: "doc_to_text", Digests: []string{"8e8221d312e28d43"}, Make: dialectMMLU("subject_darija")},
	{Kind: Doc, Files: []string{"egymmlu/utils.py"}, Name: "doc_to_text", Digests: []string{"22a603cd3d7a2035"}, Make: dialectMMLU("egy_subject")},
	{Kind: Docs, Files: []string{"arabic_leaderboard_*/arabic_leaderboard_arabic_mmlu*/utils.py"}, Name: "process_docs",
		Digests: []string{"67f61434f9b8f1ce"}, Make: arabicMMLU},
	{Kind: Docs, Files: []string{"arabic_leaderboard_*/arabic_leaderboard_avca*/utils.py"}, Name: "process_docs",
		Digests: []string{"0367a349d94660ef"}, Make: arabicTruth},
	{Kind: Doc, Files: []string{"arabicmmlu/utils.py"}, Name: "doc_to_text", Digests: []string{"578161a8146157c5"}, Make: arabicExam},
	{Kind: Doc, Files: []string{"greekmmlu/utils.py"}, Name: "doc_to_text", Digests: []string{"be2108e735b67bb8"}, Make: greekMMLU},
	{Kind: Doc, Files: []string{"arabicmmlu/utils.py"}, Name: "doc_to_choice", Digests: []string{"3b406ce9c23f5fa3"}, Make: marksOf("alpa", func(r *reader, i int) bool {
		return i < 5 && r.truth(r.value("Option "+string(rune('1'+i))))
	})},
	{Kind: Doc, Files: []string{"greekmmlu/utils.py"}, Name: "doc_to_choice", Digests: []string{"ed7a435ef09024dc"}, Make: marksOf("LABELS", func(r *reader, i int) bool {
		return i < len(r.list("choices"))
	})},
	{Kind: Doc, Files: []string{"afrobench/mafand/*/*/utils.py"}, Name: "create_text_prompt_*", Digests: []string{"af5b30cabc71cb14", "40e11311614d628d"}, Make: mafand(false)},
	{Kind: Doc, Files: []string{"afrobench/mafand/*/*/utils.py"}, Name: "create_reverse_prompt_*",
		Digests: []string{"5dbad4decdc77367", "236529423b907ccc", "8cec9657f7e9c0e9"}, Make: mafand(true)},
	{Kind: Doc, Files: []string{"afrobench/mafand/*/*/utils.py"}, Name: "get_target", Digests: []string{"b5a814172bfb2198"},
		Func: ofDoc(func(r *reader) pyval.Value { _, known, _ := sides(r); return r.item(r.value("translation"), known) })},
	{Kind: Doc, Files: []string{"afrobench/mafand/*/*/utils.py"}, Name: "get_target_reverse", Digests: []string{"3d96e6773adfa028"},
		Func: ofDoc(func(r *reader) pyval.Value { african, _, _ := sides(r); return r.item(r.value("translation"), african) })},
}

var errNoWords = errors.New("the Python file, which holds the words, is not there or reads otherwise")

// constant reads the literal that is assigned to a name of a module.
func constant(c Call, name string) (pyval.Value, error) {
	text, ok := c.Module.Assigned(name)
	if !ok {
		return nil, errNoWords
	}
	v, err := pyval.LiteralEval(text)
	if err != nil {
		return nil, errNoWords
	}
	return v, nil
}

// constants reads several.
func constants(c Call, names ...string) ([]pyval.Value, error) {
	out := make([]pyval.Value, len(names))
	for i, name := range names {
		var err error
		if out[i], err = constant(c, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// marked writes options after their marks, a line each.
func marked(r *reader, marks pyval.Value, options []pyval.Value) string {
	all, lines := r.listOf(marks), []string(nil)
	for i, option := range options {
		if i >= len(all) {
			r.fail("IndexError", "list index out of range")
			return ""
		}
		lines = append(lines, pyval.Str(all[i])+" "+pyval.Str(option))
	}
	return strings.Join(lines, "\n")
}

// within reads the literal that a pattern's group finds in a function's source; the f before a text is dropped.
func within(c Call, pattern string) (pyval.Value, error) {
	if c.Module == nil {
		return nil, errNoWords
	}
	source, err := c.Module.Source(c.Base)
	if err != nil {
		return nil, errNoWords
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(source)
	if found == nil {
		return nil, errNoWords
	}
	v, err := pyval.LiteralEval(strings.TrimPrefix(found[1], "f"))
	if err != nil {
		return nil, errNoWords
	}
	return v, nil
}

// afriMMLU fills a template in with the subject, the question and the four choices, which stand in a text.
func afriMMLU(c Call) (Func, error) {
	template, err := within(c, `(?s)output = (""".*?""")`)
	if err != nil {
		return Func{}, err
	}
	return ofDoc(func(r *reader) pyval.Value {
		choices := literalList(r, r.text("choices"))
		if len(choices) < 4 {
			r.fail("IndexError", "list index out of range")
			return nil
		}
		values := dict(field{"question", r.value("question")}, field{"choice1", choices[0]}, field{"choice2", choices[1]},
			field{"choice3", choices[2]}, field{"choice4", choices[3]})
		if strings.Contains(template.(string), "{subject}") {
			values.Set("subject", r.value("subject"))
		}
		return filled(r, template, nil, values)
	}), nil
}

func literalList(r *reader, text string) []pyval.Value {
	v, err := pyval.LiteralEval(text)
	if err != nil {
		r.fail("ValueError", "%v", err)
		return nil
	}
	return r.listOf(v)
}

// filled is template.format(*args, **values).
func filled(r *reader, template pyval.Value, args []pyval.Value, values *pyval.Dict) pyval.Value {
	v, err := pyval.Format(template, args, values, nil)
	if err != nil {
		r.fail("ValueError", "%v", err)
	}
	return v
}

// dialectMMLU fills PROMPT in with the subject, the question behind its context, and the choices after their letters.
func dialectMMLU(subject string) func(Call) (Func, error) {
	return func(c Call) (Func, error) {
		words, err := constants(c, "PROMPT", "alpha")
		if err != nil {
			return Func{}, err
		}
		return ofDoc(func(r *reader) pyval.Value {
			question := r.str("question")
			if context := r.value("context"); context != "" {
				question = pyval.Str(context) + "\n\n" + question
			}
			return filled(r, words[0], []pyval.Value{r.value(subject), question, marked(r, words[1], r.list("choices"))}, nil)
		}), nil
	}
}

// arabicMMLU lays a question out under an instruction, with Arabic letters before the choices.
func arabicMMLU(c Call) (Func, error) {
	instruction, err := within(c, `instruction = (f".*?[^\\]")`)
	if err != nil {
		return Func{}, err
	}
	reply, err := within(c, `query \+= (".*?[^\\]")`)
	if err != nil {
		return Func{}, err
	}
	arabic, err := constant(c, "LETTER_INDICES_AR")
	if err != nil {
		return Func{}, err
	}
	const topic, letters = "{topic.replace('_', ' ')}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if !strings.Contains(instruction.(string), topic) {
		return Func{}, errNoWords
	}
	return mapRows(func(r *reader) *pyval.Dict {
		marks := r.listOf(arabic)[:4]
		query := strings.ReplaceAll(instruction.(string), topic, strings.ReplaceAll(r.text("subject"), "_", " ")) + r.str("question") + "\n"
		for i, key := range []string{"A", "B", "C", "D"} {
			query += pyval.Str(marks[i]) + ". " + r.str(key) + "\n"
		}
		answer := r.text("answer")
		gold := strings.Index(letters, answer)
		if len(answer) != 1 || gold < 0 {
			r.fail("ValueError", "%s is not in list", pyval.Repr(answer))
		}
		return dict(field{"query", query + pyval.Str(reply)}, field{"choices", pyval.List(marks)}, field{"gold", int64(gold)})
	}), nil
}

// arabicTruth asks whether a statement is right, with two words to choose from.
func arabicTruth(c Call) (Func, error) {
	query, err := within(c, `"query": (f".*?[^\\]")`)
	if err != nil {
		return Func{}, err
	}
	words, err := within(c, `"choices": (\[.*?\])`)
	if err != nil {
		return Func{}, err
	}
	return mapRows(func(r *reader) *pyval.Dict {
		question, answer := r.str("question"), r.value("answer")
		gold := -1
		for i, w := range r.listOf(words) {
			if gold < 0 && pyval.Equal(w, answer) {
				gold = i
			}
		}
		if gold < 0 {
			r.fail("ValueError", "%s is not in list", pyval.Repr(answer))
		}
		return dict(field{"query", strings.ReplaceAll(pyval.Str(query), "{question}", question)}, field{"choices", words}, field{"gold", int64(gold)})
	}), nil
}

// arabicExam fills PROMPT in with where a question is from, the question behind its context, and up to five choices.
func arabicExam(c Call) (Func, error) {
	words, err := constants(c, "PROMPT", "level_en", "alpa")
	if err != nil {
		return Func{}, err
	}
	return ofDoc(func(r *reader) pyval.Value {
		from := r.str("Subject") + " question"
		if level := r.value("Level"); r.truth(level) {
			from += " for " + pyval.Str(r.item(words[1], level))
		}
		if country := r.value("Country"); r.truth(country) {
			from += " in " + r.textOf(country)
		}
		question := r.str("Question")
		if context := r.value("Context"); r.truth(context) {
			question = pyval.Str(context) + "\n\n" + question
		}
		var options []pyval.Value
		for i := range r.listOf(words[2]) {
			option := r.value("Option " + string(rune('1'+i)))
			if !r.truth(option) {
				break
			}
			options = append(options, option)
		}
		return filled(r, words[0], []pyval.Value{from, question, marked(r, words[2], options)}, nil)
	}), nil
}

// truth is bool(v).
func (r *reader) truth(v pyval.Value) bool {
	ok, err := pyval.Truth(v)
	if err != nil {
		r.fail("ValueError", "%v", err)
	}
	return ok
}

// item is d[key] of a dictionary with keys of text.
func (r *reader) item(d, key pyval.Value) pyval.Value {
	dictionary, isDict := d.(*pyval.Dict)
	name, isText := key.(string)
	if isDict && isText {
		if v, ok := dictionary.Get(name); ok {
			return v
		}
	}
	r.fail("KeyError", "%s", pyval.Repr(key))
	return nil
}

// greekMMLU fills PROMPT in with the subject's Greek name, the question and the choices.
func greekMMLU(c Call) (Func, error) {
	words, err := constants(c, "PROMPT", "subjects_gr", "LABELS")
	if err != nil {
		return Func{}, err
	}
	subjects, ok := words[1].(*pyval.Dict)
	if !ok {
		return Func{}, errNoWords
	}
	return ofDoc(func(r *reader) pyval.Value {
		subject := r.value("subject")
		if name, ok := subject.(string); ok {
			if greek, known := subjects.Get(name); known {
				subject = greek
			}
		}
		return filled(r, words[0], []pyval.Value{subject, r.value("question"), marked(r, words[2], r.list("choices"))}, nil)
	}), nil
}

// marksOf gives the first character of each of the marks that a document has a choice for.
func marksOf(name string, has func(r *reader, i int) bool) func(Call) (Func, error) {
	return func(c Call) (Func, error) {
		marks, err := constant(c, name)
		if err != nil {
			return Func{}, err
		}
		return ofDoc(func(r *reader) pyval.Value {
			out := pyval.List{}
			for i, mark := range r.listOf(marks) {
				if has(r, i) {
					out = append(out, string([]rune(pyval.Str(mark))[:1]))
				}
			}
			return out
		}), nil
	}
}

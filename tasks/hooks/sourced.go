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
		prompt, err := constant(c, "PROMPT")
		if err != nil {
			return Func{}, err
		}
		letters, err := constant(c, "alpha")
		if err != nil {
			return Func{}, err
		}
		return ofDoc(func(r *reader) pyval.Value {
			question := r.str("question")
			if context := r.value("context"); context != "" {
				question = pyval.Str(context) + "\n\n" + question
			}
			marks, lines := r.listOf(letters), []string(nil)
			for i, option := range r.list("choices") {
				if i >= len(marks) {
					r.fail("IndexError", "list index out of range")
					return nil
				}
				lines = append(lines, pyval.Str(marks[i])+" "+pyval.Str(option))
			}
			return filled(r, prompt, []pyval.Value{r.value(subject), question, strings.Join(lines, "\n")}, nil)
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

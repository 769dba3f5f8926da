package tasks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks/pyval"
)

// asked is one document laid out: the question, and the answer of a worked example.
type asked struct{ question, answer string }

// question gives the text of doc_to_text.
func (t turn) question(doc *pyval.Dict, names columns) (string, error) {
	v, err := t.text.value(doc, names)
	if err != nil {
		return "", err
	}
	if _, isIndex := v.(int64); isIndex && t.choice.isSet {
		return "", errors.New("doc_to_text: a question that depends on the choice is not supported yet")
	}
	return t.text.textOf(v)
}

// example lays out a worked example.
func (t turn) example(doc *pyval.Dict, names columns) (asked, error) {
	var a asked
	var err error
	if a.question, err = t.question(doc, names); err != nil {
		return a, err
	}
	answers, _, _, err := t.answers(doc, names)
	if err != nil {
		return a, err
	}
	a.answer = answers[0]
	return a, nil
}

// answers gives the accepted answers of a document, at least one, with its choices and the indices of the
// right ones where it has choices.
func (t turn) answers(doc *pyval.Dict, names columns) (answers, choices []string, gold []int, err error) {
	if t.choice.isSet {
		if choices, err = t.choice.choices(doc, names); err != nil {
			return nil, nil, nil, err
		}
	}
	v, err := t.target.target(doc, names, t.choice.isSet)
	if err != nil {
		return nil, nil, nil, err
	}
	list, ok := v.(pyval.List)
	if !ok {
		list = pyval.List{v}
	}
	if len(list) == 0 {
		return nil, nil, nil, errors.New("doc_to_target: there is no answer")
	}
	for _, v := range list {
		answer, index, err := resolveAnswer(v, choices)
		if err != nil {
			return nil, nil, nil, err
		}
		answers = append(answers, answer)
		if index >= 0 {
			gold = append(gold, index)
		}
	}
	return answers, choices, gold, nil
}

// resolveAnswer gives an answer's text and its place among the choices, -1 where it has none.
func resolveAnswer(v pyval.Value, choices []string) (string, int, error) {
	if b, ok := v.(bool); ok && choices != nil {
		v = int64(0) // as in Python, a truth value is the number 0 or 1
		if b {
			v = int64(1)
		}
	}
	switch v := v.(type) {
	case int64:
		if choices == nil {
			return pyval.Str(v), -1, nil
		}
		if v < 0 || v >= int64(len(choices)) {
			return "", -1, fmt.Errorf("doc_to_target: %d is none of the %d choices, which count from 0", v, len(choices))
		}
		return choices[v], int(v), nil
	case string:
		return v, slices.Index(choices, v), nil
	case float64, bool:
		return pyval.Str(v), -1, nil
	}
	return "", -1, fmt.Errorf("doc_to_target: text is expected, not %s", pyval.Repr(v))
}

// textPrompt lays a conversation out as one text: the description, each worked example with its
// delimiters, and the question without one.
func (l *layout) textPrompt(description string, examples []asked, question string) string {
	var b strings.Builder
	b.WriteString(description)
	for _, e := range examples {
		b.WriteString(e.question)
		if e.answer == "" {
			continue // an empty answer has no delimiters either
		}
		b.WriteString(l.shot.targetDelimiter)
		b.WriteString(e.answer)
		b.WriteString(l.shot.delimiter)
	}
	b.WriteString(question)
	return b.String()
}

// messages lays the same out as turns, which need no delimiters.
func (l *layout) messages(description string, examples []asked, question string) []backends.Message {
	var out []backends.Message
	if description != "" {
		out = append(out, backends.Message{Role: "system", Content: description})
	}
	for _, e := range examples {
		out = append(out, backends.Message{Role: "user", Content: e.question})
		if e.answer != "" {
			out = append(out, backends.Message{Role: "assistant", Content: e.answer})
		}
	}
	return append(out, backends.Message{Role: "user", Content: question})
}

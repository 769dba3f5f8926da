package tasks

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// answer is what is right for a document.
type answer struct {
	raw     pyval.Value   // what doc_to_target gives
	options []pyval.Value // what doc_to_choice gives; nil without
	choices []string      // the same as text
	texts   []string      // the accepted answers
	gold    []int         // those of them that are choices
}

// answer resolves the target and the choices of a document. In compat mode nothing is wrong with a target that is
// none of the choices: the harness scores it as wrong.
func (t turn) answer(doc *pyval.Dict, names columns, hasChoices, compat bool) (answer, error) {
	var a answer
	var err error
	if t.choice.isSet {
		if a.options, err = t.choice.choices(doc, names, compat); err != nil {
			return a, err
		}
		a.choices = make([]string, len(a.options))
		for i, c := range a.options {
			a.choices[i] = pyval.Str(c)
		}
	}
	if a.raw, err = t.target.target(doc, names, hasChoices); err != nil {
		return a, err
	}
	list, ok := pyval.Items(a.raw)
	if !ok {
		list = []pyval.Value{a.raw}
	}
	if len(list) == 0 && !compat {
		return a, errors.New("doc_to_target: there is no answer")
	}
	for _, v := range list {
		text, index, err := resolveAnswer(v, a.choices)
		if err != nil && compat {
			text, index, err = pyval.Str(v), -1, nil
		}
		if err != nil {
			return a, err
		}
		a.texts = append(a.texts, text)
		if index >= 0 {
			a.gold = append(a.gold, index)
		}
	}
	return a, nil
}

// shown gives the answer of a worked example; false for one that has none: nothing, or an empty text.
func (a answer) shown(compat bool) (string, bool, error) {
	if a.raw == nil || a.raw == "" {
		return "", false, nil
	}
	if !compat {
		return a.texts[0], a.texts[0] != "", nil
	}
	v := a.raw
	if items, ok := pyval.Items(v); ok && len(items) > 0 {
		if _, tuple := v.(pyval.Tuple); !tuple {
			v = items[0]
		}
	}
	if i, ok := asIndex(a.raw); ok && len(a.options) > 0 {
		if i < 0 {
			i += len(a.options)
		}
		if i < 0 || i >= len(a.options) {
			return "", false, fmt.Errorf("doc_to_target: %d is none of the %d choices, which count from 0", i, len(a.options))
		}
		v = a.options[i]
	}
	s, ok := pyval.TextOf(v)
	if !ok {
		return "", false, fmt.Errorf("doc_to_target: the answer of a worked example must be text, not %s", pyval.Repr(v))
	}
	return s, true, nil
}

// asIndex gives a whole number; as in Python, a truth value is the number 0 or 1.
func asIndex(v pyval.Value) (int, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return int(v), true
	}
	return 0, false
}

// resolveAnswer gives an answer's text and its place among the choices, -1 where it has none.
func resolveAnswer(v pyval.Value, choices []string) (string, int, error) {
	if i, ok := asIndex(v); ok && choices != nil {
		if i < 0 || i >= len(choices) {
			return "", -1, fmt.Errorf("doc_to_target: %d is none of the %d choices, which count from 0", i, len(choices))
		}
		return choices[i], i, nil
	}
	if s, ok := pyval.TextOf(v); ok {
		return s, slices.Index(choices, s), nil
	}
	switch v := v.(type) {
	case int64, float64, bool:
		return pyval.Str(v), -1, nil
	}
	return "", -1, fmt.Errorf("doc_to_target: text is expected, not %s", pyval.Repr(v))
}

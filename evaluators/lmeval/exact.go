package lmeval

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// exactMatch makes the comparison of the harness's exact_match: regexes_to_ignore, then case, ASCII punctuation and
// digits are taken away from both sides. The result is the share of equal pairs.
func exactMatch(o *pyval.Dict) (Compare, error) {
	r := readOptions(o, "regexes_to_ignore", "ignore_case", "ignore_punctuation", "ignore_numbers")
	n := normalizer{
		foldCase: r.flag("ignore_case"), noPunct: r.flag("ignore_punctuation"), noDigits: r.flag("ignore_numbers"),
	}
	for _, expr := range r.texts("regexes_to_ignore") {
		re, err := pyre.Compile(expr)
		if err != nil && r.err == nil {
			r.err = fmt.Errorf("option regexes_to_ignore: %w", err)
		}
		n.patterns = append(n.patterns, re)
	}
	return n.compare, r.err
}

// normalizer brings answers to the form in which exact_match compares them.
type normalizer struct {
	patterns                    []*pyre.Regexp
	foldCase, noPunct, noDigits bool
}

func (n normalizer) compare(references, predictions []pyval.Value) (pyval.Value, error) {
	if len(predictions) == 1 && len(references) == 1 {
		// An answer that is a list is compared element by element, as numpy broadcasts it.
		if list, ok := predictions[0].(pyval.List); ok && len(n.patterns) == 0 && len(list) > 0 {
			ref := references[0]
			references = make([]pyval.Value, len(list))
			for i := range references {
				references[i] = ref
			}
			predictions = list
		}
	}
	if len(predictions) == 0 && (n.foldCase || n.noPunct || n.noDigits) {
		return nil, fmt.Errorf("exact_match: there are no targets") // numpy takes an empty array for one of numbers
	}
	want, err := n.normalize(references)
	if err != nil {
		return nil, fmt.Errorf("exact_match of targets: %w", err)
	}
	got, err := n.normalize(predictions)
	if err != nil {
		return nil, fmt.Errorf("exact_match of answers: %w", err)
	}
	equal := 0.0
	for i := range got {
		if want[i] == got[i] {
			equal++
		}
	}
	return equal / float64(len(got)), nil
}

// normalize gives the values in a form that can be compared with ==. Numbers can be compared too where no option
// asks for text.
func (n normalizer) normalize(values []pyval.Value) ([]any, error) {
	out := make([]any, len(values))
	width := 0
	for i, v := range values {
		if f, ok := number(v); ok && len(n.patterns) == 0 && !n.foldCase && !n.noPunct && !n.noDigits {
			out[i] = f
			continue
		}
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s is no text", brief(v))
		}
		for _, re := range n.patterns {
			var err error
			if s, err = re.Remove(s); err != nil {
				return nil, err
			}
		}
		s = strings.TrimRight(s, "\x00") // numpy keeps no trailing NUL
		out[i] = s
		width = max(width, codePoints(s))
	}
	for i, v := range out {
		if s, ok := v.(string); ok {
			out[i] = n.reduce(s, width)
		}
	}
	return out, nil
}

// reduce takes case, punctuation and digits away. A lower-case form that is longer than all of the texts is cut to
// their length, as numpy's fixed-width strings are.
func (n normalizer) reduce(s string, width int) string {
	if n.foldCase {
		if s = lower(s); codePoints(s) > width {
			s = string([]rune(s)[:width])
		}
	}
	if n.noPunct {
		s = without(s, isASCIIPunct)
	}
	if n.noDigits {
		s = without(s, isDigit)
	}
	return s
}

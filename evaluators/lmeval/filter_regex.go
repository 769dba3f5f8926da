package lmeval

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

const defaultPattern = `#### (\-?[0-9\.\,]+)`

// extractor finds a text by a pattern as the harness's filters do: of re.findall, the match at an index; of its
// groups, the first that is not empty.
type extractor struct {
	pattern *pyre.Regexp
	at      int // from the end where negative
}

// find gives the text, without white space at its ends. matched is false where the pattern matches nowhere; empty
// is true where it matches and all of its several groups are empty. Where there is no match at the index, the harness
// stops the run with an IndexError; here the pattern counts as not matching.
func (x extractor) find(text string) (found string, matched, empty bool, err error) {
	all, err := x.pattern.FindAll(text)
	if err != nil || len(all) == 0 {
		return "", false, false, err
	}
	i := x.at
	if i < 0 {
		i += len(all)
	}
	if i < 0 || i >= len(all) {
		return "", false, false, nil
	}
	groups := all[i].Groups
	switch len(groups) {
	case 1:
		return strip(groups[0]), true, false, nil
	case 2:
		return strip(groups[1]), true, false, nil
	}
	for _, g := range groups[1:] {
		if g != "" {
			return strip(g), true, false, nil
		}
	}
	return "", true, true, nil
}

// readExtractor reads the options regex_pattern, group_select and fallback.
func readExtractor(r *options) (x extractor, fallback pyval.Value) {
	expr := r.text("regex_pattern", defaultPattern)
	x.at = r.int("group_select", 0)
	fallback = pyval.Value("[invalid]")
	if v, ok := r.dict.Get("fallback"); ok {
		fallback = v
	}
	if r.err == nil {
		x.pattern, r.err = pyre.Compile(expr)
	}
	return x, fallback
}

func makeRegex(o *pyval.Dict) (Filter, error) {
	r := readOptions(o, "regex_pattern", "group_select", "fallback")
	x, fallback := readExtractor(r)
	// Of several empty groups the fallback is taken, and stripped.
	stripped := fallback
	if s, ok := fallback.(string); ok {
		stripped = strip(s)
	}
	return perDraw(func(draw pyval.Value, _ *pyval.Dict) (pyval.Value, error) {
		text, _ := draw.(string)
		found, matched, empty, err := x.find(text)
		switch {
		case err != nil:
			return nil, err
		case empty:
			return stripped, nil
		case !matched:
			return fallback, nil
		}
		return found, nil
	}), r.err
}

var taggedToken = pyre.MustCompile(`\('([^']*)', '([^']*)'\)`)

// makeRegexPos reads options that the harness reads and does not use.
func makeRegexPos(o *pyval.Dict) (Filter, error) {
	r := readOptions(o, "regex_pattern", "group_select", "fallback")
	fallback, _ := o.Get("fallback")
	if fallback == nil {
		fallback = pyval.List{"invalid"}
	}
	return perDraw(func(draw pyval.Value, _ *pyval.Dict) (pyval.Value, error) {
		text, ok := draw.(string)
		if !ok {
			return nil, fmt.Errorf("%s is no text", brief(draw))
		}
		found, err := taggedToken.FindAll(text)
		if err != nil {
			return nil, err
		}
		tags := make(pyval.List, len(found))
		for i, m := range found {
			tags[i] = m.Groups[2]
		}
		if len(tags) == 0 {
			return fallback, nil
		}
		return tags, nil
	}), r.err
}

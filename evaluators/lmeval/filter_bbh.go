package lmeval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// makeBBHMap maps the first of several patterns that matches to its value (bbh/zeroshot).
func makeBBHMap(o *pyval.Dict) (Filter, error) {
	r := readOptions(o, append([]string{"regex_pattern_to_value"}, extractorOptions[1:]...)...)
	v, _ := o.Get("regex_pattern_to_value")
	values, ok := v.(*pyval.Dict)
	if !ok && v != nil {
		r.wrong("regex_pattern_to_value", "a mapping", v)
	}
	all, fallback := readExtractor(r)
	ignore := readIgnorer(r)
	patterns := make([]*pyre.Regexp, values.Len())
	for i, expr := range values.Keys() {
		if r.err == nil {
			patterns[i], r.err = pyre.Compile(expr)
		}
	}
	if r.err == nil {
		all.pattern, r.err = pyre.Compile(strings.Join(values.Keys(), "|"))
	}
	return perDraw(func(draw pyval.Value, _ *pyval.Dict) (pyval.Value, error) {
		text, ok := draw.(string)
		if !ok {
			return nil, fmt.Errorf("%s is no text", brief(draw))
		}
		text, err := ignore.apply(text)
		if err != nil {
			return nil, err
		}
		found, _, _, err := all.find(text)
		if err != nil || found == "" {
			return fallback, err
		}
		if found, err = ignore.apply(found); err != nil {
			return nil, err
		}
		for i, p := range patterns {
			if m, _, _, err := (extractor{p, all.at}).find(found); err != nil || m != "" {
				value, _ := values.Get(values.Keys()[i])
				if !truth(value) {
					value = fallback
				}
				return value, err
			}
		}
		return fallback, nil
	}), r.err
}

// englishNumber matches a number in English words: number words, and white space, commas and "and" between them.
var englishNumber = func() *pyre.Regexp {
	const stems = `(?:twen|thir|for|fif|six|seven|nine)`
	const before, after = `zero|one|two|three|four|five|`, `|ten|eleven|twelve|fourteen|hundred|thousand|(?:m|b|tr)illion`
	const strict = before + stems + `(?:teen|ty)|eight(?:een|y)` + after
	return pyre.MustCompile(`((?:(?:` + before + stems + `(?:teen|ty)|eight(?:|een|y)` + after + `)` +
		`(?:` + before + stems + `(?:|teen|ty)|eight(?:een|y)` + after + `|[^\S\r\n]|,|and|&)+)?(?:` + strict + `))`)
}()

// makeBBHNumber finds a number in digits, else in English words (bbh/zeroshot). Where the words make no number, the
// harness stops the run; here they count as not found.
func makeBBHNumber(o *pyval.Dict) (Filter, error) {
	r := readOptions(o, extractorOptions...)
	x, fallback := readExtractor(r)
	return perDraw(func(draw pyval.Value, _ *pyval.Dict) (pyval.Value, error) {
		text, ok := draw.(string)
		if !ok {
			return nil, fmt.Errorf("%s is no text", brief(draw))
		}
		found, _, _, err := x.find(text)
		if err != nil || found != "" {
			return found, err
		}
		words, _, _, err := extractor{englishNumber, x.at}.find(lower(text))
		if n, ok := wordsToNumber(words); ok && err == nil {
			return n, nil
		}
		return fallback, err
	}), r.err
}

// makeBBHWordSort lists the words of the document's input in the order of their last mention (bbh/zeroshot).
func makeBBHWordSort(o *pyval.Dict) (Filter, error) {
	return perDraw(func(draw pyval.Value, doc *pyval.Dict) (pyval.Value, error) {
		input, err := docText(doc, "input")
		if err != nil {
			return nil, err
		}
		_, list, ok := strings.Cut(input, "List:")
		text, isText := draw.(string)
		if !ok || !isText {
			return nil, fmt.Errorf("no words after List: in %s, or %s is no text", brief(input), brief(draw))
		}
		list, _, _ = strings.Cut(list, "List:")
		words := fields(list)
		for i, w := range words {
			words[i] = `\b` + w + `\b`
		}
		re, err := pyre.Compile(strings.Join(words, "|"))
		if err != nil {
			return nil, err
		}
		found, err := re.FindAll(text)
		var order []string
		for _, m := range slices.Backward(found) {
			if w := m.Groups[0]; !slices.Contains(order, w) {
				order = append(order, w)
			}
		}
		slices.Reverse(order)
		return strings.Join(order, " "), err
	}), readOptions(o).err
}

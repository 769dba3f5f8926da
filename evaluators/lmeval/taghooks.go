package lmeval

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// tagAccuracy is the mean over sentences of the share of right tags, as far as both lists go. An answer is a list of
// lists of tags.
func tagAccuracy(items []pyval.Value, r Rules) (float64, error) {
	golds, preds, err := pairs(items)
	if err != nil {
		return 0, err
	}
	scores := make([]float64, len(items))
	for i := range items {
		gold, err := draws(golds[i])
		if err != nil {
			return 0, err
		}
		parts, err := draws(preds[i])
		if err != nil {
			return 0, err
		}
		var pred []pyval.Value
		for _, p := range parts {
			tags, err := draws(p)
			if err != nil {
				return 0, err
			}
			pred = append(pred, tags...)
		}
		n, right := min(len(gold), len(pred)), 0.0
		for k := range n {
			if a, ok := gold[k].(string); ok && a == pred[k] {
				right++
			}
		}
		scores[i] = right / float64(n)
	}
	return r.mean(scores), nil
}

// taggedSpan is a named entity and its tag.
type taggedSpan struct{ tag, entity string }

// spanF1 is the F1 of named entities over all sentences (Xue et al. 2021, mT5's evaluation).
func spanF1(items []pyval.Value, _ Rules) (float64, error) {
	golds, preds, err := pairs(items)
	if err != nil {
		return 0, err
	}
	var right, extra, missed float64
	for i := range items {
		want, err := taggedSpans(golds[i])
		if err != nil {
			return 0, err
		}
		got, err := taggedSpans(preds[i])
		if err != nil {
			return 0, err
		}
		count := make(map[taggedSpan]int)
		for _, s := range want {
			count[s]++
		}
		hits := 0.0
		for _, s := range got {
			if count[s] > 0 {
				count[s]--
				hits++
			}
		}
		right += hits
		extra += float64(len(got)) - hits
		missed += float64(len(want)) - hits
	}
	const tiny = 1e-13
	precision, recall := right/(right+extra+tiny), right/(right+missed+tiny)
	return 2 * (precision * recall / (precision + recall + tiny)), nil
}

// taggedSpans reads "tag: entity" parted by dollar signs, full stops or commas, from a text or a list of them.
func taggedSpans(v pyval.Value) ([]taggedSpan, error) {
	if list, ok := v.(pyval.List); ok {
		parts := make([]string, len(list))
		for i, e := range list {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("%s is no text", brief(e))
			}
			parts[i] = strip(s)
		}
		v = strings.Join(parts, " ")
	}
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%s is no text", brief(v))
	}
	var out []taggedSpan
	for _, part := range strings.Split(strip(text), "$") {
		for _, sentence := range strings.Split(strip(part), ". ") {
			for _, item := range strings.Split(sentence, ", ") {
				tag, entity, ok := strings.Cut(strip(item), ": ")
				if ok && !strings.Contains(entity, ": ") {
					out = append(out, taggedSpan{spanText(strip(tag)), spanText(strip(entity))})
				}
			}
		}
	}
	return out, nil
}

var (
	spanPunct = pyre.MustCompile("[!-/:-@\\[\\]^-`{-~•]+")
	wideGap   = pyre.MustCompile(`\s{3,}|\t`)
	anyGap    = pyre.MustCompile(`\s+`)
)

// spanText brings a tag or an entity to normal form: no punctuation but backslashes, no English articles in small
// letters, single spaces, small letters.
func spanText(s string) string {
	for _, r := range []struct {
		pattern *pyre.Regexp
		with    string
	}{{spanPunct, " "}, {articles, " "}, {wideGap, ""}, {anyGap, " "}} {
		if out, err := r.pattern.Sub(s, func(pyre.Match) string { return r.with }); err == nil {
			s = out
		}
	}
	return lower(s)
}

// microF1 is the share of right classes.
func microF1(items []pyval.Value, _ Rules) (float64, error) {
	golds, preds, err := pairs(items)
	if err != nil {
		return 0, err
	}
	right := 0.0
	for i := range items {
		a, errA := hashable(golds[i])
		b, errB := hashable(preds[i])
		if errA != nil || errB != nil {
			return 0, fmt.Errorf("%s holds no classes", brief(items[i]))
		}
		right += float64(integer(a == b))
	}
	return right / float64(len(items)), nil
}

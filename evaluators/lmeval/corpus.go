package lmeval

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// corpusMetric is a metric of sacrebleu: counts of each segment that add up over a corpus, and a score of their
// sums.
type corpusMetric struct {
	segment func(answer string, references []string) []float64
	score   func(sums []float64) float64
}

// prepare reads pairs of reference and answer. A reference may be a list; of lists of unlike lengths the harness
// uses as many references as the shortest in the corpus has, and so does each replicate.
func (m corpusMetric) prepare(items []pyval.Value, _ Rules) (Statistic, error) {
	refs, preds, err := pairs(items)
	if err != nil {
		return nil, err
	}
	references, err := readReferences(refs)
	if err != nil {
		return nil, err
	}
	answers, err := readAnswers(preds)
	if err != nil {
		return nil, err
	}
	var depths []int // the different numbers of references
	for _, r := range references {
		depths = append(depths, len(r))
	}
	slices.Sort(depths)
	depths = slices.Compact(depths)

	type segment struct {
		depth  int         // indexes depths
		counts [][]float64 // by depth
	}
	segments, err := inParallel(items, func(i int) (segment, error) {
		s := segment{depth: slices.Index(depths, len(references[i]))}
		for _, d := range depths[:s.depth+1] {
			s.counts = append(s.counts, m.segment(answers[i], references[i][:d]))
		}
		return s, nil
	})
	width := len(segments[0].counts[0])
	return func(draw []int32) float64 {
		depth := len(depths)
		for _, i := range draw {
			depth = min(depth, segments[i].depth)
		}
		sums := make([]float64, width)
		for _, i := range draw {
			for k, c := range segments[i].counts[depth] {
				sums[k] += c
			}
		}
		return m.score(sums)
	}, err
}

// readReferences reads references that are all strings or all lists of strings.
func readReferences(values []pyval.Value) ([][]string, error) {
	out := make([][]string, len(values))
	_, listed := values[0].(pyval.List)
	for i, v := range values {
		list, isList := v.(pyval.List)
		if !isList {
			list = pyval.List{v}
		}
		if isList != listed {
			return nil, errors.New("some targets are lists of references and some are not")
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("target %d has no reference", i)
		}
		for _, e := range list {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("reference %s is no text", brief(e))
			}
			out[i] = append(out[i], s)
		}
	}
	return out, nil
}

// readAnswers reads answers that are strings, or lists of one.
func readAnswers(values []pyval.Value) ([]string, error) {
	out := make([]string, len(values))
	for i, v := range values {
		if list, ok := v.(pyval.List); ok && len(list) == 1 {
			v = list[0]
		}
		var ok bool
		if out[i], ok = v.(string); !ok {
			return nil, fmt.Errorf("answer %s is no text", brief(v))
		}
	}
	return out, nil
}

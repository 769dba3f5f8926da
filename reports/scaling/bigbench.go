package scaling

import (
	"math"
	"slices"
)

// BigBench are the curve summaries of BIG-bench. They ignore the item counts and say nothing about where an
// ability appears: report them, and decide nothing with them.
type BigBench struct {
	// Improvement is I = sign(argmax - argmin) (max - min) over the models in order of scale.
	Improvement float64 `json:"improvement"`
	// Linearity is I over the root of the mean square of the steps, and Breakthroughness I over the root of
	// their median square.
	Linearity        float64 `json:"linearity"`
	Breakthroughness float64 `json:"breakthroughness"`
}

// bigBench computes the summaries of scores in order of scale (Srivastava et al. 2022, arXiv 2206.04615, appendix
// B). Where most steps are 0 the median is too and breakthroughness would be unbounded: a root of a mean or median
// square below resolution, the smallest step that the metric can make, counts as resolution. Equal scores give 0.
func bigBench(y []float64, resolution float64) BigBench {
	if len(y) < 2 {
		return BigBench{}
	}
	lo, hi := 0, 0
	squares := make([]float64, len(y)-1)
	mean := 0.0
	for i, v := range y {
		if v < y[lo] {
			lo = i
		}
		if v > y[hi] {
			hi = i
		}
		if i > 0 {
			squares[i-1] = (v - y[i-1]) * (v - y[i-1])
			mean += squares[i-1] / float64(len(squares))
		}
	}
	b := BigBench{Improvement: y[hi] - y[lo]}
	if hi < lo {
		b.Improvement = -b.Improvement
	}
	if b.Improvement == 0 {
		return b
	}
	slices.Sort(squares)
	median := squares[len(squares)/2]
	if len(squares)%2 == 0 {
		median = (median + squares[len(squares)/2-1]) / 2
	}
	b.Linearity = b.Improvement / max(math.Sqrt(mean), resolution)
	b.Breakthroughness = b.Improvement / max(math.Sqrt(median), resolution)
	return b
}

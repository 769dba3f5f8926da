package lmeval

import (
	"fmt"
	"math"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Statistic computes an aggregate of the items at the given indexes, of which there is at least one and which may
// repeat. It may be called concurrently.
type Statistic func(draw []int32) float64

// Aggregation makes one number of a metric's values.
type Aggregation struct {
	Name string
	// Prepare reads the items, of which there is at least one, and gives the statistic over them.
	Prepare func(items []pyval.Value, rules Rules) (Statistic, error)
	// Stderr says how its standard error is estimated.
	Stderr StderrKind
}

// StderrKind is a way to estimate a standard error.
type StderrKind int

// The ways: none ("N/A"), s/√n of a mean, and the standard deviation of bootstrap replicates.
const (
	NoStderr StderrKind = iota
	ClosedForm
	Bootstrap
)

// Aggregations lists the harness's aggregations.
func Aggregations() []Aggregation {
	return []Aggregation{
		{"mean", prepareMean, ClosedForm},
		{"nanmean", prepareNaNMean, Bootstrap},
		{"median", prepareMedian, Bootstrap},
		{"perplexity", preparePerplexity, Bootstrap},
		{"weighted_perplexity", prepareWeighted(func(m float64) float64 { return math.Exp(-m) }), NoStderr},
		{"bits_per_byte", prepareWeighted(func(m float64) float64 { return -m / math.Log(2) }), NoStderr},
		{"f1", prepareF1, Bootstrap},
		{"matthews_corrcoef", prepareMatthews, Bootstrap},
		{"brier_score", prepareBrier, NoStderr},
		{"bleu", prepareBLEU, Bootstrap},
		{"chrf", prepareCHRF(0), Bootstrap},
		{"chrf++", prepareCHRF(2), Bootstrap},
		{"ter", prepareTER, Bootstrap},
		{"bypass", func([]pyval.Value, Rules) (Statistic, error) { return func([]int32) float64 { return 999 }, nil }, NoStderr},
	}
}

func findAggregation(name string) (Aggregation, bool) {
	all := Aggregations()
	i := slices.IndexFunc(all, func(a Aggregation) bool { return a.Name == name })
	if i < 0 {
		return Aggregation{}, false
	}
	return all[i], true
}

// Whole makes an aggregation without standard error of a function over all items.
func Whole(name string, f func(items []pyval.Value, rules Rules) (float64, error)) Aggregation {
	return Aggregation{Name: name, Prepare: func(items []pyval.Value, rules Rules) (Statistic, error) {
		v, err := f(items, rules)
		return func([]int32) float64 { return v }, err
	}}
}

func prepareMean(items []pyval.Value, r Rules) (Statistic, error) {
	xs, err := numbers(items)
	return func(draw []int32) float64 { return r.drawnMean(xs, draw) }, err
}

func (r Rules) drawnMean(xs []float64, draw []int32) float64 {
	a := adder{naive: r.NaiveSum}
	for _, i := range draw {
		a.add(xs[i])
	}
	return a.total() / float64(len(draw))
}

func preparePerplexity(items []pyval.Value, r Rules) (Statistic, error) {
	xs, err := numbers(items)
	return func(draw []int32) float64 { return math.Exp(-r.drawnMean(xs, draw)) }, err
}

// prepareNaNMean is the mean of what is a number, and NaN where nothing is.
func prepareNaNMean(items []pyval.Value, _ Rules) (Statistic, error) {
	xs, err := numbers(items)
	return func(draw []int32) float64 {
		kept := make([]float64, len(draw)) // numpy adds zeros in place of NaN
		n := 0
		for i, at := range draw {
			if !math.IsNaN(xs[at]) {
				kept[i] = xs[at]
				n++
			}
		}
		return pairwise(kept) / float64(n)
	}, err
}

// prepareMedian takes the upper of the two middle items where their number is even.
func prepareMedian(items []pyval.Value, _ Rules) (Statistic, error) {
	xs, err := numbers(items)
	if err != nil {
		return nil, err
	}
	// A replicate is counted by rank, so that it need not be sorted.
	sorted := slices.Sorted(slices.Values(xs))
	rank := make([]int32, len(xs))
	for i, x := range xs {
		at, _ := slices.BinarySearch(sorted, x)
		rank[i] = int32(at)
	}
	return func(draw []int32) float64 {
		count := make([]int32, len(sorted))
		for _, i := range draw {
			count[rank[i]]++
		}
		left := int32(len(draw) / 2)
		for at, n := range count {
			if left -= n; left < 0 {
				return sorted[at]
			}
		}
		return math.NaN()
	}, nil
}

// prepareWeighted is finish(Σa/Σb) over pairs (a, b).
func prepareWeighted(finish func(float64) float64) func([]pyval.Value, Rules) (Statistic, error) {
	return func(items []pyval.Value, r Rules) (Statistic, error) {
		first, second, err := pairs(items)
		if err != nil {
			return nil, err
		}
		a, err := numbers(first)
		if err != nil {
			return nil, err
		}
		b, err := numbers(second)
		return func(draw []int32) float64 {
			sumA, sumB := adder{naive: r.NaiveSum}, adder{naive: r.NaiveSum}
			for _, i := range draw {
				sumA.add(a[i])
				sumB.add(b[i])
			}
			return finish(sumA.total() / sumB.total())
		}, err
	}
}

// prepareBrier is the mean over items of Σ(p-truth)², by the target's index and the choices' probabilities. An index
// below zero counts from the end.
func prepareBrier(items []pyval.Value, _ Rules) (Statistic, error) {
	golds, predictions, err := pairs(items)
	if err != nil {
		return nil, err
	}
	xs := make([]float64, len(items))
	classes := 0
	for i := range items {
		list, ok := predictions[i].(pyval.List)
		gold, isInt := golds[i].(int64)
		if i == 0 {
			classes = len(list)
		}
		if !ok || !isInt || len(list) != classes {
			return nil, fmt.Errorf("item %d must be an index and %d probabilities, as the first has, not %s", i, classes, brief(items[i]))
		}
		if gold < 0 {
			gold += int64(classes)
		}
		p, err := numbers(list)
		if err != nil || gold < 0 || gold >= int64(classes) {
			return nil, fmt.Errorf("item %d: target %s of %d choices", i, brief(golds[i]), classes)
		}
		p[gold]--
		for j := range p {
			p[j] *= p[j]
		}
		xs[i] = pairwise(p)
	}
	return func(draw []int32) float64 {
		drawn := make([]float64, len(draw))
		for i, at := range draw {
			drawn[i] = xs[at]
		}
		return pairwise(drawn) / float64(len(drawn))
	}, nil
}

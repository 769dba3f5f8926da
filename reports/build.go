package reports

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/reports/stats"
)

// Build estimates every metric of every cell from records, in any order: equal sets of records give equal
// estimates. Memory grows by some 50 bytes a record, whatever the records' size.
func Build(records iter.Seq2[runlog.Record, error]) ([]Estimate, error) {
	estimates, _, err := build(records)
	return estimates, err
}

// build also compares the settings of each model over the same samples.
func build(records iter.Seq2[runlog.Record, error]) ([]Estimate, Pairs, error) {
	cells := make(map[CellKey]*accumulator)
	for r, err := range records {
		if err != nil {
			return nil, nil, err
		}
		for i, s := range r.Scores {
			key := CellKey{Model: r.Model, Task: r.Task, Style: r.Style, Shots: r.Shots, Metric: s.Metric, Filter: s.Filter}
			acc := cells[key]
			if acc == nil {
				acc = &accumulator{key: key, primary: i == 0, outcomes: make(map[evaluators.Outcome]int)}
				cells[key] = acc
			}
			acc.add(&r, s)
		}
	}
	estimates := make([]Estimate, 0, len(cells))
	for _, acc := range cells {
		estimates = append(estimates, acc.estimate())
	}
	sortEstimates(estimates)
	return estimates, pairUp(cells), nil
}

// accumulator gathers one cell's judgements.
type accumulator struct {
	key      CellKey
	primary  bool
	outcomes map[evaluators.Outcome]int
	judged   []judged
	failed   int
	contName string
	mixed    bool // companions of several kinds
}

// judged is one record's value. Samples and targets are known by their hashes.
type judged struct {
	sample, target uint64
	value, chance  float64
	weight         float64 // 0 but for ratios
	continuous     float64 // NaN where there is none
}

func (a *accumulator) add(r *runlog.Record, s evaluators.Score) {
	a.outcomes[s.Outcome]++
	if s.Value == nil { // a metric of whole tasks has no value for a sample
		if s.Outcome == evaluators.Failed {
			a.failed++
		}
		return
	}
	j := judged{
		sample: xxhash.Sum64String(r.Sample), target: xxhash.Sum64String(r.Target),
		value: *s.Value, weight: s.Weight, chance: r.Chance, continuous: math.NaN(),
	}
	if s.Continuous != nil {
		j.continuous = *s.Continuous
		a.mixed = a.mixed || a.contName != "" && a.contName != s.ContinuousName
		a.contName = s.ContinuousName
	}
	a.judged = append(a.judged, j)
}

// estimate closes the accumulator.
func (a *accumulator) estimate() Estimate {
	// Sums of floats depend on their order, and the records' order is not part of a run.
	slices.SortFunc(a.judged, func(x, y judged) int {
		return cmp.Or(cmp.Compare(x.sample, y.sample), cmp.Compare(x.value, y.value), cmp.Compare(x.continuous, y.continuous))
	})
	e := Estimate{CellKey: a.key, Primary: a.primary, Records: len(a.judged), Failed: a.failed, Outcomes: a.outcomes, Binary: true}
	var xs []float64
	var clusters []uint64
	for i, j := range a.judged {
		xs, clusters = append(xs, j.value), append(clusters, j.sample)
		e.Correct += j.value
		e.Binary = e.Binary && (j.value == 0 || j.value == 1)
		if i == 0 || j.sample != a.judged[i-1].sample {
			e.Samples++
		}
	}
	e.Binary = e.Binary && e.Samples == e.Records && e.Records > 0
	r, isRatio := ratioOf(a.key.Metric)
	switch {
	case isRatio && len(a.judged) > 0:
		e.Binary = false
		e.Estimate = a.ratioEstimate(r)
	case e.Binary:
		e.Estimate = stats.Wilson(e.Correct, float64(e.Records), stats.DefaultLevel)
	case e.Samples == e.Records:
		e.Estimate = stats.Mean(xs, stats.DefaultLevel)
	default:
		e.Estimate = stats.ClusteredMean(xs, clusters, stats.DefaultLevel)
	}
	if all := float64(e.Records + e.Failed); all > 0 {
		e.WorstCase, e.BestCase = e.Correct/all, (e.Correct+float64(e.Failed))/all
	}
	e.Baseline, e.Guess = a.baseline(e.Samples)
	e.Perfect = 1
	if isRatio {
		e.Perfect, e.Guess, e.Baseline = r.perfect, 0, Baseline{Value: r.nothing, Origin: r.origin}
		e.WorstCase, e.BestCase = e.Value, e.Value
	}
	a.companion(&e)
	e.Notes = notes(e, a.mixed)
	return e
}

// companion estimates the mean of the continuous companion.
func (a *accumulator) companion(e *Estimate) {
	if a.mixed {
		return
	}
	var xs []float64
	var clusters []uint64
	for _, j := range a.judged {
		if !math.IsNaN(j.continuous) && !math.IsInf(j.continuous, 0) {
			xs, clusters = append(xs, j.continuous), append(clusters, j.sample)
		}
	}
	if len(xs) > 0 {
		mean := stats.ClusteredMean(xs, clusters, stats.DefaultLevel)
		e.Continuous, e.ContinuousName = &mean, a.contName
	}
}

// baseline is the score of the best guess that knows nothing of the question: that which the samples state, or the
// best constant answer to these samples where that is better (specified in docs/curves.md).
func (a *accumulator) baseline(samples int) (b Baseline, guess float64) {
	b = Baseline{Origin: OriginNone}
	var sum float64
	targets := make(map[uint64]int)
	for i, j := range a.judged {
		if i > 0 && j.sample == a.judged[i-1].sample {
			continue
		}
		targets[j.target]++
		sum += j.chance
	}
	if sum > 0 {
		guess = sum / float64(samples)
		b = Baseline{Value: guess, Origin: OriginGuess}
	}
	most := 0
	for _, n := range targets {
		most = max(most, n)
	}
	if constant := float64(most) / float64(max(1, samples)); constant > b.Value {
		b = Baseline{Value: constant, Origin: OriginConstant}
	}
	return b, guess
}

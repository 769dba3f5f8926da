package lmeval

import (
	"math"
	"slices"
)

// GroupMetric is one entry of a group's aggregate_metric_list.
type GroupMetric struct {
	Metric string
	// Filters names the pipelines to aggregate; nil takes those that a leaf task has, sorted.
	Filters []string
	// WeightBySize weights tasks by their number of samples; the harness's default is true.
	WeightBySize bool
}

// GroupResult holds a group's aggregated metrics.
type GroupResult struct {
	Metrics []Result
	// SampleLen sums the sizes of the leaf tasks.
	SampleLen int
}

// AggregateGroup aggregates the results of a group's leaf tasks: for each metric and pipeline, the mean over the
// tasks that have it. A standard error is there where each of these tasks has one.
func AggregateGroup(metrics []GroupMetric, leaves []TaskResult, rules Rules) GroupResult {
	var out GroupResult
	for _, leaf := range leaves {
		out.SampleLen += leaf.SampleLen
	}
	for _, m := range metrics {
		filters := m.Filters
		if filters == nil {
			filters = filtersOf(m.Metric, leaves)
		}
		for _, f := range filters {
			if r, ok := aggregateLeaves(m, f, leaves, rules); ok {
				out.Metrics = append(out.Metrics, r)
			}
		}
	}
	return out
}

func filtersOf(metric string, leaves []TaskResult) []string {
	var names []string
	for _, leaf := range leaves {
		for _, r := range leaf.Metrics {
			if r.Metric == metric {
				names = append(names, r.Filter)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func aggregateLeaves(m GroupMetric, filter string, leaves []TaskResult, rules Rules) (Result, bool) {
	out := Result{Metric: m.Metric, Filter: filter}
	var values, stderrs, sizes, weights []float64
	for _, leaf := range leaves {
		i := slices.IndexFunc(leaf.Metrics, func(r Result) bool { return r.Metric == m.Metric && r.Filter == filter })
		if i < 0 {
			continue
		}
		weight := 1.0
		if m.WeightBySize {
			weight = float64(leaf.SampleLen)
		}
		values = append(values, leaf.Metrics[i].Value*weight)
		weights = append(weights, weight)
		sizes = append(sizes, float64(leaf.SampleLen))
		out.N += leaf.SampleLen
		if se := leaf.Metrics[i].Stderr; se != nil {
			stderrs = append(stderrs, *se)
		}
	}
	if len(values) == 0 {
		return out, false
	}
	out.Value = rules.sum(values) / rules.sum(weights)
	if len(stderrs) == len(values) {
		se := rules.meanStderr(stderrs)
		if m.WeightBySize || rules.PooledGroupStderr {
			se = rules.pooledStderr(stderrs, sizes)
		}
		out.Stderr = &se
	}
	return out, true
}

// pooledStderr is √( Σ (nᵢ-1)·nᵢ·seᵢ² / (Σnᵢ - k) / Σnᵢ ) over k tasks.
func (r Rules) pooledStderr(stderrs, sizes []float64) float64 {
	terms := make([]float64, len(sizes))
	for i, n := range sizes {
		terms[i] = (n - 1) * (stderrs[i] * stderrs[i]) * n
	}
	total := r.sum(sizes)
	return math.Sqrt(r.sum(terms) / (total - float64(len(sizes))) / total)
}

// meanStderr is that of the plain mean of k independent means: √(Σ seᵢ²)/k.
func (r Rules) meanStderr(stderrs []float64) float64 {
	terms := make([]float64, len(stderrs))
	for i, se := range stderrs {
		terms[i] = se * se
	}
	return math.Sqrt(r.sum(terms)) / float64(len(stderrs))
}

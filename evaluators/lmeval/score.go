package lmeval

import (
	"context"
	"fmt"

	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Item is one document with the responses to its requests.
type Item struct {
	Doc Doc
	// Responses holds the draws of each request, in the order of the requests' indexes.
	Responses [][]pyval.Value
}

// Sample is the judgement of one document under one filter pipeline.
type Sample struct {
	// Item indexes the document.
	Item int
	// Filter names the pipeline.
	Filter string
	// Filtered holds what the pipeline made of the responses to each request.
	Filtered []pyval.Value
	// Metrics holds the metrics' values by name, in the harness's order.
	Metrics *pyval.Dict
}

// Scores are the judgements of a task's documents.
type Scores struct {
	task *Task
	// Samples holds one judgement for each pipeline and document, pipeline by pipeline.
	Samples []Sample
}

// Score filters the responses of all documents and computes the metrics of each.
func (t *Task) Score(items []Item) (Scores, error) {
	var resps []pyval.Value
	var docs []*pyval.Dict
	for _, item := range items {
		for _, r := range item.Responses {
			resps = append(resps, pyval.List(r))
			docs = append(docs, item.Doc.Values)
		}
	}
	s := Scores{task: t}
	for _, f := range t.filters {
		filtered, err := f.apply(resps, docs)
		if err != nil {
			return Scores{}, fmt.Errorf("task %s: %w", t.config.Name, err)
		}
		if len(filtered) != len(resps) {
			return Scores{}, fmt.Errorf("task %s: filter pipeline %q makes %d responses of %d", t.config.Name, f.name, len(filtered), len(resps))
		}
		starts := make([]int, len(items)+1)
		for i, item := range items {
			starts[i+1] = starts[i] + len(item.Responses)
		}
		samples, err := inParallel(items, func(i int) (Sample, error) {
			own := filtered[starts[i]:starts[i+1]]
			metrics, err := t.Process(items[i].Doc, own)
			if err != nil {
				err = fmt.Errorf("task %s: document %d: %w", t.config.Name, i, err)
			}
			return Sample{Item: i, Filter: f.name, Filtered: own, Metrics: metrics}, err
		})
		if err != nil {
			return Scores{}, err
		}
		s.Samples = append(s.Samples, samples...)
	}
	return s, nil
}

// Result is one aggregated metric of a task.
type Result struct {
	Metric, Filter string
	Value          float64
	// Stderr is nil where the harness prints "N/A".
	Stderr *float64
	// N counts the values of which the aggregate is made.
	N int
}

// TaskResult holds a task's aggregated metrics, in the order in which they first occur in the samples.
type TaskResult struct {
	Task    string
	Metrics []Result
	// SampleLen is the size that the harness gives the task.
	SampleLen int
}

// Results aggregates the metrics. bootstrapIters is the number of bootstrap replicates, which the harness sets to
// 100,000; 0 computes no standard errors.
func (s Scores) Results(ctx context.Context, bootstrapIters int) (TaskResult, error) {
	type key struct{ metric, filter string }
	var order []key
	values := make(map[key][]pyval.Value)
	for _, sample := range s.Samples {
		for _, metric := range sample.Metrics.Keys() {
			k := key{metric, sample.Filter}
			if values[k] == nil {
				order = append(order, k)
			}
			v, _ := sample.Metrics.Get(metric)
			values[k] = append(values[k], v)
		}
	}
	out := TaskResult{Task: s.task.config.Name}
	for _, k := range order {
		items := values[k]
		r := Result{Metric: k.metric, Filter: k.filter, N: len(items)}
		a := s.task.aggregationOf(k.metric)
		err := s.task.config.Rules.aggregate(ctx, a, items, bootstrapIters, &r)
		if err != nil {
			if s.task.severalKept(k.metric, items) {
				err = &hooks.UpstreamError{Err: fmt.Errorf("of several right answers the metric gives 1 or 0, and its aggregation is made for pairs (%w)", err)}
			}
			return TaskResult{}, fmt.Errorf("task %s: metric %s, filter %s: %w", s.task.config.Name, k.metric, k.filter, err)
		}
		out.Metrics = append(out.Metrics, r)
		if s.task.config.Rules.LastSampleLen || len(items) > out.SampleLen {
			out.SampleLen = len(items)
		}
	}
	return out, nil
}

// severalKept reports whether a metric that keeps pairs for its aggregation gave numbers, since documents have several
// targets: the harness then gives its aggregation numbers too.
func (t *Task) severalKept(name string, items []pyval.Value) bool {
	for _, m := range t.metrics {
		if m.name == name {
			_, isNumber := items[0].(float64)
			return t.config.MultipleTargets && m.compare == nil && isNumber
		}
	}
	return false
}

// aggregate sets the value and standard error of out.
func (r Rules) aggregate(ctx context.Context, a Aggregation, items []pyval.Value, iters int, out *Result) error {
	stat, err := a.Prepare(items, r)
	if err != nil {
		return fmt.Errorf("aggregation %s: %w", a.Name, err)
	}
	out.Value = stat(indexes(len(items)))
	out.Stderr, err = r.stderr(ctx, out.Metric, a, stat, items, iters)
	return err
}

// aggregationOf gives a metric's aggregation: the mean for one that metric_list does not name.
func (t *Task) aggregationOf(metric string) Aggregation {
	for _, m := range t.metrics {
		if m.name == metric {
			return m.aggregation
		}
	}
	a, _ := findAggregation("mean")
	return a
}

// Aggregate aggregates one metric's values by a named aggregation of the harness.
func Aggregate(ctx context.Context, metric, aggregation string, items []pyval.Value, bootstrapIters int, rules Rules) (Result, error) {
	r := Result{Metric: metric, N: len(items)}
	a, ok := findAggregation(aggregation)
	if !ok {
		return r, fmt.Errorf("there is no aggregation %q", aggregation)
	}
	if len(items) == 0 {
		return r, fmt.Errorf("metric %s has no values", metric)
	}
	err := rules.aggregate(ctx, a, items, bootstrapIters, &r)
	return r, err
}

// indexes gives 0 to n-1.
func indexes(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

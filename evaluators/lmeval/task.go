package lmeval

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// MetricSpec is one entry of a task's metric_list.
type MetricSpec struct {
	Name string
	// Custom judges answers in place of a metric of the registry; it is the function behind a `!function` metric.
	Custom Compare
	// HFEvaluate takes a metric of Hugging Face's evaluate in place of the harness's own of that name.
	HFEvaluate bool
	// Aggregation names an aggregation; "" takes the metric's own, else the mean.
	Aggregation string
	// CustomAggregation is the function behind a `!function` aggregation, and goes before Aggregation.
	CustomAggregation *Aggregation
	// HigherIsBetter is nil where the task does not say.
	HigherIsBetter *bool
	// Options are the entry's other keys.
	Options *pyval.Dict
}

// Config says how a task is scored.
type Config struct {
	Name       string
	OutputType OutputType // "" is generate_until
	// Metrics is the metric_list; nil takes those usual for the output type.
	Metrics []MetricSpec
	// Filters is the filter_list; nil takes the first draw, under the name "none".
	Filters []EnsembleSpec
	// HasChoices says that the task has doc_to_choice.
	HasChoices bool
	// MultipleInputs and MultipleTargets say that doc_to_text of the first document gave an integer, and that its
	// doc_to_target gave a list.
	MultipleInputs, MultipleTargets bool
	// Results is the function behind process_results, or nil.
	Results ResultsFunc
	Rules   Rules
}

// ResultsFunc computes the metrics of one document from the filtered responses to its requests.
type ResultsFunc func(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error)

// Doc is one document and what a task's doc_to_* made of it.
type Doc struct {
	Values *pyval.Dict
	// Target is doc_to_target's result: an index, a string or a list of either.
	Target pyval.Value
	// Choices is doc_to_choice's result.
	Choices []string
	// Input is doc_to_text's result in a task with multiple inputs: the index of the right one.
	Input pyval.Value
}

// Task is a task ready to score.
type Task struct {
	config  Config
	metrics []boundMetric
	filters []ensemble
}

type boundMetric struct {
	name           string
	compare        Compare // nil hands pairs on
	aggregation    Aggregation
	higherIsBetter bool
}

// NewTask checks a task's metrics and filters.
func NewTask(c Config) (*Task, error) {
	if c.OutputType == "" {
		c.OutputType = GenerateUntil
	}
	if c.Metrics == nil {
		c.Metrics = defaultMetrics(c.OutputType)
	}
	t := &Task{config: c}
	for _, spec := range c.Metrics {
		m, err := bindMetric(spec, c.Results != nil)
		if err != nil {
			return nil, fmt.Errorf("task %s: metric %s: %w", c.Name, spec.Name, err)
		}
		t.metrics = append(t.metrics, m)
	}
	var err error
	if t.filters, err = newEnsembles(c.Filters); err != nil {
		return nil, fmt.Errorf("task %s: %w", c.Name, err)
	}
	return t, nil
}

// bindMetric resolves one entry of metric_list. In a task with process_results (hooked) the name says only which
// aggregation belongs to a result.
func bindMetric(spec MetricSpec, hooked bool) (boundMetric, error) {
	m := boundMetric{name: spec.Name, compare: spec.Custom, higherIsBetter: true}
	known, aggregation := false, spec.Aggregation
	for _, r := range Metrics() {
		if r.Name == spec.Name {
			known = true
			m.higherIsBetter = r.HigherIsBetter
			if aggregation == "" {
				aggregation = r.Aggregation
			}
		}
	}
	if spec.HFEvaluate && !hooked && spec.Custom == nil {
		var err error
		if m.compare, err = hfCompare(spec.Name, spec.Options); err != nil {
			return m, err
		}
	} else if !known && !hooked && spec.Custom == nil {
		return m, fmt.Errorf("there is no such metric; there are %s, and a task's own needs its function", names(Metrics(), func(m Metric) string { return m.Name }))
	}
	if spec.Name == "bypass" {
		m.compare = func(_, _ []pyval.Value) (pyval.Value, error) { return nil, nil }
	}
	if spec.Name == "exact_match" && m.compare == nil && !hooked {
		var err error
		if m.compare, err = exactMatch(spec.Options); err != nil {
			return m, err
		}
	}
	if spec.HigherIsBetter != nil {
		m.higherIsBetter = *spec.HigherIsBetter
	}
	if spec.CustomAggregation != nil {
		m.aggregation = *spec.CustomAggregation
		return m, nil
	}
	if aggregation == "" {
		aggregation = "mean"
	}
	var ok bool
	if m.aggregation, ok = findAggregation(aggregation); !ok {
		return m, fmt.Errorf("there is no aggregation %q; there are %s", aggregation, names(Aggregations(), func(a Aggregation) string { return a.Name }))
	}
	return m, nil
}

// names lists things by name in an error.
func names[T any](things []T, name func(T) string) string {
	out := make([]string, len(things))
	for i, t := range things {
		out[i] = name(t)
	}
	return strings.Join(out, ", ")
}

func (t *Task) has(metric string) bool {
	for _, m := range t.metrics {
		if m.name == metric {
			return true
		}
	}
	return false
}

// HigherIsBetter gives the direction of each metric, in the order of metric_list.
func (t *Task) HigherIsBetter() *pyval.Dict {
	out := new(pyval.Dict)
	for _, m := range t.metrics {
		out.Set(m.name, m.higherIsBetter)
	}
	return out
}

// Process computes the metrics of one document from the filtered responses to its requests, in the harness's order.
func (t *Task) Process(doc Doc, results []pyval.Value) (*pyval.Dict, error) {
	switch {
	case t.config.Results != nil:
		return t.config.Results(doc.Values, results)
	case len(results) == 0:
		return nil, fmt.Errorf("there are no responses")
	case t.config.OutputType == LogLikelihood:
		return t.processLikelihood(results)
	case t.config.OutputType == LogLikelihoodRolling:
		return t.processRolling(doc, results)
	case t.config.OutputType == MultipleChoice:
		return t.processChoice(doc, results)
	case t.config.OutputType == GenerateUntil:
		return t.processText(doc, results)
	}
	return nil, fmt.Errorf("there is no output type %q", t.config.OutputType)
}

package tasks

import "github.com/onset-eval/onset/tasks/hooks"

// Options are the options of a metric or filter as the task file states them, decoded to strings,
// float64, int, bool, nil, []any and map[string]any. Whoever consumes them checks every name and type.
type Options map[string]any

// MetricSpec is one entry of a task's metric_list.
type MetricSpec struct {
	Name        string  `json:"metric"`
	Aggregation string  `json:"aggregation,omitempty"`
	Options     Options `json:"options,omitempty"`
	// HigherIsBetter is nil where the task does not say.
	HigherIsBetter *bool `json:"-"`
	// Func and AggregationFunc are functions that the task file names instead; nil where it names none.
	Func            *hooks.Found `json:"-"`
	AggregationFunc *hooks.Found `json:"-"`
}

// FilterSpec is one step of a filter pipeline.
type FilterSpec struct {
	Function string  `json:"function"`
	Options  Options `json:"options,omitempty"`
	// Func is a function that the task file names instead; nil where it names none.
	Func *hooks.Found `json:"-"`
}

// PipelineSpec is one entry of a task's filter_list: a named sequence of filters.
type PipelineSpec struct {
	Name    string       `json:"name"`
	Filters []FilterSpec `json:"filter"`
}

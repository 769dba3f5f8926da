// Package harness scores tasks of lm-evaluation-harness's dialect by its own rules: it joins what package tasks reads of
// a task file with the metrics and filters of package lmeval, for one record at a time and for whole tasks.
package harness

import (
	"fmt"
	"sync"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Source is the version whose rules these are.
const Source = "lm-evaluation-harness 4e7e0d47f"

// Mended names the harness's quirks that are not reproduced unless compatibility is asked for.
func Mended() []string {
	var out []string
	for _, q := range tasks.Quirks() {
		out = append(out, q.Name)
	}
	return append(out, "rebound-result", "pooled-group-stderr", "last-sample-len")
}

// Task scores one task in one style. It may be used concurrently.
type Task struct {
	config lmeval.Config
	output lmeval.OutputType

	mu    sync.Mutex
	typed map[typing]*lmeval.Task
}

// typing is what lm-evaluation-harness decides on a task's first document.
type typing struct{ inputs, targets bool }

// New resolves a task's metrics, filters and functions. What the harness has and onset has not is an error that names it.
func New(t *tasks.Task, style tasks.Style, rules lmeval.Rules) (*Task, error) {
	if t.Unsafe() {
		return nil, &UnsafeError{Task: t.Name()}
	}
	c := lmeval.Config{Name: t.Name(), OutputType: lmeval.OutputType(t.OutputType(style)), HasChoices: t.HasChoices(style), Rules: rules}
	for _, m := range t.Metrics(style) {
		spec, err := metric(m)
		if err != nil {
			return nil, fmt.Errorf("task %s: metric %s: %w", t.Name(), m.Name, err)
		}
		c.Metrics = append(c.Metrics, spec)
	}
	for _, p := range t.Filters(style) {
		spec, err := pipeline(p)
		if err != nil {
			return nil, fmt.Errorf("task %s: filter pipeline %s: %w", t.Name(), p.Name, err)
		}
		c.Filters = append(c.Filters, spec)
	}
	if found := t.Results(style); found != nil {
		var err error
		if c.Results, err = results(found); err != nil {
			return nil, fmt.Errorf("task %s: process_results: %w", t.Name(), err)
		}
	}
	out := &Task{config: c, output: c.OutputType, typed: make(map[typing]*lmeval.Task)}
	if _, err := out.of(typing{}); err != nil {
		return nil, fmt.Errorf("task %s: %w", t.Name(), err)
	}
	return out, nil
}

// UnsafeError says that a task is judged by running what the model writes.
type UnsafeError struct{ Task string }

func (e *UnsafeError) Error() string {
	return fmt.Sprintf("task %s is judged by running the code that the model writes, which needs a sandbox", e.Task)
}

// Hint says what to do.
func (e *UnsafeError) Hint() string {
	return `name a command that shuts the code in, as --sandbox "bwrap --ro-bind / / --unshare-all --die-with-parent python3 -", or leave the task out`
}

// of gives the task for documents of one typing.
func (t *Task) of(k typing) (*lmeval.Task, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.typed[k]; known != nil {
		return known, nil
	}
	c := t.config
	c.MultipleInputs, c.MultipleTargets = k.inputs, k.targets
	task, err := lmeval.NewTask(c)
	if err == nil {
		t.typed[k] = task
	}
	return task, err
}

// typingOf says how a sample is typed.
func typingOf(s *tasks.Sample) typing {
	_, list := s.Raw.Target.(pyval.List)
	return typing{inputs: s.Inputs > 0, targets: list}
}

// HigherIsBetter gives the direction of each metric, in the order of metric_list.
func (t *Task) HigherIsBetter() *pyval.Dict {
	task, err := t.of(typing{})
	if err != nil {
		return new(pyval.Dict)
	}
	return task.HigherIsBetter()
}

// Metrics names the metrics of metric_list.
func (t *Task) Metrics() []string {
	var out []string
	for _, m := range t.config.Metrics {
		out = append(out, m.Name)
	}
	return out
}

// metric turns a metric_list entry into lmeval's terms.
func metric(m tasks.MetricSpec) (lmeval.MetricSpec, error) {
	spec := lmeval.MetricSpec{Name: m.Name, Aggregation: m.Aggregation, Options: options(m.Options)}
	if m.Func != nil {
		list := lmeval.CompareHooks()
		i, err := native(m.Func, len(list), func(i int) string { return list[i].Name })
		if err == nil {
			spec.Custom = list[i].Compare
		} else {
			r, err := m.Func.Outside(err)
			if err != nil {
				return spec, err
			}
			set := spec.Options
			spec.Custom = func(references, predictions []pyval.Value) (pyval.Value, error) {
				return r.Metric(references, predictions, set)
			}
		}
		spec.Name = m.Func.Function
	}
	if found := m.AggregationFunc; found != nil {
		a, err := aggregation(found)
		if err != nil {
			return spec, err
		}
		spec.CustomAggregation, spec.Aggregation = a, ""
	}
	return spec, nil
}

// aggregation finds a function that aggregates.
func aggregation(found *hooks.Found) (*lmeval.Aggregation, error) {
	list := lmeval.AggregationHooks()
	i, err := native(found, len(list), func(i int) string { return list[i].Name })
	if err == nil {
		return &list[i], nil
	}
	r, err := found.Outside(err)
	if err != nil {
		return nil, err
	}
	a := lmeval.Whole(found.Name(), func(items []pyval.Value, _ lmeval.Rules) (float64, error) {
		v, err := r.Aggregate(items)
		if err != nil {
			return 0, err
		}
		x, ok := number(v)
		if !ok {
			return 0, fmt.Errorf("the aggregate of %s is no number: %s", found.Name(), pyval.Repr(v))
		}
		return x, nil
	})
	return &a, nil
}

// results finds process_results.
func results(found *hooks.Found) (lmeval.ResultsFunc, error) {
	list := lmeval.ResultsHooks()
	i, err := native(found, len(list), func(i int) string { return list[i].Name })
	if err == nil {
		return list[i].Results, nil
	}
	r, err := found.Outside(err)
	if err != nil {
		return nil, err
	}
	return r.Results, nil
}

func pipeline(p tasks.PipelineSpec) (lmeval.EnsembleSpec, error) {
	e := lmeval.EnsembleSpec{Name: p.Name}
	for _, f := range p.Filters {
		spec := lmeval.FilterSpec{Function: f.Function, Options: options(f.Options)}
		if f.Func != nil {
			list := lmeval.Filters()
			i, err := native(f.Func, len(list), func(i int) string { return list[i].Name })
			if err == nil {
				spec.Function = list[i].Name
			} else {
				r, err := f.Func.Outside(err)
				if err != nil {
					return e, err
				}
				set := spec.Options
				spec.Custom = func(resps []pyval.Value, docs []*pyval.Dict) ([]pyval.Value, error) {
					return r.Filter(resps, docs, set)
				}
			}
		}
		e.Filters = append(e.Filters, spec)
	}
	return e, nil
}

// options turns decoded YAML into Python's values, with the keys in order.
func options(o tasks.Options) *pyval.Dict {
	return pyval.FromPlain(map[string]any(o)).(*pyval.Dict)
}

// Item makes what lmeval scores of a sample and the responses to its requests, draw by draw. The sample must hold its raw
// document.
func (t *Task) Item(s *tasks.Sample, draws [][]backends.Response) (lmeval.Item, error) {
	if s.Raw == nil {
		return lmeval.Item{}, fmt.Errorf("sample %s was made without its document", s.ID)
	}
	item := lmeval.Item{Doc: lmeval.Doc{Values: s.Raw.Doc, Target: s.Raw.Target}}
	for _, c := range s.Raw.Choices {
		item.Doc.Choices = append(item.Doc.Choices, pyval.Str(c))
	}
	if s.Inputs > 0 && len(s.Gold) > 0 {
		item.Doc.Input = int64(s.Gold[0])
	}
	for d, responses := range draws {
		all, err := t.values(s, responses)
		if err != nil {
			return item, err
		}
		if d == 0 {
			item.Responses = make([][]pyval.Value, len(all))
		}
		if len(all) != len(item.Responses) {
			return item, fmt.Errorf("sample %s: draw %d has %d responses, the first has %d", s.ID, d, len(all), len(item.Responses))
		}
		for i, v := range all {
			item.Responses[i] = append(item.Responses[i], v)
		}
	}
	return item, nil
}

// values gives one draw's responses, one an instance of the harness.
func (t *Task) values(s *tasks.Sample, responses []backends.Response) ([]pyval.Value, error) {
	if len(responses) == 0 {
		return nil, fmt.Errorf("sample %s has no response", s.ID)
	}
	var out []pyval.Value
	switch t.output {
	case lmeval.GenerateUntil:
		return []pyval.Value{responses[0].Text}, nil
	case lmeval.LogLikelihoodRolling:
		if len(responses[0].LogProbs) != 1 {
			return nil, fmt.Errorf("sample %s has no log-likelihood", s.ID)
		}
		return []pyval.Value{responses[0].LogProbs[0].Sum}, nil
	case lmeval.LogLikelihood:
		responses = responses[:1] // the rest are companions
	}
	for i, r := range responses {
		if i >= len(s.Requests) || s.Requests[i].Kind != backends.LogLikelihood {
			continue
		}
		for _, p := range r.LogProbs {
			out = append(out, pyval.List{p.Sum, p.Greedy})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("sample %s has no log-likelihoods", s.ID)
	}
	return out, nil
}

// Score judges whole tasks: samples, in their order, with the responses to each, draw by draw. With firstDecides the
// first sample's typing counts for all, as in the harness.
func (t *Task) Score(samples []tasks.Sample, draws [][][]backends.Response, firstDecides bool) (lmeval.Scores, error) {
	var items []lmeval.Item
	for i := range samples {
		item, err := t.Item(&samples[i], draws[i])
		if err != nil {
			return lmeval.Scores{}, err
		}
		items = append(items, item)
	}
	k := typing{}
	if len(samples) > 0 {
		k = typingOf(&samples[0])
		for i := range samples {
			if other := typingOf(&samples[i]); !firstDecides {
				k.inputs, k.targets = k.inputs || other.inputs, k.targets || other.targets
			}
		}
	}
	task, err := t.of(k)
	if err != nil {
		return lmeval.Scores{}, err
	}
	return task.Score(items)
}

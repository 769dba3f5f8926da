// Package interop writes what other harnesses write, from the records of a run and the tasks that it asked: nothing is
// asked again. Results are computed by the other harness's own rules.
package interop

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/harness"
	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/tasks"
)

// LMEval are a model's results as lm-evaluation-harness computes them.
type LMEval struct {
	Model  runlog.ModelHeader
	Tasks  []TaskResults
	Groups []GroupResults
}

// TaskResults are those of one task and shot count.
type TaskResults struct {
	Task    *tasks.Task
	Variant tasks.Variant
	lmeval.TaskResult
	Scores  lmeval.Scores
	Samples []tasks.Sample
	Draws   [][][]backends.Response // by sample and draw
	Harness *harness.Task
	// Failed counts samples without a response; they are in no result.
	Failed int
}

// GroupResults are those of a group of tasks.
type GroupResults struct {
	Group *tasks.Group
	lmeval.GroupResult
}

// LMEvalOptions say how results are computed.
type LMEvalOptions struct {
	// BootstrapIters is the number of replicates behind standard errors that have no formula. Default 100,000, as in the
	// harness; negative computes none.
	BootstrapIters int
	// Groups are aggregated over their tasks.
	Groups []*tasks.Group
}

// defaultIters is the harness's bootstrap_iters.
const defaultIters = 100_000

// FromRun computes a run's results, model by model. The plan is that of the run, with its tasks.
func FromRun(ctx context.Context, dir string, plan runner.Plan, header runlog.Header, o LMEvalOptions) ([]LMEval, error) {
	switch {
	case o.BootstrapIters == 0:
		o.BootstrapIters = defaultIters
	case o.BootstrapIters < 0:
		o.BootstrapIters = 0
	}
	var out []LMEval
	for _, m := range header.Models {
		responses, err := read(dir, m.Name)
		if err != nil {
			return nil, err
		}
		result := LMEval{Model: m}
		for _, c := range plan.Cells {
			t, err := fromCell(ctx, plan, c, m.Info, responses, o)
			if err != nil {
				return nil, fmt.Errorf("task %s: %w", c.Task.Name(), err)
			}
			result.Tasks = append(result.Tasks, t)
		}
		for _, g := range o.Groups {
			result.addGroup(g, runner.Rules(plan.Ask))
		}
		out = append(out, result)
	}
	return out, nil
}

// cellKey names a record within a model.
type cellKey struct {
	task, sample string
	style        tasks.Style
	shots        int
	seed         uint64
}

// read gathers a model's responses by sample and draw.
func read(dir, model string) (map[cellKey]map[int][]backends.Response, error) {
	out := make(map[cellKey]map[int][]backends.Response)
	for r, err := range runlog.Read(dir) {
		if err != nil {
			return nil, err
		}
		if r.Model != model || len(r.Responses) == 0 {
			continue
		}
		k := cellKey{r.Task, r.Sample, r.Style, r.Shots, r.Seed}
		if out[k] == nil {
			out[k] = make(map[int][]backends.Response)
		}
		out[k][r.Draw] = r.Responses
	}
	return out, nil
}

// fromCell makes the cell's samples again and judges the recorded responses to them.
func fromCell(ctx context.Context, plan runner.Plan, c tasks.Cell, info backends.Info, responses map[cellKey]map[int][]backends.Response, o LMEvalOptions) (TaskResults, error) {
	t := TaskResults{Task: c.Task, Variant: c.Variant}
	var err error
	if t.Harness, err = harness.New(c.Task, c.Variant.Style, runner.Rules(plan.Ask)); err != nil {
		return t, err
	}
	opts, err := runner.SampleOptions(plan.Ask, c, info)
	if err != nil {
		return t, err
	}
	opts.Raw = true
	for s, err := range c.Task.Samples(ctx, c.Variant, opts) {
		if err != nil {
			return t, err
		}
		draws := ordered(responses[cellKey{c.Task.Name(), s.ID, c.Variant.Style, c.Variant.Shots, c.Variant.Seed}])
		if len(draws) == 0 {
			t.Failed++
			continue
		}
		t.Samples, t.Draws = append(t.Samples, s), append(t.Draws, draws)
	}
	if len(t.Samples) == 0 {
		return t, errors.New("no sample has a response")
	}
	if t.Scores, err = t.Harness.Score(t.Samples, t.Draws, plan.Ask.Compat); err != nil {
		return t, err
	}
	t.TaskResult, err = t.Scores.Results(ctx, o.BootstrapIters)
	t.TaskResult.Task = c.Task.Name()
	return t, err
}

func ordered(draws map[int][]backends.Response) [][]backends.Response {
	var at []int
	for d := range draws {
		at = append(at, d)
	}
	sort.Ints(at)
	var out [][]backends.Response
	for _, d := range at {
		out = append(out, draws[d])
	}
	return out
}

// addGroup aggregates a group and those within it, inner ones first.
func (l *LMEval) addGroup(g *tasks.Group, rules lmeval.Rules) {
	for _, m := range g.Members {
		if m.Group != nil {
			l.addGroup(m.Group, rules)
		}
	}
	for _, known := range l.Groups {
		if known.Group.Name == g.Name {
			return
		}
	}
	var leaves []lmeval.TaskResult
	for _, ref := range g.Tasks() {
		for i := range l.Tasks {
			if l.Tasks[i].Task.Name() == ref.Name {
				leaves = append(leaves, l.Tasks[i].TaskResult)
			}
		}
	}
	if len(leaves) == 0 || len(g.Aggregates) == 0 {
		return
	}
	var metrics []lmeval.GroupMetric
	for _, a := range g.Aggregates {
		metrics = append(metrics, lmeval.GroupMetric{Metric: a.Metric, Filters: a.Filters, WeightBySize: a.WeightBySize})
	}
	l.Groups = append(l.Groups, GroupResults{g, lmeval.AggregateGroup(metrics, leaves, rules)})
}

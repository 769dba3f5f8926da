// Package runner carries out a plan: it makes each sample's requests, judges the responses and hands
// records to a sink. It owns every goroutine of a run.
//
// What a run records does not depend on the number of workers, on order, or on whether it was
// interrupted and resumed: only attempts and times differ.
package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/tasks"
)

// Plan says what to run: every cell on every model.
type Plan struct {
	Models []backends.Model
	Cells  []tasks.Cell
	// Seed is the run's seed, from which sampled draws derive theirs.
	Seed uint64
	// Shard takes the samples whose index is Shard.Index modulo Shard.Count; the zero value takes all.
	Shard Shard
}

// Shard is one of several parts of a run that are made side by side.
type Shard struct {
	Index, Count int
}

// takes reports whether the shard runs the sample at index i of its variant.
func (s Shard) takes(i int) bool { return s.Count <= 1 || i%s.Count == s.Index }

// Opener opens models. Describe says what Open's backend would say of itself.
type Opener interface {
	Describe(ctx context.Context, m backends.Model) (backends.Info, error)
	Open(ctx context.Context, m backends.Model) (backends.Backend, error)
}

// Sink takes what a run records. Its methods may be called concurrently.
type Sink interface {
	// Prompt keeps a prompt's text by its digest.
	Prompt(ctx context.Context, digest, text string) error
	// Write keeps a record. It may return before the record is durable.
	Write(ctx context.Context, r runlog.Record) error
}

// cell is a planned cell with its scorers bound.
type cell struct {
	tasks.Cell
	scorers []evaluators.Bound
}

// bind resolves the metrics and filters of every cell.
func bind(cells []tasks.Cell) ([]cell, error) {
	bound := make([]cell, len(cells))
	for i, c := range cells {
		scorers, err := Bind(c.Task, c.Variant.Style)
		if err != nil {
			return nil, err
		}
		bound[i] = cell{Cell: c, scorers: scorers}
	}
	return bound, nil
}

// Bind resolves what judges a task in a style: its metrics and filters.
func Bind(task *tasks.Task, style tasks.Style) ([]evaluators.Bound, error) {
	pipelines, err := evaluators.ResolvePipelines(task.Filters(style))
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", task.Name(), err)
	}
	bound, err := evaluators.Resolve(task.Metrics(style), pipelines, task.Kind(style))
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", task.Name(), err)
	}
	return bound, nil
}

// UnservedError says that a model cannot answer a task's kind of request.
type UnservedError struct {
	Model, Task string
	Kind        backends.Kind
	Serves      []backends.Kind
}

func (e *UnservedError) Error() string {
	return fmt.Sprintf("model %s does not serve %s requests, which task %s makes (it serves %v)", e.Model, e.Kind, e.Task, e.Serves)
}

// Hint says what to do.
func (e *UnservedError) Hint() string {
	return "leave out the task, or the model, or use another backend"
}

// Check resolves the plan's scorers and asks every model what it is, so that a plan that cannot work
// fails before anything runs. It gives the models' Infos in the plan's order.
func Check(ctx context.Context, p Plan, opener Opener) ([]backends.Info, error) {
	if _, err := bind(p.Cells); err != nil {
		return nil, err
	}
	infos := make([]backends.Info, len(p.Models))
	group := pool.New().WithErrors().WithFirstError().WithMaxGoroutines(2) // a model may take much memory
	for i, m := range p.Models {
		group.Go(func() (err error) {
			if infos[i], err = opener.Describe(ctx, m); err != nil {
				err = fmt.Errorf("model %s: %w", m.Name, err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, m := range p.Models {
		for _, c := range p.Cells {
			if kind := c.Task.Kind(c.Variant.Style); !infos[i].Serves(kind) {
				return nil, &UnservedError{Model: m.Name, Task: c.Task.Name(), Kind: kind, Serves: infos[i].Kinds}
			}
		}
	}
	return infos, nil
}

// Scorers lists the scorers that the plan uses, by name and version, in name order and each once.
func Scorers(p Plan) ([]evaluators.Scorer, error) {
	cells, err := bind(p.Cells)
	if err != nil {
		return nil, err
	}
	var used []evaluators.Scorer
	for _, c := range cells {
		for _, b := range c.scorers {
			if !slices.ContainsFunc(used, func(s evaluators.Scorer) bool { return s.Name == b.Scorer.Name }) {
				used = append(used, b.Scorer)
			}
		}
	}
	slices.SortFunc(used, func(a, b evaluators.Scorer) int { return strings.Compare(a.Name, b.Name) })
	return used, nil
}

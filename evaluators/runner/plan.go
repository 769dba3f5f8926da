// Package runner carries out a plan: it makes each sample's requests, judges the responses and hands
// records to a sink. It owns every goroutine of a run.
//
// What a run records does not depend on the number of workers, on order, or on whether it was
// interrupted and resumed: only attempts and times differ.
package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/harness"
	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/tasks"
)

// Plan says what to run: every cell on every model.
type Plan struct {
	Models []backends.Model
	Cells  []tasks.Cell
	// Seed is the run's seed, from which sampled draws derive theirs.
	Seed uint64
	// Ask says how models are asked beyond what the cells say.
	Ask Ask
	// Shard takes the samples whose index is Shard.Index modulo Shard.Count; the zero value takes all.
	Shard Shard
}

// Ask says how models are asked.
type Ask struct {
	// Compat asks and judges to the byte what lm-evaluation-harness does, its quirks included.
	Compat bool `json:"compat,omitempty"`
	// System is an instruction that stands before each task's description.
	System string `json:"system,omitempty"`
	// ChatTemplate renders each prompt in the turns of the model's chat template; Multiturn keeps a worked example a
	// turn, where else all of them and the question are one.
	ChatTemplate bool `json:"chat_template,omitempty"`
	Multiturn    bool `json:"multiturn,omitempty"`
	// Letters asks multiple-choice tasks for the letter of a choice where a model gives no log-likelihoods.
	Letters bool `json:"letters,omitempty"`
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
	// harness judges a cell whose metrics, filters or functions are lm-evaluation-harness's own; nil for the others.
	harness *harness.Task
}

// used lists the cell's scorers.
func (c *cell) used() []evaluators.Scorer {
	if c.harness != nil {
		return c.harness.Scorers()
	}
	var out []evaluators.Scorer
	for _, b := range c.scorers {
		out = append(out, b.Scorer)
	}
	return out
}

// judge scores one sample and draw.
func (c *cell) judge(s tasks.Sample, responses []backends.Response, err error) []evaluators.Score {
	if s.Letters != nil {
		return evaluators.JudgeLetter(s, responses, err)
	}
	if c.harness != nil {
		return c.harness.Judge(s, responses, err)
	}
	return evaluators.Judge(s, responses, err, c.scorers)
}

// bind resolves the metrics and filters of every cell.
func bind(p Plan) ([]cell, error) {
	bound := make([]cell, len(p.Cells))
	for i, c := range p.Cells {
		scorers, err := Bind(c.Task, c.Variant.Style)
		bound[i] = cell{Cell: c, scorers: scorers}
		if err == nil && !p.Ask.Compat {
			continue
		}
		var unsafe *harness.UnsafeError
		own, herr := harness.New(c.Task, c.Variant.Style, Rules(p.Ask))
		switch {
		case herr == nil:
			bound[i].harness = own
		case errors.As(herr, &unsafe):
			return nil, herr
		case herr != nil && err != nil && len(c.Task.Scoring(c.Variant.Style)) > 0:
			return nil, herr
		case err != nil:
			return nil, err
		}
	}
	return bound, nil
}

// Judged says whether a task's style can be judged: by onset's scorers, or by lm-evaluation-harness's rules.
func Judged(task *tasks.Task, style tasks.Style) error {
	_, err := bind(Plan{Cells: []tasks.Cell{{Task: task, Variant: tasks.Variant{Style: style}}}})
	return err
}

// Rules gives the rules by which whole tasks are judged.
func Rules(a Ask) lmeval.Rules {
	if a.Compat {
		return lmeval.Compat()
	}
	return lmeval.Rules{}
}

// Bind resolves what of onset's own judges a task in a style: its metrics and filters. Where that is for
// lm-evaluation-harness's rules to do, it is an error.
func Bind(task *tasks.Task, style tasks.Style) ([]evaluators.Bound, error) {
	if found := task.Scoring(style); len(found) > 0 {
		return nil, fmt.Errorf("task %s: its answers are judged by the function %s", task.Name(), found[0].Name())
	}
	if inputs, err := task.DependsOnChoice(style); err != nil || inputs {
		return nil, errors.Join(err, fmt.Errorf("task %s: its questions depend on the choice", task.Name()))
	}
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
	// Letters says that the task can be asked by letter; Why, where it cannot, that this was asked for.
	Letters bool
	Why     error
}

func (e *UnservedError) Error() string {
	text := fmt.Sprintf("model %s does not serve %s requests, which task %s makes (it serves %v)", e.Model, e.Kind, e.Task, e.Serves)
	if e.Why != nil {
		text += ", and it cannot be asked by letter: " + e.Why.Error()
	}
	return text
}

// Hint says what to do.
func (e *UnservedError) Hint() string {
	if e.Letters {
		return "--letters lists the choices under letters and asks for one, which says nothing of how likely the others are; or use another backend"
	}
	return "leave out the task, or the model, or use another backend"
}

// Check resolves the plan's scorers and asks every model what it is, so that a plan that cannot work
// fails before anything runs. It gives the models' Infos in the plan's order.
func Check(ctx context.Context, p Plan, opener Opener) ([]backends.Info, error) {
	if _, err := bind(p); err != nil {
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
			if err := served(p.Ask, m, infos[i], c); err != nil {
				return nil, err
			}
		}
	}
	return infos, nil
}

// served says whether a model serves a cell's requests, if need be by letter.
func served(a Ask, m backends.Model, info backends.Info, c tasks.Cell) error {
	kind := c.Task.Kind(c.Variant.Style)
	if info.Serves(kind) {
		return nil
	}
	e := &UnservedError{Model: m.Name, Task: c.Task.Name(), Kind: kind, Serves: info.Kinds}
	if kind == backends.LogLikelihood && info.Serves(backends.Generate) {
		why := c.Task.Letterable(c.Variant.Style)
		switch {
		case why == nil && a.Letters:
			return nil
		case a.Letters:
			e.Why = why
		}
		e.Letters = why == nil
	}
	return e
}

// byLetter reports whether a model is asked a cell's multiple choice by letter.
func byLetter(a Ask, c tasks.Cell, info backends.Info) bool {
	return a.Letters && !info.Serves(backends.LogLikelihood) && c.Task.Letterable(c.Variant.Style) == nil
}

// Scorers lists the scorers that the plan uses, by name and version, in name order and each once.
func Scorers(p Plan) ([]evaluators.Scorer, error) {
	cells, err := bind(p)
	if err != nil {
		return nil, err
	}
	var used []evaluators.Scorer
	for _, c := range cells {
		for _, scorer := range c.used() {
			if !slices.ContainsFunc(used, func(s evaluators.Scorer) bool { return s.Name == scorer.Name }) {
				used = append(used, scorer)
			}
		}
	}
	slices.SortFunc(used, func(a, b evaluators.Scorer) int { return strings.Compare(a.Name, b.Name) })
	return used, nil
}

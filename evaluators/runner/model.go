package runner

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/stream"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/tasks"
)

// modelRun is one model's part of a run.
type modelRun struct {
	plan     Plan
	model    backends.Model
	info     backends.Info
	cells    []cell
	expected *sums // shared with the run's other models
	opener   Opener
	sink     Sink
	opts     Options

	backend backends.Backend // set by the producer before it sends the first job
	drained bool             // set by the producer; read after it ended

	recorded, skipped, errors atomic.Int64
	unasked                   atomic.Bool // some job that a worker had was not asked, since the run drains
}

// job is one sample and draw of a cell.
type job struct {
	cell   *cell
	key    runlog.Key
	sample tasks.Sample
}

// produce sends the jobs that are left to do, in the plan's order. A drain ends it without an error, since an
// error would cancel the samples in flight.
func (r *modelRun) produce(ctx context.Context, jobs chan<- job) error {
	for i := range r.cells {
		err := r.produceCell(ctx, i, jobs)
		if errors.Is(err, ErrStopped) {
			r.drained = true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *modelRun) produceCell(ctx context.Context, at int, jobs chan<- job) error {
	c := &r.cells[at]
	if want := r.expected.of(at); want != nil && r.opts.Done != nil && r.opts.Done.Cell(r.key(c, "", 0)) == *want {
		r.skip(want.N)
		return nil
	}
	opts, err := SampleOptions(r.plan.Ask, c.Cell, r.info)
	if err != nil {
		return fmt.Errorf("model %s: %w", r.model.Name, err)
	}
	opts.Raw = c.harness != nil
	var all runlog.CellSum
	for sample, err := range c.Task.Samples(ctx, c.Variant, opts) {
		if err != nil {
			return fmt.Errorf("task %s: %w", c.Task.Name(), err)
		}
		if !r.plan.Shard.takes(sample.Index) {
			continue
		}
		for draw := range max(1, c.Draws) {
			j := job{cell: c, sample: sample, key: r.key(c, sample.ID, draw)}
			all.Add(j.key)
			if r.opts.Done != nil && r.opts.Done.Has(j.key) {
				r.skip(1)
				continue
			}
			if err := r.send(ctx, j, jobs); err != nil {
				return err
			}
		}
	}
	r.expected.set(at, &all)
	return nil
}

func (r *modelRun) skip(n int) {
	r.skipped.Add(int64(n))
	r.opts.Observe.Skipped(n)
}

// send opens the model if that is still to be done, and hands the job to a worker.
func (r *modelRun) send(ctx context.Context, j job, jobs chan<- job) error {
	select {
	case <-r.opts.Drain: // a drain that was asked for wins over a free worker
		return ErrStopped
	default:
	}
	if r.backend == nil {
		backend, err := r.open(ctx)
		if err != nil {
			return err
		}
		r.backend = backend
		r.opts.Observe.ModelStarted(r.model, r.info)
	}
	select {
	case jobs <- j:
		return nil
	case <-r.opts.Drain:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// open opens the model. A drain ends it: a model server may take minutes to start, with nothing in flight to wait for.
func (r *modelRun) open(ctx context.Context) (backends.Backend, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watch conc.WaitGroup
	defer watch.Wait()
	opened := make(chan struct{})
	defer close(opened)
	watch.Go(func() {
		select {
		case <-r.opts.Drain:
			cancel(ErrStopped)
		case <-opened:
		}
	})
	backend, err := r.opener.Open(ctx, r.model)
	switch {
	case err == nil:
		return backend, nil
	case errors.Is(context.Cause(ctx), ErrStopped):
		return nil, ErrStopped
	}
	return nil, fmt.Errorf("model %s: %w", r.model.Name, err)
}

func (r *modelRun) key(c *cell, sample string, draw int) runlog.Key {
	return runlog.Key{
		Model: r.model.Name, Task: c.Task.Name(), Style: c.Variant.Style, Shots: c.Variant.Shots,
		Seed: c.Variant.Seed, Sample: sample, Draw: draw,
	}
}

// do answers one job and records it. The error ends the run.
func (r *modelRun) do(ctx context.Context, j job) error {
	start := r.opts.Now()
	var responses []backends.Response
	var failure error
	caught := panics.Try(func() { responses, failure = r.ask(ctx, j) })
	if caught != nil {
		failure = &backends.Error{Kind: backends.KindInternal, Op: "answer request", Err: caught.AsError()}
	}
	if errors.Is(failure, backends.ErrDrained) {
		r.unasked.Store(true) // it has no record, and a resume asks it
		return nil
	}
	if failure != nil && ends(ctx, failure) {
		return fmt.Errorf("model %s, task %s, sample %s: %w", r.model.Name, j.key.Task, j.key.Sample, failure)
	}
	record := r.record(j, responses, failure, start)
	if main := j.sample.Requests[0]; main.Prompt != "" {
		if err := r.sink.Prompt(ctx, record.Prompt, main.Prompt); err != nil {
			return err
		}
	}
	if err := r.sink.Write(ctx, record); err != nil {
		return err
	}
	r.recorded.Add(1)
	if record.Error != nil {
		r.errors.Add(1)
	}
	r.opts.Observe.Recorded(&record)
	return nil
}

// ask makes the sample's requests, one after the other.
func (r *modelRun) ask(ctx context.Context, j job) ([]backends.Response, error) {
	responses := make([]backends.Response, len(j.sample.Requests))
	for i, req := range j.sample.Requests {
		req.Draw = j.key.Draw
		if req.Sampling.Temperature > 0 {
			req.Sampling.Seed = stream.Seed(r.plan.Seed, "sampling", j.key.Task, fmt.Sprint(j.key.Seed))
		}
		resp, err := r.backend.Do(ctx, req)
		if err != nil {
			return nil, err
		}
		responses[i] = resp
	}
	return responses, nil
}

// ends reports whether a failed request ends the run: the context's end does, and so do failures that
// every other request would meet.
func ends(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, backends.ErrGaveUp) {
		return true
	}
	switch backends.KindOf(err) {
	case backends.KindAuth, backends.KindNotFound, backends.KindQuota, backends.KindClosed:
		return true
	case "":
		return errors.Is(err, context.Canceled)
	}
	return false
}

func (r *modelRun) record(j job, responses []backends.Response, failure error, start time.Time) runlog.Record {
	rec := runlog.Record{
		Key:       j.key,
		Index:     j.sample.Index,
		Chance:    j.sample.Chance,
		Prompt:    tasks.PromptDigest(j.sample.Requests[0]),
		Target:    tasks.TargetDigest(j.sample),
		Responses: responses,
		Scores:    j.cell.judge(j.sample, responses, failure),
		Latency:   r.opts.Now().Sub(start),
		At:        start.UTC(),
	}
	for _, resp := range responses {
		rec.Attempts += resp.Attempts
	}
	if failure != nil {
		rec.Error = &runlog.Failure{Kind: backends.KindOf(failure), Message: failure.Error()}
		var e *backends.Error
		if errors.As(failure, &e) {
			rec.Attempts += e.Attempts
		}
	}
	return rec
}

// silent is the Observer of those who do not want one.
type silent struct{}

func (silent) ModelStarted(backends.Model, backends.Info) {}
func (silent) Recorded(*runlog.Record)                    {}
func (silent) Skipped(int)                                {}

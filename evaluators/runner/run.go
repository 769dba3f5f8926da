package runner

import (
	"context"
	"errors"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/runlog"
)

// Options are the runner's. The zero value runs with the backends' own parallelism and no progress.
type Options struct {
	// Workers is the number of samples in flight; 0 takes the backend's Info.Parallel.
	Workers int
	// Done tells which records are already there; nil says that none is.
	Done Done
	// Drain, once closed, ends the run after the requests in flight; a sample whose request still waits for its turn is left
	// to a resume. A done context ends it at once.
	Drain <-chan struct{}
	// Observe is told of every record and of each model's start; nil is nobody. It is called concurrently.
	Observe Observer
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Done tells which records a run has. runlog.Done is one.
type Done interface {
	Has(k runlog.Key) bool
	// Cell tells which samples and draws of k's cell it has.
	Cell(k runlog.Key) runlog.CellSum
}

// Observer follows a run.
type Observer interface {
	ModelStarted(m backends.Model, info backends.Info)
	// Recorded is called after each record is handed to the sink.
	Recorded(r *runlog.Record)
	// Skipped is called for records that are already there, n of them at once.
	Skipped(n int)
}

// Summary counts what a run did.
type Summary struct {
	Recorded int // records written
	Skipped  int // records that were already there
	Errors   int // records written whose outcome is error
	// Drained is true where the run was told to end before all was done.
	Drained bool
}

// ErrStopped is the cause of a run that was told to drain.
var ErrStopped = errors.New("stopped before all samples were done")

// Run carries out the plan. Each model is opened once for all its cells, one after the other; samples
// stream through a bounded channel to the workers, so memory does not grow with the suite.
//
// A request that fails becomes a record of outcome error. Run ends early on a failure of the plan, the
// sink or the context, and on an error that every further request would meet too (no key, no such model,
// nothing left to spend, a server that answers nothing any more); what was recorded until then stays. A drained run ends with ErrStopped.
//
// infos are those that Check gave for the plan's models.
func Run(ctx context.Context, p Plan, infos []backends.Info, opener Opener, sink Sink, o Options) (Summary, error) {
	cells, err := bind(p)
	if err != nil {
		return Summary{}, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = silent{}
	}
	var total Summary
	expected := make([]*runlog.CellSum, len(cells))
	for i, m := range p.Models {
		r := &modelRun{plan: p, model: m, info: infos[i], cells: cells, expected: expected, opener: opener, sink: sink, opts: o}
		err := r.run(ctx)
		total.Recorded += int(r.recorded.Load())
		total.Skipped += int(r.skipped.Load())
		total.Errors += int(r.errors.Load())
		if err != nil {
			total.Drained = errors.Is(err, ErrStopped)
			return total, err
		}
	}
	return total, nil
}

// run runs the model's cells: one producer, the workers, and the wait for all of them. The model is opened
// when its first sample is due, so a model with nothing left to do is not opened at all.
func (r *modelRun) run(ctx context.Context) (err error) {
	ctx = backends.WithDrain(ctx, r.opts.Drain)
	workers := r.opts.Workers
	if workers <= 0 {
		workers = max(1, r.info.Parallel)
	}
	jobs := make(chan job, workers)
	group := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	group.Go(func(ctx context.Context) error {
		defer close(jobs)
		return r.produce(ctx, jobs)
	})
	for range workers {
		group.Go(func(ctx context.Context) error {
			for j := range jobs {
				if err := r.do(ctx, j); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	if err == nil && (r.drained || r.unasked.Load()) {
		err = ErrStopped
	}
	if r.backend != nil {
		err = errors.Join(err, r.backend.Close())
	}
	return err
}

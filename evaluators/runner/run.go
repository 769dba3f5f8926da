package runner

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
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
	// Place says which models are asked side by side; nil asks one after the other.
	Place Placer
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

// Placer says which of a plan's models are asked side by side: those on different GPUs, say.
type Placer interface {
	// Next gives the models to begin now, of those that wait, by their indices in the plan; running are those that were
	// begun and are not done. It is asked at the start and whenever a model is done. Where nothing runs and it gives none,
	// the first that waits is begun.
	Next(waiting, running []int) []int
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

// Run carries out the plan. Each model is opened once for all its cells, one after the other unless Options.Place has
// several side by side; samples stream through a bounded channel to the workers, so memory does not grow with the suite.
//
// A request that fails becomes a record of outcome error. Run ends early on a failure of the plan, the
// sink or the context, and on an error that every further request would meet too (no key, no such model,
// nothing left to spend, a server that answers nothing any more); what was recorded until then stays, and models beside
// the one that met it end what they have in flight. A drained run ends with ErrStopped.
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
	drain, stop := drainToo(o.Drain)
	defer stop()
	o.Drain = drain
	expected := &sums{cells: make([]*runlog.CellSum, len(cells))}
	side := &sideBySide{place: o.Place, done: make(chan ended)}
	for i := range p.Models {
		side.waiting = append(side.waiting, i)
	}
	var total Summary
	var first error
	for {
		for _, i := range side.next(first != nil) {
			r := &modelRun{plan: p, model: p.Models[i], info: infos[i], cells: cells, expected: expected, opener: opener, sink: sink, opts: o}
			side.begin(ctx, i, r)
		}
		if len(side.running) == 0 {
			break
		}
		r, err := side.await()
		total.Recorded += int(r.recorded.Load())
		total.Skipped += int(r.skipped.Load())
		total.Errors += int(r.errors.Load())
		if err != nil && (first == nil || errors.Is(first, ErrStopped) && !errors.Is(err, ErrStopped)) {
			first = err
		}
		if err != nil {
			stop() // for the models beside it: they are not to lose what they have in flight
		}
	}
	side.all.Wait()
	total.Drained = errors.Is(first, ErrStopped)
	return total, first
}

// drainToo gives a channel that is closed with drain or by stop, which may be called twice and releases what waits.
func drainToo(drain <-chan struct{}) (both <-chan struct{}, stop func()) {
	out, over := make(chan struct{}), make(chan struct{})
	var wait conc.WaitGroup
	wait.Go(func() {
		defer close(out)
		select {
		case <-drain:
		case <-over:
		}
	})
	return out, sync.OnceFunc(func() { close(over); wait.Wait() })
}

// sideBySide are the models of a run that are begun and those that wait.
type sideBySide struct {
	place            Placer // nil has one at a time
	waiting, running []int
	done             chan ended
	all              conc.WaitGroup
}

// ended is a model's end.
type ended struct {
	model int
	run   *modelRun
	err   error
}

// next takes the models to begin now from those that wait; none where the run is over.
func (s *sideBySide) next(over bool) []int {
	if over || len(s.waiting) == 0 {
		return nil
	}
	var start []int
	if s.place != nil {
		start = s.place.Next(slices.Clone(s.waiting), slices.Clone(s.running))
	}
	if len(start) == 0 && len(s.running) == 0 {
		start = s.waiting[:1]
	}
	start = slices.Clone(start)
	s.waiting = slices.DeleteFunc(s.waiting, func(i int) bool { return slices.Contains(start, i) })
	return start
}

func (s *sideBySide) begin(ctx context.Context, i int, r *modelRun) {
	s.running = append(s.running, i)
	s.all.Go(func() { s.done <- ended{i, r, r.run(ctx)} })
}

// await waits for the end of one model.
func (s *sideBySide) await() (*modelRun, error) {
	e := <-s.done
	s.running = slices.DeleteFunc(s.running, func(i int) bool { return i == e.model })
	return e.run, e.err
}

// sums hold what a cell's records add up to, by cell, once a model has gone through its samples; all models have the same
// samples. They spare going through those of cells that are done.
type sums struct {
	mu    sync.Mutex // guards cells
	cells []*runlog.CellSum
}

func (s *sums) of(cell int) *runlog.CellSum {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cells[cell]
}

func (s *sums) set(cell int, sum *runlog.CellSum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells[cell] = sum
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

package openai

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
)

// BatchedOptions say how requests become batches. The zero value gathers until two seconds bring no further request, asks
// for a batch's state once a minute, and keeps no journal.
type BatchedOptions struct {
	// Quiet is how long a batch waits for a further request before it is submitted; 0 is 2 s.
	Quiet time.Duration
	// Interval is the time between two looks at a batch; 0 is a minute.
	Interval time.Duration
	// Journal keeps which batch holds which request, so that another process waits for it and pays nothing twice.
	Journal BatchJournal
	// Parallel is the number of requests worth having in flight, which is also the most that one batch gets; 0 is 10,000.
	Parallel int
	// Told is told how far a batch is; nil is nobody. It is called by one goroutine at a time for each batch.
	Told func(BatchStatus)
}

// BatchJournal keeps the batches of a run. Its methods are called by one goroutine.
type BatchJournal interface {
	// Batches gives the batches that were added for a model, with the keys of their requests, in order.
	Batches(model string) ([]BatchEntry, error)
	// Add keeps a batch. It returns when the entry outlives the process.
	Add(BatchEntry) error
}

// BatchEntry is a batch in a journal.
type BatchEntry struct {
	Model string   `json:"model"`
	ID    string   `json:"id"`
	Keys  []string `json:"keys"`
}

// Batched answers requests by the Batch API: calls of Do that come together become a batch, and wait for it. A context that
// drains ends the waits, with backends.ErrDrained: the batch goes on at the server, and a later process that has the
// journal and asks the same takes its answers. The backend is closed with b.
func Batched(b *Backend, o BatchedOptions) (backends.Backend, error) {
	if o.Quiet <= 0 {
		o.Quiet = 2 * time.Second
	}
	if o.Parallel <= 0 {
		o.Parallel = 10_000
	}
	d := &batched{Backend: b, opts: o, batches: b.Batches(), calls: make(chan batchCall), quit: make(chan struct{}), known: make(map[string]string)}
	if o.Journal != nil {
		entries, err := o.Journal.Batches(b.Info().Model)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			for _, key := range e.Keys {
				d.known[key] = e.ID // a later batch asked again what an earlier one did not answer
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.work.Go(func() { d.gather(ctx) })
	return d, nil
}

type batched struct {
	*Backend
	opts    BatchedOptions
	batches *Batches
	calls   chan batchCall
	cancel  context.CancelFunc
	work    conc.WaitGroup // the gatherer and a goroutine a batch
	// known is the batch that a request is in, by its key; the gatherer's.
	known map[string]string

	once sync.Once
	quit chan struct{} // closed by Close
}

// batchCall is one call of Do.
type batchCall struct {
	key  string
	req  backends.Request
	done chan<- BatchResult // has room for one
}

// Info is the model's; a batch has generations alone, and many of them.
func (d *batched) Info() backends.Info {
	info := d.Backend.Info()
	info.Kinds, info.Parallel = []backends.Kind{backends.Generate}, d.opts.Parallel
	return info
}

// Do puts the request into a batch and waits for its answer.
func (d *batched) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	const op = "ask in a batch"
	if req.Kind != backends.Generate {
		return backends.Response{}, backends.Errorf(backends.KindUnsupported, op, "a batch has no requests of kind %q", req.Kind)
	}
	start := time.Now()
	done := make(chan BatchResult, 1)
	select {
	case d.calls <- batchCall{key: batchKey(&req), req: req, done: done}:
	case <-d.quit:
		return backends.Response{}, backends.Errorf(backends.KindClosed, op, "the model was closed")
	case <-ctx.Done():
		return backends.Response{}, fmt.Errorf("%s: %w", op, ctx.Err())
	case <-backends.Draining(ctx):
		return backends.Response{}, backends.ErrDrained
	}
	select {
	case r := <-done:
		r.Response.Latency = time.Since(start)
		return r.Response, r.Err
	case <-ctx.Done():
		return backends.Response{}, fmt.Errorf("%s: %w", op, ctx.Err())
	case <-backends.Draining(ctx):
		return backends.Response{}, backends.ErrDrained
	}
}

// Close ends the waits for batches, which go on at the server.
func (d *batched) Close() error {
	d.once.Do(func() { close(d.quit) })
	d.cancel()
	d.work.Wait()
	return d.Backend.Close()
}

// batchKey names a request by all that decides its answer.
func batchKey(req *backends.Request) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", *req))
	return hex.EncodeToString(sum[:16])
}

// gather collects calls until none comes for a while, or as many wait as are in flight at most, and makes batches of them.
func (d *batched) gather(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var open []batchCall
	for {
		select {
		case c := <-d.calls:
			open = append(open, c)
			timer.Reset(d.opts.Quiet)
			if len(open) < d.opts.Parallel {
				continue
			}
		case <-timer.C:
		case <-d.quit:
			return
		}
		d.dispatch(ctx, open)
		open = nil
	}
}

// dispatch sends calls to the batches that have their requests already, and submits the rest.
func (d *batched) dispatch(ctx context.Context, calls []batchCall) {
	there := make(map[string][]batchCall)
	var fresh []batchCall
	for _, c := range calls {
		if id, ok := d.known[c.key]; ok {
			there[id] = append(there[id], c)
			continue
		}
		fresh = append(fresh, c)
	}
	for id, waiting := range there {
		for _, c := range waiting {
			delete(d.known, c.key) // where that batch has no answer after all, asking again makes a new one
		}
		d.work.Go(func() { d.await(ctx, id, waiting) })
	}
	for len(fresh) > 0 {
		unique, waiting := sameKeys(fresh)
		id, taken, err := d.batches.Submit(ctx, unique)
		if err == nil && d.opts.Journal != nil {
			err = d.journal(id, unique[:taken])
		}
		if err != nil {
			answerAll(fresh, err)
			return
		}
		var now []batchCall
		fresh = nil
		for i, r := range unique {
			if i < taken {
				now = append(now, waiting[r.ID]...)
			} else {
				fresh = append(fresh, waiting[r.ID]...)
			}
		}
		d.work.Go(func() { d.await(ctx, id, now) })
	}
}

// sameKeys gives each request once, in order, and the calls that wait for it.
func sameKeys(calls []batchCall) (unique []BatchRequest, waiting map[string][]batchCall) {
	waiting = make(map[string][]batchCall)
	for _, c := range calls {
		if len(waiting[c.key]) == 0 {
			unique = append(unique, BatchRequest{ID: c.key, Request: c.req})
		}
		waiting[c.key] = append(waiting[c.key], c)
	}
	return unique, waiting
}

func (d *batched) journal(id string, requests []BatchRequest) error {
	e := BatchEntry{Model: d.Info().Model, ID: id}
	for _, r := range requests {
		e.Keys = append(e.Keys, r.ID)
	}
	if err := d.opts.Journal.Add(e); err != nil {
		return &backends.Error{Kind: backends.KindInternal, Op: "keep the number of batch " + id, Err: err}
	}
	return nil
}

// await waits for a batch and answers the calls.
func (d *batched) await(ctx context.Context, id string, calls []batchCall) {
	st, err := d.batches.Wait(ctx, id, d.opts.Interval, d.opts.Told)
	unique, waiting := sameKeys(calls)
	if err == nil {
		err = d.batches.Results(ctx, st, unique, func(r BatchResult) error {
			for _, c := range waiting[r.ID] {
				c.done <- r
			}
			delete(waiting, r.ID)
			return nil
		})
	}
	if err == nil {
		err = errors.New("the batch ended without a word of this request")
	}
	for _, left := range waiting {
		answerAll(left, err)
	}
}

func answerAll(calls []batchCall, err error) {
	for _, c := range calls {
		c.done <- BatchResult{ID: c.key, Err: err}
	}
}

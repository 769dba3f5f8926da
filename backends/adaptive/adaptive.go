// Package adaptive finds how many requests a model's server takes at once, and keeps to it.
//
// A Limiter stands between many callers and one server and key. It lets as many requests through as its level says, and
// moves the level by what comes back: it grows while requests are answered and more of them bring more, falls by three
// tenths where the server refuses (429, 503, 529), remembers the last level that was good and returns to it quickly. A
// server that never refuses is held at the knee of its throughput. What the server says of its limits in headers paces
// requests before it has to refuse. A hint (Retry-After) stops dispatch until then, and one request goes first; it never
// moves the level.
//
// The rules (control, knee, budget) are plain state without clocks or goroutines; core applies them to a queue. Several
// processes on one machine share a core through a socket (share.go): one of them holds it, the others ask it, and where
// it ends another takes over. Nothing here decides what a model answers, only when it is asked.
package adaptive

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/onset-eval/onset/backends"
)

// Bounds are the levels between which a limiter moves.
type Bounds struct {
	Min, Start, Max int
}

// DefaultBounds suit accounts from the smallest to large ones: slow start finds the level.
var DefaultBounds = Bounds{Min: 1, Start: 8, Max: 256}

// check fills in what is zero, and refuses what does not fit together.
func (b Bounds) check() (Bounds, error) {
	if b == (Bounds{}) {
		return DefaultBounds, nil
	}
	if b.Min < 1 || b.Min > b.Start || b.Start > b.Max {
		return b, fmt.Errorf("bounds %d-%d-%d are not 1 ≤ MIN ≤ START ≤ MAX", b.Min, b.Start, b.Max)
	}
	return b, nil
}

// Options configure a limiter. The zero value moves between DefaultBounds in this process alone.
type Options struct {
	// Name names the server in the trace, as "openai https://api.example.com"; no key belongs into it.
	Name string
	// Bounds are those of the level; zero is DefaultBounds. Min equal to Max fixes it.
	Bounds Bounds
	// GiveUp bounds the time for which requests wait on a server that answers none: past it each fails with the server's
	// last error and ErrGaveUp. 0 is half an hour. A server that has only ever failed has two minutes at most.
	GiveUp time.Duration
	// Budget is credited with the retries of refused requests once the server answers again; nil is nobody.
	Budget *backends.RetryBudget
	// Trace is told of every change of level; nil is nobody. It is called one event at a time, and must not block.
	Trace func(Event)
	// Share is how processes on this machine share the limit; nil shares with none. A limit whose level is fixed is not
	// shared.
	Share *Share
}

// Limiter keeps the load on one server, with one key, where the server is fastest. It is safe for concurrent use.
type Limiter struct {
	opts   Options
	pool   pool
	tokens estimator

	sent, succeeded, refused, failed atomic.Int64
	inFlight, waiting                atomic.Int64
}

// pool hands out slots: a core of this process, or one that processes share.
type pool interface {
	// acquire waits for a slot for a request of about that many tokens.
	acquire(ctx context.Context, tokens int) (ticket, error)
	// release gives the slot back and tells what came of it.
	release(t ticket, o outcome)
	// state is the pool's; reopened is closed when the server next answers after it refused.
	state() state
	reopened() <-chan struct{}
	// shut says that the server answers nobody now, and hopeless that this has been so for too long.
	shut() (closed, hopeless bool)
	close() error
}

// New makes a limiter. The caller closes it. Where processes cannot share a limit, for reasons of the system or of the
// folder, the error is a *NoSharingError: the caller may say so and leave Share out.
func New(o Options) (*Limiter, error) {
	bounds, err := o.Bounds.check()
	if err != nil {
		return nil, err
	}
	o.Bounds = bounds
	if o.GiveUp <= 0 {
		o.GiveUp = 30 * time.Minute
	}
	l := &Limiter{opts: o}
	if o.Share == nil || bounds.Min == bounds.Max {
		l.pool = newCore(o, nil)
		return l, nil
	}
	if l.pool, err = newShared(o); err != nil {
		return nil, err
	}
	return l, nil
}

// Close releases what the limiter holds. Requests that wait then fail with KindClosed.
func (l *Limiter) Close() error { return l.pool.close() }

// Stats is a snapshot of the limiter's state. Counts are those of this process.
func (l *Limiter) Stats() backends.Stats {
	s := l.pool.state()
	out := backends.Stats{
		Level: s.Level, Min: l.opts.Bounds.Min, Max: l.opts.Bounds.Max, Reason: s.Reason, Shared: s.Processes,
		InFlight: int(l.inFlight.Load()), Waiting: int(l.waiting.Load()),
		Sent: l.sent.Load(), Succeeded: l.succeeded.Load(), Refused: l.refused.Load(), Failed: l.failed.Load(),
		ClosedUntil: s.ClosedUntil,
	}
	if l.opts.Bounds.Min == l.opts.Bounds.Max {
		out.Min, out.Max = 0, 0
	}
	return out
}

// WrapOptions configure a model's use of a limiter.
type WrapOptions struct {
	// AttemptTimeout bounds one call from when it is sent, its wait for a slot not counted; 0 is no bound. A call that
	// outlasts it failed with KindTimeout.
	AttemptTimeout time.Duration
}

// Wrap puts the limiter before a model. It stands below Retry, so that a request gives its slot back while it waits to be
// tried again. Closing the model leaves the limiter open, for others of the same server.
func (l *Limiter) Wrap(b backends.Backend, o WrapOptions) backends.Backend {
	return &limited{Backend: b, limiter: l, opts: o}
}

type limited struct {
	backends.Backend
	limiter *Limiter
	opts    WrapOptions
}

var _ backends.Reopener = (*limited)(nil)

// Info is the model's; what is worth having in flight is the most that the limiter may come to.
func (b *limited) Info() backends.Info {
	info := b.Backend.Info()
	info.Parallel = b.limiter.opts.Bounds.Max
	return info
}

// Unwrap gives the model.
func (b *limited) Unwrap() backends.Backend { return b.Backend }

// Stats is the limiter's.
func (b *limited) Stats() backends.Stats { return b.limiter.Stats() }

// Reopened tells when the server answers again after it refused.
func (b *limited) Reopened() <-chan struct{} { return b.limiter.pool.reopened() }

// Closed says that the server answers nobody now.
func (b *limited) Closed() bool {
	closed, _ := b.limiter.pool.shut()
	return closed
}

func (b *limited) Do(ctx context.Context, req backends.Request) (resp backends.Response, err error) {
	l := b.limiter
	cost := l.tokens.estimate(req)
	l.waiting.Add(1)
	t, err := l.pool.acquire(ctx, cost)
	l.waiting.Add(-1)
	if err != nil {
		return backends.Response{}, fmt.Errorf("wait for a slot: %w", err)
	}
	l.inFlight.Add(1)
	l.sent.Add(1)
	o := outcome{Kind: lost} // what a panic leaves
	release := func() {
		l.inFlight.Add(-1)
		l.pool.release(t, o)
	}
	defer func() {
		if release != nil {
			release()
		}
	}()
	start := time.Now()
	resp, err = b.attempt(ctx, req)
	o = l.judge(ctx, req, resp, err)
	o.Duration = time.Since(start)
	release()
	release = nil
	if o.Kind.bad() {
		if _, hopeless := l.pool.shut(); hopeless {
			err = &backends.Error{
				Kind: o.Why, Op: "ask a server that answers nobody", Status: o.Status, Signals: o.Signals,
				Err: fmt.Errorf("%w: %w", backends.ErrGaveUp, err),
			}
		}
	}
	return resp, err
}

// attempt makes the call, within its own time.
func (b *limited) attempt(ctx context.Context, req backends.Request) (backends.Response, error) {
	if b.opts.AttemptTimeout <= 0 {
		return b.Backend.Do(ctx, req)
	}
	bounded, cancel := context.WithTimeout(ctx, b.opts.AttemptTimeout)
	defer cancel()
	resp, err := b.Backend.Do(bounded, req)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return backends.Response{}, backends.Errorf(backends.KindTimeout, "ask model", "no answer within %v", b.opts.AttemptTimeout)
	}
	return resp, err
}

// judge says what an answer or a failure tells of the server.
func (l *Limiter) judge(ctx context.Context, req backends.Request, resp backends.Response, err error) outcome {
	if err == nil {
		l.succeeded.Add(1)
		if resp.Cached {
			return outcome{Kind: lost} // a cache's answer says nothing of the server
		}
		o := outcome{Kind: answered, Signals: resp.Signals, Prompt: resp.Usage.PromptTokens, Completion: resp.Usage.CompletionTokens}
		if o.Prompt == 0 && o.Completion == 0 { // the server does not count: about four bytes make a token
			o.Prompt, o.Completion = promptBytes(req)/4, len(resp.Text)/4
		} else {
			l.tokens.correct(req, resp.Usage)
		}
		return o
	}
	var e *backends.Error
	if !errors.As(err, &e) || ctx.Err() != nil {
		return outcome{Kind: lost}
	}
	o := outcome{Kind: lost, Signals: e.Signals, Hint: e.RetryAfter, Why: e.Kind, Status: e.Status}
	switch e.Kind {
	case backends.KindRateLimit, backends.KindOverloaded:
		l.refused.Add(1)
		o.Kind = refused
		return o
	case backends.KindTimeout:
		o.Kind = timedOut
	case backends.KindServer, backends.KindNetwork:
		o.Kind = failed
	case backends.KindInvalid, backends.KindTooLong, backends.KindRefused:
		o.Kind = rejected
	}
	l.failed.Add(1)
	return o
}

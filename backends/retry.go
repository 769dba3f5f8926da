package backends

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// RetryOptions say how often and how long to try. The zero value makes six attempts, with waits from half a second to
// a minute.
type RetryOptions struct {
	// MaxAttempts bounds the calls for one request; 0 is 6, 1 never retries.
	MaxAttempts int
	// AttemptTimeout bounds one call, its wait for a Limit below included; 0 is no bound. A call that outlasts it failed
	// with KindTimeout.
	AttemptTimeout time.Duration
	// MinWait and MaxWait bound the waits, which double from the one to the other with half of jitter; 0 is 500 ms and
	// 60 s. A wait that the backend asked for (Error.RetryAfter) is kept as it is.
	MinWait, MaxWait time.Duration
	// Budget bounds retries to a share of the traffic; nil bounds them by MaxAttempts alone.
	Budget *RetryBudget
}

// ErrGaveUp marks a failure that is final though its kind passes: whoever paces requests has seen no success for so long
// that trying again is of no use.
var ErrGaveUp = errors.New("gave up")

// Reopener is a backend that knows whether its server answers at all. Retry asks the one it wraps.
type Reopener interface {
	// Reopened gives a channel that is closed when the server next answers after it refused.
	Reopened() <-chan struct{}
	// Closed says that the server answers nobody now, and that few requests are tried until it does. Failures then tell
	// nothing of the request: they do not count towards RetryOptions.MaxAttempts, and the end is ErrGaveUp.
	Closed() bool
}

// Retry makes requests again that failed for a reason which passes, after a wait. It sets Response.Attempts and
// Error.Attempts to the number of calls made. The end of the context ends a wait; the error is then the context's, and
// tells the last failure. A drain ends it with ErrDrained.
//
// A wait that the backend asked for is kept in full. Another one ends early where the backend is a Reopener and its
// server answers again, but not before MinWait for each attempt made, so that a request which alone is refused, as one
// too large for what is left, does not use up its attempts while others succeed.
func Retry(b Backend, o RetryOptions) Backend {
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 6
	}
	if o.MinWait <= 0 {
		o.MinWait = 500 * time.Millisecond
	}
	if o.MaxWait <= 0 {
		o.MaxWait = time.Minute
	}
	return &retry{Backend: b, opts: o}
}

type retry struct {
	Backend
	opts    RetryOptions
	retried atomic.Int64
}

// Unwrap gives the model.
func (r *retry) Unwrap() Backend { return r.Backend }

func (r *retry) addStats(s *Stats) { s.Retried += r.retried.Load() }

func (r *retry) Do(ctx context.Context, req Request) (Response, error) {
	waits := &backoff.ExponentialBackOff{
		InitialInterval: r.opts.MinWait, MaxInterval: r.opts.MaxWait, Multiplier: 2, RandomizationFactor: 0.5,
	}
	waits.Reset()
	r.opts.Budget.earn(1)
	tries := 0 // of those attempts that count
	for attempt := 1; ; attempt++ {
		reopened := r.reopened()
		resp, err := r.attempt(ctx, req)
		if err == nil {
			resp.Attempts = attempt
			return resp, nil
		}
		if ctx.Err() != nil || !KindOf(err).Temporary() || errors.Is(err, ErrGaveUp) {
			return Response{}, counted(err, attempt)
		}
		if !r.closed() {
			tries++
		}
		if tries >= r.opts.MaxAttempts || r.opts.MaxAttempts == 1 {
			return Response{}, counted(err, attempt)
		}
		wait := pause{length: min(waits.NextBackOff(), r.opts.MaxWait), least: time.Duration(attempt) * r.opts.MinWait, early: reopened}
		var e *Error
		if errors.As(err, &e) && e.RetryAfter > 0 {
			wait = pause{length: e.RetryAfter}
		}
		if ended := wait.wait(ctx); ended != nil {
			return Response{}, fmt.Errorf("wait to try again after %d attempts (%s): %w", attempt, err.Error(), ended)
		}
		if !r.opts.Budget.spend(ctx) {
			if ended := over(ctx); ended != nil {
				return Response{}, fmt.Errorf("wait to try again after %d attempts (%s): %w", attempt, err.Error(), ended)
			}
			return Response{}, counted(&Error{Kind: KindOf(err), Op: "try again", Err: fmt.Errorf("too many requests fail for more retries: %w", err)}, attempt)
		}
		r.retried.Add(1)
	}
}

// reopened gives the channel that ends back-offs early; nil where the backend tells nothing.
func (r *retry) reopened() <-chan struct{} {
	if o, ok := r.Backend.(Reopener); ok {
		return o.Reopened()
	}
	return nil
}

func (r *retry) closed() bool {
	o, ok := r.Backend.(Reopener)
	return ok && o.Closed()
}

// pause is a wait for a time, which early may end once least of it has passed.
type pause struct {
	length, least time.Duration
	early         <-chan struct{}
}

// wait waits, and gives what ended the wait before its time: the context's error or ErrDrained.
func (p pause) wait(ctx context.Context) error {
	whole, least := time.NewTimer(p.length), time.NewTimer(min(p.least, p.length))
	defer whole.Stop()
	defer least.Stop()
	var early <-chan struct{}
	for {
		select {
		case <-whole.C:
			return nil
		case <-least.C:
			early = p.early
		case <-early:
			return nil
		case <-Draining(ctx):
			return ErrDrained
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// over gives the reason for which nothing more is to be asked; nil where there is none.
func over(ctx context.Context) error {
	select {
	case <-Draining(ctx):
		return ErrDrained
	default:
		return ctx.Err()
	}
}

// attempt makes one call, within its own time.
func (r *retry) attempt(ctx context.Context, req Request) (Response, error) {
	if r.opts.AttemptTimeout <= 0 {
		return r.Backend.Do(ctx, req)
	}
	bounded, cancel := context.WithTimeout(ctx, r.opts.AttemptTimeout)
	defer cancel()
	resp, err := r.Backend.Do(bounded, req)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return Response{}, Errorf(KindTimeout, "ask model", "no answer within %v", r.opts.AttemptTimeout)
	}
	return resp, err
}

// counted notes the number of attempts in an *Error; another error stays as it is.
func counted(err error, attempts int) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Attempts = attempts
	return &c
}

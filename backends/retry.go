package backends

import (
	"context"
	"errors"
	"fmt"
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
}

// Retry makes requests again that failed for a reason which passes, after a wait. It sets Response.Attempts and
// Error.Attempts to the number of calls made. The end of the context ends a wait; the error is then the context's, and
// tells the last failure.
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
	return &retry{b, o}
}

type retry struct {
	Backend
	opts RetryOptions
}

func (r *retry) Do(ctx context.Context, req Request) (Response, error) {
	waits := &backoff.ExponentialBackOff{
		InitialInterval: r.opts.MinWait, MaxInterval: r.opts.MaxWait, Multiplier: 2, RandomizationFactor: 0.5,
	}
	waits.Reset()
	for attempt := 1; ; attempt++ {
		resp, err := r.attempt(ctx, req)
		if err == nil {
			resp.Attempts = attempt
			return resp, nil
		}
		if ctx.Err() != nil || !KindOf(err).Temporary() || attempt >= r.opts.MaxAttempts {
			return Response{}, counted(err, attempt)
		}
		var e *Error
		wait := min(waits.NextBackOff(), r.opts.MaxWait)
		if errors.As(err, &e) && e.RetryAfter > 0 {
			wait = e.RetryAfter
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Response{}, fmt.Errorf("wait to try again after %d attempts (%s): %w", attempt, err.Error(), ctx.Err())
		}
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

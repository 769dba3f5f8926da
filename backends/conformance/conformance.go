// Package conformance holds a model against the promises of backends.Backend. backendtest runs its checks as Go tests, and
// the command onset backend test on any model that onset can open.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/onset-eval/onset/backends"
)

// Options describe the backend under test. Prompts is required.
type Options struct {
	// Prompts are prompts that the model takes, at least two, the first of which it continues with several tokens.
	Prompts []string
	// Additive says that a text's tokens do not depend on where it is cut, so that log P(ab|c) = log P(a|c) + log P(b|ca).
	Additive bool
	// OneModel says that scores are of the distribution which texts are generated from, as those of real models are.
	OneModel bool
	// Tolerance is the largest difference of log-probabilities that should be the same, in nats.
	Tolerance float64
	// Unseeded says that a draw cannot be made again: the model takes no seed.
	Unseeded bool
	// StopHidden says that the API does not tell a stop string from the text's own end.
	StopHidden bool
	// Temperature is the one at which draws differ; 0 is 2.
	Temperature float64
	// Timeout bounds each check; 0 is no bound.
	Timeout time.Duration
}

// Result is what a check found.
type Result struct {
	Check  Check
	Status Status
	// Err says how the promise is broken, or why it was not checked; nil where it is kept.
	Err  error
	Took time.Duration
}

// Status is the end of a check.
type Status string

// The ends of a check.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped" // the backend does not serve what the promise is about
)

// ErrNotPromised says that a check is about something that the options do not promise.
var ErrNotPromised = errors.New("the options do not promise it")

// ErrStuck says that a check did not end within its time, nor when its context did.
var ErrStuck = errors.New("a request does not return when its context ends")

// Run runs the checks one after the other and gives each result to each, as it comes. open opens the backend anew for each
// check; a failure to do so ends the run with that error, and so do the end of ctx and a check that is stuck.
func Run(ctx context.Context, open func(context.Context) (backends.Backend, error), o Options, each func(Result)) error {
	for _, c := range Checks() {
		b, err := open(ctx)
		if err != nil {
			return err
		}
		r := c.Run(ctx, b, o)
		each(r)
		if errors.Is(r.Err, ErrStuck) {
			return fmt.Errorf("check %s: %w", c.Name, r.Err) // its Close would wait for the request
		}
		if err := b.Close(); err != nil && r.Status == Passed {
			return fmt.Errorf("close after the check %s: %w", c.Name, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// RunOn runs checks on one backend, one after the other, and closes it. Of the backend's end it gives the error, and of ctx
// and of a check that is stuck.
func RunOn(ctx context.Context, b backends.Backend, checks []Check, o Options, each func(Result)) error {
	for _, c := range checks {
		r := c.Run(ctx, b, o)
		if ctx.Err() != nil && r.Status == Failed {
			break // the end of the context is no failure of the backend
		}
		each(r)
		if errors.Is(r.Err, ErrStuck) {
			return fmt.Errorf("check %s: %w", c.Name, r.Err)
		}
	}
	return errors.Join(ctx.Err(), b.Close())
}

// Run runs one check on a backend.
func (c Check) Run(ctx context.Context, b backends.Backend, o Options) Result {
	r := Result{Check: c}
	if !serves(b, c.kinds) {
		r.Status, r.Err = Skipped, fmt.Errorf("it does not serve %v", c.kinds)
		return r
	}
	start := time.Now()
	r.Err = c.within(ctx, b, o)
	r.Took = time.Since(start)
	switch {
	case r.Err == nil:
		r.Status = Passed
	case errors.Is(r.Err, ErrNotPromised):
		r.Status = Skipped
	default:
		r.Status = Failed
	}
	return r
}

// patience is how long a check may go on when its context has ended.
const patience = 10 * time.Second

// within runs the check in its time. A check that does not end is left behind: its backend is not usable any more.
func (c Check) within(ctx context.Context, b backends.Backend, o Options) error {
	if o.Timeout <= 0 {
		return c.run(ctx, b, o)
	}
	bounded, cancel := context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("the check did not end within %v", o.Timeout))
	defer cancel()
	done := make(chan error, 1)
	go func() {
		var err error
		if caught := panics.Try(func() { err = c.run(bounded, b, o) }); caught != nil {
			err = fmt.Errorf("it panics: %w", caught.AsError())
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-bounded.Done():
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		if ctx.Err() == nil && err != nil {
			err = fmt.Errorf("%w: %w", context.Cause(bounded), err)
		}
		return err
	case <-timer.C:
		return fmt.Errorf("%w: %w", context.Cause(bounded), ErrStuck)
	}
}

func serves(b backends.Backend, kinds []backends.Kind) bool {
	return !slices.ContainsFunc(kinds, func(k backends.Kind) bool { return !b.Info().Serves(k) })
}

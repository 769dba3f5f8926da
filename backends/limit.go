package backends

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// LimitOptions bound the load on a model. The zero value bounds nothing.
type LimitOptions struct {
	// InFlight bounds the requests under way; 0 is no bound.
	InFlight int
	// PerSecond bounds the requests started a second, over time; 0 is no bound. Burst may start at once; 0 is 1.
	PerSecond float64
	Burst     int
}

// Limit keeps the load on a model within bounds: a call waits for its turn, or for the end of its context. Below Retry,
// a request gives its slot back while it waits to be tried again.
func Limit(b Backend, o LimitOptions) Backend {
	l := &limit{Backend: b}
	if o.InFlight > 0 {
		l.slots = make(chan struct{}, o.InFlight)
	}
	if o.PerSecond > 0 {
		l.rate = rate.NewLimiter(rate.Limit(o.PerSecond), max(1, o.Burst))
	}
	return l
}

type limit struct {
	Backend
	slots   chan struct{}
	rate    *rate.Limiter
	waiting atomic.Int64
}

// Unwrap gives the model.
func (l *limit) Unwrap() Backend { return l.Backend }

func (l *limit) addStats(s *Stats) {
	s.Level, s.InFlight, s.Waiting = cap(l.slots), len(l.slots), int(l.waiting.Load())
}

// Info is the model's; what is worth having in flight is no more than the slots.
func (l *limit) Info() Info {
	info := l.Backend.Info()
	if l.slots != nil {
		info.Parallel = min(max(1, info.Parallel), cap(l.slots))
	}
	return info
}

func (l *limit) Do(ctx context.Context, req Request) (Response, error) {
	if l.slots != nil {
		if err := l.takeSlot(ctx); err != nil {
			return Response{}, fmt.Errorf("wait for a slot: %w", err)
		}
		defer func() { <-l.slots }()
	}
	if l.rate != nil {
		if err := l.waitTurn(ctx); err != nil {
			return Response{}, fmt.Errorf("wait for the rate limit: %w", err)
		}
	}
	return l.Backend.Do(ctx, req)
}

func (l *limit) takeSlot(ctx context.Context) error {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-Draining(ctx):
		return ErrDrained
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waitTurn waits as rate.Limiter.Wait does, but to the end of the context where that comes first: Wait fails at once then,
// with an error that is not the context's and so reads as a defect.
func (l *limit) waitTurn(ctx context.Context) error {
	turn := l.rate.Reserve()
	timer := time.NewTimer(turn.Delay())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-Draining(ctx):
		turn.Cancel()
		return ErrDrained
	case <-ctx.Done():
		turn.Cancel()
		return ctx.Err()
	}
}

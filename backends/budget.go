package backends

import (
	"context"
	"sync"
	"time"
)

// RetryBudget bounds retries to a share of the traffic, so that a server in trouble does not meet more load the worse it
// does. It may be shared by many models of one server, and used by many goroutines. A retry that the budget does not
// allow yet waits until new requests, or time, have earned it.
type RetryBudget struct {
	opts RetryBudgetOptions

	mu     sync.Mutex // guards what follows
	tokens float64
	at     time.Time
	earned chan struct{} // closed and replaced when new traffic makes a whole retry possible
}

// RetryBudgetOptions say how many retries there may be. The zero value allows one retry for ten requests, ten at once
// for runs too small to earn any, and one a second whatever the traffic.
type RetryBudgetOptions struct {
	// Share is the number of retries that one new request earns; 0 is 0.1.
	Share float64
	// Floor is the number of retries there may be before any is earned, and the most that are saved up; 0 is 10.
	Floor int
	// PerSecond is the number of retries that time earns a second; 0 is 1.
	PerSecond float64
	// Patience bounds a retry's wait for the budget, past which its request fails as it did; 0 is half an hour.
	Patience time.Duration
}

// NewRetryBudget makes a budget.
func NewRetryBudget(o RetryBudgetOptions) *RetryBudget {
	if o.Share <= 0 {
		o.Share = 0.1
	}
	if o.Floor <= 0 {
		o.Floor = 10
	}
	if o.PerSecond <= 0 {
		o.PerSecond = 1
	}
	if o.Patience <= 0 {
		o.Patience = 30 * time.Minute
	}
	return &RetryBudget{opts: o, tokens: float64(o.Floor), at: time.Now(), earned: make(chan struct{})}
}

// earn counts n new requests.
func (b *RetryBudget) earn(n int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	before := b.tokens
	// What is saved up is bounded: an hour of good answers does not pay for a minute of nothing but retries.
	b.tokens = max(b.tokens, min(b.tokens+b.opts.Share*float64(n), float64(b.opts.Floor)))
	if before < 1 && b.tokens >= 1 {
		close(b.earned)
		b.earned = make(chan struct{})
	}
}

// Credit allows n retries at once: those of requests that a server did not answer for a while which is over.
func (b *RetryBudget) Credit(n int) {
	if b == nil || n <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	b.tokens += float64(n)
	close(b.earned)
	b.earned = make(chan struct{})
}

func (b *RetryBudget) refill() {
	now := time.Now()
	b.tokens = max(b.tokens, min(b.tokens+b.opts.PerSecond*now.Sub(b.at).Seconds(), float64(b.opts.Floor)))
	b.at = now
}

// spend takes a retry out of the budget, and waits for it where there is none. It reports false where the wait is over
// the budget's patience or the context or the drain ended it.
func (b *RetryBudget) spend(ctx context.Context) bool {
	if b == nil {
		return true
	}
	end := time.Now().Add(b.opts.Patience)
	for {
		b.mu.Lock()
		b.refill()
		if b.tokens >= 1-1e-9 {
			b.tokens--
			b.mu.Unlock()
			return true
		}
		wait := time.Duration((1 - b.tokens) / b.opts.PerSecond * float64(time.Second))
		earned := b.earned
		b.mu.Unlock()
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		timer := time.NewTimer(min(wait, left))
		select {
		case <-timer.C:
		case <-earned:
		case <-Draining(ctx):
			timer.Stop()
			return false
		case <-ctx.Done():
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

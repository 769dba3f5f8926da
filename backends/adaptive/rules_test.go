package adaptive_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/onset-eval/onset/backends"
)

// The rules of other harnesses, written anew from descriptions of them (their code of August 2026), to be driven over the
// same simulated servers. They hold calls back by a level and retry by themselves.

// semaphore is a bound on calls in flight that moves.
type semaphore struct {
	mu    sync.Mutex // guards what follows
	limit int
	used  int
	peak  int
	wait  []chan struct{}
}

func (s *semaphore) take(ctx context.Context) error {
	s.mu.Lock()
	if s.used < s.limit {
		s.used++
		s.peak = max(s.peak, s.used)
		s.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	s.wait = append(s.wait, turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *semaphore) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	s.wake()
}

// wake lets in whom the limit allows; it holds mu.
func (s *semaphore) wake() {
	for s.used < s.limit && len(s.wait) > 0 {
		close(s.wait[0])
		s.wait = s.wait[1:]
		s.used++
		s.peak = max(s.peak, s.used)
	}
}

// ruled is a model behind another harness's rules.
type ruled interface {
	backends.Backend
	// level is the present bound; refuse and succeed feed the controller alone.
	level() int
	refuse(hint time.Duration)
	succeed()
}

// inspect is Inspect's controller before the fix of its issue 5137, with its defaults: 10 to 100, starting at 20.
type inspect struct {
	backends.Backend
	sem semaphore

	mu       sync.Mutex // guards what follows
	least    int
	clean    int
	cooldown time.Time
	cut      bool // slow start is over
	fixed    bool // issue 5137 mended: hints do not prolong the cooldown
}

func newInspect(b backends.Backend, least int, mended bool) *inspect {
	return &inspect{Backend: b, least: least, sem: semaphore{limit: 20}, fixed: mended}
}

func (c *inspect) level() int {
	c.sem.mu.Lock()
	defer c.sem.mu.Unlock()
	return c.sem.limit
}

// refuse cuts by a fifth, to a multiple of 5, at most once in 15 s; a hint prolongs that time at every refusal.
func (c *inspect) refuse(hint time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	cooled := !now.Before(c.cooldown)
	c.clean = 0
	if cooled || !c.fixed && now.Add(hint).After(c.cooldown) {
		c.cooldown = now.Add(15 * time.Second)
		if !c.fixed {
			c.cooldown = now.Add(max(hint, 15*time.Second))
		}
	}
	if !cooled {
		return
	}
	c.cut = true
	c.sem.mu.Lock()
	defer c.sem.mu.Unlock()
	c.sem.limit = max(c.least, int(0.8*float64(c.sem.limit))/5*5)
	c.sem.peak = c.sem.used
}

// succeed counts a clean round of as many successes as the limit: twice the limit before the first cut, then 5 % more,
// rounded up to a multiple of 5. Successes within the cooldown do not count.
func (c *inspect) succeed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.cooldown) {
		return
	}
	c.clean++
	c.sem.mu.Lock()
	defer c.sem.mu.Unlock()
	if c.clean < max(c.sem.limit, 4) {
		return
	}
	c.clean = 0
	if 5*c.sem.peak < 4*c.sem.limit {
		return
	}
	next := 2 * c.sem.limit
	if c.cut {
		next = (int(math.Ceil(1.05*float64(c.sem.limit))) + 4) / 5 * 5
	}
	c.sem.limit = min(100, next)
	c.sem.peak = c.sem.used
	c.sem.wake()
}

// Do holds its slot while it waits to try again, for ever if need be: 3 s doubling to 30 min with jitter, or the hint.
func (c *inspect) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	if err := c.sem.take(ctx); err != nil {
		return backends.Response{}, err
	}
	defer c.sem.give()
	wait := 3 * time.Second
	for {
		resp, err := c.Backend.Do(ctx, req)
		if err == nil {
			c.succeed()
			return resp, nil
		}
		var e *backends.Error
		if !errors.As(err, &e) || !e.Kind.Temporary() {
			return resp, err
		}
		if e.Status == 429 {
			c.refuse(e.RetryAfter)
		} else {
			c.mu.Lock()
			c.clean = 0
			c.mu.Unlock()
		}
		pause := time.Duration(rand.Float64() * float64(wait))
		if e.RetryAfter > 0 {
			pause = e.RetryAfter
		}
		wait = min(2*wait, 30*time.Minute)
		if err := after(ctx, pause, nil); err != nil {
			return resp, err
		}
	}
}

// promptfoo is promptfoo's scheduler: from its bound of calls downwards and back.
type promptfoo struct {
	backends.Backend
	sem semaphore

	mu      sync.Mutex // guards what follows
	most    int
	row     int
	mean    float64
	last    []float64
	waiting int // completions before the latency is heeded again
}

func newPromptfoo(b backends.Backend, most int) *promptfoo {
	return &promptfoo{Backend: b, most: most, sem: semaphore{limit: most}}
}

func (c *promptfoo) level() int {
	c.sem.mu.Lock()
	defer c.sem.mu.Unlock()
	return c.sem.limit
}

func (c *promptfoo) scale(by float64) {
	c.sem.mu.Lock()
	defer c.sem.mu.Unlock()
	if by > 1 {
		c.sem.limit = min(c.most, int(math.Ceil(by*float64(c.sem.limit))))
	} else {
		c.sem.limit = max(1, int(by*float64(c.sem.limit)))
	}
	c.sem.wake()
}

func (c *promptfoo) refuse(time.Duration) {
	c.mu.Lock()
	c.row = 0
	c.mu.Unlock()
	c.scale(0.5)
}

func (c *promptfoo) succeed() {
	c.mu.Lock()
	c.row++
	grow := c.row >= 5
	if grow {
		c.row = 0
	}
	c.mu.Unlock()
	if grow {
		c.scale(1.5)
	}
}

// heed takes the headers and the latency of an answer.
func (c *promptfoo) heed(s *backends.Signals, d time.Duration) {
	if s != nil && s.TokensLimit > 0 {
		if share := float64(s.TokensRemaining) / float64(s.TokensLimit); share < 0.1 {
			c.scale(0.2 + 4*share)
		}
	}
	c.mu.Lock()
	x := d.Seconds()
	if c.mean == 0 {
		c.mean = x
	}
	c.mean += 0.2 * (x - c.mean)
	c.last = append(c.last, x)
	if len(c.last) > 20 {
		c.last = c.last[1:]
	}
	least := c.last[0]
	for _, v := range c.last {
		least = min(least, v)
	}
	slow := c.mean > 1.5*least && len(c.last) == 20 && c.waiting <= 0
	c.waiting--
	if slow {
		c.waiting = c.level()
	}
	c.mu.Unlock()
	if slow {
		c.scale(0.8)
	}
}

// Do tries three times again, after 1 s doubling with a fifth of jitter, or the hint, but a minute at most. Waiting five
// minutes for a slot is an error.
func (c *promptfoo) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	wait := time.Second
	for attempt := 0; ; attempt++ {
		queue, cancel := context.WithTimeout(ctx, 5*time.Minute)
		err := c.sem.take(queue)
		cancel()
		if err != nil {
			return backends.Response{}, err
		}
		start := time.Now()
		resp, err := c.Backend.Do(ctx, req)
		c.sem.give()
		if err == nil {
			c.succeed()
			c.heed(resp.Signals, time.Since(start))
			return resp, nil
		}
		var e *backends.Error
		if !errors.As(err, &e) || !e.Kind.Temporary() || attempt == 3 {
			return resp, err
		}
		pause := time.Duration((0.9 + 0.2*rand.Float64()) * float64(wait))
		if e.Status == 429 {
			c.refuse(e.RetryAfter)
			c.heed(e.Signals, time.Since(start))
			if e.RetryAfter > 0 {
				pause = min(e.RetryAfter, time.Minute)
			}
		}
		wait = min(2*wait, time.Minute)
		if err := after(ctx, pause, nil); err != nil {
			return resp, err
		}
	}
}

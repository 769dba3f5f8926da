package backends_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/scripted"
)

// flaky fails every n-th call.
func flaky(n int) backends.Backend {
	var mu sync.Mutex
	calls := 0
	return scripted.New(scripted.Options{
		Answer: func(string, int) (string, error) { return "ok", nil },
		Before: func(context.Context, backends.Request) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls%n == 0 {
				return backends.Errorf(backends.KindServer, "ask", "out of order")
			}
			return nil
		},
	})
}

// TestRetryBudgetIsAShare makes a thousand requests of which a twentieth fails: the budget lets all be tried again, and a
// stat tells how many were.
func TestRetryBudgetIsAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backends.Retry(flaky(20), backends.RetryOptions{Budget: backends.NewRetryBudget(backends.RetryBudgetOptions{})})
		start := time.Now()
		for range 1000 {
			if _, err := b.Do(t.Context(), ask); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d > time.Minute { // 52 back-offs of half a second, and no wait for the budget
			t.Errorf("it took %v", d)
		}
		s, ok := backends.StatsOf(b)
		if !ok || s.Retried < 45 || s.Retried > 60 {
			t.Errorf("the stats are %+v, %v", s, ok)
		}
	})
}

// TestRetryBudgetHoldsBack fails everything: retries beyond the floor go no faster than one a second, and a wait past the
// budget's patience ends as the failure that it was.
func TestRetryBudgetHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var calls []time.Duration
		start := time.Now()
		down := scripted.New(scripted.Options{
			Answer: func(string, int) (string, error) { return "", nil },
			Before: func(context.Context, backends.Request) error {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, time.Since(start))
				return backends.Errorf(backends.KindServer, "ask", "out of order")
			},
		})
		budget := backends.NewRetryBudget(backends.RetryBudgetOptions{Patience: 20 * time.Second})
		b := backends.Retry(down, backends.RetryOptions{Budget: budget})
		var wg sync.WaitGroup
		spent := 0
		for range 100 {
			wg.Go(func() {
				_, err := b.Do(t.Context(), ask)
				if backends.KindOf(err) != backends.KindServer {
					t.Errorf("a request that always fails ends with %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				if strings.Contains(err.Error(), "too many requests fail") {
					spent++
				}
			})
		}
		wg.Wait()
		inTen := 0
		for _, at := range calls {
			if at > 0 && at <= 10*time.Second {
				inTen++
			}
		}
		if inTen < 15 || inTen > 31 { // ten at once, ten earned by the requests, one a second
			t.Errorf("%d retries in the first ten seconds", inTen)
		}
		if spent == 0 {
			t.Error("no request ran out of the budget's patience")
		}
	})
}

// gated is a backend that knows whether its server answers.
type gated struct {
	backends.Backend
	mu     sync.Mutex // guards what follows
	reopen chan struct{}
	shut   bool
}

func (g *gated) Reopened() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reopen
}

func (g *gated) Closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// TestReopenedWakes ends a long back-off once the server answers others, and not a wait that it asked for.
func TestReopenedWakes(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want time.Duration
	}{
		// Five back-offs of 2 to 32 s, with half of jitter, take 31 s at least; woken after 2, 4, … 10 s they take 30 at most.
		{"its own waits", backends.Errorf(backends.KindOverloaded, "ask", "busy"), 30 * time.Second},
		{"the server's waits", &backends.Error{Kind: backends.KindRateLimit, RetryAfter: time.Minute}, 5 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				g := &gated{Backend: failing(&calls, c.err, c.err, c.err, c.err, c.err), reopen: make(chan struct{})}
				b := backends.Retry(g, backends.RetryOptions{MinWait: 2 * time.Second, MaxWait: time.Hour})
				start := time.Now()
				var wg sync.WaitGroup
				wg.Go(func() {
					if _, err := b.Do(t.Context(), ask); err != nil {
						t.Error(err)
					}
					if d := time.Since(start); d > c.want || c.want > time.Minute && d < c.want {
						t.Errorf("it took %v, want %v", d, c.want)
					}
				})
				time.Sleep(time.Second / 2)
				close(g.reopen) // before the first wait is over
				wg.Wait()
			})
		})
	}
}

// TestClosedAttemptsDoNotCount fails more often than attempts are allowed while the server answers nobody, and gives up
// where the backend does.
func TestClosedAttemptsDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := backends.Errorf(backends.KindOverloaded, "ask", "busy")
		calls := 0
		g := &gated{Backend: failing(&calls, busy, busy, busy, busy, busy, busy, busy, busy), shut: true}
		resp, err := backends.Retry(g, backends.RetryOptions{MaxAttempts: 3}).Do(t.Context(), ask)
		if err != nil || resp.Attempts != 9 {
			t.Errorf("%d attempts and %v", resp.Attempts, err)
		}
		calls = 0
		gone := &backends.Error{Kind: backends.KindOverloaded, Err: backends.ErrGaveUp}
		g = &gated{Backend: failing(&calls, busy, gone, busy), shut: true}
		_, err = backends.Retry(g, backends.RetryOptions{}).Do(t.Context(), ask)
		if !errors.Is(err, backends.ErrGaveUp) || backends.KindOf(err) != backends.KindOverloaded || calls != 2 {
			t.Errorf("%d calls and %v", calls, err)
		}
	})
}

// TestDrainEndsWaits ends back-offs and waits for slots and turns, and no call under way.
func TestDrainEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drain := make(chan struct{})
		ctx := backends.WithDrain(t.Context(), drain)
		slow := scripted.New(scripted.Options{
			Answer: func(string, int) (string, error) { return "ok", nil },
			Before: func(_ context.Context, r backends.Request) error {
				time.Sleep(time.Minute)
				if r.Draw == 1 {
					return &backends.Error{Kind: backends.KindRateLimit, RetryAfter: time.Hour}
				}
				return nil
			},
		})
		b := backends.Retry(backends.Limit(slow, backends.LimitOptions{InFlight: 2}), backends.RetryOptions{})
		ends := make(map[int]error)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for draw := range 4 {
			wg.Go(func() {
				_, err := b.Do(ctx, backends.Request{Kind: backends.Generate, Draw: draw})
				mu.Lock()
				defer mu.Unlock()
				ends[draw] = err
			})
			synctest.Wait()
		}
		if s, ok := backends.StatsOf(b); !ok || s.Level != 2 || s.InFlight != 2 || s.Waiting != 2 {
			t.Errorf("the stats are %+v, %v", s, ok)
		}
		close(drain)
		wg.Wait()
		for draw, want := range []error{nil, backends.ErrDrained, backends.ErrDrained, backends.ErrDrained} {
			if !errors.Is(ends[draw], want) || want == nil && ends[draw] != nil {
				t.Errorf("request %d ends with %v, want %v", draw, ends[draw], want)
			}
		}
		if _, ok := backends.StatsOf(slow); ok {
			t.Error("a bare model has stats")
		}
	})
}

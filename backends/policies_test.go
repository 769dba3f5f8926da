package backends_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/scripted"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failing answers "ok", after as many failures as are listed.
func failing(calls *int, failures ...error) backends.Backend {
	var mu sync.Mutex
	return scripted.New(scripted.Options{
		Answer: func(string, int) (string, error) { return "ok", nil },
		Before: func(context.Context, backends.Request) error {
			mu.Lock()
			defer mu.Unlock()
			*calls++
			if *calls <= len(failures) {
				return failures[*calls-1]
			}
			return nil
		},
	})
}

var ask = backends.Request{Kind: backends.Generate, Prompt: "p"}

func TestRetry(t *testing.T) {
	busy := backends.Errorf(backends.KindOverloaded, "ask", "busy")
	for _, c := range []struct {
		name       string
		failures   []error
		opts       backends.RetryOptions
		calls      int
		kind       backends.ErrorKind // of the error; "" for success
		least, end time.Duration      // bounds on the time that passes
	}{
		{"success at once", nil, backends.RetryOptions{}, 1, "", 0, 0},
		{"two passing failures", []error{busy, busy}, backends.RetryOptions{}, 3, "", 750 * time.Millisecond, 2250 * time.Millisecond},
		{"a failure that lasts", []error{backends.Errorf(backends.KindAuth, "ask", "no key")}, backends.RetryOptions{}, 1, backends.KindAuth, 0, 0},
		{"too many failures", []error{busy, busy, busy}, backends.RetryOptions{MaxAttempts: 3}, 3, backends.KindOverloaded, 750 * time.Millisecond, 2250 * time.Millisecond},
		{"the wait that is asked for", []error{&backends.Error{Kind: backends.KindRateLimit, RetryAfter: 89 * time.Second}}, backends.RetryOptions{}, 2, "", 89 * time.Second, 89 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, start := 0, time.Now()
				resp, err := backends.Retry(failing(&calls, c.failures...), c.opts).Do(t.Context(), ask)
				if backends.KindOf(err) != c.kind || calls != c.calls {
					t.Fatalf("%d calls and %v, want %d and kind %q", calls, err, c.calls, c.kind)
				}
				var e *backends.Error
				if err == nil && resp.Attempts != calls || errors.As(err, &e) && e.Attempts != calls {
					t.Errorf("%d calls are told as %d and %+v", calls, resp.Attempts, e)
				}
				if d := time.Since(start); d < c.least || d > c.end {
					t.Errorf("it took %v, want %v to %v", d, c.least, c.end)
				}
			})
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		calls := 0
		_, err := backends.Retry(failing(&calls, &backends.Error{Kind: backends.KindRateLimit, RetryAfter: time.Hour}), backends.RetryOptions{}).Do(ctx, ask)
		if !errors.Is(err, context.DeadlineExceeded) || backends.KindOf(err) != "" || calls != 1 {
			t.Errorf("%d calls and %v, want the context's error", calls, err)
		}
	})
}

func TestRetryBoundsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := backends.Errorf(backends.KindOverloaded, "ask", "busy")
		for range 100 { // jitter would exceed the bound in a quarter of them
			calls, start := 0, time.Now()
			_, err := backends.Retry(failing(&calls, busy), backends.RetryOptions{MinWait: time.Second, MaxWait: time.Second}).Do(t.Context(), ask)
			if d := time.Since(start); err != nil || d > time.Second {
				t.Fatalf("a wait of %v, %v; want at most 1 s", d, err)
			}
		}
	})
}

// TestRateLimitOutlastsAnAttempt sees that a turn which does not come in an attempt's time is a failure that passes.
func TestRateLimitOutlastsAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b := backends.Retry(backends.Limit(failing(&calls), backends.LimitOptions{PerSecond: 1}), backends.RetryOptions{AttemptTimeout: time.Second / 2})
		for range 4 {
			if _, err := b.Do(t.Context(), ask); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRateLimitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b := backends.Limit(failing(&calls), backends.LimitOptions{PerSecond: 1})
		if _, err := b.Do(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/4)
		defer cancel()
		if _, err := b.Do(ctx, ask); !errors.Is(err, context.DeadlineExceeded) || calls != 1 {
			t.Errorf("%d calls and %v, want the context's error", calls, err)
		}
		start := time.Now()
		if _, err := b.Do(t.Context(), ask); err != nil || time.Since(start) != 3*time.Second/4 {
			t.Errorf("the turn that was given up is not free again: %v, %v", time.Since(start), err)
		}
	})
}

func TestRetryBoundsAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := scripted.New(scripted.Options{
			Answer: func(string, int) (string, error) { return "", nil },
			Before: func(ctx context.Context, _ backends.Request) error { <-ctx.Done(); return ctx.Err() },
		})
		_, err := backends.Retry(stuck, backends.RetryOptions{MaxAttempts: 2, AttemptTimeout: time.Second}).Do(t.Context(), ask)
		if backends.KindOf(err) != backends.KindTimeout {
			t.Errorf("a model that never answers gives %v, want an error of kind timeout", err)
		}
	})
}

func TestLimitInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		b := backends.Limit(scripted.New(scripted.Options{
			Answer: func(string, int) (string, error) { return "", nil },
			Before: func(context.Context, backends.Request) error {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				mu.Unlock()
				return nil
			},
		}), backends.LimitOptions{InFlight: 3})
		start := time.Now()
		var wg sync.WaitGroup
		for range 9 {
			wg.Go(func() {
				if _, err := b.Do(t.Context(), ask); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most != 3 || time.Since(start) != 3*time.Second || b.Info().Parallel != 3 {
			t.Errorf("%d in flight over %v, parallel %d; want 3 over 3 s", most, time.Since(start), b.Info().Parallel)
		}
	})
}

func TestLimitRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, start := 0, time.Now()
		b := backends.Limit(failing(&calls), backends.LimitOptions{PerSecond: 2})
		for range 5 {
			if _, err := b.Do(t.Context(), ask); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("5 requests at 2 a second took %v, want 2 s", d)
		}
	})
}

// TestBackOffHoldsNoSlot sees that another request is answered while one waits to be tried again.
func TestBackOffHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b := backends.Retry(backends.Limit(failing(&calls, &backends.Error{Kind: backends.KindRateLimit, RetryAfter: time.Hour}), backends.LimitOptions{InFlight: 1}), backends.RetryOptions{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.Do(t.Context(), ask); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		start := time.Now()
		if _, err := b.Do(t.Context(), ask); err != nil || time.Since(start) != 0 {
			t.Errorf("the second request waited %v, %v", time.Since(start), err)
		}
		wg.Wait()
	})
}

// mapStore is a store in memory.
type mapStore struct {
	mu     sync.Mutex // guards values
	values map[string][]byte
	err    error
}

func (s *mapStore) Get(_ context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[key]
	return v, ok, s.err
}

func (s *mapStore) Put(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[string][]byte)
	}
	s.values[key] = value
	return nil
}

func TestCache(t *testing.T) {
	calls, store := 0, new(mapStore)
	do := func(o backends.CacheOptions, req backends.Request) backends.Response {
		t.Helper()
		resp, err := backends.Cache(failing(&calls), store, o).Do(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	expect := func(what string, want int) {
		t.Helper()
		if calls != want {
			t.Errorf("%s: %d calls, want %d", what, calls, want)
		}
	}
	do(backends.CacheOptions{Mode: backends.CacheRead}, ask)
	expect("read only, empty", 1)
	do(backends.CacheOptions{}, ask)
	expect("nothing was kept before", 2)
	if hit := do(backends.CacheOptions{}, ask); !hit.Cached || hit.Attempts != 0 || hit.Text != "ok" {
		t.Errorf("a hit is %+v", hit)
	}
	do(backends.CacheOptions{Mode: backends.CacheRead}, ask)
	expect("hits", 2)
	do(backends.CacheOptions{Mode: backends.CacheOff}, ask)
	expect("off", 3)
	do(backends.CacheOptions{Mode: backends.CacheRefresh}, ask)
	expect("refresh", 4)
	for _, other := range []backends.Request{
		{Kind: backends.Generate, Prompt: "q"}, {Kind: backends.Generate, Prompt: "p", Draw: 1},
		{Kind: backends.Generate, Prompt: "p", Sampling: backends.Sampling{MaxTokens: 1}},
		{Kind: backends.Generate, Prompt: "p", Sampling: backends.Sampling{Stop: []string{"x"}}},
	} {
		before := calls
		if do(backends.CacheOptions{}, other); calls != before+1 {
			t.Errorf("%+v is answered as another request", other)
		}
	}
	sampled := ask
	sampled.Sampling.Temperature = 1
	before := calls
	do(backends.CacheOptions{}, sampled)
	do(backends.CacheOptions{}, sampled)
	expect("sampled draws are drawn anew", before+2)
	do(backends.CacheOptions{Sampled: true}, sampled)
	do(backends.CacheOptions{Sampled: true}, sampled)
	expect("unless they may be kept", before+3)
	for k := range store.values {
		store.values[k] = []byte("damaged")
	}
	do(backends.CacheOptions{}, ask)
	expect("what cannot be read is asked again", before+4)
	store.err = errors.New("broken")
	if _, err := backends.Cache(failing(&calls), store, backends.CacheOptions{}).Do(t.Context(), ask); backends.KindOf(err) != backends.KindInternal {
		t.Errorf("a broken store gives %v", err)
	}
}

// TestCacheKeepsBytes sees that prompts and texts which are no UTF-8 stay what they are.
func TestCacheKeepsBytes(t *testing.T) {
	b := scripted.New(scripted.Options{Answer: func(prompt string, _ int) (string, error) { return prompt, nil }})
	c := backends.Cache(b, new(mapStore), backends.CacheOptions{})
	for range 2 {
		for _, p := range []string{"\xff", "\xfe", "\ufffd", `\xff`} {
			resp, err := c.Do(t.Context(), backends.Request{Kind: backends.Generate, Prompt: p})
			if err != nil || resp.Text != p {
				t.Errorf("%q is answered by %q, %v", p, resp.Text, err)
			}
		}
	}
}

// infinite scores every continuation as impossible.
type infinite struct{ backends.Backend }

func (infinite) Do(context.Context, backends.Request) (backends.Response, error) {
	return backends.Response{LogProbs: []backends.LogProb{{Sum: math.Inf(-1), Tokens: 1}}}, nil
}

// TestCachePassesOnWhatItCannotKeep sees that numbers which JSON does not hold cost no answer.
func TestCachePassesOnWhatItCannotKeep(t *testing.T) {
	c := backends.Cache(infinite{scripted.New(scripted.Options{Answer: func(string, int) (string, error) { return "", nil }})}, new(mapStore), backends.CacheOptions{})
	for range 2 {
		resp, err := c.Do(t.Context(), backends.Request{Kind: backends.LogLikelihood, Continuations: []string{"a"}, Sampling: backends.Sampling{Temperature: math.NaN()}})
		if err != nil || resp.Cached || len(resp.LogProbs) != 1 || !math.IsInf(resp.LogProbs[0].Sum, -1) {
			t.Errorf("a sum of -Inf becomes %+v, %v", resp, err)
		}
	}
}

// TestCacheTellsModelsApart sees that one model's answer is not another's.
func TestCacheTellsModelsApart(t *testing.T) {
	store := new(mapStore)
	for _, name := range []string{"a", "b"} {
		b := scripted.New(scripted.Options{Name: name, Answer: func(string, int) (string, error) { return name, nil }})
		resp, err := backends.Cache(b, store, backends.CacheOptions{}).Do(t.Context(), ask)
		if err != nil || resp.Text != name {
			t.Errorf("model %s answers %q, %v", name, resp.Text, err)
		}
	}
}

// TestHitTakesNoSlot answers from the cache while the only slot is taken.
func TestHitTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		model := scripted.New(scripted.Options{
			Answer: func(string, int) (string, error) { return "ok", nil },
			Before: func(_ context.Context, r backends.Request) error {
				if r.Prompt == "slow" {
					<-release
				}
				return nil
			},
		})
		b := backends.Cache(backends.Retry(backends.Limit(model, backends.LimitOptions{InFlight: 1}), backends.RetryOptions{}), new(mapStore), backends.CacheOptions{})
		if _, err := b.Do(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.Do(t.Context(), backends.Request{Kind: backends.Generate, Prompt: "slow"}); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if resp, err := b.Do(t.Context(), ask); err != nil || !resp.Cached {
			t.Errorf("a hit beside a taken slot: %+v, %v", resp, err)
		}
		close(release)
		wg.Wait()
	})
}

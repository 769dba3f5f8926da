package adaptive_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/adaptive"
	"github.com/onset-eval/onset/backends/scripted"
)

// BenchmarkLimiter measures what the limiter adds to a request of a model that answers at once, with 64 in flight.
func BenchmarkLimiter(b *testing.B) {
	model := scripted.New(scripted.Options{Answer: func(string, int) (string, error) { return "ok", nil }})
	for _, c := range []struct {
		name  string
		share *adaptive.Share
	}{{"alone", nil}, {"first of those who share", adaptive.NewRoom()}} {
		b.Run(c.name, func(b *testing.B) {
			l, err := adaptive.New(adaptive.Options{Share: c.share, Bounds: adaptive.Bounds{Min: 1, Start: 64, Max: 64}})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = l.Close() })
			m := backends.Retry(l.Wrap(model, adaptive.WrapOptions{}), backends.RetryOptions{})
			ctx := context.Background()
			req := backends.Request{Kind: backends.Generate, Prompt: prompt}
			b.ReportAllocs()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := m.Do(ctx, req); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// TestMemoryOfAMillion makes a million calls through a limiter: what it holds does not grow with them.
func TestMemoryOfAMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("a million calls")
	}
	model := scripted.New(scripted.Options{Answer: func(string, int) (string, error) { return "ok", nil }})
	l, err := adaptive.New(adaptive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m := backends.Retry(l.Wrap(model, adaptive.WrapOptions{}), backends.RetryOptions{Budget: backends.NewRetryBudget(backends.RetryBudgetOptions{})})
	held := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	if _, lost := drive(t.Context(), m, 10_000, 256); lost > 0 {
		t.Fatalf("%d lost", lost)
	}
	before := held()
	took, lost := drive(t.Context(), m, 1_000_000, 256)
	if lost > 0 {
		t.Fatalf("%d lost", lost)
	}
	after := held()
	t.Logf("a million calls in %v; %d KiB before, %d KiB after", took.Round(time.Millisecond), before>>10, after>>10)
	if after > before+1<<20 {
		t.Errorf("a million calls leave %d bytes behind", after-before)
	}
}

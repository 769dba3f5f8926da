package runner_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/scripted"
	"github.com/onset-eval/onset/evaluators/runner"
)

// placer has so many models at a time, the last of the plan first, and notes what it is asked.
type placer struct {
	most int

	mu     sync.Mutex // guards asked
	asked  [][2][]int
	refuse bool
}

func (p *placer) Next(waiting, running []int) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, [2][]int{waiting, running})
	if p.refuse {
		return nil
	}
	n := min(len(waiting), max(0, p.most-len(running)))
	out := slices.Clone(waiting[len(waiting)-n:])
	slices.Reverse(out)
	return out
}

// TestModelsSideBySide sees that models run side by side record what they record one after the other, whatever the order.
func TestModelsSideBySide(t *testing.T) {
	p := plan(t, 40, 2, "a", "bb", "ccc", "dddd")
	run := func(place runner.Placer) *memory {
		o, sink := new(opener), new(memory)
		infos, err := runner.Check(t.Context(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := runner.Run(t.Context(), p, infos, o, sink, runner.Options{Place: place})
		if err != nil || sum.Recorded != 4*80 || sum.Drained || o.opened.Load() != 4 {
			t.Fatalf("%+v, %v, %d models opened", sum, err, o.opened.Load())
		}
		return sink
	}
	want := run(nil).sorted()
	for _, place := range []*placer{{most: 1}, {most: 3}, {most: 9}, {refuse: true}} {
		if diff := cmp.Diff(want, run(place).sorted()); diff != "" {
			t.Error(diff)
		}
		if first := place.asked[0]; len(first[0]) != 4 || len(first[1]) != 0 {
			t.Errorf("it is first asked %v", first)
		}
		for _, a := range place.asked {
			if len(a[1]) > max(1, place.most) {
				t.Errorf("%v run at once, at most %d were to", a[1], place.most)
			}
		}
	}
}

// TestSideBySideFails sees that where one model cannot go on, the others record what they have in flight and end.
func TestSideBySideFails(t *testing.T) {
	p := plan(t, 400, 1, "fails", "goes on")
	both := make(chan struct{}) // closed when both models have requests in flight
	var once sync.Once
	var mu sync.Mutex
	seen := make(map[string]bool)
	o := &asking{before: func(ctx context.Context, model string) error {
		mu.Lock()
		seen[model] = true
		all := len(seen) == 2
		mu.Unlock()
		if all {
			once.Do(func() { close(both) })
		}
		select {
		case <-both:
		case <-ctx.Done():
			return ctx.Err()
		}
		if model == "fails" {
			return backends.Errorf(backends.KindClosed, "ask", "the worker is given up")
		}
		time.Sleep(time.Millisecond) // long enough to be in flight at the other's end
		return nil
	}}
	infos, err := runner.Check(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	sink := new(memory)
	sum, err := runner.Run(t.Context(), p, infos, o, sink, runner.Options{Place: &placer{most: 2}})
	if backends.KindOf(err) != backends.KindClosed || sum.Drained {
		t.Errorf("it ends with %v, %+v", err, sum)
	}
	if sum.Recorded == 0 || sum.Recorded == 400 || sum.Errors > 0 || len(sink.records) != sum.Recorded {
		t.Errorf("%+v", sum)
	}
}

// TestSideBySideDrains sees that a drain ends all models, and that it is what the run ends with.
func TestSideBySideDrains(t *testing.T) {
	p := plan(t, 400, 1, "a", "b", "c")
	drain := make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	n := 0
	o := &asking{before: func(context.Context, string) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n == 60 {
			once.Do(func() { close(drain) })
		}
		return nil
	}}
	infos, err := runner.Check(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := runner.Run(t.Context(), p, infos, o, new(memory), runner.Options{Place: &placer{most: 2}, Drain: drain})
	if !errors.Is(err, runner.ErrStopped) || !sum.Drained || sum.Recorded < 50 || sum.Recorded > 300 || sum.Errors > 0 {
		t.Errorf("%v, %+v", err, sum)
	}
}

// asking opens scripted models that call before with their name.
type asking struct {
	before func(ctx context.Context, model string) error
}

func (o *asking) Describe(ctx context.Context, m backends.Model) (backends.Info, error) {
	b, err := o.Open(ctx, m)
	return b.Info(), err
}

func (o *asking) Open(_ context.Context, m backends.Model) (backends.Backend, error) {
	return scripted.New(scripted.Options{Name: m.Name, Parallel: 8,
		Before: func(ctx context.Context, _ backends.Request) error { return o.before(ctx, m.Name) },
		Answer: func(string, int) (string, error) { return "7", nil },
	}), nil
}

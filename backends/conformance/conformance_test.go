package conformance_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/conformance"
	"github.com/onset-eval/onset/backends/scripted"
)

var options = conformance.Options{Prompts: []string{"one two", "three"}, Additive: true, Tolerance: 1e-9}

// model answers with a text that depends on the draw; before is called for each request.
func model(before func(context.Context, backends.Request) error, kinds ...backends.Kind) *scripted.Backend {
	return scripted.New(scripted.Options{Before: before, Kinds: kinds, Answer: func(_ string, draw int) (string, error) {
		return "abcabcde"[:1] + string(rune('a'+max(0, draw)%20)) + "cäde", nil
	}})
}

// collect runs the checks and gives their results by name.
func collect(ctx context.Context, b func() backends.Backend, o conformance.Options) (map[string]conformance.Result, error) {
	found := make(map[string]conformance.Result)
	err := conformance.Run(ctx, func(context.Context) (backends.Backend, error) { return b(), nil }, o,
		func(r conformance.Result) { found[r.Check.Name] = r })
	return found, err
}

func TestRun(t *testing.T) {
	found, err := collect(t.Context(), func() backends.Backend { return model(nil, backends.Generate) }, options)
	if err != nil || len(found) != len(conformance.Checks()) {
		t.Fatalf("%d results, %v", len(found), err)
	}
	for name, r := range found {
		scores := slices.Contains([]string{"scores", "several continuations", "additive", "greedy flag", "rolling"}, name)
		if want := map[bool]conformance.Status{true: conformance.Skipped, false: conformance.Passed}[scores]; r.Status != want || (r.Err == nil) == scores {
			t.Errorf("%s is %s, %v; want %s", name, r.Status, r.Err, want)
		}
	}
}

// messages is a model that takes messages, around one that takes text.
type messages struct{ backends.Backend }

func (m messages) Info() backends.Info {
	info := m.Backend.Info()
	info.Messages = true
	return info
}

func (m messages) Do(ctx context.Context, r backends.Request) (backends.Response, error) {
	if len(r.Messages) != 1 || r.Prompt != "" {
		return backends.Response{}, backends.Errorf(backends.KindUnsupported, "ask", "no message")
	}
	r.Prompt, r.Messages = r.Messages[0].Content, nil
	return m.Backend.Do(ctx, r)
}

func TestMessages(t *testing.T) {
	found, err := collect(t.Context(), func() backends.Backend { return messages{model(nil)} }, options)
	for name, r := range found {
		if r.Status == conformance.Failed && name != "kinds" { // an unknown kind of the wrong form is refused all the same
			t.Errorf("%s: %v", name, r.Err)
		}
	}
	if err != nil || len(found) == 0 {
		t.Error(err, len(found))
	}
}

func TestTimeout(t *testing.T) {
	o := options
	o.Timeout = time.Minute
	synctest.Test(t, func(t *testing.T) {
		found, err := collect(t.Context(), func() backends.Backend {
			return model(func(ctx context.Context, r backends.Request) error {
				if r.Sampling.Stop != nil && r.Sampling.Stop[0] != "zzz" {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			})
		}, o)
		if r := found["stop strings"]; err != nil || r.Status != conformance.Failed || !strings.Contains(r.Err.Error(), "did not end within 1m0s") {
			t.Errorf("a request that hangs gives %v, %v", r.Err, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		_, err := collect(t.Context(), func() backends.Backend {
			return model(func(context.Context, backends.Request) error { <-release; return nil })
		}, o)
		if !errors.Is(err, conformance.ErrStuck) {
			t.Errorf("a request that ignores its context gives %v", err)
		}
		close(release)
	})
	synctest.Test(t, func(t *testing.T) {
		found, _ := collect(t.Context(), func() backends.Backend {
			return model(func(context.Context, backends.Request) error { panic("a defect") })
		}, o)
		if r := found["repeatable"]; r.Status != conformance.Failed || !strings.Contains(r.Err.Error(), "a defect") {
			t.Errorf("a panic gives %+v", r)
		}
	})
}

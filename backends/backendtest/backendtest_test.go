package backendtest_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/scripted"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var options = backendtest.Options{Prompts: []string{"one two", "three\nfour five", "six"}, Additive: true, Tolerance: 1e-9}

func open() backends.Backend {
	return scripted.New(scripted.Options{Answer: func(prompt string, draw int) (string, error) {
		text := []byte("abcabcde")
		if draw >= 0 {
			text[1], text[2] = byte('a'+draw%7), byte('a'+draw%5)
		}
		return string(text), nil
	}})
}

func TestScripted(t *testing.T) {
	backendtest.Run(t, func(testing.TB) backends.Backend { return open() }, options)
}

func TestPolicies(t *testing.T) {
	backendtest.Run(t, func(testing.TB) backends.Backend {
		return backends.Retry(backends.Limit(open(), backends.LimitOptions{InFlight: 3}), backends.RetryOptions{})
	}, options)
}

// mutant is the scripted model with a defect.
type mutant struct {
	backends.Backend
	do func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error)
}

func (m mutant) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	return m.do(ctx, m.Backend, req)
}

// TestMutantsAreCaught sees that each defect fails the check that is there for it.
func TestMutantsAreCaught(t *testing.T) {
	if failed := backendtest.Failures(t.Context(), open, options); len(failed) > 0 {
		t.Fatalf("the model without a defect fails %v", failed)
	}
	var calls atomic.Int64
	for _, c := range []struct {
		name, check string
		do          func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error)
	}{
		{"drops stop strings", "stop strings", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			req.Sampling.Stop = nil
			return b.Do(ctx, req)
		}},
		{"keeps the stop string", "stop strings", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			resp, err := b.Do(ctx, req)
			if resp.Stop == backends.StopString {
				resp.Text += req.Sampling.Stop[1]
			}
			return resp, err
		}},
		{"ignores cancellation", "cancelled before", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			return b.Do(context.WithoutCancel(ctx), req)
		}},
		{"fails others with one", "cancelled during", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			resp, err := b.Do(ctx, req)
			if calls.Add(1)%11 == 10 {
				err = backends.Errorf(backends.KindServer, "ask", "the batch was dropped")
			}
			return resp, err
		}},
		{"ignores the token limit", "max tokens", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			req.Sampling.MaxTokens = 8
			return b.Do(ctx, req)
		}},
		{"depends on the past", "repeatable", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			resp, err := b.Do(ctx, req)
			resp.Usage.PromptTokens = int(calls.Add(1))
			return resp, err
		}},
		{"ignores the draw", "sampling", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			req.Draw, req.Sampling.Temperature = 0, 0
			return b.Do(ctx, req)
		}},
		{"samples when greedy", "sampling", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			req.Sampling.Temperature = 1
			return b.Do(ctx, req)
		}},
		{"gives probabilities above 1", "scores", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			resp, err := b.Do(ctx, req)
			resp.LogProbs = slices.Clone(resp.LogProbs)
			for i := range resp.LogProbs {
				resp.LogProbs[i].Sum *= -1
			}
			return resp, err
		}},
		{"scores by the first continuation", "several continuations", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			resp, err := b.Do(ctx, req)
			for i := range resp.LogProbs {
				resp.LogProbs[i] = resp.LogProbs[0]
			}
			return resp, err
		}},
		{"forgets the last token", "additive", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			req.Continuations = slices.Clone(req.Continuations)
			for i, c := range req.Continuations {
				if len(c) > 1 {
					req.Continuations[i] = c[:len(c)-1]
				}
			}
			return b.Do(ctx, req)
		}},
		{"changes the request", "request unchanged", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			resp, err := b.Do(ctx, req)
			if len(req.Sampling.Stop) > 0 {
				req.Sampling.Stop[0] = "changed"
			}
			return resp, err
		}},
		{"answers what it does not know", "kinds", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			if req.Kind == "dance" {
				return backends.Response{}, nil
			}
			return b.Do(ctx, req)
		}},
		{"answers after Close", "close", func(ctx context.Context, b backends.Backend, req backends.Request) (backends.Response, error) {
			resp, err := b.Do(ctx, req)
			if backends.KindOf(err) == backends.KindClosed {
				err = nil
			}
			return resp, err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			failed := backendtest.Failures(t.Context(), func() backends.Backend { return mutant{open(), c.do} }, options)
			if !slices.Contains(failed, c.check) {
				t.Errorf("the check %q passes; those that fail are %q", c.check, failed)
			}
		})
	}
}

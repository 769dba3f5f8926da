// Package backendtest is the conformance suite that every backend passes: it holds a model against the promises of
// backends.Backend.
package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sourcegraph/conc/pool"

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
	// Tolerance is the largest difference of log-probabilities that are the same by another route, in nats.
	Tolerance float64
}

// A check holds one promise. Its error says how it is broken.
type check struct {
	name  string
	kinds []backends.Kind // that the backend must serve for the check to make sense
	run   func(ctx context.Context, b backends.Backend, o Options) error
}

// checks lists all checks; Close comes last, since nothing works after it.
func checks() []check {
	gen, score, roll := []backends.Kind{backends.Generate}, []backends.Kind{backends.LogLikelihood}, []backends.Kind{backends.LogLikelihoodRolling}
	return []check{
		{"info", nil, checkInfo},
		{"kinds", nil, checkKinds},
		{"repeatable", nil, checkRepeatable},
		{"concurrent", nil, checkConcurrent},
		{"request unchanged", nil, checkUnchanged},
		{"cancelled before", nil, checkCancelledBefore},
		{"cancelled during", nil, checkCancelledDuring},
		{"max tokens", gen, checkMaxTokens},
		{"stop strings", gen, checkStop},
		{"sampling", gen, checkSampling},
		{"scores", score, checkScores},
		{"several continuations", score, checkSeveral},
		{"additive", score, checkAdditive},
		{"greedy flag", []backends.Kind{backends.Generate, backends.LogLikelihood}, checkGreedy},
		{"rolling", roll, checkRolling},
		{"close", nil, checkClose},
	}
}

// Run holds a backend, opened anew for each check, against every promise that its kinds make sense of.
func Run(t *testing.T, open func(t testing.TB) backends.Backend, o Options) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			b := open(t)
			defer func() { _ = b.Close() }()
			if !serves(b, c.kinds) {
				t.Skipf("it does not serve %v", c.kinds)
			}
			if err := c.run(t.Context(), b, o); err != nil {
				t.Error(err)
			}
		})
	}
}

// Failures runs the checks without a test and gives the names of those that fail, for testing the suite itself.
func Failures(ctx context.Context, open func() backends.Backend, o Options) []string {
	var failed []string
	for _, c := range checks() {
		b := open()
		if serves(b, c.kinds) && c.run(ctx, b, o) != nil {
			failed = append(failed, c.name)
		}
		_ = b.Close()
	}
	return failed
}

func serves(b backends.Backend, kinds []backends.Kind) bool {
	return !slices.ContainsFunc(kinds, func(k backends.Kind) bool { return !b.Info().Serves(k) })
}

// request makes a request of a kind for a prompt.
func request(kind backends.Kind, prompt string) backends.Request {
	r := backends.Request{Kind: kind, Prompt: prompt}
	switch kind {
	case backends.LogLikelihood:
		r.Continuations = []string{"a", "bc"}
	case backends.Generate:
		r.Sampling.MaxTokens = 8
	case backends.LogLikelihoodRolling:
	}
	return r
}

// same gives what of a response depends on the request alone.
func same(r backends.Response) backends.Response {
	r.Attempts, r.Latency, r.Cached = 0, 0, false
	return r
}

func checkInfo(_ context.Context, b backends.Backend, _ Options) error {
	info := b.Info()
	switch {
	case info.Provider == "" || info.Model == "":
		return fmt.Errorf("provider %q and model %q name no model", info.Provider, info.Model)
	case len(info.Kinds) == 0:
		return errors.New("it serves no kind")
	case info.Parallel < 0 || info.ContextLength < 0 || info.Params < 0:
		return fmt.Errorf("negative numbers in %+v", info)
	case !reflect.DeepEqual(info, b.Info()):
		return errors.New("the info changes")
	}
	return nil
}

func checkKinds(ctx context.Context, b backends.Backend, o Options) error {
	for _, kind := range backends.Kinds {
		_, err := b.Do(ctx, request(kind, o.Prompts[0]))
		switch {
		case b.Info().Serves(kind) && err != nil:
			return fmt.Errorf("%s: %w", kind, err)
		case !b.Info().Serves(kind) && backends.KindOf(err) != backends.KindUnsupported:
			return fmt.Errorf("%s is not served and gives %v, want an error of kind unsupported", kind, fmt.Sprint(err))
		}
	}
	if _, err := b.Do(ctx, backends.Request{Kind: "dance"}); backends.KindOf(err) != backends.KindUnsupported {
		return fmt.Errorf("an unknown kind gives %v, want an error of kind unsupported", fmt.Sprint(err))
	}
	for _, kind := range []backends.Kind{backends.Generate, backends.LogLikelihood} {
		if _, err := b.Do(ctx, request(kind, "")); b.Info().Serves(kind) && err != nil {
			return fmt.Errorf("an empty prompt for %s: %w", kind, err)
		}
	}
	return nil
}

// requests lists requests of all kinds for all prompts.
func requests(b backends.Backend, o Options) []backends.Request {
	var out []backends.Request
	for _, kind := range b.Info().Kinds {
		for _, p := range o.Prompts {
			out = append(out, request(kind, p))
		}
	}
	return out
}

func checkRepeatable(ctx context.Context, b backends.Backend, o Options) error {
	for _, req := range requests(b, o) {
		first, err1 := b.Do(ctx, req)
		again, err2 := b.Do(ctx, req)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if !reflect.DeepEqual(same(first), same(again)) {
			return fmt.Errorf("%s of %q gives %+v, then %+v", req.Kind, req.Prompt, first, again)
		}
	}
	return nil
}

func checkConcurrent(ctx context.Context, b backends.Backend, o Options) error {
	reqs := requests(b, o)
	alone := make([]backends.Response, len(reqs))
	for i, req := range reqs {
		resp, err := b.Do(ctx, req)
		if err != nil {
			return err
		}
		alone[i] = same(resp)
	}
	group := pool.New().WithErrors()
	for n := range 64 {
		i := n * 7 % len(reqs)
		group.Go(func() error {
			resp, err := b.Do(ctx, reqs[i])
			if err == nil && !reflect.DeepEqual(same(resp), alone[i]) {
				err = fmt.Errorf("%s of %q gives %+v among others, %+v alone", reqs[i].Kind, reqs[i].Prompt, same(resp), alone[i])
			}
			return err
		})
	}
	return group.Wait()
}

func checkUnchanged(ctx context.Context, b backends.Backend, o Options) error {
	for _, req := range requests(b, o) {
		req.Sampling.Stop = []string{"zzz", "y"}
		before := req
		before.Continuations, before.Sampling.Stop = slices.Clone(req.Continuations), slices.Clone(req.Sampling.Stop)
		if _, err := b.Do(ctx, req); err != nil {
			return err
		}
		if !reflect.DeepEqual(before, req) {
			return fmt.Errorf("the request %+v became %+v", before, req)
		}
	}
	return nil
}

func checkCancelledBefore(ctx context.Context, b backends.Backend, o Options) error {
	done, cancel := context.WithCancel(ctx)
	cancel()
	for _, req := range requests(b, o) {
		if _, err := b.Do(done, req); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s with a cancelled context gives %v", req.Kind, fmt.Sprint(err))
		}
	}
	return nil
}

// checkCancelledDuring cancels half of the requests in flight and sees that the other half is answered as it is alone.
func checkCancelledDuring(ctx context.Context, b backends.Backend, o Options) error {
	reqs := requests(b, o)
	half, cancel := context.WithCancel(ctx)
	group := pool.New().WithErrors()
	for n := range 32 {
		req := reqs[n%len(reqs)]
		group.Go(func() error {
			if n%2 == 0 {
				if _, err := b.Do(half, req); err != nil && !errors.Is(err, context.Canceled) {
					return err
				}
				return nil
			}
			if n == 1 {
				cancel()
			}
			_, err := b.Do(ctx, req)
			return err
		})
	}
	err := group.Wait()
	cancel()
	return err
}

func checkMaxTokens(ctx context.Context, b backends.Backend, o Options) error {
	long := request(backends.Generate, o.Prompts[0])
	full, err := b.Do(ctx, long)
	if err != nil {
		return err
	}
	long.Sampling.MaxTokens = 1
	one, err := b.Do(ctx, long)
	switch {
	case err != nil:
		return err
	case full.Usage.CompletionTokens < 2 || len(full.Text) < 2:
		return fmt.Errorf("the first prompt is continued by %q: the suite needs one with several tokens", full.Text)
	case one.Usage.CompletionTokens != 1 || one.Stop != backends.StopLength || !strings.HasPrefix(full.Text, one.Text) || len(one.Text) >= len(full.Text):
		return fmt.Errorf("at most 1 token gives %q, %d tokens, stop %q; without the bound it is %q", one.Text, one.Usage.CompletionTokens, one.Stop, full.Text)
	case full.Usage.CompletionTokens > 8:
		return fmt.Errorf("at most 8 tokens gives %d", full.Usage.CompletionTokens)
	}
	return nil
}

// checkStop stops at each part of the text that is generated without stop strings.
func checkStop(ctx context.Context, b backends.Backend, o Options) error {
	req := request(backends.Generate, o.Prompts[0])
	full, err := b.Do(ctx, req)
	if err != nil {
		return err
	}
	for from := range full.Text {
		for to := from + 1; to <= min(len(full.Text), from+3); to++ {
			stop := full.Text[from:to]
			at := strings.Index(full.Text, stop)
			req.Sampling.Stop = []string{"\x00never", stop}
			resp, err := b.Do(ctx, req)
			if err != nil {
				return err
			}
			if resp.Text != full.Text[:at] || resp.Stop != backends.StopString {
				return fmt.Errorf("%q stopped at %q is %q, stop %q; want %q", full.Text, stop, resp.Text, resp.Stop, full.Text[:at])
			}
		}
	}
	return nil
}

func checkSampling(ctx context.Context, b backends.Backend, o Options) error {
	texts := make(map[string]bool)
	for _, p := range o.Prompts {
		for draw := range 4 {
			req := request(backends.Generate, p)
			req.Draw, req.Sampling.Seed = draw, 11
			greedy, err := b.Do(ctx, req)
			if err != nil {
				return err
			}
			if plain, err := b.Do(ctx, request(backends.Generate, p)); err != nil || plain.Text != greedy.Text {
				return fmt.Errorf("greedy decoding heeds draw or seed: %q and %q, %v", plain.Text, greedy.Text, fmt.Sprint(err))
			}
			req.Sampling.Temperature = 2
			first, err1 := b.Do(ctx, req)
			again, err2 := b.Do(ctx, req)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			if first.Text != again.Text {
				return fmt.Errorf("draw %d gives %q, then %q", draw, first.Text, again.Text)
			}
			texts[fmt.Sprintf("%d %s", len(p), first.Text)] = true
		}
	}
	if len(texts) < len(o.Prompts)+2 {
		return fmt.Errorf("4 draws at temperature 2 of %d prompts give %d texts only", len(o.Prompts), len(texts))
	}
	return nil
}

func checkScores(ctx context.Context, b backends.Backend, o Options) error {
	for _, p := range o.Prompts {
		resp, err := b.Do(ctx, request(backends.LogLikelihood, p))
		if err != nil {
			return err
		}
		if len(resp.LogProbs) != 2 {
			return fmt.Errorf("%d log-probabilities of 2 continuations", len(resp.LogProbs))
		}
		for _, lp := range resp.LogProbs {
			if !(lp.Sum <= 0) || math.IsInf(lp.Sum, 0) || lp.Tokens < 1 {
				return fmt.Errorf("a log-probability of %+v", lp)
			}
		}
	}
	if _, err := b.Do(ctx, backends.Request{Kind: backends.LogLikelihood, Prompt: "a"}); backends.KindOf(err) != backends.KindInvalid {
		return fmt.Errorf("no continuation gives %v, want an error of kind invalid", fmt.Sprint(err))
	}
	return nil
}

func checkSeveral(ctx context.Context, b backends.Backend, o Options) error {
	for _, p := range o.Prompts {
		all := []string{"a", "ab", "b", "xyz", "a"}
		together, err := b.Do(ctx, backends.Request{Kind: backends.LogLikelihood, Prompt: p, Continuations: all})
		if err != nil {
			return err
		}
		for i, c := range all {
			one, err := b.Do(ctx, backends.Request{Kind: backends.LogLikelihood, Prompt: p, Continuations: []string{c}})
			if err != nil {
				return err
			}
			if together.LogProbs[i] != one.LogProbs[0] {
				return fmt.Errorf("%q after %q has %+v among others, %+v alone", c, p, together.LogProbs[i], one.LogProbs[0])
			}
		}
	}
	return nil
}

func checkAdditive(ctx context.Context, b backends.Backend, o Options) error {
	if !o.Additive {
		return nil
	}
	score := func(prompt, text string) (float64, error) {
		resp, err := b.Do(ctx, backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{text}})
		if err != nil {
			return 0, err
		}
		return resp.LogProbs[0].Sum, nil
	}
	for _, p := range o.Prompts {
		p = strings.TrimSpace(p)
		whole, err1 := score(p, "abcd")
		first, err2 := score(p, "ab")
		second, err3 := score(p+"ab", "cd")
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		if d := math.Abs(whole - first - second); !(d <= o.Tolerance) {
			return fmt.Errorf("after %q, log P(abcd) is %v and that of its halves %v: %g apart", p, whole, first+second, d)
		}
	}
	return nil
}

// checkGreedy sees that what is generated greedily is called greedy, and another text is not.
func checkGreedy(ctx context.Context, b backends.Backend, o Options) error {
	if !o.OneModel {
		return nil
	}
	req := request(backends.Generate, o.Prompts[0])
	req.Sampling.MaxTokens = 1
	gen, err := b.Do(ctx, req)
	if err != nil {
		return err
	}
	other := "a"
	if gen.Text == other {
		other = "b"
	}
	resp, err := b.Do(ctx, backends.Request{Kind: backends.LogLikelihood, Prompt: req.Prompt, Continuations: []string{gen.Text, other}})
	if err != nil {
		return err
	}
	if g := resp.LogProbs; !g[0].Greedy || g[1].Greedy || g[0].Sum < g[1].Sum {
		return fmt.Errorf("%q is generated; it has %+v and %q has %+v", gen.Text, g[0], other, g[1])
	}
	return nil
}

func checkRolling(ctx context.Context, b backends.Backend, o Options) error {
	for _, p := range o.Prompts {
		resp, err := b.Do(ctx, backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: p})
		if err != nil {
			return err
		}
		if len(resp.LogProbs) != 1 || !(resp.LogProbs[0].Sum < 0) || resp.LogProbs[0].Tokens < 1 {
			return fmt.Errorf("%q has %+v", p, resp.LogProbs)
		}
	}
	return nil
}

func checkClose(ctx context.Context, b backends.Backend, o Options) error {
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		return fmt.Errorf("close twice: %w", err)
	}
	if _, err := b.Do(ctx, requests(b, o)[0]); backends.KindOf(err) != backends.KindClosed {
		return fmt.Errorf("a request after Close gives %v, want an error of kind closed", fmt.Sprint(err))
	}
	return nil
}

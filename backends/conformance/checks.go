package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
)

// Check holds one promise.
type Check struct {
	Name string
	// Doc says what is promised.
	Doc string
	// kinds are those that the backend must serve for the check to make sense.
	kinds []backends.Kind
	// run gives an error that says how the promise is broken.
	run func(ctx context.Context, b backends.Backend, o Options) error
}

// Checks lists all checks; Close comes last, since nothing works after it.
func Checks() []Check {
	gen, score, roll := []backends.Kind{backends.Generate}, []backends.Kind{backends.LogLikelihood}, []backends.Kind{backends.LogLikelihoodRolling}
	return []Check{
		{"info", "it says what it is, and always the same", nil, checkInfo},
		{"kinds", "it answers the kinds that it serves and refuses others", nil, checkKinds},
		{"repeatable", "an equal request has an equal answer", nil, checkRepeatable},
		{"concurrent", "an answer does not depend on what else is asked", nil, checkConcurrent},
		{"request unchanged", "a request is not changed", nil, checkUnchanged},
		{"cancelled before", "a request whose context has ended is not answered", nil, checkCancelledBefore},
		{"cancelled during", "a request that is cancelled disturbs no other", nil, checkCancelledDuring},
		{"max tokens", "no more tokens are generated than asked for", gen, checkMaxTokens},
		{"stop strings", "text ends before the first stop string", gen, checkStop},
		{"sampling", "draws differ, and greedy decoding heeds no seed", gen, checkSampling},
		{"scores", "each continuation has a log-probability of at most 0", score, checkScores},
		{"several continuations", "a continuation's score does not depend on the others", score, checkSeveral},
		{"additive", "log P(ab) is log P(a) + log P(b|a)", score, checkAdditive},
		{"greedy flag", "what is generated greedily is scored as greedy", []backends.Kind{backends.Generate, backends.LogLikelihood}, checkGreedy},
		{"rolling", "a text has a log-probability below 0", roll, checkRolling},
		{"close", "it closes twice, and answers nothing afterwards", nil, checkClose},
	}
}

// pose gives a prompt in the form that the model takes: text, or a user's message.
func pose(b backends.Backend, r backends.Request) backends.Request {
	if b.Info().Messages {
		r.Messages, r.Prompt = []backends.Message{{Role: "user", Content: r.Prompt}}, ""
	}
	return r
}

// score asks for the log-probabilities of continuations.
func score(ctx context.Context, b backends.Backend, prompt string, continuations ...string) ([]backends.LogProb, error) {
	resp, err := b.Do(ctx, pose(b, backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: continuations}))
	if err == nil && len(resp.LogProbs) != len(continuations) {
		err = fmt.Errorf("%d log-probabilities of %d continuations", len(resp.LogProbs), len(continuations))
	}
	return resp.LogProbs, err
}

// request makes a request of a kind for a prompt.
func request(b backends.Backend, kind backends.Kind, prompt string) backends.Request {
	r := pose(b, backends.Request{Kind: kind, Prompt: prompt})
	switch kind {
	case backends.LogLikelihood:
		r.Continuations = []string{"a", "bc"}
	case backends.Generate:
		r.Sampling.MaxTokens = 8
	case backends.LogLikelihoodRolling:
	}
	return r
}

// differ says how two responses differ in what depends on the request alone; log-probabilities may by the tolerance.
func differ(a, b backends.Response, o Options) bool {
	strip := func(r backends.Response) backends.Response {
		r.Attempts, r.Latency, r.Cached, r.Signals, r.LogProbs = 0, 0, false, nil, nil
		r.Usage.CachedTokens, r.Usage.CostUSD = 0, 0 // what a server remembers of earlier requests, and what that saves
		return r
	}
	apart := func(x, y backends.LogProb) bool {
		return x.Tokens != y.Tokens || x.Greedy != y.Greedy || x.Sum != y.Sum && !(math.Abs(x.Sum-y.Sum) <= o.Tolerance)
	}
	return !reflect.DeepEqual(strip(a), strip(b)) || len(a.LogProbs) != len(b.LogProbs) ||
		slices.ContainsFunc(indices(a.LogProbs), func(i int) bool { return apart(a.LogProbs[i], b.LogProbs[i]) })
}

func indices[T any](s []T) []int {
	out := make([]int, len(s))
	for i := range out {
		out[i] = i
	}
	return out
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
		_, err := b.Do(ctx, request(b, kind, o.Prompts[0]))
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
		if b.Info().Messages {
			continue // APIs refuse an empty message
		}
		if _, err := b.Do(ctx, request(b, kind, "")); b.Info().Serves(kind) && err != nil {
			return fmt.Errorf("an empty prompt for %s: %w", kind, err)
		}
	}
	return nil
}

// text gives the prompt of a request.
func text(r backends.Request) string {
	if len(r.Messages) > 0 {
		return r.Messages[0].Content
	}
	return r.Prompt
}

// show writes a response for people.
func show(r backends.Response) string {
	if len(r.LogProbs) > 0 {
		return fmt.Sprintf("%+v", r.LogProbs)
	}
	return fmt.Sprintf("%q (stop %q, tokens %+v)", r.Text, r.Stop, r.Usage)
}

// requests lists requests of all kinds for all prompts.
func requests(b backends.Backend, o Options) []backends.Request {
	var out []backends.Request
	for _, kind := range b.Info().Kinds {
		for _, p := range o.Prompts {
			out = append(out, request(b, kind, p))
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
		if differ(first, again, o) {
			return fmt.Errorf("%s of %q gives %s, then %s", req.Kind, text(req), show(first), show(again))
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
		alone[i] = resp
	}
	group := pool.New().WithErrors()
	for n := range 64 {
		i := n * 7 % len(reqs)
		group.Go(func() error {
			resp, err := b.Do(ctx, reqs[i])
			if err == nil && differ(resp, alone[i], o) {
				err = fmt.Errorf("%s of %q gives %s among others, %s alone", reqs[i].Kind, text(reqs[i]), show(resp), show(alone[i]))
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
	long := request(b, backends.Generate, o.Prompts[0])
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

// maxStops bounds the parts of a text that checkStop stops at.
const maxStops = 24

// checkStop stops at parts of the text that is generated without stop strings.
func checkStop(ctx context.Context, b backends.Backend, o Options) error {
	req := request(b, backends.Generate, o.Prompts[0])
	full, err := b.Do(ctx, req)
	if err != nil {
		return err
	}
	parts := partsOf(full.Text)
	step := max(1, (len(parts)+maxStops-1)/maxStops)
	for i := 0; i < len(parts); i += step {
		at := strings.Index(full.Text, parts[i])
		req.Sampling.Stop = []string{"never\x01", parts[i]}
		resp, err := b.Do(ctx, req)
		if err != nil {
			return err
		}
		told := resp.Stop == backends.StopString || o.StopHidden && resp.Stop == backends.StopEOS
		if resp.Text != full.Text[:at] || !told {
			return fmt.Errorf("%q stopped at %q is %q, stop %q; want %q, stop %q", full.Text, parts[i], resp.Text, resp.Stop, full.Text[:at], backends.StopString)
		}
	}
	return nil
}

// partsOf lists the parts of a text of one to three characters.
func partsOf(text string) []string {
	var starts []int
	for at := range text {
		starts = append(starts, at)
	}
	starts = append(starts, len(text))
	var parts []string
	for i := range starts {
		for to := i + 1; to < min(len(starts), i+4); to++ {
			parts = append(parts, text[starts[i]:starts[to]])
		}
	}
	return parts
}

func checkSampling(ctx context.Context, b backends.Backend, o Options) error {
	heat := o.Temperature
	if heat == 0 {
		heat = 2
	}
	texts := make(map[string]bool)
	for _, p := range o.Prompts {
		plain, err := b.Do(ctx, request(b, backends.Generate, p))
		if err != nil {
			return err
		}
		for draw := range 4 {
			req := request(b, backends.Generate, p)
			req.Draw, req.Sampling.Seed = draw, 11
			if greedy, err := b.Do(ctx, req); err != nil || plain.Text != greedy.Text {
				return fmt.Errorf("greedy decoding heeds draw or seed: %q and %q, %v", plain.Text, greedy.Text, fmt.Sprint(err))
			}
			req.Sampling.Temperature = heat
			first, err := b.Do(ctx, req)
			if err != nil {
				return err
			}
			texts[fmt.Sprintf("%d %s", len(p), first.Text)] = true
			if o.Unseeded {
				continue
			}
			if again, err := b.Do(ctx, req); err != nil || first.Text != again.Text {
				return fmt.Errorf("draw %d gives %q, then %q, %v", draw, first.Text, again.Text, fmt.Sprint(err))
			}
		}
	}
	if len(texts) < len(o.Prompts)+2 {
		return fmt.Errorf("4 draws at temperature %g of %d prompts give %d texts only", heat, len(o.Prompts), len(texts))
	}
	return nil
}

func checkScores(ctx context.Context, b backends.Backend, o Options) error {
	for _, p := range o.Prompts {
		logs, err := score(ctx, b, p, "a", "bc")
		if err != nil {
			return err
		}
		for _, lp := range logs {
			if !(lp.Sum <= 0) || math.IsInf(lp.Sum, 0) || lp.Tokens < 1 {
				return fmt.Errorf("a log-probability of %+v", lp)
			}
		}
	}
	if _, err := score(ctx, b, "a"); backends.KindOf(err) != backends.KindInvalid {
		return fmt.Errorf("no continuation gives %v, want an error of kind invalid", fmt.Sprint(err))
	}
	return nil
}

func checkSeveral(ctx context.Context, b backends.Backend, o Options) error {
	for _, p := range o.Prompts {
		all := []string{"a", "ab", "b", "xyz", "a"}
		together, err := score(ctx, b, p, all...)
		if err != nil {
			return err
		}
		for i, c := range all {
			one, err := score(ctx, b, p, c)
			if err != nil {
				return err
			}
			if differ(backends.Response{LogProbs: one}, backends.Response{LogProbs: together[i : i+1]}, o) {
				return fmt.Errorf("%q after %q has %+v among others, %+v alone", c, p, together[i], one[0])
			}
		}
	}
	return nil
}

func checkAdditive(ctx context.Context, b backends.Backend, o Options) error {
	if !o.Additive {
		return ErrNotPromised
	}
	for _, p := range o.Prompts {
		p = strings.TrimSpace(p)
		whole, err1 := score(ctx, b, p, "abcd")
		first, err2 := score(ctx, b, p, "ab")
		second, err3 := score(ctx, b, p+"ab", "cd")
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		halves := first[0].Sum + second[0].Sum
		if d := math.Abs(whole[0].Sum - halves); !(d <= o.Tolerance) {
			return fmt.Errorf("after %q, log P(abcd) is %v and that of its halves %v: %g apart", p, whole[0].Sum, halves, d)
		}
	}
	return nil
}

// checkGreedy sees that what is generated greedily is called greedy, and another text is not.
func checkGreedy(ctx context.Context, b backends.Backend, o Options) error {
	if !o.OneModel {
		return ErrNotPromised
	}
	req := request(b, backends.Generate, o.Prompts[0])
	req.Sampling.MaxTokens = 1
	gen, err := b.Do(ctx, req)
	if err != nil {
		return err
	}
	other := "a"
	if gen.Text == other {
		other = "b"
	}
	g, err := score(ctx, b, o.Prompts[0], gen.Text, other)
	if err != nil {
		return err
	}
	if !g[0].Greedy || g[1].Greedy || g[0].Sum < g[1].Sum {
		return fmt.Errorf("%q is generated; it has %+v and %q has %+v", gen.Text, g[0], other, g[1])
	}
	return nil
}

func checkRolling(ctx context.Context, b backends.Backend, o Options) error {
	for _, p := range o.Prompts {
		resp, err := b.Do(ctx, pose(b, backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: p}))
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

package openai

import (
	"context"
	"fmt"

	"github.com/onset-eval/onset/backends"
)

// llamaRoute forces llama-server to say each token of a continuation, one request a token, and reads how likely it took it
// for. The server softmaxes the raw logits of the whole vocabulary, so the bias that forces a token does not show in its
// log-probability; the self-test sees whether that is so. No request names its slot (id_slot): the server finds the
// one whose cache has the context by itself, and one whose request named it has been seen to go on from another request's
// text when the server's prompt cache is in use (--cache-ram, build 0c1e570 of version 0.5.0).
type llamaRoute struct {
	b     *Backend
	slots chan struct{} // one for each that the server has
}

// newLlamaRoute takes as many slots as the server has.
func newLlamaRoute(b *Backend) route {
	n := max(1, b.server.slots)
	r := &llamaRoute{b: b, slots: make(chan struct{}, n)}
	b.info.Parallel = n
	return r
}

func (r *llamaRoute) String() string { return "llama-server, forced decoding" }

func (r *llamaRoute) limit(context int) int { return context }

type llamaAsk struct {
	Prompt       []int       `json:"prompt"`
	Predict      int         `json:"n_predict"`
	Probs        int         `json:"n_probs"`
	Temperature  float64     `json:"temperature"`
	Samplers     []string    `json:"samplers"`
	LogitBias    [][]float64 `json:"logit_bias,omitempty"`
	CachePrompt  bool        `json:"cache_prompt"`
	PostSampling bool        `json:"post_sampling_probs"`
}

type llamaToken struct {
	ID      int          `json:"id"`
	Token   string       `json:"token"`
	Logprob float64      `json:"logprob"`
	Top     []llamaToken `json:"top_logprobs"`
}

type llamaAnswer struct {
	Probabilities []llamaToken `json:"completion_probabilities"`
}

// forceBias is added to a logit so that its token is certain to be chosen.
const forceBias = 1e4

// ask generates one token after ids; force names it, a negative number leaves it to the model.
func (r *llamaRoute) ask(ctx context.Context, ids []int, force int) (llamaToken, error) {
	body := llamaAsk{Prompt: ids, Predict: 1, Probs: 2, Samplers: []string{}, CachePrompt: true}
	if force >= 0 {
		body.LogitBias = [][]float64{{float64(force), forceBias}}
	}
	got, err := post[llamaAnswer](ctx, r.b.atRoot, "/completion", body)
	if err != nil {
		return llamaToken{}, err
	}
	if len(got.Probabilities) == 0 {
		return llamaToken{}, backends.Errorf(backends.KindServer, opScore, "a generated token has no log-probabilities")
	}
	t := got.Probabilities[0]
	if force >= 0 && t.ID != force {
		return t, backends.Errorf(backends.KindServer, opScore, "the server was made to say token %d and said %d", force, t.ID)
	}
	return t, nil
}

// take waits for a slot of the server.
func (r *llamaRoute) take(ctx context.Context) error {
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a slot: %w", ctx.Err())
	}
}

func (r *llamaRoute) scores(ctx context.Context, parts []part) ([]scored, error) {
	if err := r.take(ctx); err != nil {
		return nil, err
	}
	defer func() { <-r.slots }()
	out := make([]scored, len(parts))
	for i, p := range parts {
		s := scored{LogProb: backends.LogProb{Greedy: true}, prompt: len(p.IDs)}
		for k := p.From; k < len(p.IDs); k++ {
			t, err := r.ask(ctx, p.IDs[:k], p.IDs[k])
			if err != nil {
				return nil, err
			}
			s.Sum += t.Logprob
			s.Tokens++
			s.Greedy = s.Greedy && len(t.Top) > 0 && t.Top[0].ID == t.ID
		}
		out[i] = s
	}
	return out, nil
}

func (r *llamaRoute) next(ctx context.Context, p part) ([]candidate, error) {
	if err := r.take(ctx); err != nil {
		return nil, err
	}
	defer func() { <-r.slots }()
	t, err := r.ask(ctx, p.IDs, -1)
	if err != nil {
		return nil, err
	}
	var out []candidate
	for _, top := range t.Top {
		out = append(out, candidate{id: top.ID, text: top.Token, logProb: top.Logprob})
	}
	if len(out) == 0 {
		return nil, backends.Errorf(backends.KindServer, opScore, "a generated token has no log-probabilities")
	}
	return out, nil
}

func (r *llamaRoute) encode(ctx context.Context, text string) ([]int, error) {
	got, err := post[struct {
		Tokens []int `json:"tokens"`
	}](ctx, r.b.atRoot, "/tokenize", map[string]any{"content": text, "add_special": true, "parse_special": true})
	return got.Tokens, noTokenizer(err)
}

package openai

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
)

// idLogprobs are the log-probabilities at one place, by token id: vLLM's prompt_logprobs. nil is the first place's null.
type idLogprobs map[string]struct {
	Logprob float64 `json:"logprob"`
	Rank    int     `json:"rank"`
}

// textScore is the logprobs member of a completion. TopLogprobs is nil where the server gives none.
type textScore struct {
	Tokens        []string             `json:"tokens"`
	TokenLogprobs []*float64           `json:"token_logprobs"`
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
}

// mismatch is the error of a server that gives another number of log-probabilities than there are tokens.
func mismatch(op string, got, want int) error {
	return backends.Errorf(backends.KindServer, op, "the server gives %d log-probabilities for %d tokens", got, want)
}

const opScore = "score continuations"

// indexed puts choices, of which a call with several prompts has one each, in the prompts' order.
func indexed(a *answer, n int) ([]*choice, error) {
	out := make([]*choice, n)
	for i := range a.Choices {
		c := &a.Choices[i]
		if c.Index < 0 || c.Index >= n || out[c.Index] != nil {
			return nil, backends.Errorf(backends.KindNetwork, opScore, "choice %d of %d prompts", c.Index, n)
		}
		out[c.Index] = c
	}
	for i, c := range out {
		if c == nil {
			return nil, backends.Errorf(backends.KindNetwork, opScore, "no choice for prompt %d of %d", i, n)
		}
	}
	return out, nil
}

func idLists(parts []part) [][]int {
	out := make([][]int, len(parts))
	for i, p := range parts {
		out[i] = p.IDs
	}
	return out
}

// post sends a body of Go values, for calls that are not worth a writer of their own.
func post[T any](ctx context.Context, call func(context.Context, string, []byte, any) error, path string, body any) (T, error) {
	var out T
	data, err := json.Marshal(body, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return out, &backends.Error{Kind: backends.KindInternal, Op: "write a request", Err: err}
	}
	return out, call(ctx, path, data, &out)
}

// atBase and atRoot send below the base URL and below the server's root.
func (b *Backend) atBase(ctx context.Context, path string, body []byte, out any) error {
	_, err := b.client.Post(ctx, path, body, out)
	return err
}

func (b *Backend) atRoot(ctx context.Context, path string, body []byte, out any) error {
	_, err := b.root.Post(ctx, path, body, out)
	return err
}

// vllmRoute reads prompt_logprobs of completions that are given token ids. vLLM leaves its prefix cache unread for these.
type vllmRoute struct{ b *Backend }

func (r *vllmRoute) String() string { return "vLLM prompt_logprobs" }

// limit leaves room for the one token that must be generated.
func (r *vllmRoute) limit(context int) int { return max(0, context-1) }

type vllmAsk struct {
	Model           string  `json:"model"`
	Prompt          [][]int `json:"prompt"`
	MaxTokens       int     `json:"max_tokens"`
	Temperature     float64 `json:"temperature"`
	PromptLogprobs  *int    `json:"prompt_logprobs,omitzero"`
	Logprobs        *int    `json:"logprobs,omitzero"`
	AddSpecial      bool    `json:"add_special_tokens"`
	TokensAsTokenID bool    `json:"return_tokens_as_token_ids"`
}

func (r *vllmRoute) scores(ctx context.Context, parts []part) ([]scored, error) {
	one := 1
	a, err := post[answer](ctx, r.b.atBase, "/completions",
		vllmAsk{Model: r.b.model, Prompt: idLists(parts), MaxTokens: 1, PromptLogprobs: &one, TokensAsTokenID: true})
	if err != nil {
		return nil, err
	}
	choices, err := indexed(&a, len(parts))
	if err != nil {
		return nil, err
	}
	out := make([]scored, len(parts))
	for i, c := range choices {
		ids := parts[i].IDs
		if len(c.PromptLogprobs) != len(ids) {
			return nil, mismatch(opScore, len(c.PromptLogprobs), len(ids))
		}
		s := scored{LogProb: backends.LogProb{Greedy: true}, prompt: len(ids)}
		for k := parts[i].From; k < len(ids); k++ {
			own, ok := c.PromptLogprobs[k][strconv.Itoa(ids[k])]
			if !ok {
				return nil, backends.Errorf(backends.KindServer, opScore, "the server gives no log-probability of token %d at place %d", ids[k], k)
			}
			s.Sum += own.Logprob
			s.Tokens++
			s.Greedy = s.Greedy && own.Rank == 1
		}
		out[i] = s
	}
	return out, nil
}

func (r *vllmRoute) next(ctx context.Context, p part) ([]candidate, error) {
	two := 2
	a, err := post[answer](ctx, r.b.atBase, "/completions",
		vllmAsk{Model: r.b.model, Prompt: [][]int{p.IDs}, MaxTokens: 1, Logprobs: &two, TokensAsTokenID: true})
	if err != nil {
		return nil, err
	}
	choices, err := indexed(&a, 1)
	if err != nil {
		return nil, err
	}
	if l := choices[0].Logprobs; l != nil && len(l.TopLogprobs) > 0 {
		return idCandidates(l.TopLogprobs[0])
	}
	return nil, backends.Errorf(backends.KindServer, opScore, "a generated token has no log-probabilities")
}

// idCandidates reads tokens that stand as "token_id:17".
func idCandidates(top map[string]float64) ([]candidate, error) {
	var out []candidate
	for name, lp := range top {
		id, err := strconv.Atoi(strings.TrimPrefix(name, "token_id:"))
		if err != nil {
			return nil, backends.Errorf(backends.KindServer, opScore, "the server tells token %q for an id", name)
		}
		out = append(out, candidate{id: id, logProb: lp})
	}
	return out, nil
}

// encode asks /tokenize, which stands outside of /v1.
func (r *vllmRoute) encode(ctx context.Context, text string) ([]int, error) {
	got, err := post[struct {
		Tokens []int `json:"tokens"`
	}](ctx, r.b.atRoot, "/tokenize", map[string]any{"model": r.b.model, "prompt": text, "add_special_tokens": true})
	return got.Tokens, noTokenizer(err)
}

// noTokenizer says what to do where a server has no way to token ids.
func noTokenizer(err error) error {
	switch backends.KindOf(err) {
	case backends.KindNotFound, backends.KindUnsupported:
		return fmt.Errorf("%w (%s); give the checkpoint's folder as tokenizer=DIR", errNoIDs, err.Error())
	}
	return err
}

// sglangRoute reads the log-probabilities of the input from SGLang's own /generate. They start one place before the
// continuation, since the first of them is always null; starting at 0 would give up the prefix cache.
type sglangRoute struct{ b *Backend }

func (r *sglangRoute) String() string { return "SGLang input_token_logprobs" }

func (r *sglangRoute) limit(context int) int { return max(0, context-1) }

type sglangAnswer struct {
	Meta struct {
		PromptTokens int             `json:"prompt_tokens"`
		Input        []sglangToken   `json:"input_token_logprobs"`
		InputTop     [][]sglangToken `json:"input_top_logprobs"`
		OutputTop    [][]sglangToken `json:"output_top_logprobs"`
	} `json:"meta_info"`
}

// sglangToken is a token as [log-probability or null, id, text or null].
type sglangToken struct {
	logProb float64
	id      int
}

// UnmarshalJSONFrom reads the array.
func (t *sglangToken) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var parts []jsontext.Value
	if err := json.UnmarshalDecode(dec, &parts); err != nil {
		return err
	}
	if len(parts) < 2 {
		return fmt.Errorf("a token of %d members", len(parts))
	}
	t.logProb = math.NaN()
	if parts[0].Kind() == '0' {
		if err := json.Unmarshal(parts[0], &t.logProb); err != nil {
			return err
		}
	}
	return json.Unmarshal(parts[1], &t.id)
}

func (r *sglangRoute) ask(ctx context.Context, ids [][]int, start []int, top int) ([]sglangAnswer, error) {
	got, err := post[[]sglangAnswer](ctx, r.b.atRoot, "/generate", map[string]any{
		"input_ids": ids, "sampling_params": map[string]any{"max_new_tokens": 1, "temperature": 0},
		"return_logprob": true, "logprob_start_len": start, "top_logprobs_num": top,
	})
	if err == nil && len(got) != len(ids) {
		err = backends.Errorf(backends.KindNetwork, opScore, "%d answers to %d prompts", len(got), len(ids))
	}
	return got, err
}

func (r *sglangRoute) scores(ctx context.Context, parts []part) ([]scored, error) {
	start := make([]int, len(parts))
	for i, p := range parts {
		start[i] = p.From - 1
	}
	got, err := r.ask(ctx, idLists(parts), start, 1)
	if err != nil {
		return nil, err
	}
	out := make([]scored, len(parts))
	for i, g := range got {
		ids := parts[i].IDs[parts[i].From-1:]
		if len(g.Meta.Input) != len(ids) || len(g.Meta.InputTop) != len(ids) {
			return nil, mismatch(opScore, len(g.Meta.Input), len(ids))
		}
		s := scored{LogProb: backends.LogProb{Greedy: true}, prompt: len(parts[i].IDs)}
		for k := 1; k < len(ids); k++ {
			if g.Meta.Input[k].id != ids[k] {
				return nil, backends.Errorf(backends.KindServer, opScore, "the server scores token %d where %d was sent", g.Meta.Input[k].id, ids[k])
			}
			s.Sum += g.Meta.Input[k].logProb
			s.Tokens++
			s.Greedy = s.Greedy && len(g.Meta.InputTop[k]) > 0 && g.Meta.InputTop[k][0].id == ids[k]
		}
		out[i] = s
	}
	return out, nil
}

func (r *sglangRoute) next(ctx context.Context, p part) ([]candidate, error) {
	got, err := r.ask(ctx, [][]int{p.IDs}, []int{len(p.IDs) - 1}, 2)
	if err != nil {
		return nil, err
	}
	if len(got[0].Meta.OutputTop) == 0 {
		return nil, backends.Errorf(backends.KindServer, opScore, "a generated token has no log-probabilities")
	}
	var out []candidate
	for _, t := range got[0].Meta.OutputTop[0] {
		out = append(out, candidate{id: t.id, logProb: t.logProb})
	}
	return out, nil
}

// encode asks /tokenize, which newer versions have, below /v1 or beside it.
func (r *sglangRoute) encode(ctx context.Context, text string) ([]int, error) {
	body := map[string]any{"model": r.b.model, "prompt": text, "add_special_tokens": true}
	type tokenized struct {
		Tokens []int `json:"tokens"`
	}
	got, err := post[tokenized](ctx, r.b.atBase, "/tokenize", body)
	if backends.KindOf(err) == backends.KindNotFound {
		got, err = post[tokenized](ctx, r.b.atRoot, "/tokenize", body)
	}
	return got.Tokens, noTokenizer(err)
}

// tgiRoute reads details.prefill of TGI's own /generate, which takes text only. It needs a server that was started with
// --enable-prefill-logprobs.
type tgiRoute struct{ b *Backend }

func (r *tgiRoute) String() string { return "TGI details.prefill" }

func (r *tgiRoute) limit(int) int { return 0 } // text cannot be cut by ids

type tgiToken struct {
	ID      int      `json:"id"`
	Text    string   `json:"text"`
	Logprob *float64 `json:"logprob"`
}

type tgiAnswer struct {
	Details struct {
		Prefill   []tgiToken   `json:"prefill"`
		TopTokens [][]tgiToken `json:"top_tokens"`
	} `json:"details"`
}

func (r *tgiRoute) ask(ctx context.Context, text string, params map[string]any) (tgiAnswer, error) {
	params["max_new_tokens"], params["details"] = 1, true
	return post[tgiAnswer](ctx, r.b.atRoot, "/generate", map[string]any{"inputs": text, "parameters": params})
}

// scores asks for one part after the other, since a call has one text. TGI does not tell which token was the likeliest, so
// Greedy is false.
func (r *tgiRoute) scores(ctx context.Context, parts []part) ([]scored, error) {
	out := make([]scored, len(parts))
	for i, p := range parts {
		got, err := r.ask(ctx, p.text, map[string]any{"decoder_input_details": true})
		if err != nil {
			return nil, err
		}
		prefill := got.Details.Prefill
		if len(prefill) != len(p.IDs) {
			return nil, mismatch(opScore, len(prefill), len(p.IDs))
		}
		s := scored{prompt: len(prefill)}
		for k := p.From; k < len(prefill); k++ {
			if prefill[k].Logprob == nil || prefill[k].ID != p.IDs[k] {
				return nil, backends.Errorf(backends.KindServer, opScore, "the server scores token %d where %d was sent", prefill[k].ID, p.IDs[k])
			}
			s.Sum += *prefill[k].Logprob
			s.Tokens++
		}
		out[i] = s
	}
	return out, nil
}

func (r *tgiRoute) next(ctx context.Context, p part) ([]candidate, error) {
	got, err := r.ask(ctx, p.text, map[string]any{"top_n_tokens": 2})
	if err != nil {
		return nil, err
	}
	if len(got.Details.TopTokens) == 0 {
		return nil, backends.Errorf(backends.KindServer, opScore, "a generated token has no log-probabilities")
	}
	var out []candidate
	for _, t := range got.Details.TopTokens[0] {
		if t.Logprob != nil {
			out = append(out, candidate{id: t.ID, text: t.Text, logProb: *t.Logprob})
		}
	}
	return out, nil
}

func (r *tgiRoute) encode(ctx context.Context, text string) ([]int, error) {
	got, err := post[[]struct {
		ID int `json:"id"`
	}](ctx, r.b.atRoot, "/tokenize", map[string]any{"inputs": text})
	if err != nil {
		return nil, noTokenizer(err)
	}
	ids := make([]int, len(got))
	for i, t := range got {
		ids[i] = t.ID
	}
	return ids, nil
}

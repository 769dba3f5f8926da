package openai

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
)

// echoRoute asks for the prompt's own log-probabilities, with echo and logprobs, as OpenAI's completions had it first and
// many servers have it. It sends ids where the tokenizer is at hand and the server takes them, else texts, and finds the
// continuation by the characters of the tokens that come back.
type echoRoute struct {
	b *Backend
	// single is set once the server has answered one prompt a call and not several, as llama-cpp-python does.
	single atomic.Bool
}

func (r *echoRoute) String() string { return "completions with echo" }

func (r *echoRoute) limit(context int) int { return max(0, context-1) }

func (r *echoRoute) encode(context.Context, string) ([]int, error) { return nil, errNoIDs }

type echoAsk struct {
	Model       string  `json:"model"`
	Prompt      any     `json:"prompt"`
	MaxTokens   int     `json:"max_tokens"`
	Temperature float64 `json:"temperature"`
	Logprobs    int     `json:"logprobs"`
	Echo        bool    `json:"echo,omitzero"`
}

// prompts gives what stands for parts in a call.
func (r *echoRoute) prompts(parts []part) any {
	if parts[0].IDs != nil && r.b.server.ids {
		return idLists(parts)
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.text
	}
	return texts
}

func (r *echoRoute) ask(ctx context.Context, parts []part) ([]*choice, error) {
	a, err := post[answer](ctx, r.b.atBase, "/completions",
		echoAsk{Model: r.b.model, Prompt: r.prompts(parts), MaxTokens: 1, Logprobs: 1, Echo: true})
	if err != nil {
		return nil, err
	}
	if len(a.Error) > 0 && a.Error.Kind() != 'n' {
		return nil, r.b.errorInside(a.Error)
	}
	return indexed(&a, len(parts))
}

func (r *echoRoute) scores(ctx context.Context, parts []part) ([]scored, error) {
	choices, err := r.askAll(ctx, parts)
	if err != nil {
		return nil, err
	}
	out := make([]scored, len(parts))
	for i, c := range choices {
		l := c.Logprobs
		if l == nil || len(l.Tokens) == 0 || len(l.TokenLogprobs) != len(l.Tokens) {
			return nil, backends.Errorf(backends.KindUnsupported, opScore, "the server does not echo the prompt's log-probabilities")
		}
		from, to, err := r.place(ctx, parts[i], l)
		if err != nil {
			return nil, err
		}
		if out[i], err = l.sum(from, to); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// askAll asks for all parts in one call, where the server takes several prompts, else in one each.
func (r *echoRoute) askAll(ctx context.Context, parts []part) ([]*choice, error) {
	if len(parts) == 1 || !r.single.Load() {
		choices, err := r.ask(ctx, parts)
		switch backends.KindOf(err) {
		case backends.KindInvalid, backends.KindServer, backends.KindNetwork, backends.KindUnsupported:
			if len(parts) == 1 {
				return nil, err
			}
		default:
			return choices, err
		}
	}
	all := make([]*choice, len(parts))
	for i := range parts {
		one, err := r.ask(ctx, parts[i:i+1])
		if err != nil {
			return nil, err
		}
		all[i] = one[0]
	}
	r.single.Store(true)
	return all, nil
}

// place finds the tokens that are scored: from the continuation's first up to the generated one.
func (r *echoRoute) place(ctx context.Context, p part, l *textScore) (from, to int, err error) {
	n := len(l.Tokens)
	if p.IDs != nil {
		if n != len(p.IDs)+1 && n != len(p.IDs) { // a model that ends at once generates nothing
			return 0, 0, mismatch(opScore, n-1, len(p.IDs))
		}
		return p.From, len(p.IDs), nil
	}
	lead, to, ok := l.find(p.text)
	if !ok {
		return 0, 0, backends.Errorf(backends.KindUnsupported, opScore, "the tokens that the server echoes do not make up the text; give the checkpoint's folder as tokenizer=DIR")
	}
	offset := 0
	for from = lead; from < to; from++ {
		end := offset + len(l.Tokens[from])
		if end > p.at {
			break
		}
		offset = end
	}
	if offset < p.at {
		// A token stands across the place. The harness cuts by the number of tokens that the context has by itself.
		if from, err = r.count(ctx, p.text[:p.at]); err != nil {
			return 0, 0, err
		}
	}
	if from >= to {
		return 0, 0, backends.Errorf(backends.KindInvalid, opScore, "the continuation %q adds no token to the prompt", p.text[p.at:])
	}
	return from, to, nil
}

// count gives the number of tokens of a text, those around it included.
func (r *echoRoute) count(ctx context.Context, text string) (int, error) {
	choices, err := r.ask(ctx, []part{{text: text}})
	if err != nil {
		return 0, err
	}
	if l := choices[0].Logprobs; l != nil {
		if _, to, ok := l.find(text); ok {
			return to, nil
		}
	}
	return 0, backends.Errorf(backends.KindUnsupported, opScore, "the tokens that the server echoes do not make up the text; give the checkpoint's folder as tokenizer=DIR")
}

// find gives the tokens that make up a text: behind those that begin every text, before one that was generated.
func (l *textScore) find(text string) (lead, to int, ok bool) {
	const mostAround = 4
	for lead = range min(mostAround, len(l.Tokens)) {
		rest := text
		for to = lead; to < len(l.Tokens) && rest != ""; to++ {
			if rest, ok = strings.CutPrefix(rest, l.Tokens[to]); !ok {
				break
			}
		}
		if rest == "" && len(l.Tokens)-to <= 1 {
			return lead, to, true
		}
	}
	return 0, 0, false
}

// sum adds up the tokens of a place.
func (l *textScore) sum(from, to int) (scored, error) {
	s := scored{LogProb: backends.LogProb{Greedy: true}, prompt: to}
	for k := from; k < to; k++ {
		lp := l.TokenLogprobs[k]
		if lp == nil {
			return s, backends.Errorf(backends.KindInvalid, opScore, "the server gives no log-probability of the text's first token; give the checkpoint's folder as tokenizer=DIR")
		}
		s.Sum += *lp
		s.Tokens++
		likeliest := k < len(l.TopLogprobs) && len(l.TopLogprobs[k]) > 0
		if likeliest {
			for _, other := range l.TopLogprobs[k] {
				likeliest = likeliest && other <= *lp
			}
		}
		s.Greedy = s.Greedy && likeliest
	}
	return s, nil
}

func (r *echoRoute) next(ctx context.Context, p part) ([]candidate, error) {
	a, err := post[answer](ctx, r.b.atBase, "/completions",
		echoAsk{Model: r.b.model, Prompt: r.prompts([]part{p}), MaxTokens: 1, Logprobs: 2})
	if err != nil {
		return nil, err
	}
	if len(a.Error) > 0 && a.Error.Kind() != jsontext.KindInvalid && a.Error.Kind() != 'n' {
		return nil, r.b.errorInside(a.Error)
	}
	choices, err := indexed(&a, 1)
	if err != nil {
		return nil, err
	}
	l := choices[0].Logprobs
	if l == nil || len(l.TopLogprobs) == 0 {
		return nil, backends.Errorf(backends.KindUnsupported, opScore, "a generated token has no log-probabilities")
	}
	var out []candidate
	for text, lp := range l.TopLogprobs[0] {
		out = append(out, candidate{id: -1, text: text, logProb: lp})
	}
	return out, nil
}

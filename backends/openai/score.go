package openai

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/tokens"
)

// part is a text to be scored from a place on. Its ids are nil where no tokenizer is at hand, neither here nor at the
// server; then text[at:] is what is scored, as far as the server's tokens go.
type part struct {
	tokens.Part
	text string
	at   int
}

// scored is what a route says of a part.
type scored struct {
	backends.LogProb
	prompt int // tokens that the server was given
}

// candidate is a token that may come next, and how likely the server takes it for when it generates.
type candidate struct {
	id      int // -1 where ids are not told
	text    string
	logProb float64 // nats
}

// route is a server's way to log-likelihoods.
type route interface {
	// scores gives the log-probability of each part, of which there is at least one.
	scores(ctx context.Context, parts []part) ([]scored, error)
	// next gives the likeliest tokens after a part's whole text, at least one, as generation tells them.
	next(ctx context.Context, p part) ([]candidate, error)
	// encode gives the ids of a text as the server has them, or errNoIDs.
	encode(ctx context.Context, text string) ([]int, error)
	// limit is the most ids of a part for a context of so many tokens; 0 is no bound.
	limit(context int) int
}

var errNoIDs = errors.New("the server tells no token ids")

// findRoute settles how the server gives log-likelihoods, and tests it.
func (b *Backend) findRoute(ctx context.Context) error {
	b.route = b.server.route(b)
	err := error(nil)
	if b.args.selfTest {
		err = patiently(ctx, func() error { return b.selfTest(ctx) })
	}
	var no *noRouteError
	switch {
	case err == nil:
		b.info.Kinds = []backends.Kind{backends.Generate, backends.LogLikelihood}
		b.findAround(ctx)
		if !b.textOnly() && b.firstID >= 0 { // windows are of ids, behind one that begins texts
			b.info.Kinds = backends.Kinds[:]
		}
		b.info.Details["loglikelihood"] = fmt.Sprint(b.route)
		return nil
	case errors.As(err, &no):
		b.route, b.info.Details["loglikelihood"] = nil, "none: "+no.Error()
		return nil
	}
	return err
}

// noRouteError says why a server gives no log-likelihoods at all, which is no failure.
type noRouteError struct{ error }

func (e *noRouteError) Unwrap() error { return e.error }

// lacking makes a noRouteError of a refusal by the server, so that it is used for what it does serve.
func lacking(err error) error {
	kind := backends.KindOf(err)
	switch {
	case errors.Is(err, errNoIDs), kind == backends.KindInvalid, kind == backends.KindUnsupported, kind == backends.KindNotFound,
		kind == backends.KindServer && !answered(err): // an answer without the numbers, and no failure of the server
		return &noRouteError{err}
	}
	return err
}

// encoder gives ids by the tokenizer at hand, else by the server.
func (b *Backend) encoder(ctx context.Context) tokens.Encode {
	if b.codec != nil {
		return b.codec.Encode
	}
	return func(text string) ([]int, error) { return b.route.encode(ctx, text) }
}

// findAround finds the token that begins texts, and those that the server puts around every text.
func (b *Backend) findAround(ctx context.Context) {
	b.firstID = -1
	if b.codec != nil {
		b.firstID = b.codec.First()
		return
	}
	for _, text := range []string{"", b.server.bosText} {
		ids, err := b.route.encode(ctx, text)
		if err != nil || len(ids) == 0 {
			continue
		}
		b.firstID = ids[0]
		if text == "" {
			b.around = ids
		}
		return
	}
}

// split cuts prompt and continuation, into ids where anybody knows them.
func (b *Backend) split(ctx context.Context, prompt, continuation string) (part, int, error) {
	p := part{text: prompt + continuation, at: len(tokens.Context(prompt))}
	ids, err := tokens.Split(b.encoder(ctx), b.firstID, prompt, continuation)
	switch {
	case errors.Is(err, errNoIDs) && b.takesText():
		return p, 0, nil
	case err != nil:
		return p, 0, err
	}
	var dropped int
	p.Part, dropped = ids.Cut(b.route.limit(b.context()))
	return p, dropped, nil
}

// takesText tells whether the route can do without token ids.
func (b *Backend) takesText() bool {
	_, ok := b.route.(*echoRoute)
	return ok
}

// score answers a request for log-likelihoods.
func (b *Backend) score(ctx context.Context, req *backends.Request) (backends.Response, error) {
	const op = "score continuations"
	var resp backends.Response
	if len(req.Continuations) == 0 {
		return resp, backends.Errorf(backends.KindInvalid, op, "there is none")
	}
	parts := make([]part, len(req.Continuations))
	for i, c := range req.Continuations {
		p, dropped, err := b.split(ctx, req.Prompt, c)
		if errors.Is(err, tokens.ErrNothing) || errors.Is(err, tokens.ErrNoFirst) {
			return resp, backends.Errorf(backends.KindInvalid, op, "continuation %d (%q): %w", i, c, err)
		}
		if err != nil {
			return resp, err
		}
		parts[i], resp.ContextDropped = p, max(resp.ContextDropped, dropped)
	}
	all, err := b.route.scores(ctx, parts)
	if err != nil {
		return resp, err
	}
	resp.LogProbs = make([]backends.LogProb, len(all))
	for i, s := range all {
		if err := plausible(s.LogProb); err != nil {
			return resp, backends.Errorf(backends.KindServer, op, "continuation %d (%q): %w", i, req.Continuations[i], err)
		}
		resp.LogProbs[i] = s.LogProb
		resp.Usage.PromptTokens += s.prompt
	}
	return resp, nil
}

// plausible holds a log-probability against what one can be.
func plausible(p backends.LogProb) error {
	if p.Tokens < 1 || math.IsNaN(p.Sum) || math.IsInf(p.Sum, 0) || p.Sum > 1e-3 {
		return fmt.Errorf("the server gives %g nats for %d tokens", p.Sum, p.Tokens)
	}
	return nil
}

// rolling answers a request for the log-probability of a whole text, in windows where it does not fit the context.
func (b *Backend) rolling(ctx context.Context, req *backends.Request) (backends.Response, error) {
	const op = "score text"
	ids, err := b.plain(ctx, req.Prompt)
	if err != nil {
		return backends.Response{}, err
	}
	if len(ids) == 0 {
		return backends.Response{}, backends.Errorf(backends.KindInvalid, op, "it has no tokens")
	}
	resp := backends.Response{LogProbs: []backends.LogProb{{Greedy: true}}}
	total := &resp.LogProbs[0]
	for _, w := range tokens.Windows(ids, b.firstID, b.route.limit(b.context())) {
		all, err := b.route.scores(ctx, []part{{Part: w}})
		if err != nil {
			return backends.Response{}, err
		}
		if err := plausible(all[0].LogProb); err != nil {
			return backends.Response{}, backends.Errorf(backends.KindServer, op, "%w", err)
		}
		total.Sum += all[0].Sum
		total.Tokens += all[0].Tokens
		total.Greedy = total.Greedy && all[0].Greedy
		resp.Usage.PromptTokens += all[0].prompt
	}
	return resp, nil
}

// plain gives the ids of a text without the tokens that begin and end texts.
func (b *Backend) plain(ctx context.Context, text string) ([]int, error) {
	if b.codec != nil {
		return b.codec.Plain(text)
	}
	ids, err := b.route.encode(ctx, text)
	if err != nil {
		return nil, err
	}
	around := b.around
	for len(around) > 0 && len(ids) > 0 && ids[0] == around[0] {
		ids, around = ids[1:], around[1:]
	}
	return ids[:max(0, len(ids)-len(around))], nil // what is left of around stands at the end
}

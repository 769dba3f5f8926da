package openai

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
	"github.com/onset-eval/onset/backends/local/tokens"
)

// selfTestPrompts are texts that any language model can continue.
var selfTestPrompts = []string{"The capital of France is", "1 2 3 4 5 6", "import"}

// The two routes may lie apart by so much, in nats: for the first token, and for each further one of a sum. Logits in
// bfloat16 have steps of an eighth between 16 and 32, and kernels for many tokens and for one round differently. What the
// tolerance must stay below is the log-probability of the second likeliest token, which is at most log(1/2).
const (
	selfTestTolerance = 0.3
	selfTestFurther   = 0.1
)

// steps is how many tokens a text is grown by, so that a sum over several is compared too.
const steps = 3

// selfTest compares the log-likelihoods of the route with what the server says of the same tokens when it generates them:
// each of the two likeliest next tokens by itself, a text of several, and the same again, which the prefix cache may answer.
// A server that has no such route at all gives a noRouteError; one whose numbers contradict themselves is refused.
func (b *Backend) selfTest(ctx context.Context) error {
	compared := 0
	for _, prompt := range selfTestPrompts {
		n, err := b.testPrompt(ctx, prompt)
		if err != nil {
			return err
		}
		compared += n
	}
	if compared == 0 {
		return &noRouteError{errors.New("the server's tokens could not be put back together, so that its log-likelihoods could not be tested")}
	}
	return nil
}

// testPrompt tests with one prompt, and tells how many comparisons it made.
func (b *Backend) testPrompt(ctx context.Context, prompt string) (int, error) {
	start, err := b.whole(ctx, prompt)
	if err != nil {
		return 0, lacking(err)
	}
	at, sum, compared := start, 0.0, 0
	for step := range steps {
		next, err := b.route.next(ctx, at)
		if err != nil {
			return 0, lacking(err)
		}
		slices.SortFunc(next, func(x, y candidate) int {
			if x.logProb > y.logProb {
				return -1
			}
			return 1
		})
		if step == 0 {
			n, err := b.compareEach(ctx, at, next)
			if err != nil {
				return 0, err
			}
			compared += n
		}
		grown, ok := b.grow(ctx, at, next[0])
		if !ok {
			return compared, nil
		}
		at, sum = grown, sum+next[0].logProb
	}
	at.From, at.at = start.size(), len(start.text)
	for range 2 {
		if err := b.compare(ctx, at, sum, steps); err != nil {
			return 0, err
		}
	}
	return compared + 1, nil
}

// size is the number of ids, 0 where they are not known.
func (p part) size() int { return len(p.IDs) }

// whole is a text as a part of which nothing is scored yet.
func (b *Backend) whole(ctx context.Context, text string) (part, error) {
	ids, err := b.encoder(ctx)(text)
	if errors.Is(err, errNoIDs) && b.takesText() {
		return part{text: text}, nil
	}
	return part{Part: tokens.Part{IDs: ids}, text: text}, err
}

// grow puts a token behind a text, where it is known that the server would take the longer text for just these tokens.
func (b *Backend) grow(ctx context.Context, p part, c candidate) (part, bool) {
	if !b.textOnly() && p.IDs != nil && c.id >= 0 {
		return part{Part: tokens.Part{IDs: append(slices.Clone(p.IDs), c.id)}, text: p.text + c.text}, true
	}
	grown, err := b.whole(ctx, p.text+c.text)
	if err != nil || c.text == "" {
		return part{}, false
	}
	if p.IDs != nil && !slices.Equal(grown.IDs, append(slices.Clone(p.IDs), c.id)) && c.id >= 0 {
		return part{}, false
	}
	return grown, true
}

// textOnly tells whether the route sends texts, even where ids are known.
func (b *Backend) textOnly() bool {
	switch b.route.(type) {
	case *tgiRoute:
		return true
	case *echoRoute:
		return !b.server.ids
	}
	return false
}

// compareEach scores the likeliest next tokens one by one.
func (b *Backend) compareEach(ctx context.Context, at part, next []candidate) (int, error) {
	compared := 0
	for _, c := range next[:min(2, len(next))] {
		p, ok := b.grow(ctx, at, c)
		if !ok {
			continue
		}
		p.From, p.at = at.size(), len(at.text)
		if err := b.compare(ctx, p, c.logProb, 1); err != nil {
			return 0, err
		}
		compared++
	}
	return compared, nil
}

// compare scores a part and holds it against what generation said of the same tokens.
func (b *Backend) compare(ctx context.Context, p part, generated float64, count int) error {
	got, err := b.route.scores(ctx, []part{p})
	if err != nil {
		if backends.KindOf(err) == backends.KindServer && !answered(err) {
			return b.disagreement("%s", err.Error())
		}
		return lacking(err)
	}
	s := got[0]
	if s.Tokens != count && p.IDs == nil {
		return nil // text was taken for other tokens than were generated, which says nothing
	}
	if s.Tokens != count {
		return b.disagreement("it scores %d tokens where there are %d", s.Tokens, count)
	}
	if d := math.Abs(s.Sum - generated); !(d <= selfTestTolerance+selfTestFurther*float64(count-1)+0.01*math.Abs(generated)) {
		return b.disagreement("of %q, the log-probability of the last %d tokens is %.4f nats when scored, %.4f when generated", p.text, count, s.Sum, generated)
	}
	return nil
}

func (b *Backend) disagreement(format string, args ...any) error {
	return httpapi.WithHint(&backends.Error{
		Kind: backends.KindUnsupported, Op: "test the log-likelihoods of " + b.client.Endpoint(),
		Err: fmt.Errorf("the server contradicts itself (%s): %s", b.route, fmt.Sprintf(format, args...)),
	}, "measure what is generated only, with --model-args api=chat, or use another version of the server; self_test=off trusts it")
}

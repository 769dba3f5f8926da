package local

import (
	"slices"
	"strings"
	"unicode"

	"github.com/onset-eval/onset/backends"
)

// work is one request on its way through the engine.
type work struct {
	req       *backends.Request
	cancelled <-chan struct{}
	parts     []part
	dropped   int // tokens dropped from the left of the prompt
	maxTokens int
	done      chan result // holds one
}

type result struct {
	resp backends.Response
	err  error
}

// part is one text of a request: a prompt to continue, or a text of which ids[from:] are scored.
type part struct {
	ids  []int
	from int
	to   int // of a masked model: ids[from:to] are scored
	into int // index of the log-probability that it adds to
}

// plan turns a request into parts. Its error is one of the request.
func (b *Backend) plan(req *backends.Request) (*work, error) {
	w := &work{req: req, done: make(chan result, 1)}
	if !b.info.Serves(req.Kind) {
		return nil, backends.Errorf(backends.KindUnsupported, "plan request", "no requests of kind %q", req.Kind)
	}
	switch req.Kind {
	case backends.Generate:
		b.planGenerate(w)
		return w, nil
	case backends.LogLikelihood:
		return w, b.planScores(w)
	}
	return w, b.planRolling(w)
}

// defaultMaxTokens bounds a generation that names no bound itself, as lm-evaluation-harness does.
const defaultMaxTokens = 256

// planGenerate leaves room in the context for the tokens to come, half of it at most, and drops what does not fit from
// the prompt's left, the tokens that begin every text included, as lm-evaluation-harness does.
func (b *Backend) planGenerate(w *work) {
	ids := b.promptIDs(w.req.Prompt)
	size := b.model.context
	w.maxTokens = w.req.Sampling.MaxTokens
	if w.maxTokens <= 0 {
		w.maxTokens = defaultMaxTokens
	}
	room := size - min(w.maxTokens, size/2)
	if len(ids) > room {
		w.dropped = len(ids) - room
		ids = ids[w.dropped:]
	}
	w.maxTokens = min(w.maxTokens, size-len(ids))
	w.parts = []part{{ids: ids}}
}

// encode encodes a text with the tokens that begin and end texts, but one that begins with such a token already.
func (b *Backend) encode(text string) []int { return b.tok.Encode(text, !b.begins(text)) }

// promptIDs encodes a prompt; an empty one is the token that begins texts.
func (b *Backend) promptIDs(prompt string) []int {
	ids := b.encode(prompt)
	if len(ids) == 0 {
		ids = []int{b.first}
	}
	return ids
}

// planScores encodes prompt and continuations as lm-evaluation-harness does: white space at the prompt's end belongs
// to the continuation, and the continuation's tokens are those of the whole text past as many as the prompt has. Where
// the last token of the prompt would merge with the continuation, the prompt's tokens stay its own.
func (b *Backend) planScores(w *work) error {
	const op = "score continuations"
	if len(w.req.Continuations) == 0 {
		return backends.Errorf(backends.KindInvalid, op, "there is none")
	}
	if !b.model.causal {
		return b.planMasked(w)
	}
	prompt := b.encode(strings.TrimRightFunc(w.req.Prompt, isSpace))
	for i, c := range w.req.Continuations {
		p := b.scored(prompt, w.req.Prompt, c)
		p.into = i
		n := len(p.ids) - p.from
		switch {
		case n <= 0:
			return backends.Errorf(backends.KindInvalid, op, "continuation %d (%q) adds no token to the prompt", i, c)
		case n > b.model.context:
			return backends.Errorf(backends.KindInvalid, op, "continuation %d has %d tokens, and the model's context %d", i, n, b.model.context)
		}
		// The last token is not fed.
		if over := len(p.ids) - (b.model.context + 1); over > 0 {
			w.dropped = max(w.dropped, over)
			p.ids, p.from = p.ids[over:], p.from-over
		}
		w.parts = append(w.parts, p)
	}
	return nil
}

// scored makes the part of a continuation of a prompt, of which the tokens are given too.
func (b *Backend) scored(ids []int, prompt, continuation string) part {
	if prompt == "" {
		ids = b.tok.Encode(continuation, false)
		if len(ids) == 0 || ids[0] != b.first {
			ids = append([]int{b.first}, ids...)
		}
		return part{ids: ids, from: 1}
	}
	whole := b.encode(prompt + continuation)
	n := min(len(ids), len(whole))
	if len(ids) == 0 {
		ids = []int{b.first}
	}
	return part{ids: slices.Concat(ids, whole[n:]), from: len(ids)}
}

// isSpace is what Python's str.rstrip strips.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// planRolling cuts a text into windows.
func (b *Backend) planRolling(w *work) error {
	if !b.model.causal {
		return b.planMaskedRolling(w)
	}
	ids := b.tok.Encode(w.req.Prompt, false)
	if len(ids) == 0 {
		return backends.Errorf(backends.KindInvalid, "score text", "it has no tokens")
	}
	w.parts = windows(ids, b.first, b.model.context)
	return nil
}

// windows cuts a text into windows of which each token is scored once, by at least one before it: the first window
// begins with the token that begins texts, each later one ends at its last new token and is as long as fits, which are
// the windows of lm-evaluation-harness for a context of 1.
func windows(ids []int, first, size int) []part {
	n := min(size, len(ids))
	parts := []part{{ids: append([]int{first}, ids[:n]...), from: 1}}
	for n < len(ids) {
		fresh := min(size, len(ids)-n)
		n += fresh
		window := ids[n-size-1 : n]
		parts = append(parts, part{ids: window, from: len(window) - fresh})
	}
	return parts
}

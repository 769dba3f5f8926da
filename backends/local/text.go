package local

import (
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// text is one part of a request under way.
type text struct {
	w     *work
	state *progress
	part  int
	ids   []int // of a text being generated, with the tokens so far
	from  int   // ids[from:] are scored
	// regime is that of the rotary angles of its path (spec.regime).
	regime int
	leaf   *node // the end of the text's path; nil where it is not under way
	// logs are the log-probabilities of ids[from:], of which unread are to come.
	logs   []float64
	unread int
	next   int // of a masked model: the first token that no step has masked
	greedy bool
	gen    *generation
	step   int64 // the last of which it wants something
}

// progress gathers a request's parts.
type progress struct {
	number int64 // of the request, from 1
	texts  int   // waiting and live
	left   int   // parts to be answered
	scores []partScore
	failed error
}

type partScore struct {
	sum    float64
	tokens int
	greedy bool
}

// generation is text being generated.
type generation struct {
	sampler *sampler
	stream  *tokenizer.Stream // nil before the first token
	out     []byte
	tokens  int
	stop    backends.StopReason
	// Once the prompt is computed, the keys and values of what follows stand in pages of the generation's own.
	seq      *sequence
	pages    []*page
	first    int  // index in seq of the first of pages
	claims   bool // pages[0] is the prompt's last page
	reserved int  // pages
	evicted  bool // once before: it waits for all that it may come to need
}

func newText(w *work, state *progress, i int) *text {
	p := w.parts[i]
	t := &text{w: w, state: state, part: i, ids: p.ids, from: p.from, greedy: true}
	if w.req.Kind == backends.Generate {
		t.gen = &generation{sampler: newSampler(w.req)}
		t.ids = append(make([]int, 0, len(p.ids)+w.maxTokens), p.ids...)
		return t
	}
	t.unread = len(p.ids) - p.from
	if p.to > 0 {
		t.unread, t.next = p.to-p.from, p.from
	}
	t.logs = make([]float64, t.unread)
	return t
}

// path gives the tokens that are computed in the tree: the last token of a scored text predicts nothing.
func (t *text) path() []int {
	if t.gen == nil {
		return t.ids[:len(t.ids)-1]
	}
	return t.ids[:len(t.ids):len(t.ids)]
}

// wanted gives the positions whose logits are wanted of the path: they predict the token after.
func (t *text) wanted() (from, to int) {
	if t.gen == nil {
		return t.from - 1, len(t.ids) - 1
	}
	return len(t.ids) - 1, len(t.ids)
}

// decoding reports whether the prompt of a text to be generated is computed.
func (t *text) decoding() bool { return t.gen != nil && t.gen.seq != nil }

// finished reports whether the text needs no more steps.
func (t *text) finished() bool {
	if t.gen != nil {
		return t.gen.stop != ""
	}
	return t.unread == 0
}

// deliver takes the log-probability of the token after a position.
func (t *text) deliver(pos int, log float64, greedy bool) {
	t.logs[pos+1-t.from] = log
	t.greedy = t.greedy && greedy
	t.unread--
}

// fail answers the text's request with an error, once.
func (t *text) fail(err error) {
	if t.state.failed == nil {
		t.state.failed = err
		t.w.done <- result{err: err}
	}
}

func (t *text) checkCancelled() {
	select {
	case <-t.w.cancelled:
		t.fail(errCancelled)
	default:
	}
}

// score adds up what was delivered, in the order of the positions whatever the order in which it came.
func (t *text) score() partScore {
	s := partScore{tokens: len(t.logs), greedy: t.greedy}
	for _, x := range t.logs {
		s.sum += x
	}
	return s
}

// compareTexts orders texts by their tokens, so that those with a common beginning are neighbours.
func compareTexts(a, b *text) int { return slices.Compare(a.ids, b.ids) }

// extra bounds the pages that a text needs beside its path: what a generation may come to hold for its whole length, or
// to begin with.
func (t *text) extra() int {
	switch {
	case t.gen == nil:
		return 0
	case t.gen.evicted:
		return span(len(t.ids), len(t.ids)+max(1, t.w.maxTokens-t.gen.tokens))
	}
	return 1
}

// branch begins the pages of a generation behind its path.
func (t *tree) branch(x *text) {
	g := x.gen
	g.seq = t.open(x.leaf)
	g.first = (x.leaf.end()) / kernels.PageSize
	if x.leaf.end()%kernels.PageSize != 0 {
		g.claims = !x.leaf.claimed
		x.leaf.claimed = true
		g.pages = append(g.pages, t.follow(x.leaf, g.claims))
		g.seq.add(g.first, g.pages)
	}
}

// leave gives back all that a text holds.
func (t *tree) leave(x *text) {
	if x.leaf == nil {
		return
	}
	if g := x.gen; g != nil {
		if g.seq != nil {
			t.close(g.seq)
		}
		if g.claims {
			x.leaf.claimed = false
		}
		for _, pg := range g.pages {
			t.pool.release(pg, t.limit)
		}
		t.reserved -= g.reserved
		g.seq, g.pages, g.claims, g.reserved = nil, nil, false, 0
	}
	if !x.finished() {
		for n := x.leaf; n.parent != nil; n = n.parent {
			n.readers = slices.DeleteFunc(n.readers, func(r reader) bool { return r.t == x })
		}
	}
	t.unpin(x.leaf)
	x.leaf = nil
}

// enter begins a text: its path is pinned, and its readers stand along it.
func (t *tree) enter(x *text) {
	if x.gen != nil {
		x.gen.reserved = x.extra()
		t.reserved += x.gen.reserved
	}
	x.leaf = t.insert(x.regime, x.path())
	t.pin(x.leaf, x.state.number)
	from, to := x.wanted()
	for n := x.leaf; n.parent != nil && n.end() > from; n = n.parent {
		n.readers = append(n.readers, reader{x, max(from, n.start), min(to, n.end())})
	}
}

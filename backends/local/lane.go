package local

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// The sizes of a lane's steps: the most tokens in one forward pass, texts under way, and rows whose logits are held at
// once. They decide speed and memory, and no result.
const (
	stepRows  = 512
	maxLive   = 128
	headRows  = 64
	maxLogits = 1 << 22 // elements
)

// lane computes on one goroutine. Several lanes share a model and a queue; each batches what it holds.
type lane struct {
	b        *Backend
	kernels  kernels.Set
	scratch  *scratch
	arena    arena
	waiting  []*text // admitted, to go under way in this order
	live     []*text // under way
	rows     []row
	wanted   []wanted
	at       []int
	follow   []*text
	held     int  // requests admitted and not yet done with
	reserved int  // pages that the live texts may come to hold
	budget   int  // pages to be reserved at most, but for one text alone
	answered bool // since the last admission
}

// text is one part of a request under way, or the beginning that a request's parts share.
type text struct {
	w      *work
	state  *progress
	part   int // -1 for a shared beginning
	ids    []int
	from   int // ids[from:] are scored
	seq    *sequence
	shared int // pages that belong to parent
	pages  int // that it may come to own
	parent *text
	open   int // children under way
	take   int // tokens fed in this step
	sum    float64
	greedy bool
	gen    *generation
}

// progress gathers a request's parts.
type progress struct {
	texts  int // waiting and live
	left   int // parts to be answered
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
}

// wanted is a row whose logits are needed.
type wanted struct {
	t   *text
	row int
	pos int
}

func newLane(b *Backend, budget int) *lane {
	return &lane{b: b, kernels: b.kernels, scratch: newScratch(b.model.spec, stepRows), arena: newArena(b.model.spec), budget: budget}
}

// run serves the queue until it is closed and all that was admitted is answered.
func (l *lane) run() {
	for l.admit() {
		l.step()
	}
}

// admit takes requests from the queue, and waits for one where nothing is under way. It is false at the end.
func (l *lane) admit() bool {
	if l.answered {
		// The callers who were answered hand in their next requests before this step is put together.
		runtime.Gosched()
		l.answered = false
	}
	for len(l.live) < maxLive {
		if l.promote() {
			continue
		}
		if len(l.waiting) > 0 {
			return true
		}
		if len(l.live) == 0 {
			w, ok := <-l.b.queue
			if !ok {
				return false
			}
			l.start(w)
			runtime.Gosched()
			continue
		}
		if l.held >= l.share() {
			return true
		}
		select {
		case w, ok := <-l.b.queue:
			if !ok {
				return true
			}
			l.start(w)
		default:
			return true
		}
	}
	return true
}

// minShare is what a lane takes even where that leaves others idle: the rows of a tile of the kernels.
const minShare = 6

// share is the number of requests at which a lane leaves further ones to the others.
func (l *lane) share() int {
	lanes := int64(l.b.lanes)
	return max(minShare, int((l.b.inFlight.Load()+lanes-1)/lanes))
}

// promote lets the first waiting text get under way, where there is one and room for its pages.
func (l *lane) promote() bool {
	if len(l.waiting) == 0 {
		return false
	}
	t := l.waiting[0]
	if len(l.live) > 0 && l.reserved+t.pages > l.budget {
		return false
	}
	l.waiting = slices.Delete(l.waiting, 0, 1)
	l.live = append(l.live, t)
	l.reserved += t.pages
	return true
}

func (l *lane) start(w *work) {
	l.held++
	state := &progress{left: len(w.parts), scores: make([]partScore, len(w.parts))}
	if w.shared > 0 {
		ids := w.parts[0].ids[:w.shared]
		l.wait(&text{w: w, state: state, part: -1, ids: ids, seq: new(sequence), pages: pagesFor(len(ids))})
		return
	}
	for i := range w.parts {
		l.wait(newText(w, state, i, new(sequence)))
	}
}

func (l *lane) wait(t *text) {
	t.state.texts++
	l.waiting = append(l.waiting, t)
}

// leave takes note that a text is done with, and its request with the last of its texts.
func (l *lane) leave(t *text) {
	l.reserved -= t.pages
	if t.state.texts--; t.state.texts == 0 {
		l.held--
		l.b.inFlight.Add(-1)
		l.answered = true
	}
}

func newText(w *work, state *progress, i int, seq *sequence) *text {
	p := w.parts[i]
	t := &text{w: w, state: state, part: i, ids: p.ids, from: p.from, seq: seq, greedy: true}
	if w.req.Kind == backends.Generate {
		t.gen = &generation{sampler: newSampler(w.req)}
		t.ids = append(make([]int, 0, len(p.ids)+w.maxTokens), p.ids...)
	}
	t.pages = pagesFor(len(p.ids) + w.maxTokens)
	return t
}

// feedEnd says how many of the text's tokens are to be fed: the last token of a scored text predicts nothing.
func (t *text) feedEnd() int {
	if t.gen == nil && t.part >= 0 {
		return len(t.ids) - 1
	}
	return len(t.ids)
}

// step feeds the next tokens of the texts under way. A defect ends their requests and not the program.
func (l *lane) step() {
	defer func() {
		if p := recover(); p != nil {
			l.abandon(fmt.Errorf("the engine panicked: %v", p))
		}
	}()
	l.dropCancelled()
	l.batch()
	if len(l.rows) > 0 {
		l.at = l.at[:0]
		for _, w := range l.wanted {
			l.at = append(l.at, w.row)
		}
		l.b.model.forward(l.kernels, l.scratch, l.rows, l.at)
		for _, t := range l.live {
			t.seq.fed += t.take
		}
		l.judge()
	}
	l.settle()
}

// abandon fails all requests under way.
func (l *lane) abandon(err error) {
	for _, t := range slices.Concat(l.live, l.waiting) {
		t.fail(&backends.Error{Kind: backends.KindInternal, Op: "run model", Err: err})
		l.leave(t)
	}
	clear(l.live)
	clear(l.waiting)
	l.live, l.waiting, l.reserved = l.live[:0], l.waiting[:0], 0
	l.arena = newArena(l.b.model.spec)
}

// fail answers the text's request with an error, once.
func (t *text) fail(err error) {
	if t.state.failed == nil {
		t.state.failed = err
		t.w.done <- result{err: err}
	}
}

func (l *lane) dropCancelled() {
	for _, t := range l.live {
		t.checkCancelled()
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(t *text) bool {
		if t.checkCancelled(); t.state.failed == nil {
			return false
		}
		l.reserved += t.pages // leave takes them back
		l.retire(t)
		return true
	})
}

func (t *text) checkCancelled() {
	select {
	case <-t.w.cancelled:
		t.fail(errCancelled)
	default:
	}
}

// batch chooses the rows of the step: of each text in turn what is left to feed, as far as there is room.
func (l *lane) batch() {
	l.rows, l.wanted = l.rows[:0], l.wanted[:0]
	for _, t := range l.live {
		t.take = 0
		if t.state.failed != nil || t.finished() {
			continue
		}
		t.take = min(t.feedEnd()-t.seq.fed, stepRows-len(l.rows))
		l.arena.extend(t.seq, t.seq.fed+t.take)
		for i := range t.take {
			pos := t.seq.fed + i
			if t.wants(pos) {
				l.wanted = append(l.wanted, wanted{t, len(l.rows), pos})
			}
			l.rows = append(l.rows, row{t.ids[pos], pos, t.seq})
		}
	}
}

// wants reports whether the logits at a position are needed: they predict the token after it.
func (t *text) wants(pos int) bool {
	switch {
	case t.part < 0:
		return false
	case t.gen != nil:
		return pos == len(t.ids)-1
	}
	return pos+1 >= t.from
}

// judge computes the logits that are wanted, a bounded number of rows at a time, and uses them.
func (l *lane) judge() {
	vocab := l.b.model.vocab
	group := max(1, min(headRows, maxLogits/vocab))
	for from := 0; from < len(l.wanted); from += group {
		some := l.wanted[from:min(from+group, len(l.wanted))]
		logits := l.b.model.logits(l.kernels, l.scratch, from, len(some))
		for i, w := range some {
			row := logits[i*vocab : i*vocab+vocab]
			if w.t.gen != nil {
				l.b.generate(w.t, row)
			} else {
				w.t.score(l.kernels, row, w.t.ids[w.pos+1])
			}
		}
	}
}

// score adds the log-probability of a token.
func (t *text) score(k kernels.Set, logits []float32, token int) {
	t.sum += math.Min(0, float64(logits[token])-float64(k.LogSumExp(logits)))
	t.greedy = t.greedy && argmax(logits) == token
}

// finished reports whether the text needs no more steps.
func (t *text) finished() bool {
	if t.gen != nil {
		return t.gen.stop != ""
	}
	return t.seq.fed >= t.feedEnd()
}

// settle answers requests that are done, lets parts follow their shared beginning, and takes pages back.
func (l *lane) settle() {
	l.live = slices.DeleteFunc(l.live, func(t *text) bool {
		if t.state.failed == nil && !t.finished() {
			return false
		}
		if t.part < 0 && t.state.failed == nil {
			l.branch(t)
		}
		l.retire(t)
		return true
	})
	if len(l.follow) > 0 {
		l.waiting = slices.Insert(l.waiting, 0, l.follow...)
		clear(l.follow)
		l.follow = l.follow[:0]
	}
}

// branch lets the parts that begin with t follow it, before anything else that waits.
func (l *lane) branch(t *text) {
	for i := range t.w.parts {
		seq, shared := l.arena.fork(t.seq)
		child := newText(t.w, t.state, i, seq)
		child.shared, child.parent = shared, t
		child.pages -= shared
		t.state.texts++
		t.open++
		l.follow = append(l.follow, child)
	}
}

// retire takes back a text's pages, but for those of a beginning that others still share, and answers the request with
// its last part.
func (l *lane) retire(t *text) {
	if t.part < 0 {
		if t.open == 0 {
			l.arena.release(t.seq, 0)
		}
		l.leave(t)
		return
	}
	l.arena.release(t.seq, t.shared)
	if t.parent != nil {
		if t.parent.open--; t.parent.open == 0 {
			l.arena.release(t.parent.seq, 0)
		}
	}
	t.state.scores[t.part] = partScore{t.sum, len(t.ids) - t.from, t.greedy}
	if t.state.left--; t.state.left == 0 && t.state.failed == nil {
		t.w.done <- result{resp: l.b.response(t)}
	}
	l.leave(t)
}

package local

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// scheduler computes what the requests in flight ask for, step by step, on one goroutine; its executor may use more.
// Small models have several that share a queue.
//
// Texts that arrive together are sorted by their tokens and go under way in that order, those that came first before
// those that came later. A step goes through the texts under way and takes from each path of the tree what can be
// computed next: so the oldest texts end first, texts with a common beginning are computed side by side, and their
// beginning once.
type scheduler struct {
	b       *Backend
	ex      executor
	tree    tree
	arrived []*text // of requests taken from the queue since the last were sorted
	waiting []*text // to go under way in this order
	live    []*text // under way
	// The step that is put together, and those that are begun and not collected: the oldest first, two at most.
	rows   []row
	wants  []want
	behind []*flight
	spare  []*flight
	taken  []*node // of which the step has rows
	again  []int   // scratch of takeAgain
	copies copies
	number int64 // of requests taken
	step   int64
	size   sizes
	held   int // requests taken and not yet done with
	// answered is true where requests were answered since the last admission.
	answered  bool
	evictions int // for tests
}

// want is a row whose logits are wanted, and for what.
type want struct {
	row, pos int
	t        *text
}

func newScheduler(b *Backend, ex executor, pages int, o Options) *scheduler {
	size := ex.sizes()
	if size.pages > 0 {
		pages = min(pages, size.pages)
	}
	once := max(2*pagesFor(b.model.context), int(size.once/size.pageBytes))
	return &scheduler{b: b, ex: ex, size: size, tree: newTree(ex, max(1, pages), min(once, pages/2), !o.NoPrefixCache)}
}

// run serves the queue until it is closed and all that was taken is answered.
func (s *scheduler) run() {
	for s.admit() {
		s.advance()
	}
	// What is under way still is of texts that were cancelled.
	for range s.behind {
		_ = s.ex.collect() // nobody waits for it
	}
}

// admit lets texts get under way, and waits for requests where there is nothing to do. It is false at the end.
func (s *scheduler) admit() bool {
	if s.answered {
		// The callers who were answered hand in their next requests before this step is put together.
		runtime.Gosched()
		s.answered = false
	}
	if len(s.live)+len(s.waiting)+len(s.arrived) == 0 {
		w, ok := <-s.b.queue
		if !ok {
			return false
		}
		s.take(w)
		runtime.Gosched()
	}
	s.collect()
	for len(s.live) < s.size.live {
		if len(s.waiting) == 0 {
			slices.SortStableFunc(s.arrived, compareTexts)
			s.waiting, s.arrived = s.arrived, s.waiting
			if len(s.waiting) == 0 {
				break
			}
		}
		if !s.promote() {
			break
		}
	}
	return true
}

// collect takes what the queue holds, as far as it is this scheduler's share.
func (s *scheduler) collect() {
	for s.held < s.share() {
		select {
		case w, ok := <-s.b.queue:
			if !ok {
				return
			}
			s.take(w)
		default:
			return
		}
	}
}

// minShare is what a scheduler takes even where that leaves others idle: the rows of a tile of the kernels.
const minShare = 6

// share is the number of requests at which a scheduler leaves further ones to the others.
func (s *scheduler) share() int {
	n := int64(s.b.schedulers)
	return max(minShare, int((s.b.inFlight.Load()+n-1)/n))
}

func (s *scheduler) take(w *work) {
	s.held++
	s.number++
	state := &progress{number: s.number, left: len(w.parts), texts: len(w.parts), scores: make([]partScore, len(w.parts))}
	for i := range w.parts {
		s.arrived = append(s.arrived, newText(w, state, i))
	}
}

// promote lets the first waiting text get under way, where there is room for its pages. A text alone always has room.
func (s *scheduler) promote() bool {
	t := s.waiting[0]
	if t.checkCancelled(); t.state.failed == nil {
		s.checkRoom(t)
	}
	if t.state.failed != nil {
		s.leave(t)
	} else {
		if s.b.model.causal && !s.enter(t) {
			return false
		}
		s.live = append(s.live, t)
	}
	s.waiting[0] = nil
	s.waiting = s.waiting[1:]
	return true
}

// checkRoom fails a text that would not fit alone, where there are no more than so many pages.
func (s *scheduler) checkRoom(t *text) {
	n := len(t.ids)
	if t.gen != nil {
		n += max(1, t.w.maxTokens-t.gen.tokens)
	}
	if most := s.size.pages; most > 0 && s.b.model.causal && pagesFor(n)+sparePages > most {
		t.fail(backends.Errorf(backends.KindTooLong, "run model", "a text comes to %d tokens, and the card has room for the keys and values of %d",
			n, max(0, most-sparePages)*kernels.PageSize))
	}
}

// sparePages is what a text may take beside the pages of its positions: a copy of its path's last page, and one that it is
// about to begin.
const sparePages = 2

// enter pins a text's path where there is room for its pages.
func (s *scheduler) enter(t *text) bool {
	t.regime = s.b.model.regime(len(t.path()))
	if s.tree.reserved+s.tree.need(t.regime, t.path())+t.extra() > s.tree.limit {
		if len(s.live) > 0 {
			return false
		}
		if s.size.pages > 0 {
			// The path may run through many nodes that are kept, of which each may have a page that it fills in part. Without
			// them it takes no more pages than checkRoom has counted.
			s.tree.shrink(0)
		}
	}
	s.tree.enter(t)
	return true
}

// leave takes note that a text is done with, and its request with the last of its texts.
func (s *scheduler) leave(t *text) {
	if t.state.texts--; t.state.texts == 0 {
		s.held--
		s.b.inFlight.Add(-1)
		s.answered = true
	}
}

// advance makes a step. A defect ends the requests under way and not the program.
func (s *scheduler) advance() {
	defer func() {
		if p := recover(); p != nil {
			s.abandon(fmt.Errorf("the engine panicked: %v", p))
		}
	}()
	for _, t := range s.live {
		t.checkCancelled()
	}
	s.batch()
	if err := s.compute(); err != nil {
		s.abandon(err)
		return
	}
	s.settle()
}

// abandon fails all requests under way.
func (s *scheduler) abandon(err error) {
	if of := (*backends.Error)(nil); !errors.As(err, &of) {
		err = &backends.Error{Kind: backends.KindInternal, Op: "run model", Err: err}
	}
	for _, t := range slices.Concat(s.live, s.waiting, s.arrived) {
		t.fail(err)
		s.leave(t)
	}
	s.live, s.waiting, s.arrived, s.taken, s.behind = nil, nil, nil, nil, nil
	s.copies = copies{}
	s.ex.reset()
	old := &s.tree
	s.tree = newTree(s.ex, old.limit, old.onceLimit, old.keep)
}

// compute begins the step that was put together, and uses what was found by those that are done. Where the next step may
// be begun before this one is done, it is left to itself, unless texts are generated, of which each step needs the last.
func (s *scheduler) compute() error {
	ahead := false
	if len(s.rows) > 0 {
		f := s.begin()
		s.behind = append(s.behind, f)
		ahead = s.size.ahead && !f.generates()
	}
	for len(s.behind) > 1 || len(s.behind) == 1 && !ahead {
		if err := s.land(); err != nil {
			return err
		}
	}
	return nil
}

// begin begins a step.
func (s *scheduler) begin() *flight {
	f := new(flight)
	if n := len(s.spare); n > 0 {
		f, s.spare = s.spare[n-1], s.spare[:n-1]
	}
	f.wants, s.wants = s.wants, f.wants
	f.keep = f.keep[:0]
	for i, w := range f.wants {
		if i == 0 || w.row != f.wants[i-1].row {
			f.keep = append(f.keep, w.row)
		}
	}
	s.ex.forward(s.rows, f.keep)
	s.judge(f)
	s.commit()
	return f
}

// land waits for the oldest step that was begun, and uses what was found. Generations whose prompt is done go on by
// themselves.
func (s *scheduler) land() error {
	f := s.behind[0]
	if err := s.ex.collect(); err != nil {
		return err
	}
	s.b.steps.Add(1)
	s.behind = slices.Delete(s.behind, 0, 1)
	s.hand(f)
	for _, w := range f.wants {
		if t := w.t; t.gen != nil && t.gen.seq == nil && !t.finished() {
			s.tree.branch(t)
		}
	}
	clear(f.wants)
	clear(f.parts)
	clear(f.draws)
	s.spare = append(s.spare, f)
	return nil
}

// settle takes note of what is computed, answers requests that are done, and takes pages back.
func (s *scheduler) settle() {
	kept := s.live[:0]
	for _, t := range s.live {
		if t.state.failed == nil && !t.finished() {
			kept = append(kept, t)
			continue
		}
		s.tree.leave(t)
		s.answer(t)
	}
	clear(s.live[len(kept):])
	s.live = kept
}

// answer adds a text to its request's answer, and gives that with the last.
func (s *scheduler) answer(t *text) {
	if t.gen == nil && t.state.failed == nil {
		t.state.scores[t.part] = t.score()
	}
	if t.state.left--; t.state.left == 0 && t.state.failed == nil {
		t.w.done <- result{resp: s.b.response(t)}
	}
	s.leave(t)
}

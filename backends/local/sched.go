package local

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// The sizes of a scheduler's steps: the most tokens in one forward pass, texts under way, and rows whose logits are held
// at once. They decide speed and memory, and no result.
const (
	stepTokens = 512
	maxLive    = 1024
	headRows   = 64
	maxLogits  = 1 << 22 // elements
)

// scheduler computes what the requests in flight ask for, step by step, on one goroutine; its kernels may use more.
// Small models have several that share a queue.
//
// Texts that arrive together are sorted by their tokens and go under way in that order, those that came first before
// those that came later. A step goes through the texts under way and takes from each path of the tree what can be
// computed next: so the oldest texts end first, texts with a common beginning are computed side by side, and their
// beginning once.
type scheduler struct {
	b        *Backend
	kernels  kernels.Set
	scratch  *scratch
	tree     tree
	arrived  []*text // of requests taken from the queue since the last were sorted
	waiting  []*text // to go under way in this order
	live     []*text // under way
	rows     []row
	wants    []want
	keep     []int   // the rows whose logits are wanted
	taken    []*node // of which the step has rows
	again    []int   // scratch of takeAgain
	copies   copies
	scores   []kernels.Scores
	targets  []int
	draws    []drawn
	drawings []*drawing
	logits   []float32
	number   int64 // of requests taken
	step     int64
	tokens   int // in a step at most
	held     int // requests taken and not yet done with
	// answered is true where requests were answered since the last admission.
	answered  bool
	evictions int // for tests
}

// want is a row whose logits are wanted, and for what.
type want struct {
	row, pos int
	t        *text
}

func newScheduler(b *Backend, set kernels.Set, pages int, o Options) *scheduler {
	tokens := o.StepTokens
	if tokens <= 0 {
		tokens = stepTokens
	}
	tokens = min(tokens, maxStepTokens)
	once := max(2*pagesFor(b.model.context), int(onceBytes/b.model.pageBytes()))
	return &scheduler{
		b: b, kernels: set, scratch: newScratch(b.model.spec, tokens), tokens: tokens,
		tree: newTree(b.model.spec, max(1, pages), min(once, pages/2), !o.NoPrefixCache),
	}
}

const (
	// maxStepTokens bounds Options.StepTokens, and so the memory for activations.
	maxStepTokens = 1 << 14
	// onceBytes bounds what is kept of texts of which no second request has shown a part yet. It is enough for the next
	// requests to find what they have in common, and little enough to stay in a processor's cache.
	onceBytes = 16 << 20
)

// run serves the queue until it is closed and all that was taken is answered.
func (s *scheduler) run() {
	for s.admit() {
		s.advance()
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
	for len(s.live) < maxLive {
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
	if t.checkCancelled(); t.state.failed != nil {
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

// enter pins a text's path where there is room for its pages.
func (s *scheduler) enter(t *text) bool {
	t.regime = s.b.model.regime(len(t.path()))
	if len(s.live) > 0 && s.tree.reserved+s.tree.need(t.regime, t.path())+t.extra() > s.tree.limit {
		return false
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
	if len(s.rows) > 0 {
		s.compute()
	}
	s.settle()
}

// abandon fails all requests under way.
func (s *scheduler) abandon(err error) {
	for _, t := range slices.Concat(s.live, s.waiting, s.arrived) {
		t.fail(&backends.Error{Kind: backends.KindInternal, Op: "run model", Err: err})
		s.leave(t)
	}
	s.live, s.waiting, s.arrived, s.taken = nil, nil, nil, nil
	s.copies = copies{}
	old := &s.tree
	s.tree = newTree(s.b.model.spec, old.limit, old.onceLimit, old.keep)
}

// compute runs the rows of the step through the model and uses the logits that are wanted.
func (s *scheduler) compute() {
	s.keep = s.keep[:0]
	for i, w := range s.wants {
		if i == 0 || w.row != s.wants[i-1].row {
			s.keep = append(s.keep, w.row)
		}
	}
	s.b.model.forward(s.kernels, s.scratch, s.rows, s.keep)
	s.judge()
	s.commit()
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

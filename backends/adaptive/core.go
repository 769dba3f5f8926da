package adaptive

import (
	"container/list"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/onset-eval/onset/backends"
)

// core applies the rules to a queue. It starts no goroutine: what is due at a time is done by a timer.
type core struct {
	name   string
	giveUp time.Duration
	budget *backends.RetryBudget
	trace  func(Event)
	fixed  bool
	// changed is told of states that those who share the core should know, under its lock; nil is nobody.
	changed func(state)

	mu         sync.Mutex // guards what follows
	ctl        *control
	allowances allowances
	gate       gate
	queue      list.List // of *waiter, the first to be sent in front
	inFlight   int
	seq        int
	quiet      time.Time // until when nothing is sent after a takeover
	processes  int
	closed     bool
	timer      *time.Timer
	reopen     chan struct{} // closed and replaced when the server answers after it refused
	reopenings int
	unanswered int // calls that it did not answer since it last did
	reason     string
	told       int // the level that was last traced
	pushed     state

	nAnswered, nRefused, nFailed int64
}

// waiter is a call that waits for its turn.
type waiter struct {
	tokens  int
	granted func(grant) // is called once, under the core's lock: it must not block, nor call the core
	at      *list.Element
}

// grant is a slot, or the reason for which there will be none.
type grant struct {
	ticket ticket
	err    error
}

// ticket is a slot that a call holds.
type ticket struct {
	mark
	tokens int
	probe  bool
	gated  int   // the number of closings of the gate before it was sent
	seq    int   // numbers the calls that a core sent
	id     int64 // numbers the calls of a process that shares a core
}

// state is what a pool tells of itself. It travels between processes.
type state struct {
	Level       int       `json:"level"`
	Reason      string    `json:"reason,omitempty"`
	Processes   int       `json:"processes,omitempty"`
	ClosedUntil time.Time `json:"closed_until,omitzero"`
	Shut        bool      `json:"shut,omitempty"`
	Hopeless    bool      `json:"hopeless,omitempty"`
	Reopened    int       `json:"reopened,omitempty"` // how often the server answered after it had refused
	Memory      memory    `json:"memory"`
}

// same says whether two states tell the same to those who share a core.
func (s state) same(t state) bool {
	return s.Level == t.Level && s.Shut == t.Shut && s.Hopeless == t.Hopeless && s.Reopened == t.Reopened &&
		s.ClosedUntil.Equal(t.ClosedUntil) && s.Processes == t.Processes
}

// memory is what a core hands to the one that takes over.
type memory struct {
	Level float64 `json:"level"`
	Good  float64 `json:"good"`
	Slow  bool    `json:"slow"` // in slow start
}

// settling is how long a core that takes over waits before it sends anything, so that the other processes can tell what they
// have in flight.
const settling = 500 * time.Millisecond

func newCore(o Options, m *memory) *core {
	c := &core{
		giveUp: o.GiveUp, budget: o.Budget, trace: o.Trace, ctl: newControl(o.Bounds),
		fixed: o.Bounds.Min == o.Bounds.Max, reopen: make(chan struct{}), reason: "start", name: o.Name,
	}
	if m != nil {
		c.ctl.inherit(*m)
		c.reason = "taken over"
		c.quiet = time.Now().Add(settling)
	}
	c.timer = time.AfterFunc(time.Hour, c.due)
	c.timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell(c.reason, 0)
	return c
}

func (c *core) acquire(ctx context.Context, tokens int) (ticket, error) {
	if err := over(ctx); err != nil {
		return ticket{}, err
	}
	granted := make(chan grant, 1)
	w := &waiter{tokens: tokens, granted: func(g grant) { granted <- g }}
	c.enqueue(w)
	select {
	case g := <-granted:
		return g.ticket, g.err
	case <-ctx.Done():
		c.forget(w, granted)
		return ticket{}, ctx.Err()
	case <-backends.Draining(ctx):
		c.forget(w, granted)
		return ticket{}, backends.ErrDrained
	}
}

// over gives the reason for which nothing more is to be sent; nil where there is none.
func over(ctx context.Context) error {
	select {
	case <-backends.Draining(ctx):
		return backends.ErrDrained
	default:
		return ctx.Err()
	}
}

// forget takes a call out of the queue, or gives back the slot that it was granted meanwhile.
func (c *core) forget(w *waiter, granted <-chan grant) {
	if c.abandon(w) {
		return
	}
	if g := <-granted; g.err == nil {
		c.release(g.ticket, outcome{Kind: lost})
	}
}

// enqueue lets a call wait for its turn, which may come at once.
func (c *core) enqueue(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		w.granted(grant{err: errClosed()})
		return
	}
	w.at = c.queue.PushBack(w)
	c.dispatch()
}

func errClosed() error {
	return backends.Errorf(backends.KindClosed, "wait for a slot", "the limiter is closed")
}

// abandon takes a call out of the queue; false says that it was granted or refused before.
func (c *core) abandon(w *waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.at == nil {
		return false
	}
	c.queue.Remove(w.at)
	w.at = nil
	return true
}

// due is the timer's: a time has come for which dispatch waited.
func (c *core) due() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dispatch()
}

// dispatch sends what may be sent, and sets the timer to when more may. It holds mu.
func (c *core) dispatch() {
	if c.closed {
		return
	}
	now := time.Now()
	for c.queue.Len() > 0 {
		w := c.queue.Front().Value.(*waiter)
		wait := c.gate.wait(now)
		if quiet := c.quiet.Sub(now); quiet > 0 {
			wait = max(wait, quiet)
		}
		if wait == 0 && c.inFlight < c.ctl.limit() {
			wait = c.allowances.wait(now, w.tokens)
		} else if wait == 0 {
			return // a release goes on
		}
		if wait > 0 {
			c.timer.Reset(wait)
			return
		}
		if wait < 0 {
			return // the probe's end goes on
		}
		c.queue.Remove(w.at)
		w.at = nil
		w.granted(grant{ticket: c.send(now, w.tokens)})
	}
}

// send takes a slot. It holds mu.
func (c *core) send(now time.Time, tokens int) ticket {
	c.inFlight++
	c.seq++
	c.allowances.send(now, c.seq, tokens)
	return ticket{mark: c.ctl.sent(c.inFlight), tokens: tokens, probe: c.gate.send(), gated: c.gate.closings, seq: c.seq}
}

func (c *core) release(t ticket, o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	busy := c.queue.Len() > 0 || float64(c.inFlight) >= 0.8*float64(c.ctl.limit())
	c.inFlight--
	c.allowances.end(now, t.seq, t.tokens, o)
	c.ctl.ended(t.mark)
	reason := ""
	switch o.Kind {
	case answered, rejected:
		c.nAnswered++
		opened := c.gate.answered(t)
		if opened {
			c.budget.Credit(c.unanswered) // it is over: they need not earn their retries one by one
		}
		if opened || c.unanswered > 0 && t.epoch == c.ctl.epoch {
			c.reopenGate()
		}
		if o.Kind == answered {
			reason = c.ctl.answered(t.mark, o, busy)
		}
	case refused:
		c.nRefused++
		c.unanswered++
		reason = c.ctl.refused(t.mark)
	case timedOut:
		c.nFailed++
		c.unanswered++
		reason = c.ctl.timedOut(t.mark)
	case failed:
		c.unanswered++
		c.nFailed++ // no sign of load: it moves nothing
	}
	if c.fixed {
		c.ctl.level = float64(c.ctl.bounds.Max)
	}
	if reason != "" || c.ctl.limit() != c.told {
		c.tell(reason, c.gate.left(now))
	}
	c.settleGate(now, t, o)
	c.dispatch()
	if c.changed != nil {
		if s := c.snapshot(); !s.same(c.pushed) {
			c.pushed = s
			c.changed(s)
		}
	}
}

// settleGate closes the gate where the server asks for a pause or answers nothing any more, and gives up on it in the
// end. It holds mu.
func (c *core) settleGate(now time.Time, t ticket, o outcome) {
	before := c.gate.until
	c.gate.ended(now, t, o, c.inFlight, rand.Float64()) // jitter: processes that were refused together part
	if c.gate.until.Sub(before) >= time.Second && c.gate.left(now) > 0 {
		c.tell("paused: "+string(o.Why), c.gate.left(now))
	}
	if c.gate.hopeless(now, c.giveUp) {
		for e := c.queue.Front(); e != nil; e = c.queue.Front() {
			w := e.Value.(*waiter)
			c.queue.Remove(e)
			w.at = nil
			w.granted(grant{err: &backends.Error{
				Kind: o.Why, Op: "wait for the server", Status: o.Status,
				Err: fmt.Errorf("no request succeeded for %v: %w", now.Sub(c.gate.since).Round(time.Second), backends.ErrGaveUp),
			}})
		}
	}
}

// reopenGate lets those who were refused try again. It holds mu.
func (c *core) reopenGate() {
	c.unanswered = 0
	c.reopenings++
	close(c.reopen)
	c.reopen = make(chan struct{})
}

// tell traces a change. It holds mu.
func (c *core) tell(reason string, closed time.Duration) {
	level := c.ctl.limit()
	if reason != "" {
		c.reason = reason
	}
	if c.trace != nil && (reason != "" || worthTelling(c.told, level)) {
		if reason == "" {
			reason = c.ctl.phase.String()
		}
		c.trace(Event{
			At: time.Now().UTC(), Limit: c.name, Level: level, Previous: c.told, Reason: reason, Phase: c.ctl.phase.String(),
			InFlight: c.inFlight, Waiting: c.queue.Len(), Answered: c.nAnswered, Refused: c.nRefused, Failed: c.nFailed,
			Closed: closed, Processes: c.processes,
		})
		c.told = level
	}
	if c.trace == nil {
		c.told = level
	}
}

// worthTelling says whether a level is far enough from the one last traced: climbs are told in steps of a tenth.
func worthTelling(told, level int) bool { return 10*max(told-level, level-told) >= max(10, told) }

func (c *core) state() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snapshot()
}

// snapshot is state under mu.
func (c *core) snapshot() state {
	s := state{Level: c.ctl.limit(), Reason: c.reason, Processes: c.processes}
	now := time.Now()
	if c.gate.left(now) > 0 {
		s.ClosedUntil = c.gate.until
	}
	s.Reopened = c.reopenings
	s.Shut, s.Hopeless = c.gate.out(), c.gate.hopeless(now, c.giveUp)
	s.Memory = memory{Level: c.ctl.level, Good: c.ctl.good, Slow: c.ctl.phase == slowStart}
	return s
}

func (c *core) reopened() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reopen
}

func (c *core) shut() (closed, hopeless bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gate.out(), c.gate.hopeless(time.Now(), c.giveUp)
}

// adopt takes in a call that another core let through before it ended.
func (c *core) adopt(tokens int) ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.send(time.Now(), tokens)
	c.ctl.ended(t.mark)
	t.window = 0 // it began under another's eyes
	return t
}

// join counts processes that share the core: n more, or fewer.
func (c *core) join(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes += n
	c.tell(map[bool]string{true: "a process joined", false: "a process left"}[n > 0], c.gate.left(time.Now()))
}

func (c *core) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && c.nAnswered+c.nRefused+c.nFailed > 0 {
		c.tell("ended", 0) // so that the trace has the whole counts
	}
	c.closed = true
	c.timer.Stop()
	for e := c.queue.Front(); e != nil; e = c.queue.Front() {
		w := e.Value.(*waiter)
		c.queue.Remove(e)
		w.at = nil
		w.granted(grant{err: errClosed()})
	}
	return nil
}

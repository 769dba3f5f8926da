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

	mu         sync.Mutex // guards what follows
	ctl        *control
	allowances allowances
	gate       gate
	queue      list.List // of *waiter, the first to be sent in front
	inFlight   int
	seq        int
	processes  int
	closed     bool
	timer      *time.Timer
	reopen     chan struct{} // closed and replaced when the server answers after it refused
	turnedAway int           // refusals since the server last answered
	reason     string
	told       int // the level that was last traced

	nAnswered, nRefused, nFailed int64
}

// waiter is a call that waits for its turn.
type waiter struct {
	tokens  int
	since   time.Time
	granted chan grant // buffered: a grant never blocks
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
	gated  int // the number of closings of the gate before it was sent
	seq    int // numbers the calls that a core sent
}

// state is what a pool tells of itself. It travels between processes.
type state struct {
	Level       int       `json:"level"`
	Reason      string    `json:"reason,omitempty"`
	Processes   int       `json:"processes,omitempty"`
	ClosedUntil time.Time `json:"closed_until,omitzero"`
	Memory      memory    `json:"memory"`
}

// memory is what a core hands to the one that takes over.
type memory struct {
	Level float64 `json:"level"`
	Good  float64 `json:"good"`
	Slow  bool    `json:"slow"` // in slow start
}

func newCore(o Options, m *memory) *core {
	c := &core{
		giveUp: o.GiveUp, budget: o.Budget, trace: o.Trace, ctl: newControl(o.Bounds),
		fixed: o.Bounds.Min == o.Bounds.Max, reopen: make(chan struct{}), reason: "start",
	}
	if o.Share != nil {
		c.name = o.Share.Name
	}
	if m != nil {
		c.ctl.inherit(*m)
		c.reason = "taken over"
	}
	c.timer = time.AfterFunc(time.Hour, c.due)
	c.timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell(c.reason, 0)
	return c
}

func (c *core) acquire(ctx context.Context, tokens int) (ticket, error) {
	w := &waiter{tokens: tokens, since: time.Now(), granted: make(chan grant, 1)}
	select {
	case <-backends.Draining(ctx):
		return ticket{}, backends.ErrDrained
	default:
	}
	c.enqueue(w)
	select {
	case g := <-w.granted:
		return g.ticket, g.err
	case <-ctx.Done():
		c.abandon(w)
		return ticket{}, ctx.Err()
	case <-backends.Draining(ctx):
		c.abandon(w)
		return ticket{}, backends.ErrDrained
	}
}

// enqueue lets a call wait for its turn, which may come at once.
func (c *core) enqueue(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		w.granted <- grant{err: backends.Errorf(backends.KindClosed, "wait for a slot", "the limiter is closed")}
		return
	}
	w.at = c.queue.PushBack(w)
	c.dispatch()
}

// abandon takes a call out of the queue, or gives back the slot that it was granted meanwhile.
func (c *core) abandon(w *waiter) {
	c.mu.Lock()
	if w.at != nil {
		c.queue.Remove(w.at)
		w.at = nil
	}
	c.mu.Unlock()
	select {
	case g := <-w.granted:
		if g.err == nil {
			c.release(g.ticket, outcome{Kind: lost})
		}
	default:
	}
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
		w.granted <- grant{ticket: c.send(now, w.tokens)}
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
		if c.gate.answered(t) || c.turnedAway > 0 && t.epoch == c.ctl.epoch {
			c.reopenGate()
		}
		if o.Kind == answered {
			reason = c.ctl.answered(t.mark, o, busy)
		}
	case refused:
		c.nRefused++
		c.turnedAway++
		reason = c.ctl.refused(t.mark)
	case timedOut:
		c.nFailed++
		reason = c.ctl.timedOut(t.mark)
	case failed:
		c.nFailed++ // no sign of load: it moves nothing
	}
	if c.fixed {
		c.ctl.level = float64(c.ctl.bounds.Max)
	}
	c.settleGate(now, t, o)
	if reason != "" || c.ctl.limit() != c.told {
		c.tell(reason, c.gate.left(now))
	}
	c.dispatch()
}

// settleGate closes the gate where the server asks for a pause or answers nothing any more, and gives up on it in the
// end. It holds mu.
func (c *core) settleGate(now time.Time, t ticket, o outcome) {
	before := c.gate.until
	c.gate.ended(now, t, o, c.ctl.limit(), rand.Float64()) // jitter: processes that were refused together part
	if c.gate.until.Sub(before) >= time.Second && c.gate.left(now) > 0 {
		c.tell("paused: "+string(o.Why), c.gate.left(now))
	}
	if c.gate.hopeless(now, c.giveUp) {
		for e := c.queue.Front(); e != nil; e = c.queue.Front() {
			w := e.Value.(*waiter)
			c.queue.Remove(e)
			w.at = nil
			w.granted <- grant{err: &backends.Error{
				Kind: o.Why, Op: "wait for the server", Status: o.Status,
				Err: fmt.Errorf("no request succeeded for %v: %w", now.Sub(c.gate.since).Round(time.Second), backends.ErrGaveUp),
			}}
		}
	}
}

// reopenGate lets those who were refused try again. It holds mu.
func (c *core) reopenGate() {
	c.budget.Credit(c.turnedAway)
	c.turnedAway = 0
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
	if c.gate.left(time.Now()) > 0 {
		s.ClosedUntil = c.gate.until
	}
	s.Memory = memory{Level: c.ctl.level, Good: c.ctl.good, Slow: c.ctl.phase == slowStart}
	return s
}

func (c *core) reopened() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reopen
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

func (c *core) join(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes += n
}

func (c *core) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.timer.Stop()
	for e := c.queue.Front(); e != nil; e = c.queue.Front() {
		w := e.Value.(*waiter)
		c.queue.Remove(e)
		w.at = nil
		w.granted <- grant{err: backends.Errorf(backends.KindClosed, "wait for a slot", "the limiter is closed")}
	}
	return nil
}

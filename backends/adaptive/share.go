package adaptive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
)

// Share is how processes on one machine share a limit. They meet at a socket in a folder that is the user's alone, under
// a name made of the server and the key by a salted hash. The process that holds the lock beside the socket leads: it
// holds the level, the queue and the allowances, and the others ask it for every slot. Where it ends, however it ends,
// the system frees the lock, another process takes it and goes on from the last level that it was told.
type Share struct {
	// Dir is the folder; it is made where it is not there. Paths of sockets are short: keep it under 70 bytes.
	Dir string
	// Server names the server, as its provider and address.
	Server string
	// Key is the secret by which the server tells accounts apart; only a salted hash of it leaves the process.
	Key string

	meet meeting // nil is files in Dir; tests have one in memory
}

// NoSharingError says why processes cannot share a limit.
type NoSharingError struct{ Err error }

func (e *NoSharingError) Error() string {
	return "runs on this machine cannot share their limit: " + e.Err.Error()
}

func (e *NoSharingError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *NoSharingError) Hint() string {
	return "run one at a time against this server, or bound each with --max-connections"
}

// meeting is where processes meet.
type meeting interface {
	// lead takes the lock: ok is false where another process has it. The lock ends with unlock, or with the process.
	lead() (l net.Listener, unlock func(), ok bool, err error)
	// dial calls the one who leads.
	dial(ctx context.Context) (net.Conn, error)
}

// The times of the protocol.
const (
	lookAgain = 50 * time.Millisecond // between two tries to lead or to find who does
	alone     = 10 * time.Second      // without either, after which a process goes on by itself
	silence   = 20 * time.Second      // after which who leads is taken for hung
	heartbeat = 5 * time.Second
)

// shared is a pool of several processes: it leads, or follows one that does.
type shared struct {
	opts Options
	meet meeting

	group conc.WaitGroup
	ctx   context.Context //nolint:containedctx // the life of the goroutines that newShared starts and close ends
	stop  context.CancelFunc

	mu     sync.Mutex // guards what follows
	core   *core      // where this process leads, or is alone
	broker *broker    // where it leads
	link   *link      // where it follows
	calls  map[int64]*call
	next   int64
	known  state // as last told
	reopen chan struct{}
	closed bool
}

// call is a call of this process, waiting or with the model.
type call struct {
	id      int64
	tokens  int
	waiter  *waiter    // in the core's queue, where this process leads
	granted chan grant // buffered
	ticket  ticket     // the core's, once granted there
	sent    bool       // it has its slot
}

func newShared(o Options) (pool, error) {
	meet := o.Share.meet
	if meet == nil {
		files, err := newFiles(*o.Share)
		if err != nil {
			return nil, &NoSharingError{err}
		}
		meet = files
	}
	s := &shared{opts: o, meet: meet, calls: make(map[int64]*call), reopen: make(chan struct{})}
	s.known = state{Level: o.Bounds.Start}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.group.Go(s.run)
	return s, nil
}

// run finds a role, and another one when it is over, until the pool is closed.
func (s *shared) run() {
	since := time.Now()
	for s.ctx.Err() == nil {
		listener, unlock, ok, err := s.meet.lead()
		if ok {
			s.lead(listener)
			unlock()
			return
		}
		if err == nil {
			var conn net.Conn
			if conn, err = s.meet.dial(s.ctx); err == nil {
				if s.follow(conn) {
					since = time.Now()
				}
			}
		}
		if time.Since(since) > alone {
			s.lead(nil)
			return
		}
		pause(s.ctx, lookAgain)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// lead holds the limit until the pool is closed, for those who call at the listener; nil is nobody.
func (s *shared) lead(l net.Listener) {
	s.mu.Lock()
	o := s.opts
	b := newBroker(o.Trace)
	o.Trace = b.trace
	var m *memory
	if s.known.Memory.Level > 0 { // it was told by another who led
		m = &s.known.Memory
	}
	c := newCore(o, m)
	b.core, c.changed = c, b.changed
	c.join(1)
	s.core, s.broker = c, b
	for _, call := range s.calls {
		s.submit(call)
	}
	s.mu.Unlock()
	if l == nil {
		<-s.ctx.Done()
		return
	}
	b.serve(s.ctx, l)
}

// submit hands a call to whoever leads: for its turn, or, where it has its slot already, for the count. It holds mu.
func (s *shared) submit(c *call) {
	switch {
	case s.core != nil && c.sent:
		c.ticket = s.core.adopt(c.tokens)
	case s.core != nil:
		c.waiter = &waiter{tokens: c.tokens, granted: func(g grant) { c.granted <- g }}
		s.core.enqueue(c.waiter)
	case s.link != nil && c.sent:
		s.link.send(message{Op: opHold, ID: c.id, Tokens: c.tokens})
	case s.link != nil:
		s.link.send(message{Op: opAcquire, ID: c.id, Tokens: c.tokens})
	}
}

// follow asks the one who leads, until the connection ends. It reports whether it was let in.
func (s *shared) follow(conn net.Conn) bool {
	k := newLink(conn)
	if !k.greet() {
		k.close()
		return false
	}
	s.mu.Lock()
	s.link = k
	for _, call := range s.calls {
		s.submit(call)
	}
	s.mu.Unlock()
	k.listen(s.ctx, s.heard)
	s.mu.Lock()
	s.link = nil
	s.mu.Unlock()
	k.close()
	return true
}

// heard takes a message of the one who leads.
func (s *shared) heard(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Op {
	case opGrant, opFail:
		c := s.calls[m.ID]
		if c == nil || c.sent {
			return
		}
		if m.Op == opFail {
			c.granted <- grant{err: m.failure()}
			return
		}
		c.sent = true
		c.granted <- grant{}
	case opState:
		if m.State.Reopened > s.known.Reopened {
			close(s.reopen)
			s.reopen = make(chan struct{})
		}
		s.known = *m.State
	case opEvent:
		if s.opts.Trace != nil {
			s.opts.Trace(*m.Event)
		}
	}
}

func (s *shared) acquire(ctx context.Context, tokens int) (ticket, error) {
	if err := over(ctx); err != nil {
		return ticket{}, err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ticket{}, errClosed()
	}
	s.next++
	c := &call{id: s.next, tokens: tokens, granted: make(chan grant, 1)}
	s.calls[c.id] = c
	s.submit(c)
	s.mu.Unlock()
	var err error
	select {
	case g := <-c.granted:
		if g.err != nil {
			s.drop(c, false)
			return ticket{}, g.err
		}
		s.mu.Lock()
		c.sent, c.ticket = true, g.ticket
		s.mu.Unlock()
		return ticket{id: c.id}, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-backends.Draining(ctx):
		err = backends.ErrDrained
	}
	s.drop(c, true)
	return ticket{}, err
}

// drop forgets a call that does not go on; waiting says that it may be in a queue, or have its slot by now.
func (s *shared) drop(c *call, waiting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, c.id)
	switch {
	case !waiting:
	case s.core != nil && c.waiter != nil:
		if !s.core.abandon(c.waiter) {
			if g := <-c.granted; g.err == nil {
				s.core.release(g.ticket, outcome{Kind: lost})
			}
		}
	case s.core != nil && c.sent:
		s.core.release(c.ticket, outcome{Kind: lost})
	case s.link != nil:
		s.link.send(message{Op: opRelease, ID: c.id, Outcome: &outcome{Kind: lost}})
	}
}

func (s *shared) release(t ticket, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[t.id]
	if c == nil {
		return
	}
	delete(s.calls, t.id)
	switch {
	case s.core != nil:
		s.core.release(c.ticket, o)
	case s.link != nil:
		s.link.send(message{Op: opRelease, ID: c.id, Outcome: &o})
	}
}

func (s *shared) state() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.core != nil {
		return s.core.state()
	}
	return s.known
}

func (s *shared) reopened() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.core != nil {
		return s.core.reopened()
	}
	return s.reopen
}

func (s *shared) shut() (closed, hopeless bool) {
	st := s.state()
	return st.Shut, st.Hopeless
}

func (s *shared) close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	if s.core != nil {
		_ = s.core.close() // it fails those who wait, and has no error
	} else {
		for _, c := range s.calls {
			if !c.sent {
				c.granted <- grant{err: errClosed()}
			}
		}
	}
	if s.link != nil {
		s.link.close()
	}
	s.mu.Unlock()
	s.stop()
	s.group.Wait()
	return nil
}

// message is a line between processes.
type message struct {
	Op      string             `json:"op"`
	ID      int64              `json:"id,omitempty"`
	Tokens  int                `json:"tokens,omitempty"`
	Version int                `json:"version,omitempty"`
	Outcome *outcome           `json:"outcome,omitempty"`
	State   *state             `json:"state,omitempty"`
	Event   *Event             `json:"event,omitempty"`
	Kind    backends.ErrorKind `json:"kind,omitempty"`
	Status  int                `json:"status,omitempty"`
	GaveUp  bool               `json:"gave_up,omitempty"`
	Text    string             `json:"text,omitempty"`
}

// protocol is the version of the messages; processes of unlike versions do not share.
const protocol = 1

const (
	opHello   = "hello"   // both ways, first
	opAcquire = "acquire" // a call waits for its turn
	opHold    = "hold"    // a call has its slot from a broker that is gone
	opRelease = "release" // it is over, or does not wait any more
	opGrant   = "grant"   // a call has its slot
	opFail    = "fail"    // it will have none
	opState   = "state"
	opEvent   = "event"
)

// failure is the error of an opFail message.
func (m message) failure() error {
	err := errors.New(m.Text)
	if m.GaveUp {
		err = fmt.Errorf("%s: %w", m.Text, backends.ErrGaveUp)
	}
	return &backends.Error{Kind: m.Kind, Op: "wait for the server", Status: m.Status, Err: err}
}

package adaptive

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
)

// broker serves a core to other processes. What a process holds ends with its connection, and so with the process.
type broker struct {
	core *core
	own  func(Event) // the trace of this process

	mu      sync.Mutex // guards clients
	clients map[*client]bool
}

// client is another process.
type client struct {
	link *link

	mu      sync.Mutex // guards what follows; it may be taken under the core's lock
	waiting map[int64]*waiter
	holding map[int64]ticket
}

func newBroker(own func(Event)) *broker {
	return &broker{own: own, clients: make(map[*client]bool)}
}

// trace and changed tell all processes what the core tells. They are called under its lock, and do not block.
func (b *broker) trace(e Event) {
	if b.own != nil {
		b.own(e)
	}
	b.all(message{Op: opEvent, Event: &e})
}

func (b *broker) changed(s state) { b.all(message{Op: opState, State: &s}) }

func (b *broker) all(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.clients {
		c.link.send(m)
	}
}

// serve answers those who call, until the context ends.
func (b *broker) serve(ctx context.Context, l net.Listener) {
	var group conc.WaitGroup
	defer group.Wait()
	group.Go(func() {
		<-ctx.Done()
		_ = l.Close() // it ends Accept
	})
	group.Go(func() { b.beat(ctx) })
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			pause(ctx, lookAgain) // out of files, perhaps: it may pass
			continue
		}
		group.Go(func() { b.host(ctx, conn) })
	}
}

// beat lets followers know that the broker is alive.
func (b *broker) beat(ctx context.Context) {
	t := time.NewTicker(heartbeat)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			b.changed(b.core.state())
		case <-ctx.Done():
			return
		}
	}
}

// host serves one process.
func (b *broker) host(ctx context.Context, conn net.Conn) {
	c := &client{link: newLink(conn), waiting: make(map[int64]*waiter), holding: make(map[int64]ticket)}
	defer c.link.close()
	if !c.link.welcome() {
		return
	}
	b.mu.Lock()
	b.clients[c] = true
	b.mu.Unlock()
	b.core.join(1)
	st := b.core.state()
	c.link.send(message{Op: opState, State: &st})
	c.link.patient = true
	c.link.listen(ctx, func(m message) { b.heard(c, m) })
	b.mu.Lock()
	delete(b.clients, c)
	b.mu.Unlock()
	b.leave(c)
	b.core.join(-1)
}

func (b *broker) heard(c *client, m message) {
	switch m.Op {
	case opAcquire:
		w := &waiter{tokens: m.Tokens, granted: func(g grant) { c.granted(m.ID, g) }}
		c.mu.Lock()
		c.waiting[m.ID] = w
		c.mu.Unlock()
		b.core.enqueue(w)
	case opHold:
		t := b.core.adopt(m.Tokens)
		c.mu.Lock()
		c.holding[m.ID] = t
		c.mu.Unlock()
	case opRelease:
		if m.Outcome != nil {
			b.release(c, m.ID, *m.Outcome)
		}
	}
}

// granted tells a process what became of a call that waited. It is called under the core's lock.
func (c *client) granted(id int64, g grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
	if g.err == nil {
		c.holding[id] = g.ticket
		c.link.send(message{Op: opGrant, ID: id})
		return
	}
	if backends.KindOf(g.err) == backends.KindClosed {
		return // this process ends, and the call waits for the next to lead
	}
	m := message{Op: opFail, ID: id, Kind: backends.KindOf(g.err), GaveUp: errors.Is(g.err, backends.ErrGaveUp)}
	var e *backends.Error
	if errors.As(g.err, &e) {
		m.Status, m.Text = e.Status, e.Err.Error()
	}
	c.link.send(m)
}

// release ends a call of a process, whether it has its slot or waits for it.
func (b *broker) release(c *client, id int64, o outcome) {
	c.mu.Lock()
	w := c.waiting[id]
	c.mu.Unlock()
	if w != nil && b.core.abandon(w) {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
		return
	}
	c.mu.Lock()
	t, ok := c.holding[id]
	delete(c.holding, id)
	c.mu.Unlock()
	if ok {
		b.core.release(t, o)
	}
}

// leave frees what a process leaves behind.
func (b *broker) leave(c *client) {
	c.mu.Lock()
	ids := make([]int64, 0, len(c.waiting)+len(c.holding))
	for id := range c.waiting {
		ids = append(ids, id)
	}
	for id := range c.holding {
		ids = append(ids, id)
	}
	c.mu.Unlock()
	for _, id := range ids {
		b.release(c, id, outcome{Kind: lost})
	}
}

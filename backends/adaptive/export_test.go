package adaptive

import (
	"context"
	"errors"
	"net"
	"sync"
)

// room is a meeting in memory, so that shared limits run in virtual time.
type room struct {
	mu    sync.Mutex // guards led
	led   bool
	calls chan net.Conn
}

// NewRoom makes options of processes that share a limit in memory.
func NewRoom() *Share {
	return &Share{Server: "sim", meet: &room{calls: make(chan net.Conn)}}
}

func (r *room) lead() (net.Listener, func(), bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.led {
		return nil, nil, false, nil
	}
	r.led = true
	unlock := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.led = false
	}
	return &door{room: r, closed: make(chan struct{})}, unlock, true, nil
}

func (r *room) dial(ctx context.Context) (net.Conn, error) {
	mine, theirs := net.Pipe()
	select {
	case r.calls <- theirs:
		return mine, nil
	case <-ctx.Done():
	default:
	}
	return nil, errors.Join(mine.Close(), theirs.Close(), errors.New("nobody listens"))
}

type door struct {
	room   *room
	once   sync.Once
	closed chan struct{}
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.room.calls:
		return c, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error   { d.once.Do(func() { close(d.closed) }); return nil }
func (d *door) Addr() net.Addr { return nil }

// RegainAnswers counts the answers that lead back to a level of 100, from which refusals in a row had cut it to 15 or less.
func RegainAnswers() int {
	c := newControl(Bounds{1, 20, 256})
	for c.limit() < 101 {
		clean(c)
	}
	for c.limit() > 15 {
		c.refused(c.sent(c.limit()))
	}
	n := 0
	for ; c.limit() < 100 && n < 10_000; n++ {
		clean(c)
	}
	return n
}

// LevelAfterRefusals gives the level after so many refusals in a row, from 20 with a least of 1.
func LevelAfterRefusals(n int) int {
	c := newControl(Bounds{1, 20, 100})
	for range n {
		c.refused(c.sent(c.limit()))
	}
	return c.limit()
}

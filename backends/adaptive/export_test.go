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

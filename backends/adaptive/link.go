package adaptive

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
)

// link is a connection between two processes: lines of JSON both ways.
type link struct {
	conn    net.Conn
	in      *bufio.Scanner
	patient bool // the other one may say nothing for long

	mu     sync.Mutex // guards what follows
	out    []message  // to be written
	wake   chan struct{}
	closed bool
}

// most bounds what may wait to be written: a process that does not read is cut off.
const most = 1 << 16

func newLink(conn net.Conn) *link {
	k := &link{conn: conn, in: bufio.NewScanner(conn), wake: make(chan struct{}, 1)}
	k.in.Buffer(nil, 1<<20)
	return k
}

// send queues a message. It never blocks.
func (k *link) send(m message) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	if len(k.out) >= most {
		k.closed = true
		_ = k.conn.Close() // the reader ends, and with it the link
		return
	}
	k.out = append(k.out, m)
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// close ends the connection and with it listen.
func (k *link) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	_ = k.conn.Close() // there is nothing to be done about it
}

// greet and welcome are the first words of both sides. They report whether both speak the same.
func (k *link) greet() bool {
	return k.put(message{Op: opHello, Version: protocol}) == nil && k.hello()
}
func (k *link) welcome() bool {
	return k.hello() && k.put(message{Op: opHello, Version: protocol}) == nil
}

func (k *link) hello() bool {
	_ = k.conn.SetReadDeadline(time.Now().Add(silence)) // where it cannot be set, the read just takes longer
	m, ok := k.get()
	return ok && m.Op == opHello && m.Version == protocol
}

func (k *link) put(m ...message) error {
	var data []byte
	for _, m := range m {
		line, err := json.Marshal(m)
		if err != nil {
			return err
		}
		data = append(append(data, line...), '\n')
	}
	if err := k.conn.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return err
	}
	_, err := k.conn.Write(data)
	return err
}

func (k *link) get() (message, bool) {
	var m message
	if !k.in.Scan() || json.Unmarshal(k.in.Bytes(), &m) != nil {
		return m, false
	}
	return m, true
}

// listen passes on what comes and writes what is sent, until the connection or the context ends. A side that should
// speak and says nothing for long is taken for dead.
func (k *link) listen(ctx context.Context, heard func(message)) {
	ctx, cancel := context.WithCancel(ctx)
	var group conc.WaitGroup
	defer group.Wait()
	defer cancel()
	group.Go(func() {
		defer k.close()
		k.write(ctx)
	})
	for {
		deadline := time.Time{}
		if !k.patient {
			deadline = time.Now().Add(silence)
		}
		if k.conn.SetReadDeadline(deadline) != nil {
			return
		}
		m, ok := k.get()
		if !ok || ctx.Err() != nil {
			return
		}
		heard(m)
	}
}

// write writes what is queued, all that is there at once.
func (k *link) write(ctx context.Context) {
	for {
		select {
		case <-k.wake:
		case <-ctx.Done():
			return
		}
		k.mu.Lock()
		out := k.out
		k.out = nil
		k.mu.Unlock()
		if k.put(out...) != nil {
			return
		}
	}
}

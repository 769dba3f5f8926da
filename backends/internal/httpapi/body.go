package httpapi

import (
	"bytes"
	"io"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// Body is room for the bytes of a request, which is used again once they are sent: prompts are most of what a client
// allocates, and a third of its work. Its user writes Bytes, gives it to PostBody, and does not touch it after.
type Body struct {
	Bytes []byte
	// open counts the sendings that the transport has begun and not told the end of. It may go on with one after the answer
	// has come, since a server may answer before it has read all; such a body is left to the garbage collector.
	open  atomic.Int32
	trace httptrace.ClientTrace
}

var bodies = sync.Pool{New: func() any {
	b := new(Body)
	b.trace.WroteRequest = func(httptrace.WroteRequestInfo) { b.open.Add(-1) }
	return b
}}

// NewBody gives an empty body with room for so many bytes.
func NewBody(size int) *Body {
	b := bodies.Get().(*Body)
	if cap(b.Bytes) < size {
		b.Bytes = make([]byte, 0, size)
	}
	b.Bytes = b.Bytes[:0]
	return b
}

// release gives the body back, where nobody reads it any more.
func (b *Body) release() {
	if b.open.Load() == 0 && cap(b.Bytes) <= keepBuffer {
		bodies.Put(b)
	}
}

// reader gives a reader of the body for one sending. It is of a kind that the transport knows, and so sends together with
// the header.
func (b *Body) reader() io.ReadCloser {
	b.open.Add(1)
	return io.NopCloser(bytes.NewReader(b.Bytes))
}

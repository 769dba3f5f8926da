package local

import (
	"errors"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// gpuRoom is memory for what goes to a device for one step, or comes back of it: page-locked pieces with as much of the
// device's memory beside them. It grows while a step needs more, and is empty again for a later step.
type gpuRoom struct {
	ops    *gpu.Ops
	back   bool // what is in the device's memory goes to the host
	pieces []gpuPiece
	at     int // the piece that is being filled
	used   int // bytes of it
	moved  int // bytes of it that were copied
}

type gpuPiece struct {
	host []byte
	dev  gpu.Ptr
}

const (
	roomAlign = 64 // of each thing in the room, for vectors
	leastRoom = 1 << 16
)

// take gives n bytes on both sides. After an error of the device the bytes are the host's alone.
func (r *gpuRoom) take(n int) ([]byte, gpu.Ptr) {
	n = roundUp(max(n, 1), roomAlign)
	if r.at < len(r.pieces) && r.used+n > len(r.pieces[r.at].host) {
		r.move()
		r.at, r.used, r.moved = r.at+1, 0, 0
	}
	for r.at < len(r.pieces) && len(r.pieces[r.at].host) < n {
		r.at++
	}
	if r.at == len(r.pieces) && !r.grow(n) {
		return make([]byte, n), 0
	}
	p := &r.pieces[r.at]
	from := r.used
	r.used += n
	return p.host[from:r.used:r.used], p.dev.Add(int64(from))
}

// grow adds a piece with room for n bytes.
func (r *gpuRoom) grow(n int) bool {
	size := leastRoom
	if k := len(r.pieces); k > 0 {
		size = 2 * len(r.pieces[k-1].host)
	}
	size = roundUp(max(n, size), gpu.Align)
	if r.ops.Err() != nil {
		return false
	}
	host, err := r.ops.Dev.Pinned(size)
	if err != nil {
		r.ops.Fail(err)
		return false
	}
	dev, err := r.ops.Dev.Alloc(int64(size))
	if err != nil {
		r.ops.Fail(errors.Join(err, r.ops.Dev.FreePinned(host)))
		return false
	}
	r.pieces = append(r.pieces, gpuPiece{host, dev})
	return true
}

// move enqueues the copying of all that was taken and not copied yet.
func (r *gpuRoom) move() {
	if r.at >= len(r.pieces) || r.moved == r.used || r.ops.Err() != nil {
		return
	}
	p := &r.pieces[r.at]
	host, dev := p.host[r.moved:r.used], p.dev.Add(int64(r.moved))
	r.moved = r.used
	var err error
	if r.back {
		err = r.ops.Dev.ToHost(host, dev, r.ops.Stream)
	} else {
		err = r.ops.Dev.ToDevice(dev, host, r.ops.Stream)
	}
	if err != nil {
		r.ops.Fail(err)
	}
}

// keep leaves what was taken and not copied yet where it is: it was sent elsewhere.
func (r *gpuRoom) keep() { r.moved = r.used }

// empty lets the room be filled anew. Nothing that was enqueued with it is under way.
func (r *gpuRoom) empty() { r.at, r.used, r.moved = 0, 0, 0 }

// close gives the memory back.
func (r *gpuRoom) close() error {
	var errs []error
	for _, p := range r.pieces {
		errs = append(errs, r.ops.Dev.FreePinned(p.host), r.ops.Dev.Free(p.dev))
	}
	r.pieces = nil
	return errors.Join(errs...)
}

// ints is n numbers in the room.
func (r *gpuRoom) ints(n int) ([]int32, gpu.Ptr) {
	b, at := r.take(4 * n)
	return numbersOf[int32](b[:4*n]), at
}

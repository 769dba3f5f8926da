package gpu

import (
	"errors"
	"fmt"
)

// Uploader carries large data to the device, weights above all: the host writes one page-locked buffer, by converting or
// reading, while the device copies the other.
type Uploader struct {
	dev     Device
	stream  Stream
	buffers [2]uploadBuffer
	next    int
	size    int
}

type uploadBuffer struct {
	memory []byte
	read   Event
}

// NewUploader returns an uploader with two buffers of size bytes that copies in a stream. size is a positive multiple of
// Align.
func NewUploader(dev Device, s Stream, size int) (*Uploader, error) {
	if size <= 0 || size%Align != 0 {
		panic(fmt.Sprintf("gpu: upload buffers of %d bytes", size))
	}
	u := &Uploader{dev: dev, stream: s, size: size}
	for i := range u.buffers {
		memory, err := dev.Pinned(size)
		if err != nil {
			return nil, errors.Join(err, u.Close())
		}
		u.buffers[i].memory = memory
	}
	return u, nil
}

// Upload copies n bytes to dst, which fill writes piece by piece and in order: to is a buffer for the bytes from offset on. A
// piece is as large as the buffers but for the last. fill may use several goroutines. It returns when the last piece is
// enqueued.
func (u *Uploader) Upload(dst Ptr, n int64, fill func(to []byte, offset int64) error) error {
	for offset := int64(0); offset < n; {
		b := &u.buffers[u.next]
		u.next = 1 - u.next
		if b.read != 0 {
			if err := u.dev.Await(b.read); err != nil {
				return err
			}
			u.dev.Release(b.read)
			b.read = 0
		}
		piece := b.memory[:min(n-offset, int64(u.size))]
		if err := fill(piece, offset); err != nil {
			return err
		}
		if err := u.dev.ToDevice(dst.Add(offset), piece, u.stream); err != nil {
			return err
		}
		var err error
		if b.read, err = u.dev.Record(u.stream); err != nil {
			return err
		}
		offset += int64(len(piece))
	}
	return nil
}

// Close waits for the copies and gives the buffers back.
func (u *Uploader) Close() error {
	var errs []error
	for i := range u.buffers {
		b := &u.buffers[i]
		u.dev.Release(b.read)
		errs = append(errs, u.dev.FreePinned(b.memory))
		*b = uploadBuffer{}
	}
	return errors.Join(errs...)
}

// Results carries the small outputs of steps to the host: scores, sampled tokens. The copies are in the computing stream, so
// that the next step may overwrite what they read; slots take turns, so that the host may look at a step's results while
// later ones are on their way.
type Results struct {
	dev    Device
	stream Stream
	slots  []resultSlot
	next   int
}

type resultSlot struct {
	memory []byte
	ready  Event
	count  uint64 // of fetches, so that an outdated one is noticed
}

// Fetched is a result on its way.
type Fetched struct {
	r     *Results
	slot  int
	bytes int
	count uint64
}

// NewResults returns a way for results of work in a stream, of which slots may be on their way or in use at once.
func NewResults(dev Device, s Stream, slots int) *Results {
	if slots < 1 {
		panic(fmt.Sprintf("gpu: results with %d slots", slots))
	}
	return &Results{dev: dev, stream: s, slots: make([]resultSlot, slots)}
}

// Fetch enqueues the copy of n bytes at src, n > 0. The memory of the fetch that many slots ago is used again.
func (r *Results) Fetch(src Ptr, n int) (Fetched, error) {
	if n <= 0 {
		panic(fmt.Sprintf("gpu: a result of %d bytes", n))
	}
	i := r.next
	sl := &r.slots[i]
	if err := r.settle(sl); err != nil {
		return Fetched{}, err
	}
	if len(sl.memory) < n {
		if err := r.dev.FreePinned(sl.memory); err != nil {
			return Fetched{}, err
		}
		size := max(n, 2*len(sl.memory), 4<<10)
		sl.memory = nil
		memory, err := r.dev.Pinned(size)
		if err != nil {
			return Fetched{}, err
		}
		sl.memory = memory
	}
	if err := r.dev.ToHost(sl.memory[:n], src, r.stream); err != nil {
		return Fetched{}, err
	}
	ready, err := r.dev.Record(r.stream)
	if err != nil {
		return Fetched{}, err
	}
	sl.ready = ready
	sl.count++
	r.next = (r.next + 1) % len(r.slots)
	return Fetched{r, i, n, sl.count}, nil
}

// settle waits for a slot's copy.
func (r *Results) settle(sl *resultSlot) error {
	if sl.ready == 0 {
		return nil
	}
	if err := r.dev.Await(sl.ready); err != nil {
		return err
	}
	r.dev.Release(sl.ready)
	sl.ready = 0
	return nil
}

// Wait waits for the copy and returns its bytes, aligned for every Element and valid until the slot is used again; it returns
// asynchronous errors of the work before the copy. Waiting for one that was overwritten is a panic.
func (f Fetched) Wait() ([]byte, error) {
	sl := &f.r.slots[f.slot]
	if sl.count != f.count {
		panic("gpu: a result is asked for after its memory was used again")
	}
	if err := f.r.settle(sl); err != nil {
		return nil, err
	}
	return sl.memory[:f.bytes:f.bytes], nil
}

// Close waits for the device and gives the memory back.
func (r *Results) Close() error {
	var errs []error
	for i := range r.slots {
		sl := &r.slots[i]
		r.dev.Release(sl.ready)
		errs = append(errs, r.dev.FreePinned(sl.memory))
		*sl = resultSlot{count: sl.count + 1}
	}
	return errors.Join(errs...)
}

package gpu

import (
	"errors"
	"fmt"
	"unsafe"
)

// Staging carries the small inputs of steps to the device: tokens, positions, slots, tile lists. A step packs them into
// page-locked memory, which one copy moves; several slots take turns, so that the host fills the next step's inputs while the
// last one's are copied and computed on.
//
// It copies in a stream of its own and to a device buffer for each slot, so that a step's copy overlaps the computation of
// the step before. Where it is fixed, it copies in the computing stream and to one device buffer, so that steps with the same
// sequence of sizes have the same addresses, which may stand in a captured graph while Generation is the same.
type Staging struct {
	dev        Device
	compute    Stream
	copies     Stream // compute where it is fixed
	fixed      bool
	slots      []*stagingSlot
	next       int
	generation uint64
}

// stagingSlot is one step's buffers.
type stagingSlot struct {
	host   []hostChunk
	device *deviceBuffer // all slots' where it is fixed
	read   Event         // the copy has read the host's memory
	done   Event         // the computation has read the device's
	open   bool          // between Begin and Send
	sent   bool          // between Send and Done
}

// hostChunk is page-locked memory. The first byte goes to offset start of the device buffer.
type hostChunk struct {
	memory []byte
	start  int
	used   int
}

type deviceBuffer struct {
	at   Ptr
	size int
}

// stagingChunk is the least page-locked memory of a slot, in bytes: a step of a thousand tokens needs no more.
const stagingChunk = 256 << 10

// stagingAlign is the alignment of every input: of the widest loads of kernels.
const stagingAlign = 16

// NewStaging returns staging for steps that compute in a stream. slots is how many steps may be on their way at once, two
// mostly.
func NewStaging(dev Device, compute Stream, slots int) (*Staging, error) {
	copies, err := dev.NewStream()
	if err != nil {
		return nil, err
	}
	return newStaging(dev, compute, copies, slots, false), nil
}

// NewFixedStaging returns staging with one device buffer.
func NewFixedStaging(dev Device, compute Stream, slots int) *Staging {
	return newStaging(dev, compute, compute, slots, true)
}

func newStaging(dev Device, compute, copies Stream, slots int, fixed bool) *Staging {
	if slots < 1 {
		panic(fmt.Sprintf("gpu: staging with %d slots", slots))
	}
	s := &Staging{dev: dev, compute: compute, copies: copies, fixed: fixed}
	shared := &deviceBuffer{}
	for range slots {
		sl := &stagingSlot{device: &deviceBuffer{}}
		if fixed {
			sl.device = shared
		}
		s.slots = append(s.slots, sl)
	}
	return s
}

// Generation changes whenever device addresses do that the same sequence of inputs would have had.
func (s *Staging) Generation() uint64 { return s.generation }

// Batch is the inputs of one step: Begin, inputs, Send, the launches that read them, Done.
type Batch struct {
	s     *Staging
	slot  *stagingSlot
	total int // bytes so far, gaps counted
}

// Input is where an input will be on the device.
type Input struct {
	b      *Batch
	offset int
}

// Ptr returns the address, which is known after Send.
func (in Input) Ptr() Ptr {
	if in.b.slot.open {
		panic("gpu: the address of an input before its batch is sent")
	}
	return in.b.slot.device.at.Add(int64(in.offset))
}

// Begin starts the inputs of the next step. It waits, if need be, until the slot's last inputs were copied.
func (s *Staging) Begin() (*Batch, error) {
	sl := s.slots[s.next]
	if sl.open || sl.sent {
		panic("gpu: a batch of staging begins before the last one of its slot is done")
	}
	if sl.read != 0 {
		if err := s.dev.Await(sl.read); err != nil {
			return nil, err
		}
		s.dev.Release(sl.read)
		sl.read = 0
	}
	if len(sl.host) > 1 {
		if err := s.gather(sl); err != nil {
			return nil, err
		}
	}
	for i := range sl.host {
		sl.host[i].used = 0
	}
	s.next = (s.next + 1) % len(s.slots)
	sl.open = true
	return &Batch{s: s, slot: sl}, nil
}

// gather replaces a slot's chunks by one of their size, so that the steady state is one copy a step.
func (s *Staging) gather(sl *stagingSlot) error {
	size := 0
	for _, c := range sl.host {
		size += len(c.memory)
	}
	if err := s.freeHost(sl); err != nil {
		return err
	}
	memory, err := s.dev.Pinned(size)
	if err != nil {
		return err
	}
	sl.host = []hostChunk{{memory: memory}}
	return nil
}

func (s *Staging) freeHost(sl *stagingSlot) error {
	var errs []error
	for _, c := range sl.host {
		errs = append(errs, s.dev.FreePinned(c.memory))
	}
	sl.host = nil
	return errors.Join(errs...)
}

// Bytes returns page-locked memory for an input of n bytes, to be filled before Send. What it holds before is undefined.
func (b *Batch) Bytes(n int) ([]byte, Input, error) {
	if !b.slot.open {
		panic("gpu: an input after its batch was sent")
	}
	if n < 0 {
		panic(fmt.Sprintf("gpu: an input of %d bytes", n))
	}
	offset := (b.total + stagingAlign - 1) / stagingAlign * stagingAlign
	c, err := b.chunk(offset, n)
	if err != nil {
		return nil, Input{}, err
	}
	b.total = offset + n
	c.used = b.total - c.start
	at := offset - c.start
	return c.memory[at : at+n : at+n], Input{b, offset}, nil
}

// chunk returns the chunk that has room for n bytes at an offset of the device buffer, and adds one where none has.
func (b *Batch) chunk(offset, n int) (*hostChunk, error) {
	sl := b.slot
	if k := len(sl.host); k > 0 {
		// A batch that begins finds one chunk, and goes on in the last.
		if c := &sl.host[k-1]; offset-c.start+n <= len(c.memory) {
			return c, nil
		}
	}
	memory, err := b.s.dev.Pinned(max(n, b.total, stagingChunk))
	if err != nil {
		return nil, err
	}
	sl.host = append(sl.host, hostChunk{memory: memory, start: offset})
	return &sl.host[len(sl.host)-1], nil
}

// Element is what inputs and results consist of.
type Element interface {
	~int32 | ~uint32 | ~float32 | ~int64 | ~uint64 | ~float64 | ~uint16 | ~uint8
}

// Stage returns page-locked memory for an input of n elements, to be filled before Send.
func Stage[E Element](b *Batch, n int) ([]E, Input, error) {
	var e E
	raw, in, err := b.Bytes(n * int(unsafe.Sizeof(e)))
	if err != nil || n == 0 {
		return nil, in, err
	}
	return ViewOf[E](raw), in, nil
}

// StageAll adds an input that is a copy of values.
func StageAll[E Element](b *Batch, values []E) (Input, error) {
	to, in, err := Stage[E](b, len(values))
	copy(to, values)
	return in, err
}

// ViewOf returns memory as elements, without a copy. It panics where the memory is not aligned for them or holds a part of
// one.
func ViewOf[E Element](b []byte) []E {
	var e E
	size := unsafe.Sizeof(e)
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%size != 0 || uintptr(len(b))%size != 0 {
		panic(fmt.Sprintf("gpu: %d bytes at %p are no whole elements of %d bytes", len(b), p, size))
	}
	return unsafe.Slice((*E)(p), uintptr(len(b))/size)
}

// BytesOf returns elements as the bytes of memory that they are, without a copy.
func BytesOf[E Element](s []E) []byte {
	var e E
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(e)))
}

// Send enqueues the copy, and makes the computing stream wait for it.
func (b *Batch) Send() error {
	if !b.slot.open {
		panic("gpu: a batch of staging is sent twice")
	}
	s, sl := b.s, b.slot
	if s.fixed {
		for _, other := range s.slots {
			if other.sent {
				panic("gpu: a batch of fixed staging is sent before the last one is done: it would overwrite its inputs")
			}
		}
	}
	if err := b.room(); err != nil {
		return err
	}
	if sl.done != 0 {
		if err := s.dev.Wait(s.copies, sl.done); err != nil {
			return err
		}
		s.dev.Release(sl.done)
		sl.done = 0
	}
	for _, c := range sl.host {
		if c.used > 0 {
			if err := s.dev.ToDevice(sl.device.at.Add(int64(c.start)), c.memory[:c.used], s.copies); err != nil {
				return err
			}
		}
	}
	read, err := s.dev.Record(s.copies)
	if err != nil {
		return err
	}
	sl.read = read
	sl.open, sl.sent = false, true
	if s.fixed {
		return nil
	}
	return s.dev.Wait(s.compute, read)
}

// room makes the device buffer large enough.
func (b *Batch) room() error {
	s, d := b.s, b.slot.device
	if b.total <= d.size {
		return nil
	}
	size := (max(b.total, d.size+d.size/2, stagingChunk) + Align - 1) / Align * Align
	old := d.at
	d.at, d.size = 0, 0
	if err := s.dev.Free(old); err != nil {
		return err
	}
	p, err := s.dev.Alloc(int64(size))
	if err != nil {
		return err
	}
	d.at, d.size = p, size
	s.generation++
	return nil
}

// Done says that all launches which read the inputs were enqueued.
func (b *Batch) Done() error {
	if !b.slot.sent {
		panic("gpu: a batch of staging is done before it is sent, or twice")
	}
	b.slot.sent = false
	if b.s.fixed {
		return nil
	}
	done, err := b.s.dev.Record(b.s.compute)
	b.slot.done = done
	return err
}

// Cancel gives a batch up, after an error: its inputs are not to be read.
func (b *Batch) Cancel() { b.slot.open, b.slot.sent = false, false }

// Close gives all memory back, after waiting for the device.
func (s *Staging) Close() error {
	var errs []error
	for _, sl := range s.slots {
		s.dev.Release(sl.read)
		s.dev.Release(sl.done)
		errs = append(errs, s.freeHost(sl), s.dev.Free(sl.device.at))
		*sl.device = deviceBuffer{}
		sl.read, sl.done = 0, 0
	}
	return errors.Join(errs...)
}

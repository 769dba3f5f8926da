package gpu

import (
	"errors"
	"fmt"
)

// Arena hands out device memory for the buffers of a step and takes all of it back at once. The same sequence of Take after
// Reset gives the same addresses, so that graphs can be replayed; after a step that needed more than there was, the next
// Reset brings the memory into one block, and from then on nothing is allocated.
//
// The zero value is not ready: see NewArena. Use is as of the Device: one goroutine at a time.
type Arena struct {
	dev        Device
	blocks     []arenaBlock
	at         int   // the block that Take looks in
	used       int64 // bytes taken of it
	before     int64 // bytes taken of the blocks before
	peak       int64
	generation uint64
}

type arenaBlock struct {
	base Ptr
	size int64
}

// arenaGrain is what a block's size is rounded up to, so that steps of slightly different sizes do not each allocate.
const arenaGrain = 1 << 20

// NewArena returns an arena without memory.
func NewArena(dev Device) *Arena { return &Arena{dev: dev} }

// Reserve makes sure that bytes can be taken from one block, and starts over as Reset does. A planner that knows what a step
// needs calls it once.
func (a *Arena) Reserve(bytes int64) error {
	a.rewind()
	if len(a.blocks) == 1 && a.blocks[0].size >= bytes {
		return nil
	}
	return a.rebuild(max(bytes, a.total()))
}

// rewind forgets what was taken and keeps the blocks as they are.
func (a *Arena) rewind() { a.at, a.used, a.before = 0, 0, 0 }

// Reset takes everything back: what was taken before must not be used afterwards. Where the last step needed more than one
// block they are replaced by one of their size, after waiting for the device; Generation then changes.
func (a *Arena) Reset() error {
	a.rewind()
	if len(a.blocks) < 2 {
		return nil
	}
	return a.rebuild(a.total())
}

// rebuild replaces all blocks by one. The old ones go first, because there may be no room for both.
func (a *Arena) rebuild(bytes int64) error {
	if err := a.Close(); err != nil {
		return err
	}
	return a.grow(bytes)
}

func (a *Arena) grow(bytes int64) error {
	bytes = (bytes + arenaGrain - 1) / arenaGrain * arenaGrain
	p, err := a.dev.Alloc(bytes)
	if err != nil {
		return fmt.Errorf("memory of a step: %w", err)
	}
	a.blocks = append(a.blocks, arenaBlock{p, bytes})
	a.generation++
	return nil
}

// Take returns bytes of memory, aligned to Align and not cleared, until Reset or the Release of an earlier mark. Zero bytes
// are the null pointer; a negative number is a panic.
func (a *Arena) Take(bytes int64) (Ptr, error) {
	if bytes < 0 {
		panic(fmt.Sprintf("gpu: take %d bytes of an arena", bytes))
	}
	if bytes == 0 {
		return 0, nil
	}
	bytes = (bytes + Align - 1) / Align * Align
	for a.at < len(a.blocks) && a.used+bytes > a.blocks[a.at].size {
		a.before += a.used
		a.used = 0
		a.at++
	}
	if a.at == len(a.blocks) {
		// Half as much again, so that growing step by step allocates seldom; where that is too much, what is needed.
		if err := a.grow(max(bytes, a.total()/2)); err != nil {
			var oom *OutOfMemory
			if !errors.As(err, &oom) || bytes >= a.total()/2 {
				return 0, err
			}
			if err := a.grow(bytes); err != nil {
				return 0, err
			}
		}
	}
	p := a.blocks[a.at].base.Add(a.used)
	a.used += bytes
	a.peak = max(a.peak, a.before+a.used)
	return p, nil
}

// ArenaMark is a state of an arena to go back to.
type ArenaMark struct {
	at           int
	used, before int64
}

// Mark returns the present state.
func (a *Arena) Mark() ArenaMark { return ArenaMark{a.at, a.used, a.before} }

// Release takes back what was taken since the mark: buffers of a layer are used again by the next one, in stream order.
func (a *Arena) Release(m ArenaMark) { a.at, a.used, a.before = m.at, m.used, m.before }

// Generation changes whenever blocks are added or replaced. A graph that names memory of an arena is valid while the
// generation is what it was at the capture.
func (a *Arena) Generation() uint64 { return a.generation }

// Bytes returns the device memory that the arena holds.
func (a *Arena) Bytes() int64 { return a.total() }

// Peak returns the most that was taken at once, in bytes.
func (a *Arena) Peak() int64 { return a.peak }

func (a *Arena) total() int64 {
	var n int64
	for _, b := range a.blocks {
		n += b.size
	}
	return n
}

// Close gives the memory back, after waiting for the device. The arena may be used again.
func (a *Arena) Close() error {
	var errs []error
	for _, b := range a.blocks {
		errs = append(errs, a.dev.Free(b.base))
	}
	a.blocks = nil
	a.rewind()
	return errors.Join(errs...)
}

package local

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// gpuExecutor computes with a device. What it is asked is enqueued in one stream, in which the device works it off in order;
// the numbers of a step are put together in one of two rooms while the device computes from the other.
type gpuExecutor struct {
	dev   gpu.Device
	ops   *gpu.Ops
	model *gpuModel
	plan  gpuPlan
	size  sizes

	arena   gpu.Ptr // weights
	pool    gpu.Pool
	buffers [bufCount]gpu.Ptr
	memory  []gpu.Ptr // all allocations
	logits  gpu.Ptr
	parts   gpu.Ptr // partial results of attention

	attend  gpu.AttendGeometry
	windows []*gpuWindow // by the windows that layers have
	last    gpuWindow    // of the last layer, for the kept rows
	rows    []gpu.AttendRow
	ends    map[*sequence]int
	graphs  graphs

	pages  int32 // given
	copies pageCopies
	slots  [2]gpuSlot
	begun  int                   // steps, since the last reset
	done   int                   // and collected
	broken atomic.Pointer[error] // the device is lost
}

var _ executor = (*gpuExecutor)(nil)

// gpuWindow is the plan of attention in the layers of one window.
type gpuWindow struct {
	window int  // 0 for none
	shared bool // layers before the last have it
	plan   gpu.AttendPlan
	at     gpu.Ptr         // where the plan is for the step under way
	shape  gpu.AttendShape // and the shape by which it is launched
}

// gpuSlot is a step that is under way.
type gpuSlot struct {
	to, back gpuRoom
	kept     int     // rows
	head     gpu.Ptr // what the head is given of them
	done     gpu.Event
	sealed   bool
	scored   []gpuScored
	drawn    []gpuDrawn
	samples  []gpu.SampleRow
}

// gpuScored is where what was found of scored rows comes to.
type gpuScored struct {
	rows              []kernels.Scores
	top, sum, targets []float32
	best              []int32
}

// gpuDrawn is where the tokens that were drawn come to.
type gpuDrawn struct {
	draws  []drawn
	tokens []int32
}

func (e *gpuExecutor) sizes() sizes { return e.size }

// newPage gives the next page; page 0 is that of rows for nothing.
func (e *gpuExecutor) newPage() *page {
	if int(e.pages) == e.plan.pages {
		panic("the pages of the card are all in use")
	}
	e.pages++
	return &page{id: e.pages}
}

func (e *gpuExecutor) copyPrefix(dst, src *page, n int) {
	if n == 0 {
		return
	}
	if e.copies.meets(dst.id, src.id) {
		e.copyPages(e.room())
	}
	e.copies.add(dst.id, src.id, n)
}

// pageCopies are copies of beginnings of pages that were asked for. None writes what another reads or writes.
type pageCopies struct{ src, dst, n []int32 }

func (c *pageCopies) add(dst, src int32, n int) {
	c.dst, c.src, c.n = append(c.dst, dst), append(c.src, src), append(c.n, int32(n))
}

// meets reports whether a copy must wait for those before it.
func (c *pageCopies) meets(dst, src int32) bool {
	for i := range c.dst {
		if c.dst[i] == dst || c.dst[i] == src || c.src[i] == dst {
			return true
		}
	}
	return false
}

// room is where the numbers of the step go that is put together. Its last step is done.
func (e *gpuExecutor) room() *gpuSlot { return &e.slots[e.begun%len(e.slots)] }

// copyPages enqueues the copies that were asked for.
func (e *gpuExecutor) copyPages(s *gpuSlot) {
	count := len(e.copies.dst)
	if count == 0 {
		return
	}
	lists, at := s.to.ints(3 * count)
	copy(lists, e.copies.src)
	copy(lists[count:], e.copies.dst)
	copy(lists[2*count:], e.copies.n)
	s.to.move()
	if e.ops.Err() == nil {
		e.ops.CopyPage(e.pool, at, at.Add(4*int64(count)), at.Add(8*int64(count)), count)
	}
	e.copies = pageCopies{e.copies.src[:0], e.copies.dst[:0], e.copies.n[:0]}
}

// reset takes all pages back. Where the device goes on after what happened, so does the executor.
func (e *gpuExecutor) reset() {
	if err := e.dev.Synchronize(e.ops.Stream); err != nil {
		e.ops.Fail(err)
	}
	if err := e.ops.Err(); err != nil && !lost(err) {
		e.ops.ClearErr()
	}
	for i := range e.slots {
		s := &e.slots[i]
		e.dev.Release(s.done)
		s.clear()
	}
	e.pages, e.begun, e.done = 0, 0, 0
	e.copies = pageCopies{}
}

// lost reports whether an error says that the device answers nothing any more.
func lost(err error) bool {
	var of *gpu.Error
	return errors.As(err, &of) && of.Lost()
}

// clear makes room for another step.
func (s *gpuSlot) clear() {
	s.to.empty()
	s.back.empty()
	clear(s.scored)
	clear(s.drawn)
	s.scored, s.drawn, s.done, s.sealed = s.scored[:0], s.drawn[:0], 0, false
}

// seal marks where the step ends in the stream.
func (e *gpuExecutor) seal(s *gpuSlot) {
	if s.sealed || e.ops.Err() != nil {
		return
	}
	var err error
	if s.done, err = e.dev.Record(e.ops.Stream); err != nil {
		e.ops.Fail(err)
		return
	}
	s.sealed = true
}

// under is the step that was begun last.
func (e *gpuExecutor) under() *gpuSlot { return &e.slots[(e.begun-1)%len(e.slots)] }

func (e *gpuExecutor) forward(rows []row, keep []int) {
	if e.begun > e.done {
		e.seal(e.under())
	}
	if e.begun-e.done == len(e.slots) || len(rows) > e.plan.rows {
		panic(fmt.Sprintf("a step of %d rows, where there is room for %d, while %d steps are under way", len(rows), e.plan.rows, e.begun-e.done))
	}
	s := e.room()
	e.begun++
	e.copyPages(s)
	e.step(s, rows, keep)
}

func (e *gpuExecutor) collect() error {
	s := &e.slots[e.done%len(e.slots)]
	e.seal(s)
	err := e.ops.Err()
	if err == nil {
		if err = e.dev.Await(s.done); err != nil {
			e.ops.Fail(err)
		}
	}
	if err != nil {
		if lost(err) {
			e.broken.CompareAndSwap(nil, &err)
		}
		return deviceError(err)
	}
	e.dev.Release(s.done)
	for _, found := range s.scored {
		found.give()
	}
	for _, found := range s.drawn {
		for i := range found.draws {
			found.draws[i].token = int(found.tokens[i])
		}
	}
	s.clear()
	e.done++
	return nil
}

// give hands over what was found, in the order of the rows.
func (f *gpuScored) give() {
	at := 0
	for i := range f.rows {
		r := &f.rows[i]
		at += copy(r.Logits, f.targets[at:])
		r.Top, r.ArgMax, r.LogSumExp = f.top[i], int(f.best[i]), gpu.LogSumExp(f.top[i], f.sum[i])
	}
}

func (e *gpuExecutor) close() error {
	errs := []error{e.dev.Synchronize(e.ops.Stream)}
	e.graphs.drop(e.dev)
	for i := range e.slots {
		e.dev.Release(e.slots[i].done)
		errs = append(errs, e.slots[i].to.close(), e.slots[i].back.close())
	}
	for _, p := range e.memory {
		errs = append(errs, e.dev.Free(p))
	}
	e.memory = nil
	return errors.Join(append(errs, e.ops.Close())...)
}

// deviceError is the error of a request whose step a device failed to compute. It may be tried again: on another device, or
// when the process was started anew.
func deviceError(err error) error {
	return &backends.Error{Kind: backends.KindServer, Op: "run model", Err: err}
}

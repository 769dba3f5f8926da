//go:build cuda

package cu

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// stream returns the driver's stream.
func (d *device) stream(call string, s gpu.Stream) (stream, error) {
	if s >= gpu.Stream(len(d.streams)) {
		return stream{}, d.misuse(call, codeInvalidHandle, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("stream %d does not exist", s))
	}
	return d.streams[s], nil
}

// NewStream implements gpu.Device.
func (d *device) NewStream() (gpu.Stream, error) {
	if err := d.enter("make a stream"); err != nil {
		return 0, err
	}
	defer d.leave()
	s, code := drvStream()
	if code != 0 {
		return 0, d.fail("make a stream", code)
	}
	d.streams = append(d.streams, s)
	return gpu.Stream(len(d.streams) - 1), nil
}

// Synchronize implements gpu.Device.
func (d *device) Synchronize(s gpu.Stream) error {
	const call = "wait for the work enqueued"
	if err := d.enter(call); err != nil {
		return err
	}
	defer d.leave()
	if err := d.notCaptured(call); err != nil {
		return err
	}
	st, err := d.stream(call, s)
	if err != nil {
		return err
	}
	if code := drvStreamSynchronize(st); code != 0 {
		return d.fail(call, code)
	}
	return nil
}

// events are the driver's events, used again after Release: making one costs more than recording it. An Event is an index
// plus one in its low half, and in the high half how often the index was used, so that one that was released is noticed.
type events struct {
	all  []event
	uses []uint32
	live []bool
	free []uint32
}

// event returns the driver's event.
func (d *device) event(call string, e gpu.Event) (event, error) {
	i, use := uint32(e)-1, uint32(e>>32)
	if uint32(e) == 0 || int(i) >= len(d.events.all) || !d.events.live[i] || d.events.uses[i] != use {
		return event{}, d.misuse(call, codeInvalidHandle, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("event %#x does not exist", uint64(e)))
	}
	return d.events.all[i], nil
}

// Record implements gpu.Device.
func (d *device) Record(s gpu.Stream) (gpu.Event, error) {
	const call = "record an event"
	if err := d.enter(call); err != nil {
		return 0, err
	}
	defer d.leave()
	st, err := d.stream(call, s)
	if err != nil {
		return 0, err
	}
	v := &d.events
	if len(v.free) == 0 {
		e, code := drvEvent()
		if code != 0 {
			return 0, d.fail("make an event", code)
		}
		v.free = append(v.free, uint32(len(v.all)))
		v.all, v.uses, v.live = append(v.all, e), append(v.uses, 0), append(v.live, false)
	}
	i := v.free[len(v.free)-1]
	if code := drvRecord(v.all[i], st); code != 0 {
		return 0, d.fail(call, code)
	}
	v.free = v.free[:len(v.free)-1]
	v.uses[i]++
	v.live[i] = true
	return gpu.Event(uint64(v.uses[i])<<32 | uint64(i+1)), nil
}

// Wait implements gpu.Device.
func (d *device) Wait(s gpu.Stream, e gpu.Event) error {
	const call = "make a stream wait for an event"
	if err := d.enter(call); err != nil {
		return err
	}
	defer d.leave()
	st, err := d.stream(call, s)
	if err != nil {
		return err
	}
	ev, err := d.event(call, e)
	if err != nil {
		return err
	}
	if code := drvStreamWait(st, ev); code != 0 {
		return d.fail(call, code)
	}
	return nil
}

// Await implements gpu.Device.
func (d *device) Await(e gpu.Event) error {
	const call = "wait for an event"
	if err := d.enter(call); err != nil {
		return err
	}
	defer d.leave()
	if err := d.notCaptured(call); err != nil {
		return err
	}
	ev, err := d.event(call, e)
	if err != nil {
		return err
	}
	if code := drvEventSynchronize(ev); code != 0 {
		return d.fail(call, code)
	}
	return nil
}

// Elapsed implements gpu.Device.
func (d *device) Elapsed(a, b gpu.Event) (time.Duration, error) {
	const call = "time between two events"
	if err := d.enter(call); err != nil {
		return 0, err
	}
	defer d.leave()
	if err := d.notCaptured(call); err != nil {
		return 0, err
	}
	var evs [2]event
	for i, e := range []gpu.Event{a, b} {
		ev, err := d.event(call, e)
		if err != nil {
			return 0, err
		}
		if code := drvEventSynchronize(ev); code != 0 {
			return 0, d.fail(call, code)
		}
		evs[i] = ev
	}
	ms, code := drvElapsed(evs[0], evs[1])
	if code != 0 {
		return 0, d.fail(call, code)
	}
	return time.Duration(ms * float64(time.Millisecond)), nil
}

// Release implements gpu.Device. Its event may still be to come: recording it anew does not disturb who waits for it.
func (d *device) Release(e gpu.Event) {
	if e == 0 || d.closed {
		return
	}
	if _, err := d.event("release an event", e); err != nil {
		panic(err)
	}
	i := uint32(e) - 1
	d.events.live[i] = false
	d.events.free = append(d.events.free, i)
}

// graph is a captured graph and its executable form.
type graph struct{ graph, exec unsafe.Pointer }

// Capture implements gpu.Device.
func (d *device) Capture(s gpu.Stream, f func() error) (gpu.Graph, error) {
	const call = "capture a graph"
	// A capture begins and ends on one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	st, err := d.captureBegin(call, s)
	if err != nil {
		return 0, err
	}
	ended := false
	defer func() {
		if !ended { // f panicked
			_, _ = d.captureEnd(call, st)
		}
	}()
	failed := f()
	ended = true
	g, err := d.captureEnd(call, st)
	if failed != nil {
		if err == nil {
			d.DropGraph(g)
		}
		return 0, failed
	}
	return g, err
}

func (d *device) captureBegin(call string, s gpu.Stream) (stream, error) {
	if err := d.enter(call); err != nil {
		return stream{}, err
	}
	defer d.leave()
	if err := d.notCaptured(call); err != nil {
		return stream{}, err
	}
	st, err := d.stream(call, s)
	if err != nil {
		return stream{}, err
	}
	if code := extCaptureBegin(pointer(st)); code != 0 {
		return stream{}, d.fail(call, code)
	}
	d.capture = true
	return st, nil
}

func (d *device) captureEnd(call string, s stream) (gpu.Graph, error) {
	d.capture = false
	if err := d.enter(call); err != nil {
		return 0, err
	}
	defer d.leave()
	g, exec, code := extCaptureEnd(pointer(s))
	if code != 0 {
		return 0, d.fail(call, code)
	}
	d.last++
	d.graphs[d.last] = graph{g, exec}
	return d.last, nil
}

// Replay implements gpu.Device.
func (d *device) Replay(g gpu.Graph, s gpu.Stream) error {
	const call = "replay a graph"
	if err := d.enter(call); err != nil {
		return err
	}
	defer d.leave()
	st, err := d.stream(call, s)
	if err != nil {
		return err
	}
	known, ok := d.graphs[g]
	if !ok {
		return d.misuse(call, codeInvalidHandle, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("graph %d does not exist", g))
	}
	if code := extGraphLaunch(known.exec, pointer(st)); code != 0 {
		return d.fail(call, code)
	}
	return nil
}

// DropGraph implements gpu.Device.
func (d *device) DropGraph(g gpu.Graph) {
	if g == 0 || d.closed || d.lost != nil {
		return
	}
	known, ok := d.graphs[g]
	if !ok {
		panic(d.misuse("drop a graph", codeInvalidHandle, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("graph %d does not exist", g)))
	}
	if err := d.enter("drop a graph"); err != nil {
		return // the context is gone, and the graph with it
	}
	defer d.leave()
	drvSynchronize() // an error of the work shows at the caller's next call
	extGraphDrop(known.graph, known.exec)
	delete(d.graphs, g)
}

// Lt implements gpu.Device.
func (d *device) Lt() gpu.Lt {
	if !d.ltOpened {
		d.ltOpened = true
		d.lt = openLt(d)
	}
	return d.lt
}

// Close implements gpu.Device.
func (d *device) Close() error {
	if d.closed {
		return nil
	}
	var errs []error
	if err := d.enter("close"); err == nil {
		errs = d.giveBack()
		d.leave()
	}
	d.closed = true
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	leaveContext()
	if code := drvRelease(d.info.Ordinal); code != 0 && d.lost == nil {
		errs = append(errs, d.fail("give the context back", code))
	}
	return errors.Join(errs...)
}

// giveBack frees all that is left on the device. After the first error of the wait nothing else is tried, because the
// context's end frees it too.
func (d *device) giveBack() (errs []error) {
	check := func(call string, code int) {
		if code != 0 {
			errs = append(errs, d.fail(call, code))
		}
	}
	if check("wait before closing", drvSynchronize()); errs != nil {
		return errs
	}
	if c, ok := d.lt.(interface{ Close() error }); ok {
		if err := c.Close(); err != nil {
			errs = append(errs, err)
		}
	}
	for _, g := range d.graphs {
		extGraphDrop(g.graph, g.exec)
	}
	for _, e := range d.events.all {
		check("drop an event", drvDropEvent(e))
	}
	for _, slot := range d.bounce.slots {
		if slot.memory != nil {
			check("drop an event", drvDropEvent(slot.free))
		}
	}
	for _, p := range d.pinned {
		check("free pinned memory", drvHostFree(unsafe.Pointer(unsafe.SliceData(p.bytes))))
	}
	for p := range d.allocs {
		check("free memory", drvFree(p))
	}
	for _, m := range d.modules {
		if m.loaded {
			check("unload kernels", drvUnload(m.module))
		}
	}
	for _, s := range d.streams {
		check("drop a stream", drvDropStream(s))
	}
	return errs
}

package gputest

import (
	"errors"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// testStreams runs a chain over two streams that is right only where each waits for the other.
func testStreams(t *testing.T, d gpu.Device) {
	k := newAxpy(t, d)
	side, err := d.NewStream()
	fatal(t, err)
	const n = 5000
	x, y := k.floats(n, 1), k.floats(n, 0)
	begin, err := d.Record(0)
	fatal(t, err)
	for range 4 {
		fatal(t, k.launch(x, x, 1, n, 0)) // x doubles
		a, err := d.Record(0)
		fatal(t, err)
		fatal(t, d.Wait(side, a))
		fatal(t, k.launch(y, x, 1, n, side)) // y += x
		b, err := d.Record(side)
		fatal(t, err)
		fatal(t, d.Wait(0, b))
		d.Release(a)
		d.Release(b)
	}
	end, err := d.Record(0)
	fatal(t, err)
	fatal(t, d.Await(end))
	took, err := d.Elapsed(begin, end)
	fatal(t, err)
	if took < 0 {
		t.Errorf("the work took %v", took)
	}
	k.check("the sum over two streams", y, n, 2+4+8+16)
	fatal(t, d.Synchronize(side))
	d.Release(begin)
	d.Release(end)
	d.Release(0)
}

func testEventHandles(t *testing.T, d gpu.Device) {
	a, err := d.Record(0)
	fatal(t, err)
	d.Release(a)
	b, err := d.Record(0)
	fatal(t, err)
	if a == 0 || b == 0 || a == b {
		t.Errorf("events %#x and %#x", uint64(a), uint64(b))
	}
	if d.Await(a) == nil || d.Wait(0, a) == nil || d.Await(0) == nil {
		t.Error("an event that was released is still there")
	}
	if _, err := d.Elapsed(a, b); err == nil {
		t.Error("the time since an event that was released")
	}
	fatal(t, d.Await(b))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("an event was released twice")
			}
		}()
		d.Release(a)
	}()
	d.Release(b)
}

func testGraphs(t *testing.T, d gpu.Device) {
	k := newAxpy(t, d)
	const n = 300
	x, y, z := k.floats(n, 1), k.floats(n, 0), k.floats(n, 0)
	pinned, err := d.Pinned(4)
	fatal(t, err)
	g, err := d.Capture(0, func() error {
		if err := k.launch(y, x, 2, n, 0); err != nil {
			return err
		}
		if err := k.launch(y, x, 1, n, 0); err != nil {
			return err
		}
		if err := d.Zero(z, 4*n, 0); err != nil {
			return err
		}
		if err := d.Copy(z, y, 4*n, 0); err != nil {
			return err
		}
		return d.ToHost(pinned, y, 0)
	})
	fatal(t, err)
	k.check("before a replay", y, n, 0)
	for i := range 3 {
		fatal(t, d.Replay(g, 0))
		k.check("after a replay", z, n, float32(3*(i+1)))
		if got := gpu.ViewOf[float32](pinned)[0]; got != float32(3*(i+1)) {
			t.Errorf("replay %d copied %v to the host", i, got)
		}
	}
	side, err := d.NewStream()
	fatal(t, err)
	fatal(t, d.Replay(g, side))
	fatal(t, d.Synchronize(side))
	k.check("after a replay in another stream", z, n, 12)
	d.DropGraph(g)
	d.DropGraph(0)
	if d.Replay(g, 0) == nil {
		t.Error("a graph that was dropped was replayed")
	}
}

// testCaptureFails holds that what cannot be captured is an error, and that the device goes on after it.
func testCaptureFails(t *testing.T, d gpu.Device) {
	k := newAxpy(t, d)
	x, y := k.floats(10, 1), k.floats(10, 0)
	own := errors.New("the caller's own")
	event, err := d.Record(0)
	fatal(t, err)
	for name, f := range map[string]func() error{
		"its own error":      func() error { return own },
		"an allocation":      func() error { _, err := d.Alloc(10); return err },
		"a free":             func() error { return d.Free(x) },
		"pinning":            func() error { _, err := d.Pinned(10); return err },
		"waiting":            func() error { return d.Synchronize(0) },
		"waiting for events": func() error { return d.Await(event) },
		"memory not pinned":  func() error { return d.ToDevice(x, make([]byte, 8), 0) },
		"to memory so":       func() error { return d.ToHost(make([]byte, 8), x, 0) },
		"a capture":          func() error { _, err := d.Capture(0, func() error { return nil }); return err },
	} {
		g, err := d.Capture(0, func() error {
			if err := k.launch(y, x, 1, 10, 0); err != nil {
				return err
			}
			return f()
		})
		if err == nil || g != 0 {
			t.Errorf("capture of %s: no error", name)
		}
		if name == "its own error" && !errors.Is(err, own) {
			t.Errorf("error %v, want the caller's", err)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic was lost")
			}
		}()
		_, _ = d.Capture(0, func() error { panic("in a capture") })
	}()
	k.check("nothing of it ran", y, 10, 0)
	fatal(t, k.launch(y, x, 1, 10, 0))
	k.check("a launch after it", y, 10, 1)
	g, err := d.Capture(0, func() error { return k.launch(y, x, 1, 10, 0) })
	fatal(t, err)
	fatal(t, d.Replay(g, 0))
	k.check("a replay after it", y, 10, 2)
	d.DropGraph(g)
	d.Release(event)
}

// testCaptureJoins captures work in a second stream that is joined and comes back by events.
func testCaptureJoins(t *testing.T, d gpu.Device) {
	k := newAxpy(t, d)
	side, err := d.NewStream()
	fatal(t, err)
	const n = 100
	x, y := k.floats(n, 1), k.floats(n, 0)
	g, err := d.Capture(0, func() error {
		if err := k.launch(y, x, 1, n, 0); err != nil {
			return err
		}
		a, err := d.Record(0)
		if err != nil {
			return err
		}
		defer d.Release(a)
		if err := errors.Join(d.Wait(side, a), k.launch(y, x, 2, n, side)); err != nil {
			return err
		}
		b, err := d.Record(side)
		if err != nil {
			return err
		}
		defer d.Release(b)
		return errors.Join(d.Wait(0, b), k.launch(y, y, 1, n, 0))
	})
	fatal(t, err)
	fatal(t, d.Replay(g, 0))
	k.check("joined streams", y, n, 6)
	d.DropGraph(g)
	// The second stream is no longer captured.
	fatal(t, k.launch(y, x, 1, n, side))
	fatal(t, d.Synchronize(side))
	k.check("the second stream later", y, n, 7)
}

package gputest_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

func TestConformance(t *testing.T) {
	for name, lazy := range map[string]bool{"at once": false, "lazy": true} {
		t.Run(name, func(t *testing.T) {
			gputest.Conformance(t, func(*testing.T) gpu.Device {
				d := gputest.New(64 << 20)
				d.Lazy = lazy
				d.Kernels[gputest.Axpy] = gputest.RunAxpy
				d.Known = func(name string) bool { return name == gputest.Axpy }
				return d
			})
		})
	}
}

func TestFailAt(t *testing.T) {
	d := gputest.New(1 << 20)
	want := errors.New("third")
	d.FailAt("alloc", 3, want)
	for i := range 5 {
		if _, err := d.Alloc(1); (i == 2) != errors.Is(err, want) {
			t.Errorf("allocation %d: %v", i, err)
		}
	}
	d.FailAt("launch", 1, nil)
	f, err := d.Function("x")
	if err != nil {
		t.Fatal(err)
	}
	if d.Launch(f, gpu.D1(1), gpu.D1(1), 0, 0, nil) == nil {
		t.Error("no error")
	}
	if d.Launch(f, gpu.D1(1), gpu.D1(1), 0, 0, nil) != nil {
		t.Error("an error that was not asked for")
	}
}

func TestLeaks(t *testing.T) {
	d := gputest.New(1 << 20)
	p, _ := d.Alloc(10)
	b, _ := d.Pinned(20)
	e, _ := d.Record(0)
	g, _ := d.Capture(0, func() error { return nil })
	if got := d.Leaks(); len(got) != 4 {
		t.Errorf("leaks %q", got)
	}
	d.Release(e)
	d.DropGraph(g)
	if err := errors.Join(d.Free(p), d.FreePinned(b)); err != nil || len(d.Leaks()) != 0 {
		t.Errorf("leaks %q, error %v", d.Leaks(), err)
	}
}

// TestLazyShowsMissingWait holds that a lazy device is of use: a copy in another stream is not seen without a wait.
func TestLazyShowsMissingWait(t *testing.T) {
	d := gputest.New(1 << 20)
	d.Lazy = true
	var seen []int32
	d.Kernels["see"] = func(d *gputest.Device, c gputest.Call) error {
		seen = append(seen, d.Ints(c.Ptr(0), 1)...)
		return nil
	}
	f, _ := d.Function("see")
	side, _ := d.NewStream()
	p, _ := d.Alloc(4)
	for _, waits := range []bool{false, true} {
		if err := errors.Join(d.Zero(p, 4, 0), d.Synchronize(0), d.ToDevice(p, gpu.BytesOf([]int32{5}), side)); err != nil {
			t.Fatal(err)
		}
		if waits {
			e, _ := d.Record(side)
			if err := d.Wait(0, e); err != nil {
				t.Fatal(err)
			}
			d.Release(e)
		}
		var a gpu.Args
		if err := errors.Join(d.Launch(f, gpu.D1(1), gpu.D1(1), 0, 0, a.Ptr(p).Words()), d.Synchronize(0), d.Synchronize(side)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(seen, []int32{0, 5}) {
		t.Errorf("the kernel saw %v", seen)
	}
}

// TestLaunchesFitThePTX holds that a launch which the real kernel would misread is an error.
func TestLaunchesFitThePTX(t *testing.T) {
	d := gputest.New(1 << 20)
	f, err := d.Function(gputest.Axpy)
	if err != nil {
		t.Fatal(err)
	}
	launch := func(threads int, a *gpu.Args) error { return d.Launch(f, gpu.D1(1), gpu.D1(threads), 0, 0, a.Words()) }
	if err := launch(256, new(gpu.Args).Ptr(1).Ptr(2).Float(-1).Int(-1)); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"an argument too few":     launch(256, new(gpu.Args).Ptr(1).Ptr(2).Float(1)),
		"a double for a float":    launch(256, new(gpu.Args).Ptr(1).Ptr(2).Double(1).Int(1)),
		"more threads than it is": launch(512, new(gpu.Args).Ptr(1).Ptr(2).Float(1).Int(1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

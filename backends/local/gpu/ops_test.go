package gpu_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

func newOps(t *testing.T, dtype gpu.DType) (*gputest.Device, *gpu.Ops) {
	t.Helper()
	d := gputest.New(1 << 20)
	o, err := gpu.NewOps(d, dtype)
	if err != nil {
		t.Fatal(err)
	}
	return d, o
}

func TestLaunchNamesAndArguments(t *testing.T) {
	for _, dtype := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		d, o := newOps(t, dtype)
		o.Stream = 0
		o.Launch("fold", gpu.D2(3, 2), gpu.D1(64), 16, o.Args().Ptr(4096).Int(5).Float(1.5))
		o.LaunchExact("draw", gpu.D1(1), gpu.D1(32), 0, o.Args().Long(9))
		if err := o.Err(); err != nil {
			t.Fatal(err)
		}
		got := d.Launches()
		if len(got) != 2 || got[0].Name != "fold_"+dtype.String() || got[1].Name != "draw" {
			t.Fatalf("launches of %v: %v", dtype, d)
		}
		c := got[0]
		if c.Grid != gpu.D2(3, 2) || c.Block != gpu.D1(64) || c.Shared != 16 || c.Ptr(0) != 4096 || c.Int(1) != 5 || c.Float(2) != 1.5 {
			t.Errorf("launch was recorded as %+v", c)
		}
		if got[1].Long(0) != 9 || len(got[1].Args) != 1 {
			t.Errorf("the second launch has arguments %v: the list is not emptied", got[1].Args)
		}
	}
	if _, err := gpu.NewOps(gputest.New(1), gpu.DType(7)); err == nil {
		t.Error("operations in an unknown type")
	}
}

// TestFunctionsAreLookedUpOnce holds that a launch in the steady state asks the device for nothing and allocates nothing.
func TestFunctionsAreLookedUpOnce(t *testing.T) {
	d, o := newOps(t, gpu.BF16)
	launch := func() { o.Launch("fold", gpu.D1(1), gpu.D1(32), 60<<10, o.Args().Int(1)) }
	for range 3 {
		launch()
	}
	var ops []string
	for _, c := range d.Calls {
		ops = append(ops, c.Op)
	}
	if want := []string{"function", "setshared", "launch", "launch", "launch"}; !slices.Equal(ops, want) {
		t.Errorf("calls %v, want %v", ops, want)
	}
	if o.Err() != nil {
		t.Error(o.Err())
	}
}

func TestSharedIsRaisedWhenMoreIsAsked(t *testing.T) {
	d, o := newOps(t, gpu.F32)
	for _, shared := range []int{48 << 10, 49 << 10, 40 << 10, 100 << 10} {
		o.Launch("look", gpu.D1(1), gpu.D1(32), shared, o.Args())
	}
	var raised []int
	for _, c := range d.Calls {
		if c.Op == "setshared" {
			raised = append(raised, c.Shared)
		}
	}
	if want := []int{49 << 10, 100 << 10}; !slices.Equal(raised, want) || o.Err() != nil {
		t.Errorf("shared memory raised to %v, want %v; error %v", raised, want, o.Err())
	}
	o.Launch("look", gpu.D1(1), gpu.D1(32), 1<<20, o.Args())
	if o.Err() == nil {
		t.Error("more shared memory than the device has, and no error")
	}
}

// TestErrorsStick holds that nothing is enqueued after an error, and that the first one is reported.
func TestErrorsStick(t *testing.T) {
	d, o := newOps(t, gpu.F32)
	first := errors.New("first")
	d.FailAt("launch", 2, first)
	for range 4 {
		o.Launch("fold", gpu.D1(1), gpu.D1(32), 0, o.Args())
	}
	if !errors.Is(o.Err(), first) || len(d.Launches()) != 2 {
		t.Errorf("error %v after %d launches, want the first after 2", o.Err(), len(d.Launches()))
	}
	if o.Scratch("a", 10) != 0 {
		t.Error("scratch memory after an error")
	}
	o.ClearErr()
	o.Launch("fold", gpu.D1(1), gpu.D1(32), 0, o.Args())
	if o.Err() != nil || len(d.Launches()) != 3 {
		t.Errorf("after ClearErr: error %v, %d launches", o.Err(), len(d.Launches()))
	}
}

func TestUnknownKernel(t *testing.T) {
	d, o := newOps(t, gpu.F16)
	d.Known = func(name string) bool { return name == "fold_f16" }
	for range 2 {
		if !o.Has("fold_f16") || o.Has("fold_f32") || o.Err() != nil {
			t.Errorf("Has(fold_f16), Has(fold_f32) are %v, %v; error %v", o.Has("fold_f16"), o.Has("fold_f32"), o.Err())
		}
	}
	o.Launch("open", gpu.D1(1), gpu.D1(32), 0, o.Args())
	if o.Err() == nil || !strings.Contains(o.Err().Error(), "open_f16") {
		t.Errorf("error of a kernel that is not there: %v", o.Err())
	}
}

func TestImpossibleGeometryPanics(t *testing.T) {
	for name, g := range map[string]struct {
		grid, block gpu.Dim3
		shared      int
	}{
		"grid y":         {gpu.Dim3{X: 1, Y: 65536, Z: 1}, gpu.D1(32), 0},
		"negative grid":  {gpu.Dim3{X: -1, Y: 1, Z: 1}, gpu.D1(32), 0},
		"no threads":     {gpu.D1(1), gpu.Dim3{X: 32}, 0},
		"many threads":   {gpu.D1(1), gpu.D2(64, 17), 0},
		"deep block":     {gpu.D1(1), gpu.Dim3{X: 1, Y: 1, Z: 65}, 0},
		"shared memory":  {gpu.D1(1), gpu.D1(32), -1},
		"grid x too big": {gpu.D1(1 << 31), gpu.D1(32), 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, o := newOps(t, gpu.F32)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			o.Launch("fold", g.grid, g.block, g.shared, o.Args())
		})
	}
	d, o := newOps(t, gpu.F32)
	o.Launch("fold", gpu.D1(0), gpu.D1(32), 0, o.Args())
	if o.Err() != nil || len(d.Launches()) != 0 {
		t.Error("an empty grid is work")
	}
}

func TestScratch(t *testing.T) {
	d, o := newOps(t, gpu.F32)
	a := o.Scratch("a", 1000)
	b := o.Scratch("b", 10)
	if a == 0 || b == 0 || a == b || o.Scratch("a", 999) != a || o.Scratch("a", 1024) != a {
		t.Fatalf("scratch memory moves: %#x, %#x, %#x", a, b, o.Scratch("a", 999))
	}
	grown := o.Scratch("a", 1025)
	if grown == a || o.Scratch("a", 1536) != grown {
		t.Error("memory that grew is not half as large again")
	}
	d.At(a, 1000) // outgrown memory is still there: graphs may name it
	if n := d.Used(); n != 1024+1536+256 {
		t.Errorf("%d bytes of scratch memory", n)
	}
	if o.Scratch("c", 2<<20) != 0 {
		t.Error("more than the device has")
	}
	var oom *gpu.OutOfMemory
	if !errors.As(o.Err(), &oom) || oom.Asked < 2<<20 || oom.Total != 1<<20 {
		t.Errorf("error %v", o.Err())
	}
	if err := o.Close(); err != nil || d.Used() != 0 {
		t.Errorf("%d bytes left after Close, error %v", d.Used(), err)
	}
}

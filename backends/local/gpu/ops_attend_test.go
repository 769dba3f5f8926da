package gpu_test

import (
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

// TestAttendLaunch checks what attention launches: on a device that knows the parameters of the kernels in the PTX, and that
// refuses shared memory that was not asked for.
func TestAttendLaunch(t *testing.T) {
	var pages []int32
	for i := range 40 {
		pages = append(pages, int32(i))
	}
	rows := []gpu.AttendRow{{Pages: pages, To: 2500}}
	for pos := range 100 {
		rows = append(rows, gpu.AttendRow{Pages: []int32{100, 101}, To: pos + 1, Query: pos + 1})
	}
	for _, dtype := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		for _, dim := range []int{1, 32, 33, 64, 80, 96, 128, 192, 256, 512} {
			dev := gputest.New(1 << 20)
			ops, err := gpu.NewOps(dev, dtype)
			if err != nil {
				t.Fatal(err)
			}
			g := gpu.NewAttendGeometry(dev.Info(), dtype, 6, 2, dim)
			g.Blocks = 64
			var plan gpu.AttendPlan
			plan.Build(rows, g)
			a := gpu.Attention{Out: 1, Q: 2, LD: 10 * dim, Plan: 3, Partials: 4, Pool: 5, Layer: 6, Layers: 7, Scale: 0.5, Cap: 30,
				Slopes: 8, Biases: 9, BiasLD: 3000}
			ops.Attend(&g, plan.Shape(), a)
			if err := ops.Err(); err != nil {
				t.Fatal(err)
			}
			calls := dev.Launches()
			s := plan.Shape()
			if len(calls) < 2 || s.Merges != 1 {
				t.Fatalf("%v, heads of %d: %d launches of shape %+v", dtype, dim, len(calls), s)
			}
			blocks := 0
			for _, c := range calls[:len(calls)-1] {
				list := c.Int(4)
				blocks += c.Grid.X
				if c.Grid.X != s.Items[list] || c.Grid.Y != 2 || c.Block.X%32 != 0 {
					t.Errorf("%v, heads of %d, list %d of %+v: grid %v, block %v", dtype, dim, list, s, c.Grid, c.Block)
				}
				ptrs := []gpu.Ptr{c.Ptr(0), c.Ptr(1), c.Ptr(3), c.Ptr(5), c.Ptr(13), c.Ptr(14), c.Ptr(16)}
				ints := []int{c.Int(2), c.Int(6), c.Int(7), c.Int(8), c.Int(9), c.Int(10), c.Int(15), c.Int(17), c.Int(18)}
				if !slices.Equal(ptrs, []gpu.Ptr{1, 2, 3, 5, 8, 9, 4}) || c.Float(11) != 0.5 || c.Float(12) != 30 ||
					!slices.Equal(ints, []int{10 * dim, 6, 7, 6, 2, dim, 3000, 3, 1}) {
					t.Errorf("%v, heads of %d: arguments %v %v", dtype, dim, ptrs, ints)
				}
			}
			if total := s.Items[0] + s.Items[1] + s.Items[2]; blocks != total {
				t.Errorf("%v, heads of %d: %d blocks of %d", dtype, dim, blocks, total)
			}
			if c := calls[len(calls)-1]; c.Name != "attend_merge_"+dtype.String() || c.Grid != (gpu.Dim3{X: 1, Y: 2, Z: 1}) {
				t.Errorf("the last launch is %s over %v", c.Name, c.Grid)
			}
		}
	}
}

// TestAttendMisuse holds that attention refuses what cannot be.
func TestAttendMisuse(t *testing.T) {
	g := gpu.NewAttendGeometry(gpu.Info{}, gpu.F32, 2, 1, 16)
	var plan gpu.AttendPlan
	for name, f := range map[string]func(){
		"heads":     func() { gpu.NewAttendGeometry(gpu.Info{}, gpu.F32, 3, 2, 16) },
		"no range":  func() { plan.Build([]gpu.AttendRow{{Pages: []int32{1}, From: 3, To: 3}}, g) },
		"no pages":  func() { plan.Build([]gpu.AttendRow{{Pages: []int32{1}, To: 65}}, g) },
		"rows":      func() { attend(t, &g, gpu.Attention{Partials: 1, LD: 31, Layers: 1, Scale: 1}) },
		"layer":     func() { attend(t, &g, gpu.Attention{Partials: 1, LD: 32, Layer: 1, Layers: 1, Scale: 1}) },
		"scale":     func() { attend(t, &g, gpu.Attention{Partials: 1, LD: 32, Layers: 1}) },
		"biases":    func() { attend(t, &g, gpu.Attention{Partials: 1, LD: 32, Layers: 1, Scale: 1, Biases: 1}) },
		"no memory": func() { attend(t, &g, gpu.Attention{LD: 32, Layers: 1, Scale: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func attend(t *testing.T, g *gpu.AttendGeometry, a gpu.Attention) {
	ops, err := gpu.NewOps(gputest.New(1<<20), gpu.F32)
	if err != nil {
		t.Fatal(err)
	}
	ops.Attend(g, gpu.AttendShape{Merges: 1}, a)
}

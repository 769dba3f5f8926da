package gpu_test

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
	"github.com/onset-eval/onset/backends/local/gpu/kernels"
	cpu "github.com/onset-eval/onset/backends/local/internal/kernels"
)

// entries are the kernels of the committed PTX by name.
func entries(t *testing.T) map[string]gpu.Entry {
	t.Helper()
	modules, err := kernels.Modules(8, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]gpu.Entry)
	for _, m := range modules {
		for _, e := range gpu.Entries(m.Text) {
			all[e.Name] = e
		}
	}
	return all
}

// elemCall is a use of an operation and what it launches.
type elemCall struct {
	name   string
	run    func(o *gpu.Ops)
	kernel string // without the type's suffix
	exact  bool   // the kernel's name has none
	grid   gpu.Dim3
	block  int
	args   []uint64
}

func f32(x float32) uint64 { return uint64(math.Float32bits(x)) }

// Addresses of operands, multiples of 16; odd is none.
const (
	pa  = gpu.Ptr(0x1000)
	pb  = gpu.Ptr(0x2000)
	pc  = gpu.Ptr(0x3000)
	pd  = gpu.Ptr(0x4000)
	pe  = gpu.Ptr(0x5000)
	odd = gpu.Ptr(0x1004)
)

var elemCalls = []elemCall{
	{"embed", func(o *gpu.Ops) { o.Embed(pa, pb, pc, 7, 4096, 0) }, "embed", false, gpu.D2(7, 2), 256,
		[]uint64{0x1000, 0x2000, 0x3000, 4096, f32(1)}},
	{"embed of one number", func(o *gpu.Ops) { o.Embed(pa, pb, pc, 1, 1, 2) }, "embed", false, gpu.D2(1, 1), 32,
		[]uint64{0x1000, 0x2000, 0x3000, 1, f32(2)}},
	{"add rows", func(o *gpu.Ops) { o.AddRows(pa, pb, pc, 70000, 300) }, "add_rows", false, gpu.D2(70000, 1), 64,
		[]uint64{0x1000, 0x2000, 0x3000, 300}},
	{"add norm", func(o *gpu.Ops) {
		o.AddNorm(gpu.AddNorm{X: pa, Z: pb, Norm: gpu.Norm{Kind: gpu.RMSNorm, Weight: pc, Eps: 1e-5}, Y: pd}, 9, 4096)
	}, "add_norm", false, gpu.D1(9), 512, []uint64{0x1000, 0x2000, 0, 0, 0, 0, f32(1), 0x3000, 0, f32(1e-5), 1, 0x4000, 0, 4096}},
	{"add norm, everything", func(o *gpu.Ops) {
		o.AddNorm(gpu.AddNorm{X: pa, Z: pb, ZNorm: gpu.Norm{Kind: gpu.RMSNorm, Weight: pe, Bias: pa, Eps: 1}, ZScale: 0.5,
			Norm: gpu.Norm{Kind: gpu.LayerNorm, Weight: pc, Bias: pd, Eps: 2}, Y: pd, Write: true}, 1, 5120)
	}, "add_norm_2", false, gpu.D1(1), 320,
		[]uint64{0x1000, 0x2000, 0x5000, 0x1000, f32(1), 1, f32(.5), 0x3000, 0x4000, f32(2), 2, 0x4000, 1, 5120}},
	{"add norm of odd width", func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: pa, Y: pb}, 2, 4095) }, "add_norm_any", false, gpu.D1(2), 512,
		[]uint64{0x1000, 0, 0, 0, 0, 0, f32(1), 0, 0, 0, 0, 0x2000, 0, 4095}},
	{"add norm at an odd address", func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: odd, Y: pb}, 2, 64) }, "add_norm_any", false, gpu.D1(2), 32,
		[]uint64{0x1004, 0, 0, 0, 0, 0, f32(1), 0, 0, 0, 0, 0x2000, 0, 64}},
	{"add norm of 16384", func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: pa, Y: pb}, 2, 16384) }, "add_norm_4", false, gpu.D1(2), 512,
		[]uint64{0x1000, 0, 0, 0, 0, 0, f32(1), 0, 0, 0, 0, 0x2000, 0, 16384}},
	{"add norm of the widest", func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: pa, Y: pb}, 2, gpu.MaxNorm) }, "add_norm_any", false, gpu.D1(2), 1024,
		[]uint64{0x1000, 0, 0, 0, 0, 0, f32(1), 0, 0, 0, 0, 0x2000, 0, 65536}},
	{"norm of heads", func(o *gpu.Ops) {
		o.NormInPlace(gpu.NormGroups{X: pa, LD: 6144, Groups: 32}, gpu.Norm{Kind: gpu.RMSNorm, Weight: pb, Eps: 1e-6}, 3, 128)
	}, "norm_head", false, gpu.D1(12), 128, []uint64{0x1000, 6144, 3, 32, 128, 0x2000, 0, 0, f32(1e-6), 1}},
	{"norm of heads of 80", func(o *gpu.Ops) {
		o.NormInPlace(gpu.NormGroups{X: pa, LD: 240, Groups: 3, WeightStride: 80}, gpu.Norm{Kind: gpu.LayerNorm, Weight: pb, Bias: pc}, 3, 80)
	}, "norm", false, gpu.D1(9), 32, []uint64{0x1000, 240, 3, 3, 80, 0x2000, 80, 0x3000, 0, 2}},
	{"norm of heads of 20", func(o *gpu.Ops) {
		o.NormInPlace(gpu.NormGroups{X: pa, LD: 60, Groups: 3}, gpu.Norm{Kind: gpu.RMSNorm}, 3, 20)
	}, "norm_any", false, gpu.D1(9), 32, []uint64{0x1000, 60, 3, 3, 20, 0, 0, 0, 0, 1}},
	{"clip", func(o *gpu.Ops) { o.Clip(pa, 800, 3, 700, 8) }, "clip", false, gpu.D2(3, 1), 96, []uint64{0x1000, 800, 700, f32(8)}},
	{"activate", func(o *gpu.Ops) { o.Activate(pa, 1<<33+1, 4) }, "activate", false, gpu.D1(1<<22 + 1), 256, []uint64{0x1000, 1<<33 + 1, 4}},
	{"gate", func(o *gpu.Ops) { o.Gate(pa, pb, 2, 11008, 0) }, "gate", false, gpu.D2(2, 6), 256, []uint64{0x1000, 0x2000, 11008, 0}},
	{"add bias", func(o *gpu.Ops) { o.AddBias(pa, pb, 2, 10) }, "add_bias", false, gpu.D2(2, 1), 32, []uint64{0x1000, 0x2000, 10}},
	{"gather", func(o *gpu.Ops) { o.Gather(pa, pb, 99, pc, 2, 10) }, "gather", false, gpu.D2(2, 1), 32,
		[]uint64{0x1000, 0x2000, 99, 0x3000, 10}},
	{"gather f32", func(o *gpu.Ops) { o.GatherF32(pa, pb, pc, 2, 10) }, "gather_f32", true, gpu.D2(2, 1), 32,
		[]uint64{0x1000, 0x2000, 10, 0x3000, 10}},
	{"scale", func(o *gpu.Ops) { o.ScaleF32(pa, 2049, 3) }, "scale_f32", true, gpu.D1(2), 256, []uint64{0x1000, 2049, f32(3)}},
	{"rope", func(o *gpu.Ops) {
		o.RopeStore(gpu.RopeStore{QKV: pa, LD: 6144, Heads: 32, Pool: gpu.Pool{At: pb, Layers: 24, KVHeads: 8, Dim: 128}, Layer: 23,
			Slots: pc, Rot: 64, Interleaved: true, Cos: pd, Sin: pe}, 5)
	}, "rope_store", false, gpu.D2(5, 2), 256, []uint64{0x1000, 6144, 32, 8, 128, 64, 1, 0x4000, 0x5000, 0x3000, 0x2000, 23, 24}},
	{"rope with norms", func(o *gpu.Ops) {
		o.RopeStore(gpu.RopeStore{QKV: pa, LD: 4096, Heads: 16, Pool: gpu.Pool{At: pb, Layers: 28, KVHeads: 8, Dim: 128}, Layer: 1,
			Slots: pc, Rot: 128, Cos: pd, Sin: pe, Norm: gpu.HeadNorm{Kind: gpu.RMSNorm, Eps: 1e-6, Query: pa, Key: pb, KeyB: pc, Stride: 128}}, 5)
	}, "rope_norm_store", false, gpu.D1(10), 256, []uint64{0x1000, 4096, 5, 16, 8, 128, 128, 0, 0x4000, 0x5000, 0x3000, 0x2000, 1, 28,
		0x1000, 0, 0x2000, 0x3000, 128, 1, f32(1e-6)}},
	{"store without rope", func(o *gpu.Ops) {
		o.RopeStore(gpu.RopeStore{QKV: pa, LD: 9, Heads: 1, Pool: gpu.Pool{At: pb, Layers: 1, KVHeads: 1, Dim: 3}, Slots: pc}, 1)
	}, "rope_store", false, gpu.D2(1, 1), 32, []uint64{0x1000, 9, 1, 1, 3, 0, 0, 0, 0, 0x3000, 0x2000, 0, 1}},
	{"copy page", func(o *gpu.Ops) { o.CopyPage(gpu.Pool{At: pa, Layers: 2, KVHeads: 3, Dim: 128}, pb, pc, pd, 1e6) }, "copy_page", false,
		gpu.D2(12, gpu.MaxGridYZ), 256, []uint64{0x1000, 0x2000, 0x3000, 0x4000, 1e6, 2, 3, 128}},
	{"head", func(o *gpu.Ops) {
		o.HeadReduce(gpu.HeadReduce{Logits: pa, LD: 9000, Base: 1024, Width: 8192, Scale: 2, Cap: 30, Starts: pb, Targets: pc, TargetLogits: pd,
			Max: pe, Sum: pa, ArgMax: pb, First: true}, 6)
	}, "head_reduce", true, gpu.D1(6), 512,
		[]uint64{0x1000, 9000, 1024, 8192, f32(2), f32(30), 0x2000, 0x3000, 0x4000, 0x5000, 0x1000, 0x2000, 1}},
	{"finish", func(o *gpu.Ops) { o.FinishLogits(pa, 100, 0, 30) }, "finish_logits", true, gpu.D1(1), 256, []uint64{0x1000, 100, 0, f32(30)}},
	{"sample", func(o *gpu.Ops) { o.Sample(pa, 50304, 4, 50257, pb, pc) }, "sample", true, gpu.D1(4), 1024,
		[]uint64{0x1000, 50304, 50257, 47, 0x2000, 0x3000}},
	{"sample of few", func(o *gpu.Ops) { o.Sample(pa, 10, 4, 10, pb, pc) }, "sample", true, gpu.D1(4), 64,
		[]uint64{0x1000, 10, 10, 59, 0x2000, 0x3000}},
}

// What operations launch, and that the committed PTX has such a kernel: its parameters' sizes hold what is packed, and it
// allows the threads.
func TestElementwiseLaunches(t *testing.T) {
	known := entries(t)
	for _, typ := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		for _, c := range elemCalls {
			t.Run(c.name+"/"+typ.String(), func(t *testing.T) {
				dev := gputest.New(1 << 20)
				o, err := gpu.NewOps(dev, typ)
				if err != nil {
					t.Fatal(err)
				}
				c.run(o)
				got := dev.Launches()
				if o.Err() != nil || len(got) != 1 {
					t.Fatalf("%d launches, error %v", len(got), o.Err())
				}
				name := c.kernel
				if !c.exact {
					name += "_" + typ.String()
				}
				l := got[0]
				if l.Name != name || l.Grid != c.grid || l.Block != gpu.D1(c.block) || l.Shared != 0 || fmt.Sprint(l.Args) != fmt.Sprint(c.args) {
					t.Errorf("launched %s %v×%v %#x, want %s %v×%d %#x", l.Name, l.Grid, l.Block, l.Args, name, c.grid, c.block, c.args)
				}
				checkEntry(t, known, l)
			})
		}
	}
}

func checkEntry(t *testing.T, known map[string]gpu.Entry, l gputest.Call) {
	t.Helper()
	e, ok := known[l.Name]
	if !ok {
		t.Fatalf("the PTX has no %s", l.Name)
	}
	if len(e.Params) != len(l.Args) {
		t.Fatalf("%s takes %d arguments and is given %d", l.Name, len(e.Params), len(l.Args))
	}
	for i, a := range l.Args {
		if e.Params[i] == 4 && a>>32 != 0 {
			t.Errorf("%s: argument %d is %#x and has 4 bytes", l.Name, i, a)
		}
	}
	if l.Block.Count() > e.MaxThreads {
		t.Errorf("%s: %d threads of %d", l.Name, l.Block.Count(), e.MaxThreads)
	}
}

// Rows that are none launch nothing.
func TestNoRows(t *testing.T) {
	dev := gputest.New(1 << 20)
	o, err := gpu.NewOps(dev, gpu.BF16)
	if err != nil {
		t.Fatal(err)
	}
	o.Embed(pa, pb, pc, 0, 8, 1)
	o.AddNorm(gpu.AddNorm{X: pa, Y: pb}, 0, 8)
	o.Activate(pa, 0, 0)
	o.Sample(pa, 8, 0, 8, pb, pc)
	o.CopyPage(gpu.Pool{At: pa, Layers: 2, KVHeads: 3, Dim: 128}, pb, pc, pd, 0)
	o.NormInPlace(gpu.NormGroups{X: pa, LD: 8, Groups: 1}, gpu.Norm{Kind: gpu.RMSNorm}, 0, 8)
	o.NormInPlace(gpu.NormGroups{X: pa, LD: 8, Groups: 1}, gpu.Norm{}, 5, 8)
	o.FinishLogits(pa, 100, 0, 0)
	if got := dev.Launches(); len(got) != 0 || o.Err() != nil {
		t.Errorf("launched %v, error %v", got, o.Err())
	}
}

func TestElementwisePanics(t *testing.T) {
	pool := gpu.Pool{At: pb, Layers: 2, KVHeads: 1, Dim: 4}
	for name, run := range map[string]func(o *gpu.Ops){
		"rows without width":     func(o *gpu.Ops) { o.Embed(pa, pb, pc, 1, 0, 1) },
		"no table":               func(o *gpu.Ops) { o.Embed(pa, 0, pc, 1, 8, 1) },
		"a norm too wide":        func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: pa}, 1, gpu.MaxNorm+1) },
		"a norm of nothing":      func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: pa, ZNorm: gpu.Norm{Kind: 1}}, 1, 8) },
		"no such norm":           func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: pa, Norm: gpu.Norm{Kind: 3}}, 1, 8) },
		"groups wider than rows": func(o *gpu.Ops) { o.NormInPlace(gpu.NormGroups{X: pa, LD: 15, Groups: 2}, gpu.Norm{Kind: 1}, 1, 8) },
		"no such activation":     func(o *gpu.Ops) { o.Activate(pa, 1, 7) },
		"a gather in place":      func(o *gpu.Ops) { o.Gather(pa, pa, 8, pc, 1, 8) },
		"an odd rotation": func(o *gpu.Ops) {
			o.RopeStore(gpu.RopeStore{QKV: pa, LD: 12, Heads: 1, Pool: pool, Slots: pc, Rot: 3, Cos: pa, Sin: pa}, 1)
		},
		"a rotation without angles": func(o *gpu.Ops) {
			o.RopeStore(gpu.RopeStore{QKV: pa, LD: 12, Heads: 1, Pool: pool, Slots: pc, Rot: 2}, 1)
		},
		"a layer too many": func(o *gpu.Ops) {
			o.RopeStore(gpu.RopeStore{QKV: pa, LD: 12, Heads: 1, Pool: pool, Slots: pc, Layer: 2}, 1)
		},
		"rows narrower than heads": func(o *gpu.Ops) { o.RopeStore(gpu.RopeStore{QKV: pa, LD: 11, Heads: 1, Pool: pool, Slots: pc}, 1) },
		"a chunk within a block": func(o *gpu.Ops) {
			o.HeadReduce(gpu.HeadReduce{Logits: pa, LD: 9, Base: 100, Width: 9, Max: pa, Sum: pa, ArgMax: pa}, 1)
		},
		"targets without a place": func(o *gpu.Ops) {
			o.HeadReduce(gpu.HeadReduce{Logits: pa, LD: 9, Width: 9, Max: pa, Sum: pa, ArgMax: pa, Starts: pb}, 1)
		},
		"a vocabulary too large":      func(o *gpu.Ops) { o.Sample(pa, 1<<25, 1, 1<<24+1, pb, pc) },
		"a number of a draw too high": func(*gpu.Ops) { gpu.PackSamples(nil, []gpu.SampleRow{{U: 1}}) },
		"min-p above one":             func(*gpu.Ops) { gpu.PackSamples(nil, []gpu.SampleRow{{MinP: 1.5}}) },
		"no temperature":              func(*gpu.Ops) { gpu.PackSamples(nil, []gpu.SampleRow{{Temperature: math.NaN()}}) },
	} {
		t.Run(name, func(t *testing.T) {
			o, err := gpu.NewOps(gputest.New(1<<20), gpu.F16)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if p := recover(); p == nil || !strings.HasPrefix(fmt.Sprint(p), "gpu: ") {
					t.Errorf("panicked with %v", p)
				}
			}()
			run(o)
		})
	}
}

// Every activation of the CPU's kernels has a number that the device knows, and no other does.
func TestActivationNumbers(t *testing.T) {
	o, err := gpu.NewOps(gputest.New(1<<20), gpu.F32)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; !strings.HasPrefix(cpu.Activation(n).String(), "Activation("); n++ {
		o.Activate(pa, 1, gpu.Activation(n))
	}
	if n != 7 {
		t.Errorf("the CPU has %d activations: teach cpu_activate in mathfn.cuh the others", n)
	}
}

func TestPackSamples(t *testing.T) {
	b := gpu.PackSamples(nil, []gpu.SampleRow{{Temperature: 0.7, TopK: 1 << 40, TopP: 0.5, MinP: 0.25, U: 0.75}, {TopP: 1}, {TopP: 1e-300}, {TopP: 1 - 0x1p-53, U: 1 - 0x1p-53}})
	if len(b) != 4*gpu.SampleRowBytes {
		t.Fatalf("%d bytes", len(b))
	}
	word := func(row, i int) uint64 {
		var n uint64
		for j := range 8 {
			n |= uint64(b[row*gpu.SampleRowBytes+8*i+j]) << (8 * j)
		}
		return n
	}
	for _, c := range []struct {
		row, word int
		want      uint64
	}{
		{0, 0, math.Float64bits(0.7)}, {0, 1, math.Float64bits(0.25)}, {0, 2, 1 << 63}, {0, 3, 3 << 62}, {0, 4, math.MaxInt32},
		{1, 2, 0}, {2, 2, 1}, {3, 2, 1<<64 - 1<<11}, {3, 3, 1<<64 - 1<<11},
	} {
		if got := word(c.row, c.word); got != c.want {
			t.Errorf("row %d, word %d is %#x, want %#x", c.row, c.word, got, c.want)
		}
	}
}

// The kernel's quotient by the inverse and one correction is the correctly rounded one.
func TestQuotientByInverse(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2_000_000 {
		x, y := -rng.ExpFloat64()*math.Ldexp(1, rng.IntN(12)-6), math.Ldexp(1+rng.Float64(), rng.IntN(20)-10)
		inverse := 1 / y
		q := x * inverse
		if q = math.FMA(math.FMA(-q, y, x), inverse, q); q != x/y {
			t.Fatalf("%g/%g is %g, and by the inverse %g", x, y, x/y, q)
		}
	}
}

// Devices that are slow at double draw by weights in float.
func TestSampleKernels(t *testing.T) {
	known := entries(t)
	for capability, kernel := range map[[2]int]string{{8, 0}: "sample", {8, 6}: "sample_float", {8, 9}: "sample_float", {9, 0}: "sample",
		{10, 0}: "sample", {10, 3}: "sample_float", {12, 0}: "sample_float"} {
		dev := gputest.New(1 << 20)
		dev.About.Major, dev.About.Minor = capability[0], capability[1]
		o, err := gpu.NewOps(dev, gpu.F32)
		if err != nil {
			t.Fatal(err)
		}
		o.Sample(pa, 100, 1, 99, pb, pc)
		if l := dev.Launches()[0]; l.Name != kernel {
			t.Errorf("capability %v draws by %s", capability, l.Name)
		} else {
			checkEntry(t, known, l)
		}
	}
}

// Weights of the largest vocabulary sum without overflow.
func TestSampleUnit(t *testing.T) {
	for _, vocab := range []int{1, 2, 3, 255, 256, 50257, gpu.MaxVocab} {
		dev := gputest.New(1 << 20)
		o, err := gpu.NewOps(dev, gpu.F32)
		if err != nil {
			t.Fatal(err)
		}
		o.Sample(pa, vocab, 1, vocab, pb, pc)
		shift := dev.Launches()[0].Int(3)
		if hi, sum := bits.Mul64(uint64(vocab), 1<<shift); hi != 0 || sum >= 1<<63 || shift < 38 {
			t.Errorf("vocabulary %d has weights of %d bits", vocab, shift)
		}
	}
}

//go:build cuda

package gpu_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// tinyBench is the environment variable that has the benchmarks of kernels run in tiny sizes, to see on the driver's stand-in
// that they work.
const tinyBench = "ONSET_BENCH_TINY"

// floorBench is the environment variable that has them state the least time of each kernel on a device of which nothing is
// measured: "product,copy", its operations and its bytes a second, as in 798e12,3e12.
const floorBench = "ONSET_BENCH_PEAK"

// benchShape is a model as far as its kernels' sizes go.
type benchShape struct {
	name                      string
	width, heads, kvHeads, ff int
	dim, rot, vocab           int
	gated                     bool
	norm                      gpu.NormKind
	act                       kernels.Activation
}

var benchShapes = []benchShape{
	{"pythia-1.4b", 2048, 16, 16, 8192, 128, 32, 50304, false, gpu.LayerNorm, kernels.GeluErf},
	{"llama-2-7b", 4096, 32, 32, 11008, 128, 128, 32000, true, gpu.RMSNorm, kernels.Silu},
}

var tinyShapes = []benchShape{{"tiny", 64, 4, 2, 128, 16, 16, 600, true, gpu.RMSNorm, kernels.Silu}}

// benchContext is the length of a text: of those that are processed, and behind which others are decoded.
const benchContext = 512

// kernelBench measures kernels in bf16 beside what the device does at most. What kernels read and write lies in two pieces of
// memory full of random numbers, in another place at each launch, so that no cache holds it.
type kernelBench struct {
	*testing.B
	dev     gpu.Device
	ops     *gpu.Ops
	peak    gpu.Peak
	timing  gpu.Timing
	floors  bool // nothing runs
	shapes  []benchShape
	rows    []int // of texts' steps
	decodes []int // and of decoding's
	context int

	in, out gpu.Ptr
	size    int64 // of each
	lists   gpu.Ptr
}

// listInts is the room for lists: tokens, slots, targets.
const listInts = 1 << 16

func newKernelBench(b *testing.B) *kernelBench {
	b.Helper()
	dev, err := cu.Open(0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := dev.Close(); err != nil {
			b.Error(err)
		}
	})
	k := &kernelBench{
		B: b, dev: dev, shapes: benchShapes, rows: []int{512, 2048, 8192}, decodes: []int{1, 16, 128}, context: benchContext,
		size: 1536 << 20,
	}
	given := os.Getenv(floorBench)
	switch {
	case given != "":
		k.floors = true
		if _, err := fmt.Sscanf(given, "%g,%g", &k.peak.Product, &k.peak.Copy); err != nil {
			b.Fatalf("%s is %q: %v", floorBench, given, err)
		}
	case os.Getenv(tinyBench) != "":
		k.shapes, k.rows, k.decodes, k.context, k.size = tinyShapes, []int{96}, []int{1, 3}, 48, 8<<20
		k.timing = gpu.Timing{Warm: 1, Span: 1, Most: 1, Rounds: 1}
	case dev.Info().Emulated:
		b.Skipf("the driver is the stand-in, whose speed says nothing; %s=1 runs the benchmarks in tiny sizes", tinyBench)
	}
	k.ops, err = gpu.NewOps(dev, gpu.BF16)
	k.must(err)
	k.lists, err = dev.Alloc(4 * listInts)
	k.must(err)
	if k.floors {
		return k
	}
	if !dev.Info().Emulated {
		k.must(k.ops.CheckProducts())
	}
	k.peak, err = gpu.MeasurePeak(dev, 0)
	k.must(err)
	for _, p := range []*gpu.Ptr{&k.in, &k.out} {
		*p, err = dev.Alloc(k.size)
		k.must(err)
		k.must(gpu.FillRandom(dev, k.ops.Stream, *p, k.size))
	}
	return k
}

func (k *kernelBench) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// place is where a number of bytes lies at the i-th launch.
func (k *kernelBench) place(base gpu.Ptr, i int, bytes int64) gpu.Ptr {
	bytes = (bytes + gpu.Align - 1) / gpu.Align * gpu.Align
	if bytes > k.size {
		k.Fatalf("%d bytes, where there are %d", bytes, k.size)
	}
	return base.Add(int64(i) % (k.size / bytes) * bytes)
}

func (k *kernelBench) read(i int, bytes int64) gpu.Ptr  { return k.place(k.in, i, bytes) }
func (k *kernelBench) write(i int, bytes int64) gpu.Ptr { return k.place(k.out, i, bytes) }

// ints uploads a list for the kernel that is measured next.
func (k *kernelBench) ints(n int, value func(i int) int) gpu.Ptr {
	if n > listInts {
		k.Fatalf("a list of %d", n)
	}
	var list []byte
	for i := range n {
		list = binary.LittleEndian.AppendUint32(list, uint32(value(i)))
	}
	k.must(k.dev.ToDevice(k.lists, list, k.ops.Stream))
	return k.lists
}

// kernelWork is what a launch does at least.
type kernelWork struct {
	flops int64 // by the matrix units
	bytes int64 // read once and written once
}

// measure runs a benchmark of one kernel. It reports its time, what it does in that, and that as shares of the device's best
// product and copy; %floor is the share of the time that the larger of the two needs of the kernel's.
func (k *kernelBench) measure(name string, w kernelWork, launch func(i int)) {
	k.Helper()
	k.Run(name, func(b *testing.B) {
		if k.floors {
			k.floor(b, w)
			return
		}
		best := time.Duration(0)
		for b.Loop() {
			took, err := k.timing.Measure(k.dev, k.ops.Stream, func(i int) error {
				launch(i)
				return k.ops.Err()
			})
			if err == nil {
				err = k.dev.Synchronize(k.ops.Stream)
			}
			if err != nil {
				b.Fatal(err)
			}
			if best == 0 || took < best {
				best = took
			}
		}
		seconds := best.Seconds()
		flops, bytes := float64(w.flops)/seconds, float64(w.bytes)/seconds
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(1e6*seconds, "us/launch")
		b.ReportMetric(bytes/1e9, "GB/s")
		b.ReportMetric(100*bytes/k.peak.Copy, "%copy")
		if w.flops > 0 {
			b.ReportMetric(flops/1e12, "TFLOP/s")
			b.ReportMetric(100*flops/k.peak.Product, "%product")
		}
		b.ReportMetric(100*max(flops/k.peak.Product, bytes/k.peak.Copy), "%floor")
	})
}

// floor states the least time of a kernel.
func (k *kernelBench) floor(b *testing.B, w kernelWork) {
	for b.Loop() {
	}
	arithmetic, memory := float64(w.flops)/k.peak.Product, float64(w.bytes)/k.peak.Copy
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(w.flops)/1e9, "GFLOP")
	b.ReportMetric(float64(w.bytes)/1e6, "MB")
	b.ReportMetric(1e6*arithmetic, "us-arithmetic")
	b.ReportMetric(1e6*memory, "us-memory")
	b.ReportMetric(1e6*max(arithmetic, memory), "us-floor")
}

// BenchmarkKernel measures the kernels of a forward pass in the sizes of two models, processing texts and decoding:
//
//	go test -tags cuda ./backends/local/gpu -run '^$' -bench Kernel -benchtime 1x
func BenchmarkKernel(b *testing.B) {
	k := newKernelBench(b)
	k.reportPeak()
	for _, s := range k.shapes {
		for _, n := range k.rows {
			k.within(fmt.Sprintf("%s/rows=%d", s.name, n), func(k *kernelBench) {
				k.products(s, n)
				k.elementwise(s, n)
				k.attention(s, n, k.context, true)
			})
		}
		for _, n := range k.decodes {
			k.within(fmt.Sprintf("%s/texts=%d", s.name, n), func(k *kernelBench) {
				k.products(s, n)
				k.elementwise(s, n)
				k.attention(s, n, k.context, false)
				k.sampling(s, n)
			})
		}
	}
}

// reportPeak states what the device does at most, by which the shares are taken.
func (k *kernelBench) reportPeak() {
	if k.floors {
		return
	}
	info := k.dev.Info()
	k.Run("peak", func(b *testing.B) {
		for b.Loop() {
		}
		b.Logf("%v, driver for CUDA %s; the best product of %d rows is by %s", info, info.Driver, k.peak.Size, k.peak.By)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(k.peak.Product/1e12, "TFLOP/s")
		b.ReportMetric(k.peak.Own/1e12, "own-TFLOP/s")
		b.ReportMetric(k.peak.Copy/1e9, "GB/s")
	})
}

// within runs benchmarks below a name.
func (k *kernelBench) within(name string, f func(k *kernelBench)) {
	k.Run(name, func(b *testing.B) {
		inner := *k
		inner.B = b
		f(&inner)
	})
}

// matrix is a layer's weights: n outputs of k inputs.
type matrix struct {
	name string
	n, k int
	wide bool // the results are float32
}

// matrices are those of a layer, and a chunk of the head.
func (s benchShape) matrices() []matrix {
	up := s.ff
	if s.gated {
		up *= 2
	}
	return []matrix{
		{"qkv", (s.heads + 2*s.kvHeads) * s.dim, s.width, false}, {"out", s.width, s.heads * s.dim, false},
		{"up", up, s.width, false}, {"down", s.width, s.ff, false}, {"head", min(1<<14, s.vocab), s.width, true},
	}
}

// product is a product of m tokens by a matrix.
func (k *kernelBench) product(x matrix, m int) (func(i int) gpu.LtProblem, kernelWork) {
	n, inner, size := int64(x.n), int64(x.k), int64(2)
	if x.wide {
		size = 4
	}
	w, in, out := 2*n*inner, 2*int64(m)*inner, size*int64(m)*n
	return func(i int) gpu.LtProblem {
		return gpu.LtProblem{
			X: k.read(i+1, max(w, in)), W: k.read(i, w), Y: k.write(i, out), M: m, N: x.n, K: x.k, LdX: x.k, LdY: x.n, T: gpu.BF16, YFloat32: x.wide,
		}
	}, kernelWork{2 * int64(m) * n * inner, w + in + out}
}

// benchHeadRows is the most rows that meet the head at once.
const benchHeadRows = 2048

// products measures the products of a layer by the own kernels, as they are chosen, and by cuBLASLt where it is there.
func (k *kernelBench) products(s benchShape, m int) {
	for _, x := range s.matrices() {
		rows := m
		if x.wide {
			rows = min(m, benchHeadRows)
		}
		p, work := k.product(x, rows)
		tile := k.ops.OwnTile(gpu.LtProblem{M: rows, N: x.n, K: x.k, LdX: x.k, LdY: x.n, T: gpu.BF16})
		k.measure("linear_"+x.name+"/"+tile.Kernel, work, func(i int) { k.ops.TileProduct(tile, p(i), 0) })
		if lt := k.dev.Lt(); lt != nil {
			k.measure("linear_"+x.name+"/cublasLt", work, func(i int) {
				if err := lt.Matmul(p(i), k.ops.Stream); err != nil {
					k.ops.Fail(err)
				}
			})
		}
	}
}

// elementwise measures what stands between the products.
func (k *kernelBench) elementwise(s benchShape, m int) {
	n, d, ff := int64(m), int64(s.width), int64(s.ff)
	weight := k.in
	k.measure("add_norm", kernelWork{bytes: n*d*(4+2+4+2) + 8*d}, func(i int) {
		k.ops.AddNorm(gpu.AddNorm{
			X: k.write(i, 4*n*d), Z: k.read(i, 2*n*d), Norm: gpu.Norm{Kind: s.norm, Weight: weight, Bias: weight, Eps: 1e-5}, Y: k.write(i+1, 4*n*d),
		}, m, s.width)
	})
	k.rope(s, m)
	if s.gated {
		k.measure("gate", kernelWork{bytes: n * ff * (4 + 2)}, func(i int) {
			k.ops.Gate(k.write(i, 2*n*ff), k.read(i, 4*n*ff), m, s.ff, gpu.Activation(s.act))
		})
	} else {
		k.measure("activate", kernelWork{bytes: n * ff * (2 + 2)}, func(i int) {
			k.ops.Activate(k.write(i, 2*n*ff), n*ff, gpu.Activation(s.act))
		})
	}
	list := k.ints(m, func(i int) int { return i * 7919 % min(s.vocab, 1<<14) })
	table := int64(min(s.vocab, 1<<14)) * d
	k.measure("embed", kernelWork{bytes: n * d * (2 + 4)}, func(i int) { k.ops.Embed(k.write(i, 4*n*d), k.read(i, 2*table), list, m, s.width, 1) })
	if m > benchHeadRows {
		return
	}
	chunk := int64(min(1<<14, s.vocab))
	starts := k.ints(2*m+1, func(i int) int { return i % (m + 1) * map[bool]int{true: 1, false: 0}[i <= m] })
	k.measure("head_reduce", kernelWork{bytes: 4 * n * chunk}, func(i int) {
		at := k.write(0, 16*n)
		k.ops.HeadReduce(gpu.HeadReduce{
			Logits: k.read(i, 4*n*chunk), LD: int(chunk), Width: int(chunk), Starts: starts, Targets: starts.Add(4 * (n + 1)), TargetLogits: at,
			Max: at.Add(4 * n), Sum: at.Add(8 * n), ArgMax: at.Add(12 * n), First: true,
		}, m)
	})
}

// pool is one layer's pages, at the i-th launch.
func (k *kernelBench) pool(s benchShape, i, pages int) gpu.Pool {
	p := gpu.Pool{Layers: 1, KVHeads: s.kvHeads, Dim: s.dim}
	p.At = k.place(k.out, i, 2*int64(pages)*p.PageElements())
	return p
}

// rope measures the turning of queries and keys and the storing of keys and values. Of the queries what does not turn is not
// touched.
func (k *kernelBench) rope(s benchShape, m int) {
	width := (s.heads + 2*s.kvHeads) * s.dim
	n := int64(m)
	slots := k.ints(m, func(i int) int { return i })
	bytes := n * int64(2*2*(s.heads*s.rot+2*s.kvHeads*s.dim)+4*s.rot)
	k.measure("rope_store", kernelWork{bytes: bytes}, func(i int) {
		k.ops.RopeStore(gpu.RopeStore{
			QKV: k.read(i, 2*n*int64(width)), LD: width, Heads: s.heads, Pool: k.pool(s, i, gpu.CeilDiv(m, gpu.PageSize)), Slots: slots, Rot: s.rot,
			Cos: k.read(i+1, 2*n*int64(s.rot)), Sin: k.read(i+2, 2*n*int64(s.rot)),
		}, m)
	})
}

// attention measures rows that attend to texts: all positions of n/context texts, or the last of n texts.
func (k *kernelBench) attention(s benchShape, n, context int, whole bool) {
	context = min(context, listInts)
	texts := n
	if whole {
		texts = max(1, n/context)
	}
	per := gpu.CeilDiv(context, gpu.PageSize)
	var rows []gpu.AttendRow
	keys := int64(0)
	for t := range texts {
		pages := make([]int32, per)
		for i := range pages {
			pages[i] = int32(t*per + i)
		}
		first := context
		if whole {
			first = 1
		}
		for to := first; to <= context; to++ {
			rows = append(rows, gpu.AttendRow{Pages: pages, To: to, Query: len(rows)})
			keys += int64(to)
		}
	}
	g := gpu.NewAttendGeometry(k.dev.Info(), gpu.BF16, s.heads, s.kvHeads, s.dim)
	var plan gpu.AttendPlan
	plan.Build(rows, g)
	at, err := k.dev.Alloc(int64(len(plan.Bytes())))
	k.must(err)
	partials, err := k.dev.Alloc(max(1, plan.PartialBytes()))
	k.must(err)
	k.must(k.dev.ToDevice(at, plan.Bytes(), k.ops.Stream))
	m, width := int64(len(rows)), int64(s.heads*s.dim)
	work := kernelWork{4 * keys * width, 2*2*m*width + 2*2*int64(texts)*int64(context)*int64(s.kvHeads*s.dim)}
	name := map[bool]string{true: "attend", false: "attend_decode"}[whole]
	k.measure(fmt.Sprintf("%s/context=%d", name, context), work, func(i int) {
		k.ops.Attend(&g, plan.Shape(), gpu.Attention{
			Out: k.write(i, 2*m*width), Q: k.read(i, 2*m*width), LD: int(width), Plan: at, Partials: partials,
			Pool: k.place(k.in, i, 2*int64(texts*per)*gpu.Pool{Layers: 1, KVHeads: s.kvHeads, Dim: s.dim}.PageElements()), Layers: 1, Scale: 0.0625,
		})
	})
	k.must(k.dev.Free(at))
	k.must(k.dev.Free(partials))
}

// sampling measures the drawing of tokens from whole rows of logits, and copies of pages.
func (k *kernelBench) sampling(s benchShape, m int) {
	var rows []gpu.SampleRow
	for i := range m {
		rows = append(rows, gpu.SampleRow{Temperature: 0.8, TopK: 50, TopP: 0.95, U: float64(i) / float64(m)})
	}
	k.must(k.dev.ToDevice(k.lists, gpu.PackSamples(nil, rows), k.ops.Stream))
	bytes := 4 * int64(m) * int64(s.vocab)
	k.measure("sample", kernelWork{bytes: bytes}, func(i int) { k.ops.Sample(k.read(i, bytes), s.vocab, m, s.vocab, k.lists, k.write(0, 4*int64(m))) })
	count := min(m, 16)
	lists := k.ints(3*count, func(i int) int {
		if i >= 2*count {
			return gpu.PageSize
		}
		return i
	})
	k.measure("copy_page", kernelWork{bytes: 2 * 2 * int64(count) * gpu.Pool{Layers: 1, KVHeads: s.kvHeads, Dim: s.dim}.PageElements()}, func(i int) {
		k.ops.CopyPage(k.pool(s, i, 2*count), lists, lists.Add(4*int64(count)), lists.Add(8*int64(count)), count)
	})
}

// BenchmarkTile measures every kernel for products on its own, also where another is chosen: what LinearTile should expect of
// them. ONSET_BENCH_HOPPER=only measures those of compute capability 9.0 alone, ONSET_BENCH_HOPPER=none the others.
func BenchmarkTile(b *testing.B) {
	k := newKernelBench(b)
	k.reportPeak()
	tiles := gpu.Tiles(gpu.BF16)
	switch hopper := cmp.Or(os.Getenv("ONSET_BENCH_HOPPER"), "too"); {
	case k.dev.Info().Capability() != 90 || hopper == "none":
	case hopper == "only":
		tiles = gpu.HopperTiles()
	default:
		tiles = append(tiles, gpu.HopperTiles()...)
	}
	for _, s := range k.shapes {
		for _, x := range s.matrices() {
			k.within(fmt.Sprintf("%s/%s", s.name, x.name), func(k *kernelBench) { k.tiles(x, tiles) })
		}
	}
}

func (k *kernelBench) tiles(x matrix, tiles []gpu.Tile) {
	counts := slices.Concat(k.decodes, k.rows)
	if len(k.rows) > 1 {
		counts = append(counts, 8, 32, 64, 256)
	}
	for _, m := range counts {
		if x.wide && m > benchHeadRows {
			continue
		}
		p, work := k.product(x, m)
		for _, tile := range tiles {
			if tile.Blocks(m, x.n) < 2 && m < tile.Tokens/4 { // nobody would choose it
				continue
			}
			k.measure(fmt.Sprintf("tokens=%d/%s", m, tile.Kernel), work, func(i int) { k.ops.TileProduct(tile, p(i), 0) })
		}
	}
}

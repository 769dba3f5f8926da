//go:build cuda

package gpu_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// These tests run on the first device: a card, or the emulator of the stub driver.

// linearBench is one product's operands on the host and on the device. x has rows 16 bytes wider than k, y rows ld apart.
type linearBench struct {
	t       *testing.T
	dev     gpu.Device
	ops     *gpu.Ops
	p       gpu.LtProblem
	bias    gpu.Ptr
	x, w, b []float64 // x is m×k
	guard   int64     // bytes before and after y
	yBytes  int64
	base    gpu.Ptr
}

func openForProducts(t *testing.T) gpu.Device {
	t.Helper()
	dev, err := cu.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

func mustGet[V any](t *testing.T) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// encodeProduct rounds to t and gives the bytes and what they hold.
func encodeProduct(t gpu.DType, v []float64) ([]byte, []float64) {
	out, held := make([]byte, len(v)*t.Size()), make([]float64, len(v))
	for i, f := range v {
		switch t {
		case gpu.F32:
			binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(float32(f)))
			held[i] = float64(float32(f))
		case gpu.BF16:
			h := kernels.ToBF16(float32(f))
			binary.LittleEndian.PutUint16(out[2*i:], h)
			held[i] = float64(kernels.FromBF16(h))
		case gpu.F16:
			h := kernels.ToF16(float32(f))
			binary.LittleEndian.PutUint16(out[2*i:], h)
			held[i] = float64(kernels.FromF16(h))
		}
	}
	return out, held
}

func decodeProduct(t gpu.DType, b []byte, i int) float64 {
	switch t {
	case gpu.F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	case gpu.BF16:
		return float64(kernels.FromBF16(binary.LittleEndian.Uint16(b[2*i:])))
	}
	return float64(kernels.FromF16(binary.LittleEndian.Uint16(b[2*i:])))
}

func newLinearBench(t *testing.T, dev gpu.Device, typ gpu.DType, m, n, k int, wide, bias bool) *linearBench {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(m*1000003+n*1009+k), uint64(typ)))
	b := &linearBench{t: t, dev: dev, ops: mustGet[*gpu.Ops](t)(gpu.NewOps(dev, typ)), guard: 512}
	per := 16 / typ.Size()
	b.p = gpu.LtProblem{M: m, N: n, K: k, LdX: k + per, LdY: n + 3, T: typ, YFloat32: wide}
	b.x, b.w, b.b = make([]float64, m*b.p.LdX), make([]float64, n*k), make([]float64, n)
	for _, s := range [][]float64{b.x, b.w, b.b} {
		for i := range s {
			s[i] = r.NormFloat64()
		}
	}
	for i := range m { // what lies between the rows may not be used
		for c := k; c < b.p.LdX; c++ {
			b.x[i*b.p.LdX+c] = math.NaN()
		}
	}
	alloc := func(v []float64, typ gpu.DType) (gpu.Ptr, []float64) {
		bytes, held := encodeProduct(typ, v)
		p := mustGet[gpu.Ptr](t)(dev.Alloc(int64(len(bytes))))
		t.Cleanup(func() { _ = dev.Free(p) })
		if err := dev.ToDevice(p, bytes, 0); err != nil {
			t.Fatal(err)
		}
		return p, held
	}
	b.p.X, b.x = alloc(b.x, typ)
	b.p.W, b.w = alloc(b.w, typ)
	if bias {
		b.bias, b.b = alloc(b.b, gpu.F32)
	} else {
		clear(b.b)
	}
	b.yBytes = int64(m*b.p.LdY) * int64(b.yType().Size())
	b.base = mustGet[gpu.Ptr](t)(dev.Alloc(b.yBytes + 2*b.guard))
	t.Cleanup(func() { _ = dev.Free(b.base) })
	b.p.Y = b.base.Add(b.guard)
	return b
}

func (b *linearBench) yType() gpu.DType {
	if b.p.YFloat32 {
		return gpu.F32
	}
	return b.p.T
}

// run enqueues a product and returns y, rows LdY apart, after looking at the guards: before y, after it, and between rows.
func (b *linearBench) run(enqueue func()) []byte {
	b.t.Helper()
	all := bytes.Repeat([]byte{0xa5}, int(b.yBytes+2*b.guard))
	if err := b.dev.ToDevice(b.base, all, 0); err != nil {
		b.t.Fatal(err)
	}
	enqueue()
	if err := b.ops.Err(); err != nil {
		b.t.Fatal(err)
	}
	if err := b.dev.Synchronize(0); err != nil {
		b.t.Fatal(err)
	}
	if err := b.dev.ToHost(all, b.base, 0); err != nil {
		b.t.Fatal(err)
	}
	y, size := all[b.guard:b.guard+b.yBytes], b.yType().Size()
	untouched := func(s []byte, where string) {
		b.t.Helper()
		for i, v := range s {
			if v != 0xa5 {
				b.t.Fatalf("byte %d %s was written", i, where)
			}
		}
	}
	untouched(all[:b.guard], "before y")
	untouched(all[b.guard+b.yBytes:], "after y")
	for i := range b.p.M {
		untouched(y[(i*b.p.LdY+b.p.N)*size:(i+1)*b.p.LdY*size], fmt.Sprintf("after row %d", i))
	}
	return y
}

// compare holds y against sums in float64: |error| ≤ 2·√K·2⁻²⁴·Σ|ab|, and half a unit in the last place of y's type where that
// is not float32.
func (b *linearBench) compare(y []byte) {
	b.t.Helper()
	unit := map[gpu.DType]float64{gpu.F32: 0x1p-24, gpu.BF16: 0x1p-8, gpu.F16: 0x1p-11}[b.yType()]
	for i := range b.p.M {
		for j := range b.p.N {
			sum, size := b.b[j], math.Abs(b.b[j])
			for c := range b.p.K {
				v := b.x[i*b.p.LdX+c] * b.w[j*b.p.K+c]
				sum += v
				size += math.Abs(v)
			}
			got := decodeProduct(b.yType(), y, i*b.p.LdY+j)
			if e := math.Abs(got - sum); !(e <= 2*math.Sqrt(float64(b.p.K))*0x1p-24*size+unit*math.Abs(sum)*1.0001) {
				b.t.Fatalf("token %d, output %d: %g, want %g; %g away", i, j, got, sum, e)
			}
		}
	}
}

// TestLinearKernels runs every tile on shapes that do and do not fill it.
func TestLinearKernels(t *testing.T) {
	dev := openForProducts(t)
	for _, typ := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		for _, s := range []struct{ m, n, k int }{
			{1, 1, 8}, {1, 16, 16}, {3, 5, 24}, {7, 33, 40}, {8, 16, 256}, {17, 65, 264}, {33, 129, 520}, {130, 257, 72}, {64, 64, 1064},
			{1, 1, 1}, {5, 9, 7}, {17, 66, 515}, {70, 3, 33},
		} {
			for _, wide := range []bool{true, false} {
				if wide && typ == gpu.F32 {
					continue // there is one kind of y
				}
				t.Run(fmt.Sprintf("%v/%d×%d×%d/%t", typ, s.m, s.n, s.k, wide), func(t *testing.T) {
					b := newLinearBench(t, dev, typ, s.m, s.n, s.k, wide, s.m%2 == 1)
					tiles := gpu.Tiles(typ)
					if !gpu.Vectors(typ, b.p.X, b.p.W, b.p.K, b.p.LdX) {
						tiles = tiles[len(tiles)-1:]
					}
					var first []byte
					for _, tile := range tiles {
						y := b.run(func() { b.ops.TileProduct(tile, b.p, b.bias) })
						if first == nil {
							b.compare(y)
							first = y
						} else if !bytes.Equal(first, y) {
							t.Errorf("%s gives other bits than %s", tile.Kernel, tiles[0].Kernel)
						}
					}
				})
			}
		}
	}
}

// TestLinearTokens holds that a row's bits do not depend on how many rows there are, nor on its place, by the products that Ops
// makes, whatever computes them.
func TestLinearTokens(t *testing.T) {
	dev := openForProducts(t)
	const m, n, k = 300, 72, 136
	for _, typ := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		for _, wide := range []bool{true, false} {
			b := newLinearBench(t, dev, typ, m, n, k, wide, true)
			b.p.LdY = 80
			if err := b.ops.CheckLinear(b.p.W, n, k, wide); err != nil {
				t.Fatal(err)
			}
			t.Logf("%v: %v", typ, b.ops.Products())
			size := int64(b.yType().Size())
			row := func(first, count, i int) []byte {
				x := b.p.X.Add(int64(first*b.p.LdX) * int64(typ.Size()))
				if wide {
					b.ops.LinearF32(b.p.Y, x, b.p.W, b.bias, count, n, k, b.p.LdX, n)
				} else {
					b.ops.Linear(b.p.Y, x, b.p.W, b.bias, count, n, k, b.p.LdX, n)
				}
				if err := b.ops.Err(); err != nil {
					t.Fatal(err)
				}
				out := make([]byte, n*size)
				if err := dev.ToHost(out, b.p.Y.Add(int64(i*n)*size), 0); err != nil {
					t.Fatal(err)
				}
				return out
			}
			for _, i := range []int{0, 7, 8, 130, 299} {
				want := row(i, 1, 0)
				for _, span := range [][2]int{{0, 300}, {max(0, i-5), 8}, {max(0, i-15), 16}, {max(0, i-30), 31}, {max(0, i-64), 65}} {
					count := min(span[1], m-span[0])
					if got := row(span[0], count, i-span[0]); i-span[0] < count && !bytes.Equal(got, want) {
						t.Errorf("%v: row %d has other bits among %d rows from %d on than alone", typ, i, count, span[0])
					}
				}
			}
		}
	}
}

// TestLinearIsCPU holds that a product in float32 has the bits of the CPU engine's, zeros' signs and subnormals included.
func TestLinearIsCPU(t *testing.T) {
	dev := openForProducts(t)
	sets := kernels.All()
	for _, s := range []struct{ m, n, k int }{{1, 40, 1000}, {9, 70, 256}, {33, 65, 772}, {5, 33, 515}, {3, 17, 1}, {130, 131, 260}, {2, 3, 36}} {
		b := newLinearBench(t, dev, gpu.F32, s.m, s.n, s.k, false, s.m != 9 && s.m != 2)
		x, w, bias := make([]float32, s.m*s.k), make([]float32, s.n*s.k), []float32(nil)
		for i := range s.m {
			for c := range s.k {
				x[i*s.k+c] = float32(b.x[i*b.p.LdX+c])
			}
		}
		for i, v := range b.w {
			w[i] = float32(v)
		}
		tinyProducts(x, w, s.k)
		b.upload(x, w)
		if b.bias != 0 {
			for _, v := range b.b {
				bias = append(bias, float32(v))
			}
		}
		weight := kernels.Pack(s.n, s.k, w)
		weight.Bias = bias
		for _, set := range sets {
			want := make([]float32, s.m*s.n)
			set.Linear(want, x, s.m, weight)
			tiles := gpu.Tiles(gpu.F32)
			if s.k%4 != 0 {
				tiles = tiles[len(tiles)-1:]
			}
			for _, tile := range tiles {
				y := b.run(func() { b.ops.TileProduct(tile, b.p, b.bias) })
				for i := range s.m {
					for j := range s.n {
						got := binary.LittleEndian.Uint32(y[4*(i*b.p.LdY+j):])
						if want := math.Float32bits(want[i*s.n+j]); got != want {
							t.Fatalf("%d×%d×%d %s: token %d, output %d has bits %#x, the CPU's %s %#x", s.m, s.n, s.k, tile.Kernel, i, j, got,
								set.Name(), want)
						}
					}
				}
			}
		}
	}
}

// tinyProducts makes the first output of the first token -0, of products that underflow, and that of the last row of w subnormal.
func tinyProducts(x, w []float32, k int) {
	last := w[len(w)-k:]
	for c := range k {
		x[c], w[c] = 0x1p-70, -0x1p-82
		last[c] = float32(c%5-1) * 0x1p-75
	}
}

// upload replaces x and w.
func (b *linearBench) upload(x, w []float32) {
	b.t.Helper()
	b.p.LdX = b.p.K
	for p, v := range map[gpu.Ptr][]float32{b.p.X: x, b.p.W: w} {
		raw := make([]byte, 0, 4*len(v))
		for _, f := range v {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		}
		if err := b.dev.ToDevice(p, raw, 0); err != nil {
			b.t.Fatal(err)
		}
	}
}

// TestLinearBiasKernel runs the pass that adds a bias behind cuBLASLt.
func TestLinearBiasKernel(t *testing.T) {
	dev := openForProducts(t)
	for _, typ := range []gpu.DType{gpu.BF16, gpu.F16} {
		for _, s := range []struct{ m, n int }{{1, 1}, {9, 511}, {8, 512}, {17, 1300}} {
			for _, wide := range []bool{true, false} {
				b := newLinearBench(t, dev, typ, s.m, s.n, 8, wide, true)
				plain := b.run(func() { b.ops.TileProduct(gpu.Tiles(typ)[0], b.p, 0) })
				got := b.run(func() {
					b.ops.TileProduct(gpu.Tiles(typ)[0], b.p, 0)
					b.ops.AddBiasTo(b.p, b.bias)
				})
				for i := range s.m {
					for j := range s.n {
						sum := float64(float32(decodeProduct(b.yType(), plain, i*b.p.LdY+j)) + float32(b.b[j]))
						raw, _ := encodeProduct(b.yType(), []float64{sum})
						if size := b.yType().Size(); !bytes.Equal(raw, got[(i*b.p.LdY+j)*size:][:size]) {
							t.Fatalf("%v, wide %t: token %d, output %d is %g, want %g", typ, wide, i, j, decodeProduct(b.yType(), got, i*b.p.LdY+j), sum)
						}
					}
				}
			}
		}
	}
}

// TestHopperKernels compares the kernels of gemm90.cu with those of gemm.cu. In the emulator they have equal bits; a card's may
// differ, which CheckProducts is for.
func TestHopperKernels(t *testing.T) {
	t.Setenv("ONSET_STUB_CAPABILITY", "9.0")
	dev := openForProducts(t)
	if dev.Info().Capability() != 90 {
		t.Skipf("compute capability %d.%d", dev.Info().Major, dev.Info().Minor)
	}
	for _, typ := range []gpu.DType{gpu.BF16, gpu.F16} {
		for _, s := range []struct{ m, n, k int }{{1, 1, 64}, {3, 130, 128}, {257, 128, 640}, {520, 257, 64}, {64, 1100, 192}} {
			for _, wide := range []bool{true, false} {
				b := newLinearBench(t, dev, typ, s.m, s.n, s.k, wide, s.m != 3)
				want := b.run(func() { b.ops.TileProduct(gpu.Tiles(typ)[3], b.p, b.bias) })
				for _, tile := range gpu.HopperTiles() {
					got := b.run(func() { b.ops.TileProduct(tile, b.p, b.bias) })
					if dev.Info().Emulated && !bytes.Equal(got, want) {
						t.Errorf("%v, %d×%d×%d, wide %t: %s gives other bits", typ, s.m, s.n, s.k, wide, tile.Kernel)
					}
					if s.m == 3 || s.m == 257 {
						b.compare(got)
					}
				}
			}
		}
	}
}

// TestCheckProducts holds that the device's self-test passes, and that it turns the kernels for Hopper on in the emulator.
func TestCheckProducts(t *testing.T) {
	t.Setenv("ONSET_STUB_CAPABILITY", "9.0")
	dev := openForProducts(t)
	for _, typ := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		o := mustGet[*gpu.Ops](t)(gpu.NewOps(dev, typ))
		if err := o.CheckProducts(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: %v", typ, o.Products())
		hopper := strings.Contains(o.Products()[0], "gemm90")
		if want := dev.Info().Capability() == 90 && typ != gpu.F32; dev.Info().Emulated && hopper != want {
			t.Errorf("%v: the kernels for Hopper are used: %t", typ, hopper)
		}
	}
}

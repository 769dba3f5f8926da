//go:build cuda

package gpu_test

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// Elementwise kernels do the CPU's operations, so their results are the CPU's, rounded to the type where they are stored in
// it: bit for bit.

func TestEmbedAndAddRows(t *testing.T) {
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for _, e := range widths {
			for _, n := range []int{1, 3, 5} {
				r, rng := newElemRig(t, typ), elemRand(e, n)
				const vocab = 7
				table, stream := mixed(rng, vocab*e), mixed(rng, n*e)
				index := make([]int32, n)
				for i := range index {
					index[i] = int32(rng.IntN(vocab))
				}
				x, y, tab, idx := r.out(make([]float32, n*e), gpu.F32), r.out(stream, gpu.F32), r.in(table, typ), r.ints(index)
				const scale = 1.7
				r.ops.Embed(x, tab, idx, n, e, scale)
				r.ops.AddRows(y, tab, idx, n, e)
				rows := rounded(table, typ)
				var want, sum []float32
				for i, at := range index {
					for j := range e {
						want = append(want, rows[int(at)*e+j]*scale)
						sum = append(sum, stream[i*e+j]+rows[int(at)*e+j])
					}
				}
				equalBits(t, label("embed ", n, "×", e), r.get(x, n*e, gpu.F32), want)
				equalBits(t, label("add rows ", n, "×", e), r.get(y, n*e, gpu.F32), sum)
				r.ops.Embed(x, tab, idx, n, e, 0)
				got := r.get(x, n*e, gpu.F32)
				for i, at := range index {
					equalBits(t, "embed as it is", got[i*e:(i+1)*e], rows[int(at)*e:int(at+1)*e])
				}
				r.check()
			}
		}
	})
}

func TestActivateAndGate(t *testing.T) {
	cpu := reference(t)
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for act := kernels.Silu; act <= kernels.Tanh; act++ {
			for _, n := range append(widths, 40001) {
				r, rng := newElemRig(t, typ), elemRand(n, int(act))
				x := rounded(mixed(rng, n), typ)
				p := r.out(x, typ)
				r.ops.Activate(p, int64(n), gpu.Activation(act))
				cpu.Activate(x, act)
				equalBits(t, label(act, " of ", n), r.get(p, n, typ), rounded(x, typ))

				rows := 1 + rng.IntN(3)
				if n > 2000 {
					rows = 1
				}
				both, want := rounded(mixed(rng, 2*rows*n), typ), make([]float32, rows*n)
				dst := r.out(make([]float32, rows*n), typ)
				r.ops.Gate(dst, r.in(both, typ), rows, n, gpu.Activation(act))
				cpu.Gate(want, both, rows, act)
				equalBits(t, label(act, " gate of ", rows, "×", n), r.get(dst, rows*n, typ), rounded(want, typ))
				r.check()
			}
		}
	})
}

// Operands that begin at odd addresses are read number by number, and give the same.
func TestActivateUnaligned(t *testing.T) {
	cpu := reference(t)
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for shift := range 8 {
			r, n := newElemRig(t, typ), 100
			x := rounded(mixed(elemRand(shift), n), typ)
			p := r.put(toBytes(x, typ), shift*typ.Size(), false)
			r.ops.Activate(p, int64(n), gpu.Activation(kernels.Silu))
			cpu.Activate(x, kernels.Silu)
			equalBits(t, label("shift ", shift), r.get(p, n, typ), rounded(x, typ))
			r.check()
		}
	})
}

func TestClipAndAddBias(t *testing.T) {
	cpu := reference(t)
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for _, width := range widths {
			r, rng := newElemRig(t, typ), elemRand(width)
			n, ld := 3, width+rng.IntN(2)*8
			x := rounded(mixed(rng, n*ld), typ)
			p := r.out(x, typ)
			const limit = 2.5
			r.ops.Clip(p, ld, n, width, limit)
			for i := range n {
				for j := range width {
					x[i*ld+j] = min(max(x[i*ld+j], -limit), limit)
				}
			}
			equalBits(t, label("clip ", width), r.get(p, n*ld, typ), rounded(x, typ))

			y, b := rounded(mixed(rng, n*width), typ), normal(rng, width, 1)
			p = r.out(y, typ)
			r.ops.AddBias(p, r.in(b, gpu.F32), n, width)
			cpu.AddBias(y, b, n)
			equalBits(t, label("bias ", width), r.get(p, n*width, typ), rounded(y, typ))
			r.check()
		}
	})
}

func TestGatherAndScale(t *testing.T) {
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for _, d := range widths {
			r, rng := newElemRig(t, typ), elemRand(d)
			const n, rows = 4, 6
			ld := d + rng.IntN(2)*8
			src, flat := rounded(mixed(rng, rows*ld), typ), mixed(rng, rows*d)
			index := []int32{5, 0, 0, 2}
			dst, dst32 := r.out(make([]float32, n*d), typ), r.out(make([]float32, n*d), gpu.F32)
			idx := r.ints(index)
			r.ops.Gather(dst, r.in(src, typ), ld, idx, n, d)
			r.ops.GatherF32(dst32, r.in(flat, gpu.F32), idx, n, d)
			var want, want32 []float32
			for _, at := range index {
				want = append(want, src[int(at)*ld:int(at)*ld+d]...)
				want32 = append(want32, flat[int(at)*d:int(at+1)*d]...)
			}
			equalBits(t, label("gather ", d), r.get(dst, n*d, typ), want)
			equalBits(t, label("gather f32 ", d), r.get(dst32, n*d, gpu.F32), want32)
			r.ops.ScaleF32(dst32, int64(n*d), -1.25)
			for i := range want32 {
				want32[i] *= -1.25
			}
			equalBits(t, label("scale ", d), r.get(dst32, n*d, gpu.F32), want32)
			r.check()
		}
	})
}

// ropeCase is a shape of heads.
type ropeCase struct {
	heads, kvHeads, dim, rot int
	interleaved              bool
}

func TestRopeStore(t *testing.T) {
	var cases []ropeCase
	for _, c := range []ropeCase{
		{4, 4, 64, 64, false}, {8, 2, 128, 128, false}, {4, 2, 64, 16, false}, {2, 1, 80, 32, false}, {3, 3, 20, 10, false},
		{4, 1, 16, 0, false}, {2, 2, 24, 24, false}, {1, 1, 1, 0, false}, {1, 1, 2, 2, false}, {5, 1, 96, 48, false},
		{2, 2, 256, 64, false}, {3, 1, 33, 6, false}, {2, 1, 88, 88, false},
	} {
		cases = append(cases, c)
		c.interleaved = true
		cases = append(cases, c)
	}
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for at, c := range cases {
			for _, n := range []int{1, 5, 19} {
				for _, kind := range []gpu.NormKind{gpu.NoNorm, gpu.RMSNorm, gpu.LayerNorm} {
					testRopeStore(t, typ, c, kind, n, at)
				}
			}
		}
	})
}

// ropeNorms gives a norm of heads and norms the rows' heads on the host, by the kernels that norm in place, which
// TestNormInPlace holds: in f32, where nothing is rounded in between, so that the fused kernel's sums are seen to be theirs.
func ropeNorms(r *elemRig, c ropeCase, kind gpu.NormKind, x []float32, ld, n, seed int) (gpu.HeadNorm, []float32) {
	if kind == gpu.NoNorm {
		return gpu.HeadNorm{}, append([]float32(nil), x...)
	}
	rng := elemRand(seed)
	h := gpu.HeadNorm{Kind: kind, Eps: 1e-5}
	weights := func(heads int) gpu.Ptr { return r.in(normal(rng, heads*c.dim, 1), gpu.F32) }
	h.Query, h.Key = weights(c.heads), weights(c.kvHeads)
	if seed%2 == 0 {
		h.Stride = c.dim
	}
	if kind == gpu.LayerNorm {
		h.QueryB, h.KeyB = weights(c.heads), weights(c.kvHeads)
	}
	ops, err := gpu.NewOps(r.dev, gpu.F32)
	if err != nil {
		r.Fatal(err)
	}
	pairs := 16
	if c.interleaved {
		pairs = 8
	}
	if c.dim%8 != 0 || bits.OnesCount(uint(c.dim)) != 1 || c.rot%pairs != 0 { // normed and rounded, and then turned
		ops = r.ops
	}
	at := r.out(x, ops.T)
	ops.NormInPlace(gpu.NormGroups{X: at, LD: ld, Groups: c.heads, WeightStride: h.Stride},
		gpu.Norm{Kind: kind, Weight: h.Query, Bias: h.QueryB, Eps: h.Eps}, n, c.dim)
	keys := at.Add(int64(c.heads * c.dim * ops.T.Size()))
	ops.NormInPlace(gpu.NormGroups{X: keys, LD: ld, Groups: c.kvHeads, WeightStride: h.Stride},
		gpu.Norm{Kind: kind, Weight: h.Key, Bias: h.KeyB, Eps: h.Eps}, n, c.dim)
	if err := ops.Err(); err != nil {
		r.Fatal(err)
	}
	return h, r.get(at, n*ld, ops.T)
}

func testRopeStore(t *testing.T, typ gpu.DType, c ropeCase, kind gpu.NormKind, n, seed int) {
	r, rng, cpu := newElemRig(t, typ), elemRand(seed, n), reference(t)
	const layers, pages, layer = 3, 4, 1
	q, kv := c.heads*c.dim, c.kvHeads*c.dim
	ld := q + 2*kv + rng.IntN(2)*8
	x := rounded(normal(rng, n*ld, 1), typ)
	half := c.rot / 2
	cos, sin := normal(rng, n*half, 1), normal(rng, n*half, 1)
	pool := gpu.Pool{Layers: layers, KVHeads: c.kvHeads, Dim: c.dim}
	image := rounded(normal(rng, pages*int(pool.PageElements()), 1), typ)
	slots, pos := make([]int32, n), make([]int, n)
	for i, s := range rng.Perm(pages * gpu.PageSize)[:n] {
		slots[i], pos[i] = int32(s), i
	}
	pool.At = r.out(image, typ)
	p := gpu.RopeStore{QKV: r.out(x, typ), LD: ld, Heads: c.heads, Pool: pool, Layer: layer, Slots: r.ints(slots), Rot: c.rot,
		Interleaved: c.interleaved}
	if c.rot > 0 {
		p.Cos, p.Sin = r.in(cos, gpu.F32), r.in(sin, gpu.F32)
	}
	var turned []float32
	p.Norm, turned = ropeNorms(r, c, kind, x, ld, n, seed)
	r.ops.RopeStore(p, n)

	if c.rot > 0 {
		cpu.Rope(turned, ld, pos, cos, sin, c.heads+c.kvHeads, kernels.Rotary{Dim: c.dim, Rot: c.rot, Interleaved: c.interleaved})
	}
	turned = rounded(turned, typ)
	want := append([]float32(nil), x...)
	for i := range n {
		copy(want[i*ld:i*ld+q], turned[i*ld:])
		page, at := int(slots[i])/gpu.PageSize, int(slots[i])%gpu.PageSize
		for h := range 2 * c.kvHeads {
			from := turned[i*ld+q+h*c.dim:][:c.dim]
			copy(image[(((page*layers+layer)*2*c.kvHeads+h)*gpu.PageSize+at)*c.dim:], from)
		}
	}
	what := fmt.Sprintf("%+v, norm %d, %d rows", c, kind, n)
	got := r.get(p.QKV, n*ld, typ)
	for i := range n { // keys may change
		copy(want[i*ld+q:i*ld+q+kv], got[i*ld+q:])
	}
	equalBits(t, what+", rows", got, want)
	equalBits(t, what+", pool", r.get(pool.At, len(image), typ), image)
	r.check()
}

func TestCopyPage(t *testing.T) {
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for _, dim := range []int{1, 3, 8, 20, 64, 128} {
			r, rng := newElemRig(t, typ), elemRand(dim)
			const pages = 6
			pool := gpu.Pool{Layers: 2, KVHeads: 3, Dim: dim}
			size := int(pool.PageElements())
			image := rounded(normal(rng, pages*size, 1), typ)
			pool.At = r.out(image, typ)
			src, dst, positions := []int32{0, 0, 4}, []int32{1, 2, 5}, []int32{1, 64, int32(1 + rng.IntN(63))}
			r.ops.CopyPage(pool, r.ints(src), r.ints(dst), r.ints(positions), len(src))
			for c := range src {
				for run := range 2 * 2 * 3 {
					from, to := int(src[c])*size+run*gpu.PageSize*dim, int(dst[c])*size+run*gpu.PageSize*dim
					copy(image[to:to+int(positions[c])*dim], image[from:])
				}
			}
			equalBits(t, label("dim ", dim), r.get(pool.At, len(image), typ), image)
			r.check()
		}
	})
}

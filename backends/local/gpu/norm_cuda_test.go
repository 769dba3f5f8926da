//go:build cuda

package gpu_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// normCase is one way to call AddNorm.
type normCase struct {
	z, y, write, weight, bias bool
	kind, zkind               gpu.NormKind
	zscale                    float32
}

var normCases = []normCase{
	{z: true, y: true, weight: true, kind: gpu.RMSNorm},
	{z: true, y: true, weight: true, bias: true, kind: gpu.LayerNorm},
	{z: true, y: true, write: true, weight: true, bias: true, kind: gpu.LayerNorm, zscale: 0.7},
	{z: true, y: true, weight: true, kind: gpu.RMSNorm, zkind: gpu.RMSNorm, zscale: 0.22},
	{z: true, y: true, weight: true, kind: gpu.RMSNorm, zkind: gpu.LayerNorm},
	{y: true, weight: true, kind: gpu.RMSNorm},
	{y: true, kind: gpu.LayerNorm},
	{y: true},
	{z: true, y: true},
	{z: true},
	{z: true, zkind: gpu.RMSNorm, weight: true},
	{write: true, weight: true, bias: true, kind: gpu.LayerNorm},
}

// norm64 is a norm of a row in float64, with the largest error that float32 may be expected to make in each number: sums of
// d numbers in d/threads+10 steps, about three rounding errors behind them, and what the mean's error is of the deviation.
func norm64(x []float64, kind gpu.NormKind, w, b []float32, eps float32) (y, bound []float64) {
	d := float64(len(x))
	var mean, sum, size float64
	if kind == gpu.LayerNorm {
		for _, v := range x {
			mean += v / d
			size += math.Abs(v) / d
		}
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	inv := 1.0
	if kind != gpu.NoNorm {
		inv = 1 / math.Sqrt(sum/d+float64(eps))
	}
	const u = 0x1p-24
	for j, v := range x {
		weight, bias := 1.0, 0.0
		if kind != gpu.NoNorm && w != nil {
			weight = float64(w[j])
		}
		if kind != gpu.NoNorm && b != nil {
			bias = float64(b[j])
		}
		n := (v - mean) * inv * weight
		y = append(y, n+bias)
		e := 0.0
		if kind != gpu.NoNorm {
			e = 24*u*math.Abs(n) + 24*u*(size+math.Abs(mean))*inv*math.Abs(weight) + u*math.Abs(n+bias)
		}
		bound = append(bound, e)
	}
	return y, bound
}

// nearRounded fails where a number is further from what it should be than bound and half a step of its type.
func nearRounded(t *testing.T, what string, got []float32, want, bound []float64, typ gpu.DType) {
	t.Helper()
	steps := map[gpu.DType]float64{gpu.F32: 0x1p-24, gpu.BF16: 0x1p-8, gpu.F16: 0x1p-11}
	for i := range got {
		slack := bound[i]
		if typ != gpu.F32 {
			slack += math.Abs(want[i])*steps[typ]*1.001 + 0x1p-25 // the last for f16's subnormals
		} else {
			slack += math.Abs(want[i])*steps[typ] + 0x1p-149
		}
		if !(math.Abs(float64(got[i])-want[i]) <= slack) {
			t.Fatalf("%s: number %d is %g, want %g ± %g", what, i, got[i], want[i], slack)
		}
	}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// normOperands are the host's side of one AddNorm.
type normOperands struct{ x, z, w, b, zw []float32 }

func newNormOperands(n, d, seed int, typ gpu.DType) normOperands {
	rng := elemRand(n, d, seed)
	return normOperands{normal(rng, n*d, 2), rounded(normal(rng, n*d, 1), typ), normal(rng, d, 1), normal(rng, d, 1), normal(rng, d, 1)}
}

// run calls AddNorm on rows of the operands, the stream shift numbers behind an aligned address, and gives stream and
// normed stream.
func (o normOperands) run(r *elemRig, c normCase, n, d, shift int, typ gpu.DType) (x, y []float32) {
	p := gpu.AddNorm{X: r.put(toBytes(o.x, gpu.F32), 4*shift, false), ZScale: c.zscale, Write: c.write,
		Norm: gpu.Norm{Kind: c.kind, Eps: 1e-5}, ZNorm: gpu.Norm{Kind: c.zkind, Eps: 1e-6}}
	if c.z {
		p.Z = r.in(o.z, typ)
	}
	if c.y {
		p.Y = r.out(make([]float32, n*d), typ)
	}
	if c.weight {
		p.Norm.Weight, p.ZNorm.Weight = r.in(o.w, gpu.F32), r.in(o.zw, gpu.F32)
	}
	if c.bias {
		p.Norm.Bias = r.in(o.b, gpu.F32)
	}
	r.ops.AddNorm(p, n, d)
	x = r.get(p.X, n*d, gpu.F32)
	if c.y {
		y = r.get(p.Y, n*d, typ)
	}
	r.check()
	return x, y
}

func TestAddNorm(t *testing.T) {
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for at, c := range normCases {
			for _, d := range append(widths, 4104, 8192, 9000) {
				const n = 2
				o := newNormOperands(n, d, at, typ)
				x, y := o.run(newElemRig(t, typ), c, n, d, 0, typ)
				checkAddNorm(t, fmt.Sprintf("%+v, width %d", c, d), c, o, x, y, n, d, typ)
			}
		}
	})
}

// The widest rows, with few cases.
func TestAddNormWide(t *testing.T) {
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for _, d := range []int{12288, 16384, 16392, gpu.MaxNorm} {
			c := normCases[3]
			o := newNormOperands(1, d, 0, typ)
			x, y := o.run(newElemRig(t, typ), c, 1, d, 0, typ)
			checkAddNorm(t, label("width ", d), c, o, x, y, 1, d, typ)
		}
	})
}

func checkAddNorm(t *testing.T, what string, c normCase, o normOperands, x, y []float32, n, d int, typ gpu.DType) {
	t.Helper()
	w, b, zw := o.w, o.b, o.zw
	if !c.weight {
		w, zw = nil, nil
	}
	if !c.bias {
		b = nil
	}
	scale := float64(c.zscale)
	if scale == 0 {
		scale = 1
	}
	for i := range n {
		stream, slack := widen(o.x[i*d:(i+1)*d]), make([]float64, d)
		if c.z {
			z, e := norm64(widen(o.z[i*d:(i+1)*d]), c.zkind, zw, nil, 1e-6)
			for j := range stream {
				stream[j] += scale * z[j]
				slack[j] = scale*e[j] + 0x1p-24*(math.Abs(scale*z[j])+math.Abs(stream[j]))
			}
		}
		normed, bound := norm64(stream, c.kind, w, b, 1e-5)
		for j := range bound { // what the stream is off is scaled as it is
			gain := 1.0
			if stream[j] != 0 && c.kind != gpu.NoNorm {
				gain = math.Abs(normed[j]/stream[j]) + 1 + math.Abs(float64(o.w[j]))*2
			}
			bound[j] += slack[j] * gain * 2
		}
		row := x[i*d : (i+1)*d]
		if c.write {
			nearRounded(t, what+", stream", row, normed, bound, gpu.F32)
		} else {
			nearRounded(t, what+", stream", row, stream, slack, gpu.F32)
		}
		if c.y {
			nearRounded(t, what+", normed", y[i*d:(i+1)*d], normed, bound, typ)
		}
	}
}

// A row alone, and a row that begins where no vector can be read, has the bits of the row in a batch.
func TestAddNormRowsAreIndependent(t *testing.T) {
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for _, d := range append(widths, 8192) {
			for _, c := range []normCase{normCases[2], normCases[3]} {
				n := 5
				if d > 2000 {
					n = 2
				}
				o := newNormOperands(n, d, 0, typ)
				x, y := o.run(newElemRig(t, typ), c, n, d, 0, typ)
				for i := range n {
					row := o
					row.x, row.z = o.x[i*d:(i+1)*d], o.z[i*d:(i+1)*d]
					for shift := range 2 {
						gotX, gotY := row.run(newElemRig(t, typ), c, 1, d, shift, typ)
						what := label("width ", d, ", row ", i, " alone, shift ", shift)
						equalBits(t, what, gotX, x[i*d:(i+1)*d])
						equalBits(t, what, gotY, y[i*d:(i+1)*d])
					}
				}
			}
		}
	})
}

func TestNormInPlace(t *testing.T) {
	eachType(t, func(t *testing.T, typ gpu.DType) {
		for _, d := range append(widths, 80, 96, 5000) {
			for _, kind := range []gpu.NormKind{gpu.RMSNorm, gpu.LayerNorm} {
				for _, own := range []bool{false, true} {
					testNormInPlace(t, typ, d, kind, own)
				}
			}
		}
	})
}

func testNormInPlace(t *testing.T, typ gpu.DType, d int, kind gpu.NormKind, own bool) {
	rng := elemRand(d, int(kind))
	n, groups := 3, 1+rng.IntN(4)
	if d > 1000 {
		n, groups = 1, 2
	}
	ld := groups*d + 8
	r := newElemRig(t, typ)
	x, w, b := rounded(normal(rng, n*ld, 2), typ), normal(rng, groups*d, 1), normal(rng, groups*d, 1)
	g := gpu.NormGroups{X: r.out(x, typ), LD: ld, Groups: groups}
	if own {
		g.WeightStride = d
	}
	m := gpu.Norm{Kind: kind, Weight: r.in(w, gpu.F32), Eps: 1e-5}
	if kind == gpu.LayerNorm {
		m.Bias = r.in(b, gpu.F32)
	} else {
		b = make([]float32, len(b))
	}
	r.ops.NormInPlace(g, m, n, d)
	got := r.get(g.X, n*ld, typ)
	r.check()
	what := fmt.Sprintf("width %d, norm %d, %d groups, own weights %v", d, kind, groups, own)
	for i := range n {
		for h := range groups {
			at, wt := i*ld+h*d, 0
			if own {
				wt = h * d
			}
			want, bound := norm64(widen(x[at:at+d]), kind, w[wt:wt+d], b[wt:wt+d], 1e-5)
			nearRounded(t, what, got[at:at+d], want, bound, typ)

			// Alone, where it cannot be read by vectors, the group has the same bits.
			alone := newElemRig(t, typ)
			one := gpu.NormGroups{X: alone.put(toBytes(x[at:at+d], typ), typ.Size(), false), LD: d, Groups: 1}
			m := gpu.Norm{Kind: kind, Weight: alone.in(w[wt:wt+d], gpu.F32), Bias: alone.in(b[wt:wt+d], gpu.F32), Eps: 1e-5}
			alone.ops.NormInPlace(one, m, 1, d)
			equalBits(t, what+", alone", alone.get(one.X, d, typ), got[at:at+d])
			alone.check()
		}
		equalBits(t, what+", behind the groups", got[i*ld+groups*d:(i+1)*ld], x[i*ld+groups*d:(i+1)*ld])
	}
}

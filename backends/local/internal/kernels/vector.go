//go:build amd64 || arm64

package kernels

import (
	"math"
	"unsafe"
)

// vector is the Set for AVX2 with FMA and F16C, for AVX-512 (F, BW, VL) or for NEON. The tests skip sets that the
// machine lacks; run them on one that has it, or in an emulator, after any change.
type vector struct {
	wide
	dot bool // with AVX512_BF16
}

var _ rounder = vector{}

func (v vector) Name() string { return v.name() }

func (v vector) Linear(dst, a []float32, m int, w Weight) {
	checkLinear(dst, a, m, w)
	v.panels(dst, w.N, a, m, w, 0, w.N)
}

func (v vector) LogProbs(rows []Scores, x []float32, head Weight, l Logits) {
	logProbs(v, rows, x, head, l)
}

// first is the address of a slice's first element, nil if it has none.
func first(x []float32) *float32 {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}

// offset is the address n numbers on.
func offset(p *float32, n int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), n*int(unsafe.Sizeof(*p))))
}

func (v vector) RMSNorm(dst, x, weight []float32, m int, eps float32) {
	n := checkNorm(dst, x, weight, nil, m)
	if n == 0 {
		return
	}
	for i := range m {
		row := &x[i*n]
		inv := inverseRoot(v.squares(row, n, 0), n, eps)
		v.normalize(&dst[i*n], row, first(weight), nil, n, 0, inv)
	}
}

func (v vector) LayerNorm(dst, x, weight, bias []float32, m int, eps float32) {
	n := checkNorm(dst, x, weight, bias, m)
	if n == 0 {
		return
	}
	for i := range m {
		row := &x[i*n]
		var lanes [16]float32
		v.sumLanes(row, n, &lanes[0])
		mean := tree(&lanes) / float32(n)
		inv := inverseRoot(v.squares(row, n, mean), n, eps)
		v.normalize(&dst[i*n], row, first(weight), first(bias), n, mean, inv)
	}
}

func (v vector) squares(x *float32, n int, mean float32) float32 {
	var lanes [16]float32
	v.sumSquares(x, n, &lanes[0], mean)
	return tree(&lanes)
}

func (v vector) Activate(x []float32, f Activation) {
	f.check()
	for len(x) > 0 {
		n := min(len(x), callValues)
		v.activate(&x[0], &x[0], nil, n, f)
		x = x[n:]
	}
}

// callValues bounds how long one call of assembly runs, which cannot be preempted.
const callValues = 1 << 14

// activate computes dst = f(x)·up, or f(x) where up is nil.
func (v vector) activate(dst, x, up *float32, n int, f Activation) {
	switch f {
	case Silu:
		v.silu(dst, x, up, n)
	case GeluTanh:
		v.geluTanh(dst, x, up, n)
	case GeluErf:
		v.geluErf(dst, x, up, n)
	case Relu:
		v.relu(dst, x, up, n)
	case QuickGelu:
		v.quickGelu(dst, x, up, n)
	case ReluSquared:
		v.reluSquared(dst, x, up, n)
	case Tanh:
		v.tanh(dst, x, up, n)
	}
}

func (v vector) Gate(dst, gateUp []float32, m int, f Activation) {
	n := checkGate(dst, gateUp, m)
	f.check()
	for i := range m {
		out, gate, up := dst[i*n:(i+1)*n], gateUp[2*i*n:(2*i+1)*n], gateUp[(2*i+1)*n:(2*i+2)*n]
		for j := 0; j < n; j += callValues {
			v.activate(&out[j], &gate[j], &up[j], min(n-j, callValues), f)
		}
	}
}

func (v vector) Add(dst, x []float32) {
	checkAdd(dst, x)
	for i := 0; i < len(x); i += callValues {
		v.add(&dst[i], &x[i], min(len(x)-i, callValues))
	}
}

func (v vector) AddBias(x, bias []float32, m int) {
	checkBias(x, bias, m)
	for i := range m {
		v.Add(x[i*len(bias):(i+1)*len(bias)], bias)
	}
}

func (v vector) Scale(x []float32, by float32) {
	for i := 0; i < len(x); i += callValues {
		v.scale(&x[i], min(len(x)-i, callValues), by)
	}
}

func (v vector) SoftCap(x []float32, limit float32) {
	inv := checkCap(limit)
	for i := 0; i < len(x); i += callValues {
		v.softCap(&x[i], min(len(x)-i, callValues), limit, inv)
	}
}

func (v vector) Rope(x []float32, ld int, pos []int, cos, sin []float32, heads int, r Rotary) {
	checkRope(x, ld, pos, cos, sin, heads, r)
	half := r.Rot / 2
	unit := v.pairs()
	switch {
	case half == 0 || heads == 0:
	case !r.Interleaved:
		for i, p := range pos {
			v.rope(&x[i*ld], &cos[p*half], &sin[p*half], half, heads, r.Dim)
		}
	case unit > 0 && half%unit == 0:
		for i, p := range pos {
			v.ropePairs(&x[i*ld], &cos[p*half], &sin[p*half], half, heads, r.Dim)
		}
	default:
		generic{}.Rope(x, ld, pos, cos, sin, heads, r)
	}
}

func (vector) Store(slots []Slot, k, v []float32, ld, kvHeads, dim int) {
	generic{}.Store(slots, k, v, ld, kvHeads, dim)
}

func (v vector) LogSumExp(x []float32) float32 {
	checkLogSumExp(x)
	sum := emptyLogSum()
	for len(x) > 0 {
		n := min(LogBlock, len(x))
		sum.merge(v.blockSum(x[:n]))
		x = x[n:]
	}
	return sum.log()
}

func (v vector) blockSum(x []float32) logSum {
	b := logSum{top: v.largest(x)}
	if math.IsInf(float64(b.top), 0) {
		b.total = infSum(x)
		return b
	}
	var lanes [16]float32
	v.sumExp(&x[0], len(x), &lanes[0], b.top)
	b.total = tree(&lanes)
	return b
}

// largest is the largest of x, passing over NaN; -Inf if there is none.
func (v vector) largest(x []float32) float32 {
	top := float32(math.Inf(-1))
	var lanes [16]float32
	for i := range lanes {
		lanes[i] = top
	}
	for i := 0; i < len(x); i += callValues {
		v.most(&x[i], min(len(x)-i, callValues), &lanes[0])
	}
	for _, l := range lanes {
		if l > top {
			top = l
		}
	}
	return top
}

func (v vector) ArgMax(x []float32) int {
	checkLogSumExp(x)
	top := v.largest(x)
	if math.IsInf(float64(top), -1) {
		return 0
	}
	at := 0
	for ; at+8 <= len(x); at += callValues {
		n := min(len(x)-at, callValues) &^ 7
		if i := v.index(&x[at], n, top); i < n {
			return at + i
		}
	}
	for at = len(x) &^ 7; x[at] != top; at++ {
	}
	return at
}

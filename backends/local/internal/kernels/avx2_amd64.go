package kernels

import (
	"math"
	"unsafe"
)

// avx2 is the Set for AVX2 and FMA.
type avx2 struct{}

// avx512 is the Set for AVX-512F. What it does not do itself is bound by memory or too short for wider
// vectors to matter. Its tests skip where the machine lacks AVX-512; run them on one that has it after any change.
type avx512 struct{ avx2 }

var _, _ Set = avx2{}, avx512{}

func (avx2) Name() string   { return "avx2" }
func (avx512) Name() string { return "avx512" }

func (avx2) Linear(dst, a []float32, m int, w Weight)   { linear(false, dst, a, m, w) }
func (avx512) Linear(dst, a []float32, m int, w Weight) { linear(true, dst, a, m, w) }

// second is the second half of a panel's outputs.
func second(p *float32) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), PanelWidth/2*unsafe.Sizeof(*p)))
}

func (avx2) RMSNorm(dst, x, weight []float32, m int, eps float32) {
	checkNorm(dst, x, weight, m)
	n := len(weight)
	if n == 0 {
		return
	}
	for i := range m {
		row, out := x[i*n:(i+1)*n], dst[i*n:(i+1)*n]
		var lanes [16]float32
		sumSquaresAVX2(&row[0], n&^15, &lanes)
		for j, v := range row[n&^15:] {
			lanes[j] = fma(v, v, lanes[j])
		}
		inv := rmsScale(&lanes, n, eps)
		scaleAVX2(&out[0], &row[0], &weight[0], n&^7, inv)
		for j := n &^ 7; j < n; j++ {
			out[j] = float32(row[j]*inv) * weight[j]
		}
	}
}

func (avx2) SiluMul(dst, gateUp []float32, m int) {
	n := checkSilu(dst, gateUp, m)
	if n == 0 {
		return
	}
	for i := range m {
		out, gate, up := dst[i*n:(i+1)*n], gateUp[2*i*n:(2*i+1)*n], gateUp[(2*i+1)*n:(2*i+2)*n]
		siluAVX2(&out[0], &gate[0], &up[0], n&^7)
		if n&7 != 0 {
			var o, g, u [8]float32
			copy(g[:], gate[n&^7:])
			copy(u[:], up[n&^7:])
			siluAVX2(&o[0], &g[0], &u[0], 8)
			copy(out[n&^7:], o[:])
		}
	}
}

func (avx2) Add(dst, x []float32) {
	checkAdd(dst, x)
	if len(x) == 0 {
		return
	}
	n := len(x) &^ 7
	addAVX2(&dst[0], &x[0], n)
	for i := n; i < len(x); i++ {
		dst[i] += x[i]
	}
}

func (avx2) Rope(x, cos, sin []float32, m, heads, dim int) {
	checkRope(x, cos, sin, m, heads, dim)
	if len(x) == 0 {
		return
	}
	half := dim / 2
	for i := range m {
		for h := range heads {
			ropeAVX2(&x[(i*heads+h)*dim], &cos[i*half], &sin[i*half], half)
		}
	}
}

func (avx2) Attend(dst, q []float32, heads, kvHeads, dim int, pages []Page, n int, scale float32) {
	checkAttend(dst, q, heads, kvHeads, dim, pages, n)
	clear(dst)
	var s [PageSize]float32
	for h := range heads {
		out := dst[h*dim : (h+1)*dim]
		at := h / (heads / kvHeads) * dim * PageSize
		top, total := float32(math.Inf(-1)), float32(0)
		for i := 0; i*PageSize < n; i++ {
			keys := min(PageSize, n-i*PageSize)
			chunks := (keys + 7) / 8
			scoresAVX2(&s[0], &q[h*dim], &pages[i].K[at], dim, chunks, scale)
			for j := keys; j < 8*chunks; j++ {
				s[j] = float32(math.Inf(-1))
			}
			decay, next, sum := softmaxAVX2(&s[0], chunks, top)
			top, total = next, float32(total*decay)+sum
			valuesAVX2(&out[0], &s[0], &pages[i].V[at], dim, keys, decay)
		}
		divideAVX2(&out[0], dim&^7, total)
		for d := dim &^ 7; d < dim; d++ {
			out[d] /= total
		}
	}
}

func (avx2) LogSumExp(x []float32) float32 {
	checkLogSumExp(x)
	n := len(x) &^ 15
	top := float32(math.Inf(-1))
	var rest, lanes [16]float32
	for i := range rest {
		rest[i] = top
	}
	copy(rest[:], x[n:])
	top = maxAVX2(&x[0], n, maxAVX2(&rest[0], 16, top))
	if math.IsInf(float64(top), 0) {
		return infLogSumExp(x, top)
	}
	sumExpAVX2(&x[0], n, top, &lanes)
	sumExpAVX2(&rest[0], 16, top, &lanes)
	return logTotal(top, &lanes)
}

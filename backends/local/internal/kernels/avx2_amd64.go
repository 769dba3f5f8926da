package kernels

import "math"

// avx2 is the Set for AVX2 and FMA.
type avx2 struct{ generic }

// avx512 is the Set for AVX-512F. What it does not do itself is bound by memory or too short for wider
// vectors to matter. Its tests skip where the machine lacks AVX-512; run them on one that has it after any change.
type avx512 struct{ avx2 }

var _, _ parts = avx2{}, avx512{}

func (avx2) Name() string   { return "avx2" }
func (avx512) Name() string { return "avx512" }

func (avx2) Linear(dst, a []float32, m int, w Weight) {
	checkLinear(dst, a, m, w)
	wide(false).panels(dst, w.N, a, m, w, 0, w.N)
}

func (s avx2) LogProbs(rows []Scores, x []float32, head Weight, l Logits) {
	logProbs(s, rows, x, head, l)
}

func (s avx512) LogProbs(rows []Scores, x []float32, head Weight, l Logits) {
	logProbs(s, rows, x, head, l)
}

func (avx2) panels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	wide(false).panels(dst, ld, a, m, w, from, to)
}

func (avx512) panels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	wide(true).panels(dst, ld, a, m, w, from, to)
}

func (avx512) Linear(dst, a []float32, m int, w Weight) {
	checkLinear(dst, a, m, w)
	wide(true).panels(dst, w.N, a, m, w, 0, w.N)
}

func (s avx2) RMSNorm(dst, x, weight []float32, m int, eps float32) {
	n := checkNorm(dst, x, weight, nil, m)
	if n == 0 {
		return
	}
	if weight == nil {
		s.generic.RMSNorm(dst, x, weight, m, eps)
		return
	}
	for i := range m {
		row, out := x[i*n:(i+1)*n], dst[i*n:(i+1)*n]
		var lanes [16]float32
		sumSquaresAVX2(&row[0], n&^15, &lanes)
		for j, v := range row[n&^15:] {
			lanes[j] = fma(v, v, lanes[j])
		}
		inv := inverseRoot(tree(&lanes), n, eps)
		scaleAVX2(&out[0], &row[0], &weight[0], n&^7, inv)
		for j := n &^ 7; j < n; j++ {
			out[j] = float32(row[j]*inv) * weight[j]
		}
	}
}

func (s avx2) Gate(dst, gateUp []float32, m int, f Activation) {
	if f != Silu {
		s.generic.Gate(dst, gateUp, m, f)
		return
	}
	n := checkGate(dst, gateUp, m)
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

func (s avx2) Rope(x []float32, ld int, pos []int, cos, sin []float32, heads int, r Rotary) {
	if r.Interleaved {
		s.generic.Rope(x, ld, pos, cos, sin, heads, r)
		return
	}
	checkRope(x, ld, pos, cos, sin, heads, r)
	half := r.Rot / 2
	if half == 0 {
		return
	}
	for i, p := range pos {
		for h := range heads {
			ropeAVX2(&x[i*ld+h*r.Dim], &cos[p*half], &sin[p*half], half)
		}
	}
}

func (s avx2) Attend(dst, q []float32, ld int, rows []Query, a Attention) {
	checkAttend(dst, q, ld, rows, a)
	s.attendHeads(dst, q, ld, rows, a, 0, a.Heads)
}

func (avx2) attendHeads(dst, q []float32, ld int, rows []Query, a Attention, from, to int) {
	width := a.Heads * a.Dim
	for i, row := range rows {
		for h := from; h < to; h++ {
			at := h * a.Dim
			attendHeadAVX2(dst[i*width+at:][:a.Dim], q[i*ld+at:][:a.Dim], row, a, h)
		}
	}
}

func attendHeadAVX2(out, q []float32, row Query, a Attention, h int) {
	var s [PageSize]float32
	clear(out)
	inf := float32(math.Inf(-1))
	at := h / (a.Heads / a.KVHeads) * a.Dim * PageSize
	top, total := inf, float32(0)
	for i := row.From / PageSize; i*PageSize < row.To; i++ {
		first := i * PageSize
		from, to := max(row.From-first, 0), min(row.To-first, PageSize)
		chunks := (to + 15) / 16
		scoresAVX2(&s[0], &q[0], &row.Pages[i].K[at], a.Dim, 2*chunks, a.Scale)
		a.adjust(&s, h, first-(row.To-1))
		for j := range from {
			s[j] = inf
		}
		for j := to; j < 16*chunks; j++ {
			s[j] = inf
		}
		decay, next, sum := softmaxAVX2(&s[0], chunks, top)
		top, total = next, float32(total*decay)+sum
		valuesAVX2(&out[0], &s[from], &row.Pages[i].V[at+from*a.Dim], a.Dim, to-from, decay)
	}
	divideAVX2(&out[0], a.Dim&^7, total)
	for d := a.Dim &^ 7; d < a.Dim; d++ {
		out[d] = out[d]/total + 0
	}
}

func (s avx2) LogSumExp(x []float32) float32 {
	checkLogSumExp(x)
	sum := emptyLogSum()
	for len(x) > 0 {
		n := min(LogBlock, len(x))
		sum.merge(s.blockSum(x[:n]))
		x = x[n:]
	}
	return sum.log()
}

func (avx2) blockSum(x []float32) logSum {
	n := len(x) &^ 15
	b := emptyLogSum()
	var rest, lanes [16]float32
	for i := range rest {
		rest[i] = b.top
	}
	copy(rest[:], x[n:])
	b.top = maxAVX2(&x[0], n, maxAVX2(&rest[0], 16, b.top))
	if math.IsInf(float64(b.top), 0) {
		b.total = infSum(x)
		return b
	}
	sumExpAVX2(&x[0], n, b.top, &lanes)
	sumExpAVX2(&rest[0], 16, b.top, &lanes)
	b.total = tree(&lanes)
	return b
}

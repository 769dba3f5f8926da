package kernels

import "fmt"

// aliased is the distance in numbers at which rows fall on the same lines of the first-level cache: a tile reads twelve rows
// at once, and the cache holds eight such lines. Rows of a multiple of so many numbers are copied to where they do not.
const aliased = 1024

// The checks that every set shares. A shape that does not fit is an error of the program, so they panic.

func checkLinear(dst, a []float32, m int, w Weight) {
	if m < 0 || len(dst) != m*w.N || len(a) != m*w.K {
		panic(fmt.Sprintf("kernels: linear of m=%d n=%d k=%d with dst %d, a %d", m, w.N, w.K, len(dst), len(a)))
	}
	w.check()
}

func (w Weight) check() {
	packed, other := len(w.Data), len(w.Half)
	if w.Type != F32 {
		packed, other = other, packed
	}
	if w.N < 0 || w.K < 0 || w.Type > F16 || packed != PackedLen(w.N, w.K, w.Type) || other != 0 ||
		w.Bias != nil && len(w.Bias) != w.N {
		panic(fmt.Sprintf("kernels: weight n=%d k=%d %s with %d, %d packed numbers, bias %d",
			w.N, w.K, w.Type, len(w.Data), len(w.Half), len(w.Bias)))
	}
}

func checkLogProbs(rows []Scores, x []float32, head Weight, l Logits) {
	head.check()
	if len(x) != len(rows)*head.K || head.N < 1 || l.Cap < 0 {
		panic(fmt.Sprintf("kernels: log-probs of %d rows, x %d, head %d×%d, cap %g",
			len(rows), len(x), head.N, head.K, l.Cap))
	}
	for i, r := range rows {
		if len(r.Targets) != len(r.Logits) {
			panic(fmt.Sprintf("kernels: log-probs row %d has %d targets, %d logits", i, len(r.Targets), len(r.Logits)))
		}
		for _, t := range r.Targets {
			if t < 0 || t >= head.N {
				panic(fmt.Sprintf("kernels: log-probs row %d asks for output %d of %d", i, t, head.N))
			}
		}
	}
}

// checkNorm returns the row length n.
func checkNorm(dst, x, weight, bias []float32, m int) int {
	n := 0
	if m > 0 {
		n = len(x) / m
	}
	if m < 0 || len(x) != m*n || len(x) != len(dst) ||
		m > 0 && (weight != nil && len(weight) != n || bias != nil && len(bias) != n) {
		panic(fmt.Sprintf("kernels: norm of m=%d with dst %d, x %d, weight %d, bias %d",
			m, len(dst), len(x), len(weight), len(bias)))
	}
	return n
}

// checkGate returns the row length n.
func checkGate(dst, gateUp []float32, m int) int {
	if m < 0 || len(gateUp) != 2*len(dst) || (m == 0) != (len(dst) == 0) || m > 0 && len(dst)%m != 0 {
		panic(fmt.Sprintf("kernels: gate of m=%d with dst %d, gateUp %d", m, len(dst), len(gateUp)))
	}
	if m == 0 {
		return 0
	}
	return len(dst) / m
}

func checkAdd(dst, x []float32) {
	if len(dst) != len(x) {
		panic(fmt.Sprintf("kernels: add of %d to %d", len(x), len(dst)))
	}
}

func checkBias(x, bias []float32, m int) {
	if m < 0 || len(x) != m*len(bias) {
		panic(fmt.Sprintf("kernels: bias of %d to m=%d, x %d", len(bias), m, len(x)))
	}
}

// checkCap returns 1/limit.
func checkCap(limit float32) float32 {
	if !(limit > 0) {
		panic(fmt.Sprintf("kernels: cap to %g", limit))
	}
	return 1 / limit
}

// fits says whether rows of width numbers, ld apart, fit into size numbers.
func fits(rows, width, ld, size int) bool {
	return rows == 0 || (rows == 1 || ld >= width) && (rows-1)*ld+width <= size
}

func checkRope(x []float32, ld int, pos []int, cos, sin []float32, heads int, r Rotary) {
	if heads < 0 || r.Rot < 0 || r.Rot%2 != 0 || r.Rot > r.Dim || len(cos) != len(sin) ||
		!fits(len(pos), heads*r.Dim, ld, len(x)) {
		panic(fmt.Sprintf("kernels: rope of %d rows, heads=%d dim=%d rot=%d ld=%d with x %d, cos %d, sin %d",
			len(pos), heads, r.Dim, r.Rot, ld, len(x), len(cos), len(sin)))
	}
	for _, p := range pos {
		if p < 0 || (p+1)*(r.Rot/2) > len(cos) {
			panic(fmt.Sprintf("kernels: rope at position %d with %d angles of %d", p, len(cos), r.Rot/2))
		}
	}
}

func checkStore(slots []Slot, k, v []float32, ld, kvHeads, dim int) {
	n := kvHeads * dim
	if kvHeads < 1 || dim < 1 || !fits(len(slots), n, ld, len(k)) || !fits(len(slots), n, ld, len(v)) {
		panic(fmt.Sprintf("kernels: store of %d rows, kvHeads=%d dim=%d ld=%d with k %d, v %d",
			len(slots), kvHeads, dim, ld, len(k), len(v)))
	}
	for i, s := range slots {
		if s.At < 0 || s.At >= PageSize || len(s.Page.K) != n*PageSize || len(s.Page.V) != n*PageSize {
			panic(fmt.Sprintf("kernels: store of row %d at %d of a page of %d keys, %d values",
				i, s.At, len(s.Page.K), len(s.Page.V)))
		}
	}
}

func checkAttend(dst, q []float32, ld int, rows []Query, a Attention) {
	width := a.Heads * a.Dim
	if a.KVHeads < 1 || a.Heads < 1 || a.Heads%a.KVHeads != 0 || a.Dim < 1 || len(dst) != len(rows)*width ||
		!fits(len(rows), width, ld, len(q)) || a.Cap < 0 || a.Slopes != nil && len(a.Slopes) != a.Heads {
		panic(fmt.Sprintf("kernels: attend of %d rows, heads=%d kvHeads=%d dim=%d ld=%d with dst %d, q %d, slopes %d",
			len(rows), a.Heads, a.KVHeads, a.Dim, ld, len(dst), len(q), len(a.Slopes)))
	}
	size := a.KVHeads * a.Dim * PageSize
	for i, r := range rows {
		if a.Biases != nil && r.To > len(a.Biases)/a.Heads {
			panic(fmt.Sprintf("kernels: attend of row %d to position %d with biases of %d", i, r.To, len(a.Biases)/a.Heads))
		}
		if r.From < 0 || r.From >= r.To || r.To > len(r.Pages)*PageSize {
			panic(fmt.Sprintf("kernels: attend row %d to positions %d to %d of %d pages", i, r.From, r.To, len(r.Pages)))
		}
		for j := r.From / PageSize; j*PageSize < r.To; j++ {
			if p := r.Pages[j]; len(p.K) != size || len(p.V) != size {
				panic(fmt.Sprintf("kernels: attend row %d page %d holds %d keys and %d values, not %d",
					i, j, len(p.K), len(p.V), size))
			}
		}
	}
}

func checkLogSumExp(x []float32) {
	if len(x) == 0 {
		panic("kernels: log-sum-exp or arg-max of nothing")
	}
}

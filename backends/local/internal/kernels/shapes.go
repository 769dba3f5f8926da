package kernels

import "fmt"

// The checks that every set shares. A shape that does not fit is an error of the program, so they panic.

func checkLinear(dst, a []float32, m int, w Weight) {
	if m < 0 || w.N < 0 || w.K < 0 || len(dst) != m*w.N || len(a) != m*w.K || len(w.Data) != PackedLen(w.N, w.K) {
		panic(fmt.Sprintf("kernels: linear of m=%d n=%d k=%d with dst %d, a %d, packed %d",
			m, w.N, w.K, len(dst), len(a), len(w.Data)))
	}
}

func checkNorm(dst, x, weight []float32, m int) {
	if m < 0 || len(dst) != m*len(weight) || len(x) != len(dst) {
		panic(fmt.Sprintf("kernels: norm of m=%d n=%d with dst %d, x %d", m, len(weight), len(dst), len(x)))
	}
}

// checkSilu returns the row length n.
func checkSilu(dst, gateUp []float32, m int) int {
	if m < 0 || len(gateUp) != 2*len(dst) || (m == 0) != (len(dst) == 0) || m > 0 && len(dst)%m != 0 {
		panic(fmt.Sprintf("kernels: silu of m=%d with dst %d, gateUp %d", m, len(dst), len(gateUp)))
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

func checkRope(x, cos, sin []float32, m, heads, dim int) {
	if m < 0 || heads < 0 || dim < 0 || dim%2 != 0 ||
		len(x) != m*heads*dim || len(cos) != m*dim/2 || len(sin) != m*dim/2 {
		panic(fmt.Sprintf("kernels: rope of m=%d heads=%d dim=%d with x %d, cos %d, sin %d",
			m, heads, dim, len(x), len(cos), len(sin)))
	}
}

func checkAttend(dst, q []float32, heads, kvHeads, dim int, pages []Page, n int) {
	if kvHeads < 1 || heads < 1 || heads%kvHeads != 0 || dim < 1 || n < 1 || n > len(pages)*PageSize ||
		len(dst) != heads*dim || len(q) != heads*dim {
		panic(fmt.Sprintf("kernels: attend of heads=%d kvHeads=%d dim=%d n=%d with dst %d, q %d, pages %d",
			heads, kvHeads, dim, n, len(dst), len(q), len(pages)))
	}
	size := kvHeads * dim * PageSize
	for i := 0; i*PageSize < n; i++ {
		if p := pages[i]; len(p.K) != size || len(p.V) != size {
			panic(fmt.Sprintf("kernels: attend page %d holds %d keys and %d values, not %d", i, len(p.K), len(p.V), size))
		}
	}
}

func checkLogSumExp(x []float32) {
	if len(x) == 0 {
		panic("kernels: log-sum-exp of nothing")
	}
}

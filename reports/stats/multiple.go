package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm adjusts p-values so that rejecting those at most α errs at all with probability at most α, under any
// dependence: with p sorted, p̃(i) = max over j ≤ i of min(1, (m-j+1) p(j)).
//
// Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scand. J. Statist. 6 (1979) 65–70. The
// result is in the order of p, which is not changed. A NaN is no test: it stays NaN and is not counted.
func Holm(p []float64) []float64 {
	out, order := ascending(p)
	running := 0.0
	for rank, i := range order {
		running = max(running, min(1, float64(len(order)-rank)*p[i]))
		out[i] = running
	}
	return out
}

// BenjaminiHochberg adjusts p-values so that among those at most α the expected share of false ones is at
// most α, for independent or positively dependent tests: p̃(i) = min over j ≥ i of min(1, m p(j) / j).
//
// Benjamini and Hochberg, Controlling the False Discovery Rate, J. R. Statist. Soc. B 57 (1995) 289–300. The
// result is in the order of p, which is not changed. A NaN is no test: it stays NaN and is not counted.
func BenjaminiHochberg(p []float64) []float64 {
	out, order := ascending(p)
	running := 1.0
	for rank := len(order) - 1; rank >= 0; rank-- {
		i := order[rank]
		running = min(running, p[i]*float64(len(order))/float64(rank+1))
		out[i] = running
	}
	return out
}

// ascending gives a result slice that is NaN throughout and the indices of the numbers in p by rising value.
func ascending(p []float64) (out []float64, order []int) {
	out = make([]float64, len(p))
	for i, v := range p {
		out[i] = math.NaN()
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	return out, order
}

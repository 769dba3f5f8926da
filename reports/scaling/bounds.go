package scaling

import "gonum.org/v1/gonum/mathext"

// exactBounds is the Clopper-Pearson interval of k of n at confidence 1-alpha; see stats.ClopperPearson,
// which adds the warnings that a loop over replicates has no use for.
func exactBounds(k, n, alpha float64) (lo, hi float64) {
	hi = 1
	if k > 0 {
		lo = mathext.InvRegIncBeta(k, n-k+1, alpha/2)
	}
	if k < n {
		hi = mathext.InvRegIncBeta(k+1, n-k, 1-alpha/2)
	}
	return lo, hi
}

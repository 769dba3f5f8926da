package kernels

// peakFlops measures the set's multiply-adds, twice each, a second on one core; 0 is unknown.
func peakFlops(s Set) float64 {
	const n = 100000
	switch s.Name() {
	case "avx2":
		return bestRate(n*12*8*2, func() { peakavx2(n) })
	case "avx512":
		return bestRate(n*12*16*2, func() { peakavx512(n) })
	}
	return 0
}

package kernels

import "math"

// fma is a·b + c rounded once to float32, on any machine. The product is exact in float64 and the sum s is
// rounded there, so rounding s again is right unless s lies halfway between two float32, where the part that
// s lost decides: Boldo and Melquiond 2008, "Emulation of a FMA and correctly rounded sums".
func fma(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	// Above float32's subnormals, halfway is the bit pattern 1000… below the 24 leading bits.
	if math.Float64bits(s)<<35 == 1<<63 || math.Abs(s) < 0x1p-126 {
		return roundOdd(p, float64(c), s)
	}
	return float32(s)
}

// roundOdd gives p + c rounded once, from the exact p and c and their rounded sum s: it moves s to the
// neighbour with an odd last bit if s is inexact, and such a number rounds to float32 as the exact sum does.
func roundOdd(p, c, s float64) float32 {
	// Knuth's two-sum: err is exactly p + c - s.
	back := s - p
	err := (p - (s - back)) + (c - back)
	bits := math.Float64bits(s)
	if err != 0 && bits&1 == 0 && !math.IsInf(s, 0) && !math.IsNaN(s) {
		if (err > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

package kernels

import "math"

// The constants of exp, which every set's code uses in the same order: n = x·log₂e to the nearest integer,
// r = x - n·ln2 in two parts, eʳ = 1 + r + r²·q(r) with q of degree 4 interpolating (eʳ-1-r)/r² at the
// Chebyshev nodes of ±ln2/2 (its relative error is 1.1e-8, a sixth of half an ulp), and 2ⁿ in two factors,
// since 2¹²⁸ is no float32.
const (
	expMax   = 89
	expMin   = -87.33654 // the least whose result is not subnormal
	expMagic = 0x1.8p23  // adding it rounds to an integer, which then sits in the low bits
	expLog2e = 0x1.715476p+0
	expLn2Hi = 0x1.62e43p-1
	expLn2Lo = -1.9046542121259336e-09
	expC2    = 0.5
	expC3    = 0.16666576266288757
	expC4    = 0.041666463017463684
	expC5    = 0.008363205008208752
	expC6    = 0.001393368816934526
)

// exp is eˣ within 1 ulp (0.91 at most over the 6.5 million numbers of TestExpError), 0 below expMin, where
// subnormal results would cost a hundred cycles, and +Inf above 88.73.
func exp(x float32) float32 {
	if x > expMax {
		x = expMax
	}
	if x < expMin {
		return 0
	}
	t := fma(x, expLog2e, expMagic)
	n := t - expMagic
	r := fma(n, -expLn2Hi, x)
	r = fma(n, -expLn2Lo, r)
	y := fma(expC6, r, expC5)
	y = fma(y, r, expC4)
	y = fma(y, r, expC3)
	y = fma(y, r, expC2)
	y = fma(y, r, 1)
	y = fma(y, r, 1)
	e := int32(math.Float32bits(t) - math.Float32bits(expMagic))
	half := e >> 1
	return float32(y*pow2(half)) * pow2(e-half)
}

// pow2 is 2ᵉ for -126 ≤ e ≤ 127; other e (reached only from NaN) give some float.
func pow2(e int32) float32 { return math.Float32frombits(uint32(e+127) << 23) }

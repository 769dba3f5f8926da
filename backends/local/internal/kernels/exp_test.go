package kernels

import (
	"math"
	"testing"
)

// exp against math.Exp at every 97th float32 in the range where the result is normal.
func TestExpError(t *testing.T) {
	var worst float64
	var at float32
	count := 0
	for _, sign := range []uint32{0, 1 << 31} {
		for bits := uint32(0x30000000); bits < 0x42b00000; bits += 97 { // 5e-10 to 88
			x := math.Float32frombits(bits | sign)
			if x < -87 {
				break
			}
			want := math.Exp(float64(x))
			ulp := math.Ldexp(1, math.Ilogb(want)-23)
			if e := math.Abs(float64(exp(x))-want) / ulp; e > worst {
				worst, at = e, x
			}
			count++
		}
	}
	t.Logf("%d numbers, largest error %.3f ulp at %g", count, worst, at)
	if count < 1e6 || worst > expUlp {
		t.Errorf("%d numbers, error %.3f ulp at %g, want at most %g", count, worst, at, expUlp)
	}
}

// expUlp is the bound that exp's comment states.
const expUlp = 1.0

func TestExpEnds(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct{ x, want float32 }{
		{0, 1}, {-inf, 0}, {inf, inf}, {-87.33655, 0}, {-1000, 0}, {89, inf}, {1000, inf},
		{-87.33654, 0x1.00004cp-126}, // math.Exp(-87.33654022) = 1.0000045·2⁻¹²⁶
	} {
		if got := exp(c.x); got != c.want {
			t.Errorf("exp(%g) = %g, want %g", c.x, got, c.want)
		}
	}
	if got := exp(nan32()); got == got {
		t.Errorf("exp(NaN) = %g", got)
	}
}

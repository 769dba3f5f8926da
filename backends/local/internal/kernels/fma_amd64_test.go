package kernels

import (
	"math"
	"testing"
)

// The emulation against the machine's instruction on random bit patterns, half of them near each other's size.
func TestFMAMatchesTheMachine(t *testing.T) {
	if _, err := ByName("avx2"); err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	const n, rounds = 4096, 2000
	r := newRand(2)
	a, b, c, want := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for round := range rounds {
		for i := range n {
			a[i], b[i] = math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32())
			c[i] = math.Float32frombits(r.Uint32())
			if round%2 == 0 {
				e := math.Ilogb(float64(a[i]) * float64(b[i]))
				if e > -200 && e < 200 {
					c[i] = float32(math.Ldexp(1+r.Float64(), e+r.IntN(64)-32))
				}
			}
		}
		fmaAVX2(&want[0], &a[0], &b[0], &c[0], n)
		for i := range n {
			got := fma(a[i], b[i], c[i])
			if math.Float32bits(got) != math.Float32bits(want[i]) && (got == got || want[i] == want[i]) {
				t.Fatalf("fma(%x, %x, %x) = %x, the machine has %x", a[i], b[i], c[i], got, want[i])
			}
		}
	}
}

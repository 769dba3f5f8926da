package kernels

import (
	"fmt"
	"math"
	"testing"
)

// The emulation of VDPBF16PS in portable code and in AVX2 against the instruction, on pairs whose sums come to be
// subnormal or nearly so, and on any other bits.
func TestRoundedMatchesTheInstruction(t *testing.T) {
	sets := All()
	const n, k, rounds = 32, 2, 3000
	r := newRand(5)
	flushed := 0
	for round := range rounds {
		w := NewWeight(n, k, BF16)
		halves := make([]uint16, n*k)
		a := make([]float32, k)
		for i := range halves {
			halves[i] = uint16(r.Uint32())
			if round%2 == 0 { // exponents that add to about -126
				halves[i] = uint16(r.Uint32N(2))<<15 | uint16(60+r.Uint32N(6))<<7 | uint16(r.Uint32N(128))
			}
		}
		for i := range a {
			a[i] = FromBF16(uint16(r.Uint32()))
			if round%2 == 0 {
				a[i] = FromBF16(uint16(r.Uint32N(2))<<15 | uint16(60+r.Uint32N(6))<<7 | uint16(r.Uint32N(128)))
			}
		}
		w.SetHalfRows(0, halves, BF16)
		want, got := make([]float32, n), make([]float32, n)
		RoundBF16(sets[0]).Linear(want, a, 1, w)
		for _, x := range want {
			if x == 0 {
				flushed++
			}
		}
		for _, s := range sets[1:] {
			RoundBF16(s).Linear(got, a, 1, w)
			sameBits(t, got, want)
		}
	}
	if flushed < rounds {
		t.Errorf("only %d results were flushed", flushed)
	}
	if len(sets) < 3 || !hasDot(sets[len(sets)-1]) {
		t.Log("NOT RUN against the instruction: this machine lacks it")
	}
}

// Rounding the inputs costs what 8 bits cost and no more: against float64 of the rounded inputs it is as exact as float32.
func TestRoundedAgainstFloat64(t *testing.T) {
	const m, n, k = 7, 75, 700
	r := newRand(1)
	raw, a := ordinary.into(r, make([]float32, n*k)), ordinary.into(r, make([]float32, m*k))
	w := NewWeight(n, k, BF16)
	w.SetRows(0, raw)
	eachSet(t, func(t *testing.T, s Set) {
		dst := make([]float32, m*n)
		RoundBF16(s).Linear(dst, a, m, w)
		for i := range m {
			for j := range n {
				var want, size float64
				for d := range k {
					p := float64(FromBF16(ToBF16(a[i*k+d]))) * float64(FromBF16(ToBF16(raw[j*k+d])))
					want += p
					size += math.Abs(p)
				}
				near(t, fmt.Sprintf("(%d,%d)", i, j), dst[i*n+j], want, 2*math.Sqrt(float64(k))*half*size)
			}
		}
	})
}

func TestRoundedNames(t *testing.T) {
	for _, s := range All() {
		if got := RoundBF16(s).Name(); got != s.Name()+"+bf16" {
			t.Errorf("%s", got)
		}
	}
}

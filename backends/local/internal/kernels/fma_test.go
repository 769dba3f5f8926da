package kernels

import (
	"math"
	"math/big"
	"testing"
)

// exactFMA is a·b + c by big arithmetic, for finite operands whose result is not zero.
func exactFMA(a, b, c float32) float32 {
	x := func(v float32) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(float64(v)) }
	p := x(0).Mul(x(a), x(b))
	f, _ := p.Add(p, x(c)).Float32()
	return f
}

func TestFMARoundsOnce(t *testing.T) {
	up := func(x float64) float32 { return float32(x) }
	for name, v := range map[string][3]float32{
		"halfway and a little more": {1 + 0x1p-12, 1 + 0x1p-12, up(0x1p-70)},
		"halfway and a little less": {1 + 0x1p-12, 1 + 0x1p-12, up(-0x1p-70)},
		"even below, more":          {1 + 0x1p-12, 1 - 0x1p-12, up(1 + 0x1p-100)},
		"product below half an ulp": {0x1p-30, 0x1p-30, 1 + 0x1p-23},
		"half an ulp and a tail":    {0x1.000002p-12, 0x1.000002p-12, 1},
		"half an ulp less a tail":   {0x1.fffffep-13, 0x1.fffffep-13, 1 + 0x1p-23},
		"tie made by a tiny sum":    {0x1p-24, 1, up(1)},
		"negative":                  {-0x1p-12, 0x1.000002p-12, -1},
		"subnormal halfway":         {0x1p-75, 0x1p-75, 0x1p-149},
		"subnormal above halfway":   {0x1.000002p-75, 0x1p-75, 0x1p-149},
		"subnormal less a tail":     {0x1.000002p-75, 0x1.fffffcp-76, 0x1.000004p-127},
		"largest":                   {0x1.fffffep127, 1, 0x1p103},
		"just below overflow":       {0x1.fffffep127, 1, 0x1.fffffep102},
		"cancellation":              {0x1.000002p0, 0x1.000002p0, -0x1.000004p0},
	} {
		if got, want := fma(v[0], v[1], v[2]), exactFMA(v[0], v[1], v[2]); got != want {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
	}
	if got := fma(1, float32(math.Copysign(0, -1)), 0); math.Signbit(float64(got)) {
		t.Error("0 - 0 is negative")
	}
}

// Operands made so that the sum falls on or beside halfway points, against big arithmetic.
func TestFMANearTies(t *testing.T) {
	r := newRand(1)
	slow := 0
	for range 200000 {
		a := math.Float32frombits(0x3f800000 | r.Uint32N(1<<23)&^(1<<r.UintN(23)-1))
		b := math.Float32frombits(0x3f800000 | r.Uint32N(1<<23)&^(1<<r.UintN(23)-1))
		c := float32(math.Ldexp(float64(1+r.IntN(3)), r.IntN(120)-60))
		if r.IntN(2) == 0 {
			c = -c
		}
		want := exactFMA(a, b, c)
		if want == 0 {
			continue
		}
		if got := fma(a, b, c); got != want {
			t.Fatalf("fma(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
		if twice := float32(math.FMA(float64(a), float64(b), float64(c))); twice != want {
			slow++
		}
	}
	if slow == 0 {
		t.Error("no case rounds twice, so the test shows nothing")
	}
}

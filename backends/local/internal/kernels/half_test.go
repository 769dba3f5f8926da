package kernels

import (
	"math"
	"math/big"
	"testing"
)

// Every 16-bit pattern comes back from float32.
func TestHalvesRoundTrip(t *testing.T) {
	for _, typ := range []DType{BF16, F16} {
		for i := range 1 << 16 {
			x := uint16(i)
			v := typ.widen(x)
			got := typ.narrow(v)
			if v != v {
				if back := typ.widen(got); back == back {
					t.Fatalf("%s %04x is NaN and %04x is not", typ, x, got)
				}
				continue
			}
			if got != x {
				t.Fatalf("%s %04x is %g, which is %04x", typ, x, v, got)
			}
		}
	}
}

// F16 by the definition of binary16: sign, 5 bits of exponent with bias 15, 10 of fraction.
func TestFromF16(t *testing.T) {
	for i := range 1 << 15 {
		e, frac := i>>10, float64(i&0x3ff)
		want := math.Ldexp(1+frac/1024, e-15)
		switch {
		case e == 0:
			want = math.Ldexp(frac, -24)
		case e == 31 && frac == 0:
			want = math.Inf(1)
		case e == 31:
			continue
		}
		if got := float64(FromF16(uint16(i))); got != want {
			t.Fatalf("%04x is %g, want %g", i, got, want)
		}
		if got := float64(FromF16(uint16(i) | 0x8000)); got != -want {
			t.Fatalf("%04x is %g, want %g", i|0x8000, got, -want)
		}
	}
}

// Rounding goes to the nearest, to the even of two: between neighbours, their middle and what is beside it.
func TestHalvesRoundToNearestEven(t *testing.T) {
	for _, typ := range []DType{BF16, F16} {
		largest := map[DType]int{BF16: 0x7f7f, F16: 0x7bff}[typ]
		for i := range largest {
			low, high := typ.widen(uint16(i)), typ.widen(uint16(i+1))
			middle, exact := new(big.Float).Quo(new(big.Float).Add(big.NewFloat(float64(low)), big.NewFloat(float64(high))), big.NewFloat(2)).Float32()
			if exact != big.Exact {
				t.Fatalf("%s: the middle of %g and %g is no float32", typ, low, high)
			}
			even := uint16(i + i&1)
			below, above := math.Nextafter32(middle, 0), math.Nextafter32(middle, float32(math.Inf(1)))
			for x, want := range map[float32]uint16{middle: even, below: uint16(i), above: uint16(i + 1)} {
				if got := typ.narrow(x); got != want {
					t.Fatalf("%s of %x is %04x, want %04x", typ, x, got, want)
				}
				if got := typ.narrow(-x); got != want|0x8000 {
					t.Fatalf("%s of %x is %04x, want %04x", typ, -x, got, want|0x8000)
				}
			}
		}
	}
	for x, want := range map[float32]uint16{65519.996: 0x7bff, 65520: 0x7c00, math.MaxFloat32: 0x7c00, float32(math.Inf(-1)): 0xfc00} {
		if got := ToF16(x); got != want {
			t.Errorf("f16 of %g is %04x, want %04x", x, got, want)
		}
	}
	if got := ToBF16(math.MaxFloat32); got != 0x7f80 {
		t.Errorf("bf16 of the largest is %04x", got)
	}
}

// What is packed comes back by Row, whatever rows it was written in.
func TestWeightKeepsRows(t *testing.T) {
	for typ := F32; typ <= F16; typ++ {
		for _, d := range [][2]int{{1, 1}, {33, 7}, {64, 8}, {70, 301}} {
			n, k := d[0], d[1]
			r := newRand(uint64(n))
			halves, floats := make([]uint16, n*k), make([]float32, n*k)
			for i := range floats {
				halves[i] = uint16(r.IntN(0x7b00))
				floats[i] = F16.widen(halves[i])
				if typ == BF16 {
					floats[i] = BF16.widen(halves[i])
				}
			}
			from := typ
			if typ == F32 {
				from = F16
			}
			byFloats, byHalves := NewWeight(n, k, typ), NewWeight(n, k, typ)
			for at := 0; at < n; at += 5 {
				end := min(at+5, n)
				byFloats.SetRows(at, floats[at*k:end*k])
				byHalves.SetHalfRows(at, halves[at*k:end*k], from)
			}
			row := make([]float32, k)
			for i := range n {
				for _, w := range []Weight{byFloats, byHalves} {
					w.Row(row, i)
					sameBits(t, row, floats[i*k:(i+1)*k])
				}
			}
			other := BF16
			if typ == BF16 {
				other = F16
			}
			one := NewWeight(1, 2, typ)
			one.SetHalfRows(0, []uint16{other.narrow(1.5), other.narrow(-2)}, other)
			two := make([]float32, 2)
			one.Row(two, 0)
			sameBits(t, two, []float32{1.5, -2})
		}
	}
}

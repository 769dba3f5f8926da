package kernels

import (
	"math"
	"math/big"
	"testing"
)

// exactActivation is f(x) in float64, from functions that keep its relative accuracy where a difference would cancel.
func exactActivation(f Activation, x float64) float64 {
	switch f {
	case Silu:
		return x / (1 + math.Exp(-x))
	case GeluTanh:
		return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case GeluErf:
		return x * math.Erfc(-x/math.Sqrt2) / 2
	case Relu:
		return max(x, 0)
	case QuickGelu:
		return x / (1 + math.Exp(-1.702*x))
	case ReluSquared:
		return max(x, 0) * max(x, 0)
	}
	return math.Tanh(x)
}

// sweep calls see for floats of both signs from 2⁻⁶⁰ to limit, every step-th bit pattern, and counts them.
func sweep(limit float32, step uint32, see func(x float32)) (count int) {
	for bits := math.Float32bits(0x1p-60); bits < math.Float32bits(limit); bits += step {
		x := math.Float32frombits(bits)
		see(x)
		see(-x)
		count += 2
	}
	return count
}

// The activations against float64: relative to the result, in units of 2⁻²⁴, at arguments where their tails are not
// yet far below what single precision resolves beside them.
func TestActivationError(t *testing.T) {
	for f, bound := range map[Activation]struct{ limit, most float64 }{
		Silu: {80, 3}, GeluTanh: {4, 20}, GeluErf: {5.5, 28}, Relu: {1e30, 0}, QuickGelu: {40, 80}, ReluSquared: {1e15, 1}, Tanh: {100, 3},
	} {
		t.Run(f.String(), func(t *testing.T) {
			var worst float64
			var at float32
			call := f.function()
			n := sweep(float32(bound.limit), 397, func(x float32) {
				want := exactActivation(f, float64(x))
				if want == 0 && call(x) == 0 {
					return
				}
				if e := math.Abs(float64(call(x))-want) / math.Abs(want) / half; e > worst || e != e {
					worst, at = e, x
				}
			})
			t.Logf("%d numbers, largest error %.2f·2⁻²⁴ at %g", n, worst, at)
			if n < 1e6 || !(worst <= bound.most) {
				t.Errorf("%d numbers, error %.2f·2⁻²⁴ at %g, want at most %g", n, worst, at, bound.most)
			}
		})
	}
}

// Everywhere the gated units are within 2⁻²³ of the argument's size of the exact, the far tails included.
func TestActivationTails(t *testing.T) {
	for _, f := range []Activation{Silu, GeluTanh, GeluErf, QuickGelu} {
		call := f.function()
		n := sweep(1e8, 1997, func(x float32) {
			want := exactActivation(f, float64(x))
			if e := math.Abs(float64(call(x)) - want); !(e <= 2*half*max(math.Abs(want), math.Min(1, math.Abs(float64(x))))) {
				t.Fatalf("%s(%g) = %g, want %g", f, x, call(x), want)
			}
		})
		if n < 1e5 {
			t.Fatalf("%d numbers", n)
		}
	}
}

// tanh, and with it the soft cap, by big arithmetic where float64's own tanh might be in doubt: the series of sinh and cosh.
func TestTanhAgainstBig(t *testing.T) {
	for _, x := range []float32{1e-3, 0.1, 0.59999, 0.6, 0.60001, 1, 3, 8} {
		want, _ := bigTanh(x).Float64()
		near(t, "tanh", tanh(x), want, 1.5*2*half*want)
		near(t, "cap", softCap(x*30, 30, 1.0/30), 30*want, 4*2*half*30*want)
	}
}

func bigTanh(x float32) *big.Float {
	value := func(v float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(v) }
	sinh, cosh, term := value(0), value(0), value(1)
	for i := 1; i < 200; i++ {
		if i%2 == 1 {
			cosh.Add(cosh, term)
		} else {
			sinh.Add(sinh, term)
		}
		term.Mul(term, value(float64(x)))
		term.Quo(term, value(float64(i)))
	}
	return sinh.Quo(sinh, cosh)
}

func TestActivationEnds(t *testing.T) {
	inf := float32(math.Inf(1))
	negZero := float32(math.Copysign(0, -1))
	eachSet(t, func(t *testing.T, s Set) {
		for f := range activations {
			x := []float32{0, negZero, inf, nan32()}
			s.Activate(x, f)
			want := []float32{0, negZero, inf, nan32()}
			switch f {
			case ReluSquared: // the sign of zero is lost
				want[1] = 0
			case Tanh:
				want[1], want[2] = 0, 1
			}
			sameBits(t, x, want)
		}
	})
}

// log against math.Log, which is within an ulp.
func TestLogError(t *testing.T) {
	r := newRand(1)
	for range 100000 {
		x := math.Ldexp(1+r.Float64(), r.IntN(60)-20)
		want := math.Log(x)
		if e := math.Abs(log(x) - want); e > 4e-16*math.Max(1, math.Abs(want)) {
			t.Fatalf("log(%g) = %.17g, want %.17g", x, log(x), want)
		}
	}
	if log(1) != 0 || !math.IsNaN(log(math.NaN())) {
		t.Errorf("log(1) = %g, log(NaN) = %g", log(1), log(math.NaN()))
	}
}

// LogSumExp in blocks: against float64 on numbers spread so that early blocks matter and not.
func TestLogSumExpMergesBlocks(t *testing.T) {
	for _, slope := range []float64{0, 0.01, -0.01, 1, -1} {
		x := make([]float32, 5*LogBlock+3)
		var sum float64
		for i := range x {
			x[i] = float32(slope * float64(i-len(x)/2))
			sum += math.Exp(float64(x[i]) - math.Abs(slope)*float64(len(x)/2))
		}
		want := math.Abs(slope)*float64(len(x)/2) + math.Log(sum)
		eachSet(t, func(t *testing.T, s Set) {
			near(t, "log-sum-exp", s.LogSumExp(x), want, 4*half*math.Max(1, math.Abs(want)))
		})
	}
}

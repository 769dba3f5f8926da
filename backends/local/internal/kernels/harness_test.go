package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// fast are the names of the sets that must equal the portable one.
var fast = []string{"avx2", "avx512"}

// eachFast runs f on every fast set, skipping those that this machine cannot run.
func eachFast(t *testing.T, f func(t *testing.T, s Set)) {
	for _, name := range fast {
		t.Run(name, func(t *testing.T) {
			s, err := ByName(name)
			if err != nil {
				t.Skipf("NOT RUN: %v", err)
			}
			f(t, s)
		})
	}
}

// An arena makes buffers and says afterwards whether something was written beside them.
type arena struct {
	make  func(t *testing.T, n int) []float32
	check func(t *testing.T)
}

const canary = float32(-1.234e33)

// canaries surrounds every buffer with numbers that must survive.
func canaries() arena {
	var all [][]float32
	return arena{
		make: func(_ *testing.T, n int) []float32 {
			buf := make([]float32, n+64)
			for i := range buf {
				buf[i] = canary
			}
			all = append(all, buf)
			clear(buf[32 : 32+n])
			return buf[32 : 32+n : 32+n]
		},
		check: func(t *testing.T) {
			t.Helper()
			for _, buf := range all {
				for i := range 32 {
					if buf[i] != canary || buf[len(buf)-1-i] != canary {
						t.Fatalf("a buffer of %d was written outside", len(buf)-64)
					}
				}
			}
		},
	}
}

func plain() arena {
	return arena{
		make:  func(_ *testing.T, n int) []float32 { return make([]float32, n) },
		check: func(*testing.T) {},
	}
}

// A fill is a kind of input.
type fill string

const (
	ordinary fill = "ordinary" // normal deviates
	extreme  fill = "extreme"  // subnormals, zeros of both signs, large and tiny numbers
	special  fill = "special"  // the same with infinities and NaN
)

func (f fill) into(r *rand.Rand, x []float32) []float32 {
	for i := range x {
		x[i] = float32(r.NormFloat64())
		if f == ordinary {
			continue
		}
		switch r.IntN(8) {
		case 0:
			x[i] = math.Float32frombits(r.Uint32N(1<<23) | r.Uint32N(2)<<31)
		case 1:
			x[i] = math.Float32frombits(r.Uint32N(2) << 31)
		case 2:
			x[i] *= 1e18
		case 3:
			x[i] *= 1e-22
		case 4:
			x[i] *= 60
		}
		if f == special && r.IntN(32) == 0 {
			x[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}[r.IntN(3)]
		}
	}
	return x
}

// sameBits fails unless got and want agree bit for bit, any NaN being equal to any other.
func sameBits(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d results against %d", len(got), len(want))
	}
	for i := range got {
		g, w := math.Float32bits(got[i]), math.Float32bits(want[i])
		if g != w && !(got[i] != got[i] && want[i] != want[i]) {
			t.Fatalf("result %d of %d: %g (%08x), the portable set has %g (%08x)", i, len(got), got[i], g, want[i], w)
		}
	}
}

// near fails unless got is within tol of want.
func near(t *testing.T, what string, got float32, want, tol float64) {
	t.Helper()
	if d := math.Abs(float64(got) - want); !(d <= tol) {
		t.Fatalf("%s: %g, want %g within %g", what, got, want, tol)
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// An op is one call of one kernel: it makes its operands in the arena and returns the result.
type op struct {
	name string
	run  func(t *testing.T, s Set, mem arena, f fill) []float32
}

// ops is every kernel at sizes around its tiles, vectors and pages.
func ops() []op {
	var all []op
	add := func(name string, run func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32) {
		seed := uint64(len(all))
		all = append(all, op{name, func(t *testing.T, s Set, mem arena, f fill) []float32 {
			return run(t, s, mem, newRand(seed), f)
		}})
	}
	for _, k := range []int{1, 2, 7, 33, 255, 256, 257, 520} {
		for _, n := range []int{1, 31, 32, 33, 64, 65, 97, 160, 200} {
			for m := 1; m <= 13; m++ {
				if k > 33 && n > 64 && m%4 != 1 {
					continue
				}
				add(fmt.Sprintf("linear/m%d,n%d,k%d", m, n, k), linearOp(m, n, k))
			}
		}
	}
	for _, m := range []int{24, 25, 50, 131} {
		add(fmt.Sprintf("linear/m%d", m), linearOp(m, 40, 30))
	}
	for n := 1; n <= 70; n++ {
		add(fmt.Sprintf("norm/%d", n), normOp(n))
		add(fmt.Sprintf("silu/%d", n), siluOp(n))
		add(fmt.Sprintf("add/%d", n), addOp(n))
		add(fmt.Sprintf("logsumexp/%d", n), logSumExpOp(n))
		add(fmt.Sprintf("rope/%d", 2*n), ropeOp(2*n))
	}
	for _, dim := range []int{1, 7, 8, 16, 24, 25, 32, 40, 64, 80, 127, 128, 200} {
		for _, n := range []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 40, 56, 57, 63, 64, 65, 100, 128, 129, 200} {
			add(fmt.Sprintf("attend/dim%d,n%d", dim, n), attendOp(4, 2, dim, n))
		}
	}
	add("attend/one head", attendOp(1, 1, 32, 77))
	add("attend/six on one", attendOp(6, 1, 32, 77))
	return all
}

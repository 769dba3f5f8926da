package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// fast are the names of the sets that must equal the portable one.
var fast = []string{"avx2", "avx512", "neon"}

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

// pools has numbers of each kind, from which operands are cut at random.
var pools = map[fill][]float32{
	ordinary: ordinary.pool(), extreme: extreme.pool(), special: special.pool(),
}

func (f fill) into(r *rand.Rand, x []float32) []float32 {
	for i := 0; i < len(x); {
		n := copy(x[i:], pools[f][r.IntN(len(pools[f])/2):])
		i += n
	}
	return x
}

func (f fill) pool() []float32 {
	r := newRand(99)
	x := make([]float32, 1<<16)
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
	add := func(name string, run runOp) {
		seed := uint64(len(all))
		all = append(all, op{name, func(t *testing.T, s Set, mem arena, f fill) []float32 {
			return run(t, s, mem, newRand(seed), f)
		}})
	}
	addLinears(add)
	addElementwise(add)
	addAttends(add)
	return all
}

func addLinears(add func(string, runOp)) {
	for _, k := range []int{1, 2, 7, 33, 255, 256, 257, 520} {
		for _, n := range []int{1, 31, 32, 33, 64, 65, 97, 160, 200, 290} {
			for m := 1; m <= 13; m++ {
				for typ := F32; typ <= F16; typ++ {
					if k > 33 && (n > 64 || k > 257) && (m+int(typ)+n)%4 != 1 {
						continue
					}
					name := fmt.Sprintf("linear/%s,m%d,n%d,k%d", typ, m, n, k)
					add(name, linearOp(m, n, k, typ, (m+n+k)%2 == 0))
				}
			}
		}
	}
	for _, k := range []int{1, 2, 7, 33, 255, 256, 257, 520} {
		for _, n := range []int{1, 32, 33, 65, 160, 290} {
			for m := 1; m <= 13; m++ {
				if k <= 33 || (m+n)%4 == 1 {
					add(fmt.Sprintf("rounded/m%d,n%d,k%d", m, n, k), roundedOp(linearOp(m, n, k, BF16, (m+n+k)%2 == 0)))
				}
			}
		}
	}
	add("rounded/f16", roundedOp(linearOp(5, 70, 40, F16, true)))
	add("rounded/m131", roundedOp(linearOp(131, 40, 30, BF16, true)))
	add("rounded/logprobs", roundedOp(logProbsOp(9, 600, 40, BF16, Logits{})))
	for _, m := range []int{24, 25, 50, 131} {
		for typ := F32; typ <= F16; typ++ {
			add(fmt.Sprintf("linear/%s,m%d", typ, m), linearOp(m, 40, 30, typ, m%2 == 0))
		}
	}
	for i, n := range []int{1, 33, 511, 512, 513, 1100} {
		for m := 1; m <= 14; m++ {
			typ := DType((m + i) % 3)
			l := []Logits{{}, {Scale: 0.7}, {Cap: 30}, {Scale: 2, Cap: 5}}[m%4]
			add(fmt.Sprintf("logprobs/%s,m%d,n%d", typ, m, n), logProbsOp(m, n, 7+m, typ, l))
		}
	}
}

func addElementwise(add func(string, runOp)) {
	for n := 1; n <= 70; n++ {
		for i := range 16 {
			layer, weight, bias, inPlace := i&1 > 0, i&2 > 0, i&4 > 0, i&8 > 0
			if bias && !layer {
				continue
			}
			add(fmt.Sprintf("norm/%d/%d", n, i), normOp(n, layer, weight, bias, inPlace))
		}
		for f := range activations {
			add(fmt.Sprintf("activate/%s/%d", f, n), activateOp(n, f))
			add(fmt.Sprintf("gate/%s/%d", f, n), gateOp(3, n, f))
		}
	}
	for _, n := range []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 100, 511, 512, 513, 600, 1025, 1500} {
		for _, name := range []string{"add", "bias", "scale", "cap", "logsumexp", "argmax"} {
			add(fmt.Sprintf("%s/%d", name, n), plainOp(n, name))
		}
	}
	for half := 1; half <= 70; half++ {
		rot := Rotary{Dim: 2 * half, Rot: 2 * half}
		if half%3 == 0 {
			rot.Dim += half
		}
		add(fmt.Sprintf("rope/%d", half), ropeOp(3, 2, half%4, rot))
		rot.Interleaved = true
		add(fmt.Sprintf("rope/interleaved%d", half), ropeOp(3, 2, half%4, rot))
	}
	for _, dim := range []int{1, 5, 16, 64, 80} {
		for _, m := range []int{1, 2, 3, 15, 16, 17, 65, 100, 128} {
			add(fmt.Sprintf("store/dim%d,m%d", dim, m), storeOp(m, 2, dim))
		}
	}
}

func addAttends(add func(string, runOp)) {
	attend := func(c attendCase) { add("attend/"+c.String(), attendOp(c)) }
	four := func(dim int) Attention { return Attention{Heads: 4, KVHeads: 2, Dim: dim} }
	for _, dim := range []int{1, 7, 8, 16, 24, 25, 32, 40, 64, 80, 96, 127, 128, 200, 256} {
		for _, n := range []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 40, 56, 57, 63, 64, 65, 100, 128, 129, 200} {
			attend(attendCase{Attention: four(dim), rows: 1, to: n})
		}
		for _, rows := range []int{2, 5, 12, 13, 30} {
			attend(attendCase{Attention: four(dim), rows: rows, to: 1, step: 1})
			attend(attendCase{Attention: four(dim), rows: rows, to: 60, step: 1})
			attend(attendCase{Attention: four(dim), rows: rows, to: 80})
		}
	}
	for _, heads := range [][2]int{{1, 1}, {6, 1}, {14, 2}, {12, 12}, {26, 2}} {
		a := Attention{Heads: heads[0], KVHeads: heads[1], Dim: 32}
		for _, rows := range []int{1, 3, 14} {
			attend(attendCase{Attention: a, rows: rows, to: 77, step: 1})
			attend(attendCase{Attention: a, rows: rows, to: 77, step: 13, slopes: true})
			attend(attendCase{Attention: a, rows: rows, to: 77, step: 13, shuffle: true})
			attend(attendCase{Attention: a, rows: rows, to: 77, step: 13, biases: true})
			attend(attendCase{Attention: a, rows: rows, to: 50, step: 3, window: 20, biases: true, slopes: true})
			a.Cap = 2
			attend(attendCase{Attention: a, rows: rows, to: 50, step: 3, window: 20})
			attend(attendCase{Attention: a, rows: rows, to: 150, step: 1, window: 70, slopes: true})
			a.Cap = 0
			attend(attendCase{Attention: a, rows: rows, to: 200, step: 1, window: 1})
			attend(attendCase{Attention: a, rows: rows, to: 128, step: 1, window: 64})
		}
		attend(attendCase{Attention: a, rows: 9, to: 100, step: 2, fork: 4})
		attend(attendCase{Attention: a, rows: 30, to: 100, step: 1, fork: 7, shuffle: true})
		attend(attendCase{Attention: a, rows: 70, to: 70})
	}
}

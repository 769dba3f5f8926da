//go:build cuda

package gpu_test

import (
	"cmp"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// capable is a device that says it had another capability, which chooses among the sampling kernels.
type capable struct {
	gpu.Device
	major, minor int
}

func (c capable) Info() gpu.Info {
	info := c.Device.Info()
	info.Major, info.Minor = c.major, c.minor
	return info
}

// draws draws a token from each row on the device, by the kernel of weights in double and by that of weights in float. It
// fails where they differ: these do in one draw of a million.
func draws(t *testing.T, logits [][]float32, rows []gpu.SampleRow, gap int) []int32 {
	t.Helper()
	ids := drawsBy(t, logits, rows, gap, capable{major: 9})
	for i, id := range drawsBy(t, logits, rows, gap, capable{major: 8, minor: 9}) {
		if id != ids[i] {
			t.Errorf("row %d, %+v: drew %d by weights in double, %d in float", i, rows[i], ids[i], id)
		}
	}
	return ids
}

func drawsBy(t *testing.T, logits [][]float32, rows []gpu.SampleRow, gap int, c capable) []int32 {
	t.Helper()
	r := newElemRig(t, gpu.F32)
	c.Device = r.dev
	var err error
	if r.ops, err = gpu.NewOps(c, gpu.F32); err != nil {
		t.Fatal(err)
	}
	vocab := len(logits[0])
	var all []float32
	for _, l := range logits {
		all = append(all, l...)
		all = append(all, slices.Repeat([]float32{1e30}, gap)...)
	}
	out := r.out(make([]float32, len(rows)), gpu.F32)
	r.ops.Sample(r.in(all, gpu.F32), vocab+gap, len(rows), vocab, r.put(gpu.PackSamples(nil, rows), 0, true), out)
	ids := r.getInts(out, len(rows))
	r.check()
	return ids
}

// exactDraw is what Sample is to give, by sorting and whole numbers: at the temperature, top-k, top-p, min-p, inversion.
func exactDraw(logits []float32, s gpu.SampleRow) int {
	type token struct {
		id     int
		logit  float32
		weight float64
		fixed  uint64
	}
	one := math.Ldexp(1, 63-len(big.NewInt(int64(len(logits))).Text(2)))
	var kept []token
	top, first := math.Inf(-1), 0
	for id, l := range logits {
		if float64(l) > top || l == float32(math.Inf(-1)) && len(kept) == 0 {
			top, first = float64(l), id
		}
		if l == l {
			kept = append(kept, token{id: id, logit: l})
		}
	}
	if s.Temperature == 0 || math.IsInf(top, 0) {
		if s.Temperature == 0 && math.IsInf(top, -1) {
			return 0
		}
		return first
	}
	slices.SortFunc(kept, func(a, b token) int { return cmp.Or(cmp.Compare(b.logit, a.logit), cmp.Compare(a.id, b.id)) })
	if s.TopK > 0 && s.TopK < len(kept) {
		kept = kept[:s.TopK]
	}
	total := new(big.Int)
	for i := range kept {
		if z := (float64(kept[i].logit) - top) / s.Temperature; z >= -40 {
			kept[i].weight = expNegative(z)
			kept[i].fixed = uint64(kept[i].weight*one + 0.5)
		}
		total.Add(total, new(big.Int).SetUint64(kept[i].fixed))
	}
	if s.TopP > 0 && s.TopP < 1 {
		sum, enough := new(big.Rat), new(big.Rat).Mul(new(big.Rat).SetInt(total), new(big.Rat).SetFloat64(s.TopP))
		for i := range kept {
			if sum.Add(sum, new(big.Rat).SetInt(new(big.Int).SetUint64(kept[i].fixed))); sum.Cmp(enough) >= 0 {
				kept = kept[:i+1]
				break
			}
		}
	}
	kept = slices.DeleteFunc(kept, func(c token) bool { return c.weight < s.MinP || c.fixed == 0 })
	slices.SortFunc(kept, func(a, b token) int { return cmp.Compare(a.id, b.id) })
	sum, at := new(big.Rat), new(big.Rat)
	for _, c := range kept {
		at.Add(at, new(big.Rat).SetInt(new(big.Int).SetUint64(c.fixed)))
	}
	at.Mul(at, new(big.Rat).SetFloat64(s.U))
	for _, c := range kept {
		if sum.Add(sum, new(big.Rat).SetInt(new(big.Int).SetUint64(c.fixed))); sum.Cmp(at) > 0 {
			return c.id
		}
	}
	panic("no token")
}

// expNegative is the CPU sampler's function of that name.
func expNegative(x float64) float64 {
	n := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(n*math.Ln2)
	sum := 1.0 / 362880
	for _, c := range [...]float64{1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1} {
		sum = float64(sum*r) + c
	}
	return math.Float64frombits(math.Float64bits(sum) + uint64(int64(n))<<52)
}

// randomSampling picks options, each of them in half of the cases.
func randomSampling(rng *rand.Rand, vocab int) gpu.SampleRow {
	s := gpu.SampleRow{Temperature: 0.1 + 2*rng.Float64(), U: rng.Float64()}
	if rng.IntN(2) == 0 {
		s.TopK = 1 + rng.IntN(vocab+2)
		if rng.IntN(2) == 0 {
			s.TopK = 1 + rng.IntN(min(vocab, 50))
		}
	}
	if rng.IntN(2) == 0 {
		s.TopP = 1 - rng.Float64()*rng.Float64()
	}
	if rng.IntN(2) == 0 {
		s.MinP = rng.Float64() * 0.2
	}
	return s
}

func TestSampleIsExact(t *testing.T) {
	for _, vocab := range []int{1, 2, 3, 31, 33, 127, 511, 513, 1000, 5003, 70001} {
		rng := elemRand(vocab)
		n := 40
		if vocab > 2000 {
			n = 12
		}
		var logits [][]float32
		var rows []gpu.SampleRow
		for range n {
			l := normal(rng, vocab, 0.1+6*rng.Float64())
			for i := range l {
				switch rng.IntN(6) {
				case 0, 1:
					l[i] = float32(int(l[i])) // ties, and zeros of both signs
				case 2:
					l[i] += float32(rng.IntN(2)) * 1e-6
				}
			}
			logits = append(logits, l)
			rows = append(rows, randomSampling(rng, vocab))
		}
		for i, got := range draws(t, logits, rows, rng.IntN(4)) {
			if want := exactDraw(logits[i], rows[i]); int(got) != want {
				t.Errorf("vocabulary %d, row %d, %+v: drew %d, want %d", vocab, i, rows[i], got, want)
			}
		}
	}
}

// Rows of numbers that are no ordinary logits.
func TestSampleSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cases := map[string]func(x []float32){
		"as it is":    func([]float32) {},
		"all NaN":     func(x []float32) { fill(x, nan) },
		"all -inf":    func(x []float32) { fill(x, -inf) },
		"-inf, a NaN": func(x []float32) { fill(x, -inf); x[0] = nan },
		"one inf":     func(x []float32) { x[len(x)/2] = inf },
		"two inf":     func(x []float32) { x[len(x)/3], x[len(x)-1] = inf, inf },
		"some NaN":    func(x []float32) { x[0], x[len(x)/2] = nan, nan },
		"mostly -inf": func(x []float32) { fill(x[:len(x)*2/3], -inf) },
		"all equal":   func(x []float32) { fill(x, -2.5) },
		"both zeros":  func(x []float32) { fill(x, 0); x[0] = float32(math.Copysign(0, -1)) },
		"huge":        func(x []float32) { x[0], x[len(x)-1] = 3.4e38, -3.4e38 },
		"subnormal":   func(x []float32) { fill(x, 1e-45); x[len(x)-1] = -1e-45 },
	}
	options := []gpu.SampleRow{
		{}, {Temperature: 1, U: 0.3}, {Temperature: 1, TopK: 4, U: 0.9}, {Temperature: 1, TopP: 0.4, U: 0.99},
		{Temperature: 0.7, TopK: 5, TopP: 0.5, MinP: 0.1, U: 0.5}, {Temperature: 1e-40, U: 0.5}, {Temperature: 1e40, U: 1 - 0x1p-53},
		{Temperature: 1, TopP: 1e-30, U: 0.999}, {Temperature: 1, MinP: 1, U: 0.999}, {Temperature: 2, TopP: 1 - 0x1p-53, U: 0},
	}
	for name, spoil := range cases {
		for _, vocab := range []int{1, 7, 40, 1300} {
			x := normal(elemRand(vocab), vocab, 3)
			spoil(x)
			logits := make([][]float32, len(options))
			for i := range logits {
				logits[i] = x
			}
			for i, got := range draws(t, logits, options, 0) {
				if want := exactDraw(x, options[i]); int(got) != want {
					t.Errorf("%s, vocabulary %d, %+v: drew %d, want %d", name, vocab, options[i], got, want)
				}
			}
		}
	}
}

// Frequencies of many draws are those of the softmax (chi-squared, 19 degrees of freedom: above 43.8 once in a thousand
// times), with U from a fixed source.
func TestSampleDistribution(t *testing.T) {
	const vocab, n, batch = 20, 4000, 500
	rng := elemRand(3)
	l := normal(rng, vocab, 1)
	var total float64
	for _, v := range l {
		total += math.Exp(float64(v) / 0.8)
	}
	count := make([]float64, vocab)
	for range n / batch {
		logits, rows := make([][]float32, batch), make([]gpu.SampleRow, batch)
		for i := range rows {
			logits[i], rows[i] = l, gpu.SampleRow{Temperature: 0.8, U: rng.Float64()}
		}
		for _, id := range draws(t, logits, rows, 0) {
			count[id]++
		}
	}
	chi := 0.0
	for id, v := range l {
		want := n * math.Exp(float64(v)/0.8) / total
		chi += (count[id] - want) * (count[id] - want) / want
	}
	if chi > 43.8 {
		t.Errorf("χ² = %.1f of 19 degrees of freedom: %v", chi, count)
	}
}

func TestSampleRowsAreIndependent(t *testing.T) {
	const n, vocab = 6, 997
	rng := elemRand(5)
	var logits [][]float32
	var rows []gpu.SampleRow
	for range n {
		logits, rows = append(logits, normal(rng, vocab, 2)), append(rows, randomSampling(rng, vocab))
	}
	all := draws(t, logits, rows, 3)
	for i := range n {
		if got := draws(t, logits[i:i+1], rows[i:i+1], 0)[0]; got != all[i] {
			t.Errorf("row %d alone draws %d, in a batch %d", i, got, all[i])
		}
	}
}

package local

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends"
)

// reference gives the tokens that options keep, with their probabilities, by sorting: temperature, top-k, top-p and
// min-p one after the other, with probabilities made to sum to one in between.
func reference(logits []float32, o backends.Sampling) map[int]float64 {
	type entry struct {
		id int
		p  float64
	}
	var all []entry
	top := float64(slices.Max(logits))
	for id, l := range logits {
		all = append(all, entry{id, math.Exp((float64(l) - top) / o.Temperature)})
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(b.p, a.p), cmp.Compare(a.id, b.id)) })
	normalize := func() {
		sum := 0.0
		for _, e := range all {
			sum += e.p
		}
		for i := range all {
			all[i].p /= sum
		}
	}
	if o.TopK > 0 && o.TopK < len(all) {
		all = all[:o.TopK]
	}
	normalize()
	if o.TopP > 0 && o.TopP < 1 {
		n, mass := 0, 0.0
		for n < len(all) && mass < o.TopP {
			mass += all[n].p
			n++
		}
		all = all[:n]
	}
	normalize()
	if o.MinP > 0 {
		n := 1
		for n < len(all) && all[n].p >= o.MinP*all[0].p {
			n++
		}
		all = all[:n]
	}
	normalize()
	kept := make(map[int]float64)
	for _, e := range all {
		kept[e.id] = e.p
	}
	return kept
}

func TestCandidatesAreThoseOfSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	cases := 0
	for range 3000 {
		logits := make([]float32, 1+rng.IntN(300))
		for i := range logits {
			logits[i] = float32(rng.NormFloat64() * 4)
			if rng.IntN(3) == 0 { // ties
				logits[i] = float32(int(logits[i]))
			}
		}
		o := backends.Sampling{Temperature: 0.2 + rng.Float64()*2}
		if rng.IntN(2) == 0 {
			o.TopK = 1 + rng.IntN(len(logits)+3)
		}
		if rng.IntN(2) == 0 {
			o.TopP = rng.Float64()
		}
		if rng.IntN(2) == 0 {
			o.MinP = rng.Float64() * rng.Float64()
		}
		s := &sampler{Sampling: o, drawing: new(drawing)}
		got := s.candidates(logits)
		total := 0.0
		for i, c := range got {
			total += c.weight
			if i > 0 && got[i-1].token >= c.token {
				t.Fatal("candidates are out of order")
			}
		}
		want := reference(logits, o)
		for _, c := range got {
			if diff := math.Abs(c.weight/total - want[c.token]); diff > 1e-10 {
				t.Fatalf("%+v of %d: token %d is drawn with %g, want %g", o, len(logits), c.token, c.weight/total, want[c.token])
			}
			delete(want, c.token)
			cases++
		}
		for id, p := range want {
			if p > 1e-12 {
				t.Fatalf("%+v of %d: token %d is left out, want %g", o, len(logits), id, p)
			}
		}
	}
	if cases == 0 {
		t.Error("nothing was compared")
	}
}

func TestDrawsFollowTheProbabilities(t *testing.T) {
	logits := []float32{0, 1, 2, -1, 1.5}
	o := backends.Sampling{Temperature: 0.8, TopP: 0.95}
	want := reference(logits, o)
	count := make(map[int]int)
	const n = 20000
	for draw := range n / 10 {
		s := newSampler(&backends.Request{Prompt: "p", Draw: draw, Sampling: o})
		for range 10 {
			count[s.next(logits, new(drawing))]++
		}
	}
	for id := range logits {
		p := want[id]
		if sd := math.Sqrt(p*(1-p)/n) + 1e-9; math.Abs(float64(count[id])/n-p) > 4.5*sd {
			t.Errorf("token %d is drawn %d times of %d, with probability %g", id, count[id], n, p)
		}
	}
}

func TestDegenerateLogits(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		logits []float32
		want   int
	}{{[]float32{1, inf, inf}, 1}, {[]float32{-inf, -inf}, 0}, {[]float32{nan, nan}, 0}, {[]float32{nan, 3}, 1}, {[]float32{-inf, 2, nan}, 1}} {
		for _, o := range []backends.Sampling{{Temperature: 1}, {Temperature: 1, TopK: 1}, {Temperature: 1, TopP: 0.5, MinP: 0.5}} {
			s := newSampler(&backends.Request{Sampling: o})
			if got := s.next(c.logits, new(drawing)); got != c.want {
				t.Errorf("of %v %d is drawn, want %d", c.logits, got, c.want)
			}
		}
	}
}

func TestExpNegative(t *testing.T) {
	for x := 0.0; x >= unlikely; x -= 0.00371 {
		if got, want := expNegative(x), math.Exp(x); math.Abs(got-want) > 1e-11*want {
			t.Fatalf("exp(%g) is %g, want %g", x, got, want)
		}
	}
}

// BenchmarkDraw draws tokens of a vocabulary of 151,936, as Qwen2's.
func BenchmarkDraw(b *testing.B) {
	rng := rand.New(rand.NewPCG(4, 2))
	for _, spread := range []float64{0.5, 3} {
		logits := make([]float32, 151936)
		for i := range logits {
			logits[i] = float32(rng.NormFloat64() * spread)
		}
		for name, o := range map[string]backends.Sampling{
			"plain": {Temperature: 1}, "top-k=50": {Temperature: 1, TopK: 50}, "top-p=0.95": {Temperature: 1, TopP: 0.95},
			"min-p=0.05": {Temperature: 1, MinP: 0.05}, "all": {Temperature: 0.7, TopK: 1000, TopP: 0.9, MinP: 0.01},
		} {
			b.Run(fmt.Sprintf("spread=%g/%s", spread, name), func(b *testing.B) {
				s, memory := newSampler(&backends.Request{Sampling: o}), new(drawing)
				for b.Loop() {
					s.next(logits, memory)
				}
			})
		}
	}
}

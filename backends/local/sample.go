package local

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/stream"
)

// sampler draws the tokens of one generation.
type sampler struct {
	backends.Sampling
	rng *rand.Rand // nil for greedy decoding
	*drawing
}

// drawing is memory for drawing a token, of the size of the vocabulary, which samplers share.
type drawing struct{ kept, work []candidate }

// candidate is a token that may be drawn, with its weight: its probability over that of the most likely token.
type candidate struct {
	token  int
	weight float64
}

// before reports whether c is more likely than d; of equally likely tokens the one with the lower id is.
func (c candidate) before(d candidate) bool {
	return c.weight > d.weight || c.weight == d.weight && c.token < d.token
}

// newSampler starts the stream of (seed, prompt, draw): one number a token, whatever else is generated meanwhile.
func newSampler(req *backends.Request) *sampler {
	s := &sampler{Sampling: req.Sampling}
	if s.Temperature > 0 {
		sum := sha256.Sum256([]byte(req.Prompt))
		s.rng = stream.Rand(s.Seed, "sample", hex.EncodeToString(sum[:]), strconv.Itoa(req.Draw))
	}
	return s
}

// next draws a token by its logits: of those that the options keep, by inversion in the order of their ids. It takes
// time in proportion to the vocabulary; nothing is sorted.
func (s *sampler) next(logits []float32, memory *drawing) int {
	s.drawing = memory
	defer func() { s.drawing = nil }()
	kept := s.candidates(logits)
	total := 0.0
	for _, c := range kept {
		total += c.weight
	}
	u := s.rng.Float64() * total
	for _, c := range kept {
		if u -= c.weight; u < 0 {
			return c.token
		}
	}
	return kept[len(kept)-1].token
}

// unlikely is the logarithm of a weight that is taken for zero: a whole vocabulary of such tokens is drawn once in 10¹¹
// times.
const unlikely = -40

// candidates gives the tokens that the options keep, by rising id, as transformers keeps them: at the temperature, top-k
// first, then top-p of what that leaves, then min-p.
func (s *sampler) candidates(logits []float32) []candidate {
	top := math.Inf(-1)
	for _, l := range logits {
		if l := float64(l); l > top {
			top = l
		}
	}
	if math.IsInf(top, 0) {
		return s.degenerate(logits, top)
	}
	worst := candidate{token: len(logits), weight: math.Inf(-1)}
	if s.TopK > 0 && s.TopK < len(logits) {
		worst = s.topK(logits)
	}
	s.kept = s.kept[:0]
	for id, l := range logits {
		l := float64(l)
		if z := (l - top) / s.Temperature; z >= unlikely && !worst.before(candidate{id, l}) {
			s.kept = append(s.kept, candidate{id, expNegative(z)})
		}
	}
	if s.TopP > 0 && s.TopP < 1 {
		s.topP()
	}
	if s.MinP > 0 {
		s.drop(candidate{token: len(logits), weight: s.MinP})
	}
	return s.kept
}

// degenerate is candidates for logits of which none is finite, or one is infinite: the first of the largest.
func (s *sampler) degenerate(logits []float32, top float64) []candidate {
	s.kept = append(s.kept[:0], candidate{0, 1})
	for id, l := range logits {
		if float64(l) == top {
			s.kept[0].token = id
			break
		}
	}
	return s.kept
}

// drop keeps candidates that are worst or come before it.
func (s *sampler) drop(worst candidate) {
	kept := s.kept[:0]
	for _, c := range s.kept {
		if !worst.before(c) {
			kept = append(kept, c)
		}
	}
	s.kept = kept
}

// topK finds the k-th most likely token; weights are logits here. What is collected is cut back to k whenever it has
// doubled, so that most tokens are compared once.
func (s *sampler) topK(logits []float32) candidate {
	s.work = s.work[:0]
	bound := math.Inf(-1)
	for id, l := range logits {
		if l := float64(l); l > bound || len(s.work) < s.TopK {
			s.work = append(s.work, candidate{id, l})
			if len(s.work) == 2*s.TopK {
				bound = first(s.work, func(_ float64, n int) bool { return n >= s.TopK }).weight
				s.work = s.work[:s.TopK]
			}
		}
	}
	return first(s.work, func(_ float64, n int) bool { return n >= s.TopK })
}

// topP keeps the fewest of the most likely candidates that have so much of the weight.
func (s *sampler) topP() {
	total := 0.0
	for _, c := range s.kept {
		total += c.weight
	}
	// All that weigh less than this weigh less than what may be left out.
	least := (1 - s.TopP) * total / float64(len(s.kept)+1)
	s.work = s.work[:0]
	for _, c := range s.kept {
		if c.weight >= least {
			s.work = append(s.work, c)
		}
	}
	mass := s.TopP * total
	s.drop(first(s.work, func(weight float64, _ int) bool { return weight >= mass }))
}

// first moves to the front, in any order, the fewest of the most likely candidates that are enough by their weight and
// number, and gives the least likely of them; where all are not enough, that of all. It takes time in proportion to
// their number, on average (Hoare 1961, algorithm 65).
func first(c []candidate, enough func(weight float64, n int) bool) candidate {
	weight, lo, hi := 0.0, 0, len(c) // c[:lo] are in front for certain
	for {
		pivot := median(c[lo], c[lo+(hi-lo)/2], c[hi-1])
		mid, at, sum := lo, lo, weight
		for i := lo; i < hi; i++ {
			switch {
			case c[i].before(pivot):
				sum += c[i].weight
				c[i], c[mid] = c[mid], c[i]
				if mid == at {
					at = i
				}
				mid++
			case c[i] == pivot:
				at = i
			}
		}
		c[mid], c[at] = c[at], c[mid]
		switch {
		case mid > lo && enough(sum, mid):
			hi = mid
		case mid+1 == hi || enough(sum+pivot.weight, mid+1):
			return pivot
		default:
			weight, lo = sum+pivot.weight, mid+1
		}
	}
}

// median gives the middle one of three.
func median(a, b, c candidate) candidate {
	if b.before(a) {
		a, b = b, a
	}
	if c.before(b) {
		b = c
	}
	if b.before(a) {
		return a
	}
	return b
}

// expNegative is exp(x) for unlikely ≤ x ≤ 0, to 1e-11 of itself: exp(r) by its series, |r| ≤ ln(2)/2, times a power of
// two. The conversions keep compilers from fusing, so that all machines draw the same tokens.
func expNegative(x float64) float64 {
	n := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(n*math.Ln2)
	sum := 1.0 / 362880
	for _, c := range [...]float64{1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1} {
		sum = float64(sum*r) + c
	}
	return math.Float64frombits(math.Float64bits(sum) + uint64(int64(n))<<52)
}

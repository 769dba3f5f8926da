package local

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/stream"
)

// argmax gives the first index of the largest value.
func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// sampler draws the tokens of one generation.
type sampler struct {
	backends.Sampling
	rng *rand.Rand // nil for greedy decoding
	buf []candidate
}

type candidate struct {
	token int
	p     float64
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

// next picks a token by its logits.
func (s *sampler) next(logits []float32) int {
	if s.rng == nil {
		return argmax(logits)
	}
	c := s.candidates(logits)
	total := 0.0
	for _, x := range c {
		total += x.p
	}
	u := s.rng.Float64() * total
	for _, x := range c {
		if u -= x.p; u < 0 {
			return x.token
		}
	}
	return c[len(c)-1].token
}

// candidates gives the tokens that the options keep, the most likely first (of equal ones the lower id), with
// probabilities at the temperature: top-k first, then top-p, then min-p.
func (s *sampler) candidates(logits []float32) []candidate {
	top := float64(logits[argmax(logits)])
	s.buf = s.buf[:0]
	sum := 0.0
	for id, l := range logits {
		p := math.Exp((float64(l) - top) / s.Temperature)
		sum += p
		s.buf = append(s.buf, candidate{id, p})
	}
	c := s.buf
	for i := range c {
		c[i].p /= sum
	}
	slices.SortFunc(c, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.p, a.p), cmp.Compare(a.token, b.token)) })
	if s.TopK > 0 && s.TopK < len(c) {
		c = c[:s.TopK]
	}
	if s.TopP > 0 && s.TopP < 1 {
		mass, n := 0.0, 0
		for n < len(c) && mass < s.TopP {
			mass += c[n].p
			n++
		}
		c = c[:max(1, n)]
	}
	if s.MinP > 0 {
		n := 1
		for n < len(c) && c[n].p >= s.MinP*c[0].p {
			n++
		}
		c = c[:n]
	}
	return c
}

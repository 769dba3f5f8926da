package scaling

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/onset-eval/onset/reports/stats"
)

// Stability is how often a parametric bootstrap repeats the verdict.
type Stability struct {
	Replicates int `json:"replicates"`
	// Label is the share of replicates with the label of the data, and Labels the shares of all labels seen.
	Label  float64           `json:"label"`
	Labels map[Label]float64 `json:"labels"`
	// Onset is the share of replicates that have an onset, Bracket the share with the bracket of the data, and
	// Lo and Hi bound the upper end of the bracket at Level among those with an onset; nil where there is none.
	Onset   float64  `json:"onset"`
	Bracket float64  `json:"bracket"`
	Lo      *float64 `json:"lo"`
	Hi      *float64 `json:"hi"`
	Level   float64  `json:"level"`
}

// stream is the random source of one curve: it depends on the seed and the curve's name, so that a curve's
// result does not depend on which others are analysed.
func stream(seed uint64, c *Curve) *rand.Rand {
	h := fnv.New64a()
	for _, s := range []string{"scaling bootstrap", c.Name(), c.Metric, c.Axis} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// stability redraws every model around what was measured: the share with normal noise sigma0, then the count.
func (j *judge) stability(c *Curve, points []Point, label Label) *Stability {
	st := &Stability{Replicates: j.o.Replicates, Labels: map[Label]float64{}, Level: j.o.Level}
	rng := stream(j.o.Seed, c)
	labels := map[Label]int{}
	bracket := 0
	var edges []float64
	all := make([]obs, len(points))
	for range j.o.Replicates {
		for i := range points {
			all[i] = redraw(c, &points[i], &j.all[i], j.o, rng)
		}
		r := newJudge(all, j.c0, j.o)
		labels[r.label()]++
		if r.on >= 0 {
			edges = append(edges, points[r.on].X)
		}
		if j.on >= 0 && r.on == j.on {
			bracket++
		}
	}
	share := func(n int) float64 { return float64(n) / float64(st.Replicates) }
	for l, n := range labels {
		st.Labels[l] = share(n)
	}
	st.Label, st.Onset, st.Bracket = st.Labels[label], share(len(edges)), share(bracket)
	if len(edges) > 0 {
		slices.Sort(edges)
		tail := (1 - j.o.Level) / 2
		lo, hi := atRank(edges, tail), atRank(edges, 1-tail)
		st.Lo, st.Hi = &lo, &hi
	}
	return st
}

// atRank is the order statistic at share q: an edge is the scale of a model and is not interpolated.
func atRank(sorted []float64, q float64) float64 {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// redraw is a new measurement of a model.
func redraw(c *Curve, p *Point, measured *obs, o *Options, rng *rand.Rand) obs {
	if p.N == 0 {
		ob := *measured
		ob.y += ob.se * rng.NormFloat64()
		return ob
	}
	q := *p
	q.N = max(1, math.Round(p.N))
	share := min(max(p.K/p.N+o.Sigma0*rng.NormFloat64(), 0), 1)
	q.K = distuv.Binomial{N: q.N, P: share, Src: rng}.Rand()
	return observe(c, &q, o)
}

// chiSquare1 is the quantile of the χ² distribution with one degree of freedom.
func chiSquare1(level float64) float64 {
	z := stats.NormalQuantile(0.5 + level/2)
	return z * z
}

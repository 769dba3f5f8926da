package scaling

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/onset-eval/onset/reports/stats"
)

// obs is a point as the analysis sees it: scale as a coordinate that rises with capability, performance with
// perfect at 1, and noise widened by what seeds and prompts add.
type obs struct {
	x float64
	y float64
	// k of n are effective counts where n > 0; else se is the Gaussian standard error of y.
	k, n float64
	se   float64
	// family is the model's, where the curve pools several.
	family string
}

// decadeOfLoss is how far the logarithm of the loss falls over a decade of parameters, L ∝ N^-0.076 (Kaplan
// et al. 2020, arXiv 2001.08361, equation 1.1): it makes lengths on the loss axis comparable with decades.
const decadeOfLoss = 0.076

// coordinate maps a scale to a coordinate whose unit is a decade; false where the axis has no such value.
func coordinate(axis string, x float64) (float64, bool) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, false
	}
	if axis == AxisCapability {
		return x, true
	}
	if x <= 0 {
		return 0, false
	}
	if axis == AxisLoss {
		return -math.Log10(x) / decadeOfLoss, true
	}
	return math.Log10(x), true
}

// scaleAt is the inverse of coordinate.
func scaleAt(axis string, at float64) float64 {
	switch axis {
	case AxisCapability:
		return at
	case AxisLoss:
		return math.Pow(10, -at*decadeOfLoss)
	}
	return math.Pow(10, at)
}

// ordered gives the curve's usable points by rising capability: points without a scale or a score are left
// out, equal points are kept once, and several at one scale are pooled. All three are warned of.
func ordered(c *Curve) (points []Point, warnings []string) {
	for _, p := range c.Points {
		if why := unusable(c, p); why != "" {
			warnings = append(warnings, fmt.Sprintf("%s is left out: %s", p.Model, why))
			continue
		}
		if p.N > 0 { // what is not read is not passed on
			p.Score, p.StdErr = p.K/p.N, 0
		} else {
			p.K = 0
		}
		if p.Continuous != nil && !(measurable(p.Continuous.Value) && measurable(p.Continuous.StdErr)) {
			warnings = append(warnings, fmt.Sprintf("%s has a continuous metric of %v ± %v", p.Model, p.Continuous.Value, p.Continuous.StdErr))
			p.Continuous = nil
		}
		points = append(points, p)
	}
	rank := func(p Point) float64 { x, _ := coordinate(c.Axis, p.X); return x }
	slices.SortStableFunc(points, func(a, b Point) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Model, b.Model),
			cmp.Compare(a.N, b.N), cmp.Compare(a.K, b.K), cmp.Compare(a.Score, b.Score))
	})
	out := points[:0]
	for _, p := range points {
		last := len(out) - 1
		switch {
		case last < 0 || out[last].X != p.X || p.Family != out[last].Family:
			out = append(out, p)
		case same(out[last], p):
			warnings = append(warnings, fmt.Sprintf("%s is there twice and counts once", p.Model))
		default:
			warnings = append(warnings, fmt.Sprintf("%s and %s have one scale and are pooled", out[last].Model, p.Model))
			out[last] = pool(out[last], p)
		}
	}
	return out, warnings
}

// maxMagnitude bounds scores, errors and counts: beyond it is no measurement.
const maxMagnitude = 1e12

// measurable says that v is a number of a size that is measured.
func measurable(v float64) bool { return math.Abs(v) <= maxMagnitude }

// unusable says why a point cannot be used; "" where it can.
func unusable(c *Curve, p Point) string {
	if _, ok := coordinate(c.Axis, p.X); !ok {
		return fmt.Sprintf("a scale of %v on the axis %q", p.X, c.Axis)
	}
	if p.N != 0 {
		if !(p.N >= 1 && p.K >= 0 && p.K <= p.N) || !measurable(p.N) {
			return fmt.Sprintf("%v of %v items correct", p.K, p.N)
		}
		return ""
	}
	if !measurable(p.Score) || !measurable(p.StdErr) || p.StdErr < 0 {
		return fmt.Sprintf("a score of %v ± %v", p.Score, p.StdErr)
	}
	return ""
}

func same(a, b Point) bool {
	return a.Model == b.Model && a.N == b.N && a.K == b.K && (a.N > 0 || a.Score == b.Score && a.StdErr == b.StdErr)
}

// pool joins two points of one scale: counts add up, scores average.
func pool(a, b Point) Point {
	if a.Model != b.Model {
		a.Model += "+" + b.Model
	}
	if a.N > 0 && b.N > 0 {
		a.N, a.K = a.N+b.N, a.K+b.K
	} else {
		a.Score, a.StdErr = (a.score()+b.score())/2, math.Hypot(a.stdErr(), b.stdErr())/2
		a.N, a.K = 0, 0
	}
	a.Continuous = nil
	a.Warnings = append(slices.Clone(a.Warnings), b.Warnings...)
	return a
}

func (p *Point) score() float64 {
	if p.N > 0 {
		return p.K / p.N
	}
	return p.Score
}

func (p *Point) stdErr() float64 {
	if p.N > 0 {
		s := p.K / p.N
		return math.Sqrt(s * (1 - s) / p.N)
	}
	return p.StdErr
}

// observe widens a point's noise by sigma0. A count keeps its share and loses size,
//
//	n_eff = n / (1 + n σ₀² / (p(1-p)))        k_eff = p n_eff
//
// so that its variance is p(1-p)/n + σ₀², with p held 2σ₀ away from 0 and 1, where noise of that size cannot
// be symmetric. Other scores add the variances.
func observe(c *Curve, p *Point, o *Options) obs {
	x, _ := coordinate(c.Axis, p.X)
	ob := obs{x: x, family: p.Family}
	sigma := o.Sigma0
	if p.N > 0 {
		ob.y = p.K / p.N
		ob.n = p.N
		if sigma > 0 {
			ob.n = p.N / (1 + p.N*sigma*sigma/spread(ob.y, 2*sigma))
		}
		ob.k = ob.y * ob.n
		return ob
	}
	scale := c.perfect()
	base := 0.0
	if scale < c.Baseline.Value { // less is better: the baseline becomes 0
		base = c.Baseline.Value
		scale -= base
	}
	ob.y = (p.Score - base) / scale
	se := p.StdErr / math.Abs(scale)
	if se == 0 {
		se = math.Sqrt(spread(ob.y, 0.5/o.UnknownN) / o.UnknownN)
	}
	ob.se = math.Hypot(se, sigma)
	return ob
}

// spread is p(1-p) with p held within [margin, 1-margin].
func spread(p, margin float64) float64 {
	p = min(max(p, margin), 1-margin)
	return p * (1 - p)
}

// chance is the baseline on the scale of obs.y.
func chance(c *Curve) float64 {
	if c.perfect() < c.Baseline.Value {
		return 0
	}
	return c.Baseline.Value / c.perfect()
}

// pAbove is the one-sided p-value of the true performance being at most p0.
func (ob *obs) pAbove(p0 float64) float64 {
	if ob.n > 0 {
		return stats.BinomialUpper(ob.k, ob.n, p0)
	}
	return stats.NormalUpper((ob.y - p0) / ob.se)
}

// pBelow is the one-sided p-value of the true performance being at least p. It is under half of 1 - level
// exactly where the upper end of the two-sided interval is below p.
func (ob *obs) pBelow(p float64) float64 {
	if ob.n > 0 {
		return stats.BinomialLower(ob.k, ob.n, p)
	}
	return stats.NormalUpper((p - ob.y) / ob.se)
}

// interval bounds y at confidence level: exactly where it has a count, else with the normal quantile.
func (ob *obs) interval(level float64) (lo, hi float64) {
	if ob.n > 0 {
		e := stats.ClopperPearson(ob.k, ob.n, level)
		return e.Lo, e.Hi
	}
	z := stats.NormalQuantile(0.5 + level/2)
	return ob.y - z*ob.se, ob.y + z*ob.se
}

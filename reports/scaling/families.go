package scaling

import "math"

// intercepts are what families add to a pooled curve: y = f(x) + u for each family on the scale of logits of what is
// above chance, with u normal around 0.
type intercepts struct {
	u  []float64
	sd float64
}

// The search for intercepts: rounds, the variance it starts from, in squared logits, and the bounds within which a
// share has a finite logit.
const (
	interceptRounds = 25
	firstVariance   = 0.25
	shareMargin     = 0.01
)

// familyIntercepts fits a random intercept a family by penalised quasi-likelihood (Breslow and Clayton, JASA 88 (1993)
// 9–25): with s = (y-c)/(1-c) of a monotone fit f and g = dy/du = (1-c) s (1-s),
//
//	u = Σ g (y-f) / v / (Σ g²/v + 1/τ²),   τ² = mean(u² + 1/(Σ g²/v + 1/τ²)),
//
// in turns with f, the isotonic fit of y - g u. A model at chance has g near 0: its family's intercept moves it not.
// family gives each point's family by number, families their count.
func (d *counts) familyIntercepts(family []int, families int) intercepts {
	in := intercepts{u: make([]float64, families)}
	variance := firstVariance
	adjusted := *d
	adjusted.k = make([]float64, len(d.k))
	precision := make([]float64, families)
	pull := make([]float64, families)
	for range interceptRounds {
		d.adjust(&adjusted, family, in.u)
		f := adjusted.isotonic().values
		for i := range pull {
			pull[i], precision[i] = 0, 1/variance
		}
		for i, p := range f {
			g := d.slope(p)
			v := spread(p, shareMargin) / d.n[i]
			pull[family[i]] += g * (d.k[i]/d.n[i] - p) / v
			precision[family[i]] += g * g / v
		}
		variance = 0
		mean := 0.0
		for i := range in.u {
			in.u[i] = pull[i] / precision[i]
			mean += in.u[i] / float64(families)
		}
		for i := range in.u {
			in.u[i] -= mean // the curve holds the average family
			variance += (in.u[i]*in.u[i] + 1/precision[i]) / float64(families)
		}
		variance = max(variance, 1e-6)
	}
	in.sd = math.Sqrt(variance)
	return in
}

// slope is dy/du at a share.
func (d *counts) slope(p float64) float64 {
	s := min(max((p-d.c)/(1-d.c), shareMargin), 1-shareMargin)
	if p <= d.c {
		return 0
	}
	return (1 - d.c) * s * (1 - s)
}

// adjust writes the counts without the families' intercepts into out, which shares all but k with d.
func (d *counts) adjust(out *counts, family []int, u []float64) {
	for i := range d.k {
		p := d.k[i] / d.n[i]
		p = min(max(p-d.slope(p)*u[family[i]], 0), 1)
		out.k[i] = p * d.n[i]
	}
}

// poolFamilies takes the families' intercepts out of the counts that curve models are fitted to, and gives their
// standard deviation; nil where there are fewer than two families.
func (j *judge) poolFamilies() *float64 {
	number := make(map[string]int)
	family := make([]int, len(j.all))
	for i := range j.all {
		name := j.all[i].family
		if _, ok := number[name]; !ok {
			number[name] = len(number)
		}
		family[i] = number[name]
	}
	if len(number) < 2 || len(number) == len(j.all) {
		return nil
	}
	in := j.counts.familyIntercepts(family, len(number))
	adjusted := j.counts
	adjusted.k = make([]float64, len(j.counts.k))
	j.counts.adjust(&adjusted, family, in.u)
	j.counts = adjusted
	return &in.sd
}

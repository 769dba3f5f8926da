package scaling

import (
	"math"
)

// Fit is a curve model fitted by maximum likelihood.
type Fit struct {
	// Model is one of the names below.
	Model string `json:"model"`
	// Parameters counts what was estimated, and LogLik is the binomial log-likelihood of the effective counts
	// in nats, without the binomial coefficients.
	Parameters int     `json:"parameters"`
	LogLik     float64 `json:"loglik"`
	// AICc is Akaike's criterion with the small-sample term, the models of the curve being the observations
	// (not the items); nil where the models are too few for the parameters.
	AICc *float64 `json:"aicc"`
	// Values are the fitted performances at the curve's points, in the metric's unit.
	Values []float64 `json:"values"`
	// Coefficients are the fitted parameters in the order of the model's formula, with scales as coordinates.
	Coefficients []float64 `json:"coefficients"`
	// Width is the distance over which the middle eight tenths of the rise lie, in decades; nil where the
	// model has no such width.
	Width *float64 `json:"width,omitempty"`
}

// The curve models. x is the coordinate, c the baseline, and p the performance with perfect at 1.
const (
	ModelChance    = "chance"    // p = the baseline
	ModelConst     = "const"     // p = a
	ModelLinear    = "linear"    // logit p = a + b x
	ModelQuadratic = "quadratic" // logit p = a + b x + d x²
	ModelStep      = "step"      // p = a below x = t, d from there on
	ModelHinge     = "hinge"     // p = a + (1-a)(1 - exp(-b max(0, x-t)))
	ModelSigmoid   = "sigmoid"   // p = c + (d-c) / (1 + exp(-(x-mid)/s))
	ModelIsotonic  = "isotonic"  // p never falls: the best that any monotone model can do
	ModelBNSL      = "bnsl"      // p = 1 - (a + b X^-e (1+(X/d)^(1/f))^(-g f)): a broken neural scaling law
)

// counts is a curve as the likelihood sees it: k of n at x, ascending, with fractional counts.
type counts struct {
	x, k, n []float64
	// c is the baseline, and the floor of a break lies in [floorLo, floorHi].
	c, floorLo, floorHi float64
}

// tiny keeps fitted shares away from 0 and 1, where the likelihood of one unlucky item is 0.
const tiny = 1e-6

// countsOf turns observations into counts; a score without a count gets that of equal variance,
// n = p(1-p)/se², so that all curves have one likelihood.
func countsOf(all []obs, c, p0 float64, o *Options) counts {
	m := len(all)
	buf := make([]float64, 3*m)
	d := counts{x: buf[:m:m], k: buf[m : 2*m : 2*m], n: buf[2*m:], c: c}
	for i := range all {
		ob := &all[i]
		d.x[i], d.k[i], d.n[i] = ob.x, ob.k, ob.n
		if ob.n == 0 {
			y := min(max(ob.y, 0), 1)
			d.n[i] = spread(y, max(2*o.Sigma0, 0.001)) / (ob.se * ob.se)
			d.k[i] = y * d.n[i]
		}
	}
	d.floorLo = max(tiny, c-0.1*(1-c))
	d.floorHi = max(p0, d.floorLo)
	return d
}

// logLik is Σ k ln p + (n-k) ln(1-p).
func logLik(k, n, p float64) float64 {
	p = min(max(p, tiny), 1-tiny)
	ll := 0.0
	if k > 0 {
		ll = k * math.Log(p)
	}
	if n > k {
		ll += (n - k) * math.Log1p(-p)
	}
	return ll
}

// total is the log-likelihood of fitted values.
func (d *counts) total(p []float64) float64 {
	ll := 0.0
	for i := range p {
		ll += logLik(d.k[i], d.n[i], p[i])
	}
	return ll
}

// share is the pooled performance of the models in [from, to), and their count.
func (d *counts) share(from, to int) (p, n float64) {
	k := 0.0
	for i := from; i < to; i++ {
		k += d.k[i]
		n += d.n[i]
	}
	if n == 0 {
		return 0, 0
	}
	return k / n, n
}

// aicc is -2 ll + 2k + 2k(k+1)/(m-k-1) (Hurvich and Tsai, Biometrika 76 (1989) 297–307) for k parameters and m
// models; infinite where m is too small.
func aicc(ll float64, k, m int) float64 {
	if m <= k+1 {
		return math.Inf(1)
	}
	return -2*ll + 2*float64(k) + 2*float64(k*(k+1))/float64(m-k-1)
}

// candidate is a fitted model before it is written out.
type candidate struct {
	model  string
	params int
	ll     float64
	aicc   float64
	width  float64 // NaN where it has none
	values []float64
	coef   []float64
}

func (d *counts) candidate(model string, params int, ll, width float64, values []float64, coef ...float64) candidate {
	return candidate{model, params, ll, aicc(ll, params, len(d.x)), width, values, coef}
}

// constant fits p = a.
func (d *counts) constant() candidate {
	p, _ := d.share(0, len(d.x))
	v := fill(len(d.x), p)
	return d.candidate(ModelConst, 1, d.total(v), math.NaN(), v, p)
}

// atChance has nothing to fit.
func (d *counts) atChance() candidate {
	v := fill(len(d.x), d.c)
	return d.candidate(ModelChance, 0, d.total(v), math.NaN(), v)
}

func fill(n int, v float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// isotonic fits by pooling adjacent violators (Barlow et al. 1972); its blocks are its parameters.
func (d *counts) isotonic() candidate {
	type block struct {
		k, n float64
		size int
	}
	var blocks []block
	for i := range d.x {
		blocks = append(blocks, block{d.k[i], d.n[i], 1})
		for len(blocks) > 1 {
			a, b := blocks[len(blocks)-2], blocks[len(blocks)-1]
			if a.k*b.n < b.k*a.n {
				break
			}
			blocks = append(blocks[:len(blocks)-2], block{a.k + b.k, a.n + b.n, a.size + b.size})
		}
	}
	v := make([]float64, 0, len(d.x))
	for _, b := range blocks {
		v = append(v, fill(b.size, b.k/b.n)...)
	}
	return d.candidate(ModelIsotonic, len(blocks), d.total(v), math.NaN(), v)
}

// step fits two levels with the break before the model where the likelihood is highest: the lower one within
// the floor's bounds, the upper not below it. Its break lies between two models and has no width of its own.
func (d *counts) step() candidate {
	m := len(d.x)
	best, at, lo, hi := math.Inf(-1), 0, 0.0, 0.0
	kAll, nAll := 0.0, 0.0
	for i := range d.x {
		kAll += d.k[i]
		nAll += d.n[i]
	}
	k, n := 0.0, 0.0
	for i := 1; i < m; i++ {
		k += d.k[i-1]
		n += d.n[i-1]
		a := min(max(k/n, d.floorLo), d.floorHi)
		b := max((kAll-k)/(nAll-n), a)
		if ll := logLik(k, n, a) + logLik(kAll-k, nAll-n, b); ll > best {
			best, at, lo, hi = ll, i, a, b
		}
	}
	if at == 0 {
		return d.candidate(ModelStep, 3, math.Inf(-1), 0, fill(m, d.c))
	}
	v := append(fill(at, lo), fill(m-at, hi)...)
	return d.candidate(ModelStep, 3, best, 0, v, lo, hi, (d.x[at-1]+d.x[at])/2)
}

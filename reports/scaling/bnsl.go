package scaling

import "math"

// minBNSL is the least number of models for six parameters.
const minBNSL = 12

// bnslStarts are the first guesses of the break, as shares of the range, and of the slopes before and after it.
var bnslStarts = [...][3]float64{{0.25, 0, 0.5}, {0.5, 0, 0.5}, {0.75, 0, 1}, {0.5, 0.3, -0.2}}

// bnsl fits a broken neural scaling law with one break to the error (Caballero et al. 2023, arXiv 2210.14891,
// equation 1): with u the decades from the first model,
//
//	1-p = a + b 10^(-e u) (1 + 10^((u-d)/f))^(-g f)
//
// by maximum likelihood from several starts of Nelder and Mead's simplex. The coefficients are a, b, e, d, f, g.
// The width is the 2f ln 9 / ln 10 decades over which the slope changes.
func (d *counts) bnsl() candidate {
	m := len(d.x)
	span := d.x[m-1] - d.x[0]
	values := make([]float64, m)
	objective := func(q []float64) float64 {
		for i, x := range d.x {
			values[i] = 1 - bnslError(q, x-d.x[0])
		}
		// A weak pull to moderate slopes keeps flat directions finite.
		return -d.total(values) + 1e-3*(q[2]*q[2]+q[5]*q[5]) + 1e-3*q[4]*q[4]
	}
	first, _ := d.share(0, max(1, m/4))
	best := math.Inf(1)
	var at []float64
	for _, s := range bnslStarts {
		start := []float64{-4, math.Log(max(1-first, 0.01)), s[1], s[0] * span, math.Log(0.2), s[2]}
		if v := minimise(objective, start, 0.3, 1e-6, 1500); v.f < best {
			best, at = v.f, v.at
		}
	}
	if at == nil {
		return d.candidate(ModelBNSL, 6, math.Inf(-1), math.NaN(), values)
	}
	objective(at)
	f := math.Exp(at[4])
	return d.candidate(ModelBNSL, 6, d.total(values), f*widthOfScale/math.Ln10, values,
		1/(1+math.Exp(-at[0])), math.Exp(at[1]), at[2], d.x[0]+at[3], f, at[5])
}

// bnslError is the error at u decades for the search's parameters: logit a, ln b, e, d, ln f, g.
func bnslError(q []float64, u float64) float64 {
	f := math.Exp(q[4])
	z := (u - q[3]) / f * math.Ln10
	bend := math.Log1p(math.Exp(min(z, 500)))
	e := 1/(1+math.Exp(-q[0])) + math.Exp(q[1]-math.Ln10*q[2]*u-q[5]*f*bend)
	return min(max(e, tiny), 1-tiny)
}

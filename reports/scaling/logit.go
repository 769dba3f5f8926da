package scaling

import "math"

// logit fits logit p = Σ β_j z^j, j ≤ degree ≤ 2, by Fisher scoring with halved steps, where z is x mapped to
// [-1,1]. A ridge of 1e-4 on all but the constant keeps separated data finite. The coefficients are
// those of z, with the centre and half range of x behind them.
func (d *counts) logit(degree int) candidate {
	m := len(d.x)
	centre, half := (d.x[0]+d.x[m-1])/2, max((d.x[m-1]-d.x[0])/2, 1e-9)
	var beta [3]float64
	p, n := d.share(0, m)
	p = (p*n + 0.5) / (n + 1)
	beta[0] = math.Log(p / (1 - p))
	values := make([]float64, m)
	objective := d.logitValues(&beta, degree, centre, half, values)
	for range 40 {
		g, h := d.logitSystem(&beta, degree, centre, half, values)
		step := solve(h, g, degree+1)
		scale, gained := 1.0, 0.0
		for range 12 {
			next := beta
			for j := 0; j <= degree; j++ {
				next[j] += scale * step[j]
			}
			if v := d.logitValues(&next, degree, centre, half, values); v >= objective {
				gained = v - objective
				beta, objective = next, v
				break
			}
			scale /= 2
		}
		if gained < 1e-9 {
			break
		}
	}
	d.logitValues(&beta, degree, centre, half, values)
	model := ModelLinear
	if degree == 2 {
		model = ModelQuadratic
	}
	coef := append(append([]float64{}, beta[:degree+1]...), centre, half)
	return d.candidate(model, degree+1, d.total(values), math.NaN(), values, coef...)
}

const ridge = 1e-4

// logitValues writes the fitted shares and gives the penalised log-likelihood.
func (d *counts) logitValues(beta *[3]float64, degree int, centre, half float64, values []float64) float64 {
	obj := 0.0
	for j := 1; j <= degree; j++ {
		obj -= 0.5 * ridge * beta[j] * beta[j]
	}
	for i, x := range d.x {
		z := (x - centre) / half
		eta := beta[0] + z*(beta[1]+z*beta[2])
		values[i] = 1 / (1 + math.Exp(-eta))
		// ln p = -ln(1+e^-η), ln(1-p) = -η - ln(1+e^-η): one logarithm for both.
		if eta > 0 {
			obj -= d.n[i]*math.Log1p(math.Exp(-eta)) + (d.n[i]-d.k[i])*eta
		} else {
			obj -= d.n[i]*math.Log1p(math.Exp(eta)) - d.k[i]*eta
		}
	}
	return obj
}

// logitSystem gives the gradient and the Fisher information.
func (d *counts) logitSystem(beta *[3]float64, degree int, centre, half float64, values []float64) (g [3]float64, h [3][3]float64) {
	for j := 1; j <= degree; j++ {
		g[j] = -ridge * beta[j]
		h[j][j] = ridge
	}
	for i, x := range d.x {
		z := (x - centre) / half
		r := d.k[i] - d.n[i]*values[i]
		w := d.n[i]*values[i]*(1-values[i]) + 1e-12
		pow := [5]float64{1, z, z * z, z * z * z, z * z * z * z}
		for a := 0; a <= degree; a++ {
			g[a] += r * pow[a]
			for b := 0; b <= degree; b++ {
				h[a][b] += w * pow[a+b]
			}
		}
	}
	return g, h
}

// solve is the solution of the leading size×size system h s = g by elimination; h is positive definite.
func solve(h [3][3]float64, g [3]float64, size int) [3]float64 {
	for i := range size {
		for r := i + 1; r < size; r++ {
			f := h[r][i] / h[i][i]
			for c := i; c < size; c++ {
				h[r][c] -= f * h[i][c]
			}
			g[r] -= f * g[i]
		}
	}
	var s [3]float64
	for i := size - 1; i >= 0; i-- {
		s[i] = g[i]
		for c := i + 1; c < size; c++ {
			s[i] -= h[i][c] * s[c]
		}
		s[i] /= h[i][i]
	}
	return s
}

package scaling

import "math"

// hingeAt is the fit of the hinge model with its break at a given coordinate. With θ = -ln(1-a) the model is
//
//	-ln(1-p) = θ + b max(0, x-τ)
//
// whose log-likelihood Σ k ln(1-e^-η) - (n-k) η is concave in (θ, b), so that Newton's method finds the only
// maximum, in the box of the floor's bounds and b ≥ 0.
type hingeAt struct{ theta, b, ll float64 }

// hingeFit maximises over θ and b from a start.
func (d *counts) hingeFit(tau float64, start hingeAt) hingeAt {
	lo, hi := -math.Log1p(-d.floorLo), -math.Log1p(-d.floorHi)
	at := hingeAt{min(max(start.theta, lo), hi), max(start.b, 0), 0}
	var g, h [2]float64
	var cross float64
	at.ll = d.hingeSystem(tau, at.theta, at.b, &g, &h, &cross)
	for range 60 {
		// A coordinate at its bound whose gradient points outwards stays.
		holdT := at.theta <= lo && g[0] < 0 || at.theta >= hi && g[0] > 0
		holdB := at.b <= 0 && g[1] <= 0
		var st, sb float64
		det := h[0]*h[1] - cross*cross
		switch {
		case holdT && holdB:
			return at
		case holdT:
			sb = g[1] / max(h[1], 1e-12)
		case holdB:
			st = g[0] / max(h[0], 1e-12)
		case det > 1e-9*h[0]*h[1]:
			st, sb = (h[1]*g[0]-cross*g[1])/det, (h[0]*g[1]-cross*g[0])/det
		default:
			st, sb = g[0]/max(h[0], 1e-12), 0
		}
		gained := -1.0
		for scale := 1.0; scale > 1e-4; scale /= 2 {
			t, b := min(max(at.theta+scale*st, lo), hi), max(at.b+scale*sb, 0)
			if ll := d.hingeSystem(tau, t, b, &g, &h, &cross); ll >= at.ll {
				gained = ll - at.ll
				at = hingeAt{t, b, ll}
				break
			}
		}
		if gained < 1e-7 {
			return at
		}
	}
	return at
}

// hingeSystem gives the log-likelihood, its gradient g, and its negated Hessian (diagonal h, cross).
func (d *counts) hingeSystem(tau, theta, b float64, g, h *[2]float64, cross *float64) float64 {
	ll, gt, gb, htt, hbb, htb := 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
	kf, nf := 0.0, 0.0 // the floor's models share one η
	add := func(k, n, u float64) {
		eta := theta + b*u
		p := max(-math.Expm1(-eta), 1e-12)
		ratio := (1 - p) / p // d ln(1-e^-η)/dη
		r := k*ratio - (n - k)
		w := k * ratio / p
		ll += k*math.Log(p) - (n-k)*eta
		gt += r
		gb += r * u
		htt += w
		htb += w * u
		hbb += w * u * u
	}
	for i, x := range d.x {
		if x <= tau {
			kf += d.k[i]
			nf += d.n[i]
		} else {
			add(d.k[i], d.n[i], x-tau)
		}
	}
	if nf > 0 {
		add(kf, nf, 0)
	}
	*g, *h, *cross = [2]float64{gt, gb}, [2]float64{htt, hbb}, htb
	return ll
}

// coarseBreaks is the number of breaks that a fit tries before it refines the best.
const coarseBreaks = 41

// hingeProfile is the likelihood of each break on an even grid over the curve's range.
type hingeProfile struct {
	tau  []float64
	at   []hingeAt
	best int
}

func (d *counts) profileHinge(grid int) hingeProfile {
	m := len(d.x)
	pr := hingeProfile{tau: make([]float64, grid), at: make([]hingeAt, grid)}
	start := hingeAt{theta: -math.Log1p(-d.floorHi), b: 0.5}
	for i := range grid {
		pr.tau[i] = d.x[0] + (d.x[m-1]-d.x[0])*float64(i)/float64(grid)
		pr.at[i] = d.hingeFit(pr.tau[i], start)
		start = pr.at[i]
		if start.b <= 0 {
			start.b = 0.1
		}
		if pr.at[i].ll > pr.at[pr.best].ll {
			pr.best = i
		}
	}
	return pr
}

// hinge fits the model with the break of highest likelihood: over a coarse grid, then halving around its best.
func (d *counts) hinge() candidate {
	pr := d.profileHinge(coarseBreaks)
	at, tau := pr.at[pr.best], pr.tau[pr.best]
	first, last := d.x[0], d.x[len(d.x)-1]
	for step := (last - first) / coarseBreaks / 2; step > (last-first)/1000; step /= 2 {
		from := tau
		for _, t := range [2]float64{from - step, from + step} {
			if next := d.hingeFit(t, at); t >= first && t < last && next.ll > at.ll {
				at, tau = next, t
			}
		}
	}
	v := make([]float64, len(d.x))
	for i, x := range d.x {
		v[i] = -math.Expm1(-at.theta - at.b*max(0, x-tau))
	}
	width := math.NaN()
	if at.b > 0 {
		// The rise is 1-e^-bu of the way to perfect, as far as the last model sees it.
		span := -math.Expm1(-at.b * (last - tau))
		width = (math.Log1p(-0.1*span) - math.Log1p(-0.9*span)) / at.b
	}
	return d.candidate(ModelHinge, 3, d.total(v), width, v, -math.Expm1(-at.theta), at.b, tau)
}

// interval is the set of breaks whose likelihood is within drop of the best, as its hull, with the edges
// interpolated between grid points.
func (pr *hingeProfile) interval(drop float64) (lo, hi float64) {
	cut := pr.at[pr.best].ll - drop
	first, last := 0, len(pr.at)-1
	for pr.at[first].ll < cut {
		first++
	}
	for pr.at[last].ll < cut {
		last--
	}
	lo, hi = pr.tau[first], pr.tau[last]
	if first > 0 {
		lo = cross(pr.tau[first-1], pr.tau[first], pr.at[first-1].ll-cut, pr.at[first].ll-cut)
	}
	if last < len(pr.at)-1 {
		hi = cross(pr.tau[last], pr.tau[last+1], pr.at[last].ll-cut, pr.at[last+1].ll-cut)
	}
	return lo, hi
}

// cross is where the line through (x0, y0) and (x1, y1) is 0.
func cross(x0, x1, y0, y1 float64) float64 {
	if y1 == y0 {
		return x1
	}
	return x0 - y0*(x1-x0)/(y1-y0)
}

package scaling

import "math"

// sigmoidAt is a fitted sigmoid: mid and s in coordinates, d the height, which is
// share of the way from the baseline to perfect.
type sigmoidAt struct{ mid, s, d, ll, share float64 }

// widthOfScale is how many s lie between a tenth and nine tenths of a logistic: 2 ln 9.
const widthOfScale = 4.394449154672439

// sigmoidGrid is the search's resolution: coarse everywhere, then refined around the best.
const (
	coarseMids, coarseScales = 21, 11
	refinements              = 6
)

// sigmoid fits p = c + (d-c)/(1+exp(-(x-mid)/s)) with mid from the range of the models to half a decade past it
// and s from a fortieth of a decade to the range, over a grid that is refined around its best cell. For a given
// mid and s, p is linear in d and the likelihood is concave in d.
func (d *counts) sigmoid() (candidate, []sigmoidAt) {
	m := len(d.x)
	span := d.x[m-1] - d.x[0]
	g := make([]float64, m)
	midLo, midHi := d.x[0], d.x[m-1]+0.5
	logLo, logHi := math.Log(0.025), math.Log(max(span, 0.1))
	profile := make([]sigmoidAt, coarseScales) // the best of each coarse s
	best := sigmoidAt{ll: math.Inf(-1)}
	for j := range coarseScales {
		s := math.Exp(logLo + (logHi-logLo)*float64(j)/(coarseScales-1))
		profile[j] = sigmoidAt{s: s, ll: math.Inf(-1)}
		share := 0.5
		for i := range coarseMids {
			at := d.sigmoidHeight(midLo+(midHi-midLo)*float64(i)/(coarseMids-1), s, share, g)
			share = at.share
			if at.ll > profile[j].ll {
				profile[j] = at
			}
		}
		step := (midHi - midLo) / (coarseMids - 1)
		for range refinements {
			step /= 2
			from := profile[j].mid
			for _, mid := range [2]float64{from - step, from + step} {
				if at := d.sigmoidHeight(mid, s, profile[j].share, g); at.ll > profile[j].ll {
					profile[j] = at
				}
			}
		}
		if profile[j].ll > best.ll {
			best = profile[j]
		}
	}
	dm, ds := (midHi-midLo)/(coarseMids-1)/8, (logHi-logLo)/(coarseScales-1)
	for range refinements {
		dm, ds = dm/2, ds/2
		from := best
		for i := -1.0; i <= 1; i++ {
			for j := -1.0; j <= 1; j++ {
				s := math.Exp(min(max(math.Log(from.s)+j*ds, logLo), logHi))
				if at := d.sigmoidHeight(from.mid+i*dm, s, from.share, g); at.ll > best.ll {
					best = at
				}
			}
		}
	}
	v := make([]float64, m)
	for i, x := range d.x {
		v[i] = d.c + (best.d-d.c)/(1+math.Exp(-(x-best.mid)/best.s))
	}
	return d.candidate(ModelSigmoid, 3, d.total(v), widthOfScale*best.s, v, best.mid, best.s, best.d), profile
}

// sigmoidHeight maximises over d in [c, 1] from a start between them, as a share. g is scratch.
func (d *counts) sigmoidHeight(mid, s, start float64, g []float64) sigmoidAt {
	rise := 1 - d.c
	for i, x := range d.x {
		g[i] = 1 / (1 + math.Exp(-(x-mid)/s))
	}
	lo, hi := 1e-4, 1.0
	h := min(max(start, lo), hi)
	for range 30 {
		grad, curv := 0.0, 1e-12
		for i, gi := range g {
			p := min(max(d.c+rise*h*gi, tiny), 1-tiny)
			a, b := d.k[i]/p, (d.n[i]-d.k[i])/(1-p)
			grad += gi * (a - b)
			curv += gi * gi * (a/p + b/(1-p))
		}
		if grad > 0 {
			lo = h
		} else {
			hi = h
		}
		next := h + grad/(rise*curv)
		if !(next > lo && next < hi) {
			next = (lo + hi) / 2
		}
		if math.Abs(next-h) < 1e-3 {
			h = next
			break
		}
		h = next
	}
	at := sigmoidAt{mid: mid, s: s, d: d.c + rise*h, share: h}
	for i, gi := range g {
		at.ll += logLik(d.k[i], d.n[i], d.c+rise*h*gi)
	}
	return at
}

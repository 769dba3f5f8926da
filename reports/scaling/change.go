package scaling

import (
	"cmp"
	"math"
	"slices"
)

// ChangePoint is the scale at which a break model leaves its floor, finer than the bracket and surer only as
// far as the model holds.
type ChangePoint struct {
	X float64 `json:"x"`
	// Lo and Hi bound X: the scales whose profile likelihood is not rejected at Level. An end at the first model's
	// scale is open: smaller scales are not excluded.
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
	Level  float64 `json:"level"`
	Method string  `json:"method"`
	// AICcGap is by how much the best break model beats the line.
	AICcGap float64 `json:"aicc_gap"`
}

// noSupport is the difference of AICc from which on a model has essentially no support beside a better one
// (Burnham and Anderson, Model Selection and Multimodel Inference (2002), section 2.6).
const noSupport = 10

// changePoint profiles the break of a hinge with a free floor, {τ: 2(Lmax - L(τ)) ≤ ĉ χ²(1)}, where the dispersion
// ĉ ≥ 1 widens the interval where the models scatter around the hinge by more than their items and sigma0 allow
// (McCullagh and Nelder, Generalized Linear Models (1989), section 4.5). It is nil where no break model beats the
// line by AICcGap, since a break is then a parameter that the data do not ask for, and where another break model
// leaves the hinge without support, as a plateau does: then the bracket is all that can be said.
func (j *judge) changePoint(axis string) *ChangePoint {
	if j.on < 1 || len(j.all) < j.o.MinModels {
		return nil
	}
	best, hinge := j.bestBreak(), j.fit(ModelHinge)
	gap := j.fit(ModelLinear).aicc - best.aicc
	if !(gap >= j.o.AICcGap) || math.IsInf(gap, 0) || hinge.aicc-best.aicc >= noSupport {
		return nil
	}
	dispersion := max(1, j.counts.chiSquare(hinge.values)/float64(len(j.all)-hinge.params))
	pr := j.counts.profileHinge(j.o.BreakGrid)
	if pr.best == 0 {
		return nil // the break is at or before the first model
	}
	lo, hi := pr.interval(dispersion * chiSquare1(j.o.Level) / 2)
	a, b := scaleAt(axis, lo), scaleAt(axis, hi)
	return &ChangePoint{X: scaleAt(axis, pr.tau[pr.best]), Lo: min(a, b), Hi: max(a, b), Level: j.o.Level,
		Method: "profile likelihood of a hinge with a free floor", AICcGap: gap}
}

// chiSquare is Pearson's Σ (k - n p)² / (n p (1-p)).
func (d *counts) chiSquare(values []float64) float64 {
	sum := 0.0
	for i, p := range values {
		p = min(max(p, tiny), 1-tiny)
		r := d.k[i] - d.n[i]*p
		// A share so near 0 or 1 that less than one item is expected says nothing on scatter.
		if v := d.n[i] * p * (1 - p); v >= 1 {
			sum += r * r / v
		}
	}
	return sum
}

// Transition is the width of the rise of a sigmoid, between a tenth and nine tenths, in decades.
type Transition struct {
	Width float64   `json:"width"`
	Lo    float64   `json:"lo"`
	Hi    float64   `json:"hi"`
	Word  Sharpness `json:"sharpness"`
}

// transition profiles the width of a sigmoid that rises from the floor's own level, as far as that is at chance. The interval's ends are the grid's where the likelihood does
// not fall off: no data exclude a jump between two neighbouring models.
func (j *judge) transition() *Transition {
	if j.on < 0 || len(j.all) < j.o.MinModels {
		return nil
	}
	d := j.counts
	if floor, n := d.share(0, j.on); n > 0 {
		d.c = min(max(floor, d.floorLo), d.floorHi)
	}
	best, scales := d.sigmoid()
	at := sigmoidAt{s: best.width / widthOfScale, ll: best.ll}
	place, _ := slices.BinarySearchFunc(scales, at, func(a, b sigmoidAt) int { return cmp.Compare(a.s, b.s) })
	scales = slices.Insert(scales, place, at)
	cut := best.ll - chiSquare1(j.o.Level)/2
	first, last := place, place
	for first > 0 && scales[first-1].ll >= cut {
		first--
	}
	for last < len(scales)-1 && scales[last+1].ll >= cut {
		last++
	}
	edge := func(in, out int) float64 {
		if out < 0 || out == len(scales) {
			return scales[in].s
		}
		return math.Exp(cross(math.Log(scales[in].s), math.Log(scales[out].s), scales[in].ll-cut, scales[out].ll-cut))
	}
	t := &Transition{Width: best.width, Word: Unresolved,
		Lo: widthOfScale * edge(first, first-1), Hi: widthOfScale * edge(last, last+1)}
	switch {
	case t.Hi <= j.o.MaxWidth:
		t.Word = Abrupt
	case t.Lo >= j.o.MaxWidth:
		t.Word = Gradual
	}
	return t
}

package scaling

import (
	"math"
)

// ChangePoint is the scale at which a break model leaves its floor, finer than the bracket and surer only as
// far as the model holds.
type ChangePoint struct {
	X float64 `json:"x"`
	// Lo and Hi bound X: the scales whose profile likelihood is not rejected at Level.
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
	Level  float64 `json:"level"`
	Method string  `json:"method"`
	// AICcGap is by how much the best break model beats the line.
	AICcGap float64 `json:"aicc_gap"`
}

// changePoint profiles the break of a hinge with a free floor, {τ: 2(Lmax - L(τ)) ≤ χ²(1)}. It is nil where no
// break model beats the line by AICcGap: then a break is a parameter of a model that the data do not ask for.
func (j *judge) changePoint(axis string) *ChangePoint {
	if j.on < 1 || len(j.all) < j.o.MinModels {
		return nil
	}
	gap := j.fit(ModelLinear).aicc - j.bestBreak().aicc
	if !(gap >= j.o.AICcGap) || math.IsInf(gap, 0) {
		return nil
	}
	pr := j.counts.profileHinge(j.o.BreakGrid)
	lo, hi := pr.interval(chiSquare1(j.o.Level) / 2)
	a, b := scaleAt(axis, lo), scaleAt(axis, hi)
	return &ChangePoint{X: scaleAt(axis, pr.tau[pr.best]), Lo: min(a, b), Hi: max(a, b), Level: j.o.Level,
		Method: "profile likelihood of a hinge with a free floor", AICcGap: gap}
}

// Transition is the width of the rise of a sigmoid, between a tenth and nine tenths, in decades.
type Transition struct {
	Width float64   `json:"width"`
	Lo    float64   `json:"lo"`
	Hi    float64   `json:"hi"`
	Word  Sharpness `json:"sharpness"`
}

// transition profiles the width of the sigmoid. The interval's ends are the grid's where the likelihood does
// not fall off: no data exclude a jump between two neighbouring models.
func (j *judge) transition() *Transition {
	if j.on < 0 || len(j.all) < j.o.MinModels {
		return nil
	}
	best := j.fit(ModelSigmoid)
	cut := best.ll - chiSquare1(j.o.Level)/2
	lo, hi := math.Inf(1), 0.0
	for i, at := range j.scales {
		if at.ll >= cut {
			lo, hi = min(lo, at.s), max(hi, at.s)
		}
		if i > 0 && (j.scales[i-1].ll-cut)*(at.ll-cut) < 0 {
			edge := math.Exp(cross(math.Log(j.scales[i-1].s), math.Log(at.s), j.scales[i-1].ll-cut, at.ll-cut))
			lo, hi = min(lo, edge), max(hi, edge)
		}
	}
	t := &Transition{Width: best.width, Lo: min(lo*widthOfScale, best.width), Hi: max(hi*widthOfScale, best.width), Word: Unresolved}
	switch {
	case t.Hi <= j.o.MaxWidth:
		t.Word = Abrupt
	case t.Lo >= j.o.MaxWidth:
		t.Word = Gradual
	}
	return t
}

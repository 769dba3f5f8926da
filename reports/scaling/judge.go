package scaling

import (
	"math"

	"github.com/onset-eval/onset/reports/stats"
)

// judge holds one curve while its label is found. Its fits are made when they are first asked for, since most
// labels need none and a bootstrap asks for hundreds.
type judge struct {
	o      *Options
	all    []obs
	c0, p0 float64
	p      []float64 // one-sided p-values of the points against p0
	holm   []float64
	above  []bool
	on     int // index of the onset, -1 for none
	counts counts
	fits   map[string]*candidate
	// familySD is that of the intercepts of pooled families, nil where none are pooled.
	familySD *float64
}

// newJudge tests the points and finds the onset.
func newJudge(all []obs, c0 float64, o *Options) *judge {
	j := &judge{o: o, all: all, c0: c0, p0: c0 + o.Delta*(1-c0), fits: map[string]*candidate{}}
	j.p = make([]float64, len(all))
	for i := range all {
		j.p[i] = all[i].pAbove(j.p0)
	}
	j.holm = stats.Holm(j.p)
	j.above = make([]bool, len(all))
	for i, p := range j.holm {
		j.above[i] = p < o.Alpha
	}
	j.on = j.persistentOnset()
	j.counts = countsOf(all, c0, j.p0, o)
	j.familySD = j.poolFamilies()
	return j
}

// fit gives a curve model's fit, made once.
func (j *judge) fit(model string) *candidate {
	if f := j.fits[model]; f != nil {
		return f
	}
	var f candidate
	switch model {
	case ModelChance:
		f = j.counts.atChance()
	case ModelConst:
		f = j.counts.constant()
	case ModelLinear:
		f = j.counts.logit(1)
	case ModelQuadratic:
		f = j.counts.logit(2)
	case ModelStep:
		f = j.counts.step()
	case ModelHinge:
		f = j.counts.hinge()
	case ModelSigmoid:
		f, _ = j.counts.sigmoid()
	case ModelBNSL:
		f = j.counts.bnsl()
	case ModelIsotonic:
		f = j.counts.isotonic()
	}
	j.fits[model] = &f
	return &f
}

// decades is the range of the models' scales.
func (j *judge) decades() float64 {
	if len(j.all) == 0 {
		return 0
	}
	return j.all[len(j.all)-1].x - j.all[0].x
}

// label gives the first label that applies.
func (j *judge) label() Label {
	switch {
	case len(j.all) < j.o.MinModels || j.decades() < j.o.MinDecades:
		return Undetermined
	case j.uShaped():
		return UShaped
	case j.inverse():
		return Inverse
	case j.on < 0:
		return j.labelWithoutOnset()
	}
	return j.labelWithOnset()
}

func (j *judge) labelWithoutOnset() Label {
	for _, is := range j.above {
		if is {
			return Undetermined
		}
	}
	top := &j.all[len(j.all)-1]
	if limit := j.c0 + j.o.FlatRise*(1-j.c0); top.y < limit && top.pBelow(limit) < (1-j.o.Level)/2 {
		return Flat
	}
	return MaybeFlat
}

func (j *judge) labelWithOnset() Label {
	if j.on >= 2 && j.floorHolds() && j.floorSeen() && (j.lateBracket() || j.sharpBreak()) {
		if top := j.fit(ModelIsotonic).values; j.normalised(top[len(top)-1]) >= j.o.MinRise {
			return Emergent
		}
		return Undetermined
	}
	if j.trend() > 0 {
		return Smooth
	}
	return NotCorrelated
}

// normalised puts chance at 0 and perfect at 1.
func (j *judge) normalised(y float64) float64 { return (y - j.c0) / (1 - j.c0) }

// floorHolds says that the models before the onset are at chance together, and not just each too uncertain to
// be told from it: the bracket of a smooth curve with few items is late, but its floor rises.
func (j *judge) floorHolds() bool {
	p, n := j.counts.share(0, j.on)
	return stats.BinomialUpper(p*n, n, j.p0) >= j.o.FloorAlpha
}

// floorSeen says that a break after a floor explains the curve better than a rise from the first model on does,
// by FloorGain in log-likelihood: where a floor gains nothing, there is no sign of one.
func (j *judge) floorSeen() bool {
	ramp := j.counts.hingeFit(j.counts.x[0], hingeAt{theta: 0.5, b: 0.1})
	return max(j.fit(ModelStep).ll, j.fit(ModelHinge).ll)-ramp.ll >= j.o.FloorGain
}

// floorWidth is the length from the first model to the middle of the bracket.
func (j *judge) floorWidth() float64 {
	return (j.all[j.on-1].x+j.all[j.on].x)/2 - j.all[0].x
}

// lateBracket says that the floor is most of the range: the onset is where the curve's own models leave a long
// stretch at chance behind them.
func (j *judge) lateBracket() bool { return j.floorWidth() >= j.o.LateShare*j.decades() }

// sharpBreak says that a model with a break explains the curve better than a smooth one does, that its
// transition is shorter than MaxWidth, and that the floor is long enough to be one.
func (j *judge) sharpBreak() bool {
	if j.floorWidth() < j.o.MinFloor {
		return false
	}
	b := j.bestBreak()
	return j.fit(ModelLinear).aicc-b.aicc >= j.o.AICcGap && b.width < j.o.MaxWidth
}

// bestBreak is the break model with the lowest AICc.
func (j *judge) bestBreak() *candidate {
	best := j.fit(ModelStep)
	for _, m := range []string{ModelHinge, ModelSigmoid} {
		if f := j.fit(m); f.aicc < best.aicc {
			best = f
		}
	}
	return best
}

// uShaped says that a quadratic beats a line, that its vertex lies inside the range, and that both outer thirds
// are significantly and visibly above the middle one.
func (j *judge) uShaped() bool {
	m := len(j.all)
	third := m / 3
	if j.drop(0, third, third, m-third) < j.o.MinDrop || j.drop(m-third, m, third, m-third) < j.o.MinDrop {
		return false
	}
	q := j.fit(ModelQuadratic)
	vertex := -q.coef[1] / (2 * q.coef[2])
	return j.fit(ModelLinear).aicc-q.aicc >= j.o.AICcGap && q.coef[2] > 0 && math.Abs(vertex) < 1
}

// inverse says that the last third is significantly and visibly below the first, and the line with it.
func (j *judge) inverse() bool {
	m := len(j.all)
	third := m / 3
	if j.drop(0, third, m-third, m) < j.o.MinDrop {
		return false
	}
	return j.trend() < 0
}

// drop is by how much the models [a0,a1) are above [b0,b1), pooled; 0 where the difference has z below MinZ.
func (j *judge) drop(a0, a1, b0, b1 int) float64 {
	pa, na := j.counts.share(a0, a1)
	pb, nb := j.counts.share(b0, b1)
	if na == 0 || nb == 0 {
		return 0
	}
	se := math.Sqrt(spread(pa, 0.5/na)/na + spread(pb, 0.5/nb)/nb)
	if (pa-pb)/se < j.o.MinZ {
		return 0
	}
	return pa - pb
}

// trend is the sign of the line's slope where a likelihood-ratio test of the slope has p < TrendAlpha, else 0.
func (j *judge) trend() int {
	line := j.fit(ModelLinear)
	chi2 := 2 * (line.ll - j.fit(ModelConst).ll)
	if chi2 <= 0 || 2*stats.NormalUpper(math.Sqrt(chi2)) >= j.o.TrendAlpha {
		return 0
	}
	if line.coef[1] < 0 {
		return -1
	}
	return 1
}

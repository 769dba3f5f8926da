package scaling

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// PointResult is a point with its interval and its tests against the baseline.
type PointResult struct {
	Point
	// Score is K/N where N > 0. It has the metric's unit, as have Lo and Hi, its exact interval without the
	// noise of seeds and prompts.
	Score float64 `json:"score"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
	// EffectiveN is N reduced by that noise; 0 where the metric has no count.
	EffectiveN float64 `json:"effective_n,omitempty"`
	// P is the one-sided p-value of the performance being at most P0 of the analysis, PHolm the same adjusted
	// for the models of the curve, and PExact that without the noise of seeds and prompts.
	P      float64 `json:"p"`
	PHolm  float64 `json:"p_holm"`
	PExact float64 `json:"p_exact"`
	// Above says that PHolm is below alpha.
	Above bool `json:"above"`
}

// Analysis is what a curve says. Its JSON names are stable.
type Analysis struct {
	Task   string `json:"task"`
	Family string `json:"family"`
	Prompt string `json:"prompt"`
	Shots  int    `json:"shots"`
	Form   string `json:"form,omitempty"`
	Metric string `json:"metric"`
	Axis   string `json:"axis"`
	// Label is the verdict, and Sharpness says how fast the ability appears; "" where there is no onset.
	Label     Label     `json:"label"`
	Sharpness Sharpness `json:"sharpness"`
	// Onset is nil where no ability appears.
	Onset *Onset `json:"onset"`
	// ChangePoint is nil where no break model is called for.
	ChangePoint *ChangePoint `json:"change_point"`
	Transition  *Transition  `json:"transition"`
	// ContinuousName names the metric that Artefact checks against, and FamilySD is the standard deviation of the
	// families' intercepts, in logits, where several are pooled.
	ContinuousName string   `json:"continuous_name,omitempty"`
	FamilySD       *float64 `json:"family_sd,omitempty"`
	// Stability is nil where no bootstrap was asked for, Artefact where the floor has fewer than three models
	// with a continuous metric.
	Stability *Stability `json:"stability"`
	Artefact  *Artefact  `json:"artefact"`
	// Baseline is what was tested against, and P0 the performance that still counts as chance, in the metric's unit.
	// Perfect is the score of a perfect model; 0 means 1.
	Baseline Baseline `json:"baseline"`
	P0       float64  `json:"p0"`
	Perfect  float64  `json:"perfect,omitempty"`
	// Models counts the points used, and Decades is the range of their scales.
	Models  int           `json:"models"`
	Decades float64       `json:"decades"`
	Points  []PointResult `json:"points"`
	// Fits are the curve models by rising AICc, and Selected names the first of the parametric ones.
	Fits     []Fit    `json:"fits"`
	Selected string   `json:"selected_model"`
	BigBench BigBench `json:"bigbench"`
	// P is the p-value of no model being above chance (the least of the adjusted ones), Q the same after
	// Benjamini and Hochberg over the curves analysed together; equal for one curve.
	P float64 `json:"p"`
	Q float64 `json:"q"`
	// Replication compares with the same task in other families; nil where there is none.
	Replication *Replication `json:"replication"`
	Warnings    []string     `json:"warnings,omitempty"`
}

// Analyze tests every model of a curve against the baseline and says where the ability appears.
func Analyze(c Curve, o Options) Analysis {
	o = o.withDefaults()
	a := Analysis{Task: c.Task, Family: c.Family, Prompt: c.Style, Shots: c.Shots, Form: c.Form, Metric: c.Metric, Axis: c.Axis,
		ContinuousName: c.ContinuousName}
	j, points, warnings := prepare(&c, &o)
	a.Warnings = warnings
	a.Models = len(points)
	a.Baseline = c.Baseline
	if j == nil {
		a.Label = Undetermined
		return a
	}
	a.P0, a.Perfect = metricUnit(&c, j.p0), c.Perfect
	a.Decades = j.decades()
	a.Points = pointResults(&c, points, j)
	a.Onset = bracket(points, j.on)
	a.Label = j.label()
	a.describe(&c, points, j)
	a.warn(points, &o)
	if w := j.suspectBaseline(); w != "" {
		a.Warnings = append(a.Warnings, w)
	}
	return a
}

// prepare orders and tests the points of a curve, and raises its baseline where the points themselves show that
// constant answers do better. j is nil where the baseline leaves nothing to be tested.
func prepare(c *Curve, o *Options) (j *judge, points []Point, warnings []string) {
	for _, v := range []*float64{&c.Baseline.Value, &c.Perfect, &c.Ignorant, &c.ContinuousPerfect} {
		if !measurable(*v) {
			warnings = append(warnings, fmt.Sprintf("a baseline or perfect value of %v is no measurement", *v))
			*v = 0
		}
	}
	bad := len(warnings) > 0
	points, dropped := ordered(c)
	warnings = append(warnings, dropped...)
	all := make([]obs, len(points))
	for i := range points {
		all[i] = observe(c, &points[i], o)
	}
	if b, found := flippedConstant(c, points, all, o); found {
		warnings = append(warnings, fmt.Sprintf("models share a score of %.3g below chance, as constant answers do: the baseline is raised to %.3g",
			c.perfect()-b.Value, b.Value))
		c.Baseline = b
	}
	c0 := chance(c)
	if bad {
		return nil, points, warnings
	}
	if !(c0 >= 0 && c0 < 1) {
		return nil, points, append(warnings, fmt.Sprintf("a baseline of %v leaves nothing to perfect at %v", c.Baseline.Value, c.perfect()))
	}
	return newJudge(all, c0, o), points, warnings
}

// describe fills what goes beyond the label.
func (a *Analysis) describe(c *Curve, points []Point, j *judge) {
	a.P, a.Fits = 1, []Fit{}
	scores := make([]float64, len(points))
	resolution := math.Inf(1)
	for i := range points {
		a.P = min(a.P, j.holm[i])
		scores[i] = points[i].score()
		n := points[i].N
		if n == 0 {
			n = j.o.UnknownN
		}
		resolution = min(resolution, math.Abs(c.perfect())/n)
	}
	a.Q = a.P
	a.BigBench = bigBench(scores, resolution)
	a.fitAll(c, j)
	a.ChangePoint = j.changePoint(c.Axis)
	if a.Transition = j.transition(); a.Transition != nil {
		a.Sharpness = a.Transition.Word
	}
	a.Artefact = j.artefact(c, points)
	a.FamilySD = j.familySD
	if j.o.Replicates > 0 && len(points) > 0 {
		a.Stability = j.stability(c, points, a.Label)
	}
}

// fitAll writes out every curve model that the points allow.
func (a *Analysis) fitAll(c *Curve, j *judge) {
	if len(j.all) < 3 {
		return
	}
	models := []string{ModelChance, ModelConst, ModelLinear, ModelQuadratic, ModelStep, ModelHinge, ModelSigmoid, ModelIsotonic}
	if len(j.all) >= minBNSL {
		models = append(models, ModelBNSL)
	}
	for _, model := range models {
		f := j.fit(model)
		if math.IsInf(f.ll, 0) || math.IsNaN(f.ll) {
			continue
		}
		out := Fit{Model: model, Parameters: f.params, LogLik: f.ll, Coefficients: f.coef, Values: make([]float64, len(f.values))}
		for i, v := range f.values {
			out.Values[i] = metricUnit(c, v)
		}
		if !math.IsInf(f.aicc, 0) && model != ModelIsotonic {
			out.AICc = &f.aicc
		}
		if !math.IsNaN(f.width) {
			out.Width = &f.width
		}
		a.Fits = append(a.Fits, out)
	}
	slices.SortStableFunc(a.Fits, func(x, y Fit) int {
		switch {
		case x.AICc == nil && y.AICc == nil:
			return 0
		case x.AICc == nil:
			return 1
		case y.AICc == nil:
			return -1
		}
		return cmp.Compare(*x.AICc, *y.AICc)
	})
	if a.Fits[0].AICc != nil {
		a.Selected = a.Fits[0].Model
	}
}

// pointResults writes out the tests of single models, with the exact ones without sigma0 beside them.
func pointResults(c *Curve, points []Point, j *judge) []PointResult {
	exact := *j.o
	exact.Sigma0 = 0
	out := make([]PointResult, len(points))
	for i := range points {
		raw := observe(c, &points[i], &exact)
		lo, hi := raw.interval(j.o.Level)
		out[i] = PointResult{
			Point: points[i], Score: points[i].score(),
			Lo: metricUnit(c, lo), Hi: metricUnit(c, hi), EffectiveN: j.all[i].n,
			P: j.p[i], PHolm: j.holm[i], PExact: raw.pAbove(j.p0), Above: j.above[i],
		}
	}
	return out
}

// metricUnit turns performance on the scale of obs.y back into the metric's unit.
func metricUnit(c *Curve, y float64) float64 {
	scale := c.perfect()
	if scale < c.Baseline.Value {
		return c.Baseline.Value + y*(scale-c.Baseline.Value)
	}
	return y * scale
}

// warn says what a reader must know of the measurements.
func (a *Analysis) warn(points []Point, o *Options) {
	least, unknown := math.Inf(1), 0
	for _, p := range points {
		if p.N > 0 {
			least = min(least, p.N)
		} else if p.StdErr == 0 {
			unknown++
		}
		for _, w := range p.Warnings {
			a.Warnings = append(a.Warnings, p.Model+": "+w)
		}
	}
	if least < o.FewItems {
		a.Warnings = append(a.Warnings, fmt.Sprintf("only %g items: under %g, onsets and labels are unsure", least, o.FewItems))
	}
	if unknown > 0 {
		a.Warnings = append(a.Warnings, fmt.Sprintf("%d scores have neither item count nor standard error: %g items are assumed", unknown, o.UnknownN))
	}
}

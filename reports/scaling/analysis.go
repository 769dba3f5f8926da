package scaling

import (
	"fmt"
	"math"

	"github.com/onset-eval/onset/reports/stats"
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
	Metric string `json:"metric"`
	Axis   string `json:"axis"`
	// Label is the verdict.
	Label Label `json:"label"`
	// Onset is nil where no ability appears.
	Onset *Onset `json:"onset"`
	// Baseline is what was tested against, and P0 the performance that still counts as chance, in the metric's unit.
	Baseline Baseline `json:"baseline"`
	P0       float64  `json:"p0"`
	// Models counts the points used, and Decades is the range of their scales.
	Models   int           `json:"models"`
	Decades  float64       `json:"decades"`
	Points   []PointResult `json:"points"`
	Warnings []string      `json:"warnings,omitempty"`
}

// Analyze tests every model of a curve against the baseline and says where the ability appears.
func Analyze(c Curve, o Options) Analysis {
	o = o.withDefaults()
	a := Analysis{Task: c.Task, Family: c.Family, Prompt: c.Style, Shots: c.Shots, Metric: c.Metric, Axis: c.Axis, Baseline: c.Baseline}
	points, warnings := ordered(&c)
	a.Warnings = warnings
	a.Models = len(points)
	c0 := chance(&c)
	p0 := c0 + o.Delta*(1-c0)
	a.P0 = metricUnit(&c, p0)
	if !(c0 >= 0 && c0 < 1) {
		a.Label = Undetermined
		a.Warnings = append(a.Warnings, fmt.Sprintf("a baseline of %v leaves nothing to perfect at %v", c.Baseline.Value, c.perfect()))
		return a
	}
	all := make([]obs, len(points))
	for i := range points {
		all[i] = observe(&c, &points[i], &o)
	}
	above := a.test(&c, points, all, p0, &o)
	if len(all) > 0 {
		a.Decades = all[len(all)-1].x - all[0].x
	}
	on := persistentOnset(all, above, p0)
	a.Onset = bracket(points, on)
	a.Label = label(all, above, on, c0, a.Decades, &o)
	a.warn(points, &o)
	return a
}

// test fills the analysis's points.
func (a *Analysis) test(c *Curve, points []Point, all []obs, p0 float64, o *Options) (above []bool) {
	exact := *o
	exact.Sigma0 = 0
	p := make([]float64, len(all))
	a.Points = make([]PointResult, len(all))
	for i := range all {
		p[i] = all[i].pAbove(p0)
		raw := observe(c, &points[i], &exact)
		a.Points[i] = PointResult{
			Point: points[i], Score: points[i].score(),
			Lo: metricUnit(c, raw.lo), Hi: metricUnit(c, raw.hi),
			EffectiveN: all[i].n, P: p[i], PExact: raw.pAbove(p0),
		}
	}
	above = make([]bool, len(all))
	for i, adjusted := range stats.Holm(p) {
		above[i] = adjusted < o.Alpha
		a.Points[i].PHolm, a.Points[i].Above = adjusted, above[i]
	}
	return above
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

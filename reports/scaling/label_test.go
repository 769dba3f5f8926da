package scaling_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/onset-eval/onset/reports/scaling"
)

func TestLabels(t *testing.T) {
	short := curveOf(.25, 500, 125, 120, 130, 124, 128, 300, 400)
	for i := range short.Points {
		short.Points[i].X = 1e9 * (1 + float64(i)/4)
	}
	tests := []struct {
		name  string
		curve scaling.Curve
		want  scaling.Label
		sharp scaling.Sharpness
	}{
		{"four models", curveOf(.25, 500, 125, 120, 130, 400), scaling.Undetermined, ""},
		{"under a decade", short, scaling.Undetermined, ""},
		{"a late jump", curveOf(.25, 500, 125, 120, 130, 124, 128, 300, 400), scaling.Emergent, ""},
		{"a sharp jump in the middle", curveOf(.25, 500, 125, 120, 130, 400, 402, 410, 405, 408), scaling.Emergent, scaling.Abrupt},
		{"a rise throughout", curveOf(.25, 500, 130, 160, 200, 240, 290, 330, 370, 400), scaling.Smooth, scaling.Gradual},
		{"flat with many items", curveOf(.25, 2000, 500, 490, 510, 495, 505, 500), scaling.Flat, ""},
		{"flat with few items", curveOf(.25, 50, 12, 13, 12, 14, 11, 13), scaling.MaybeFlat, ""},
		{"above chance without a trend", curveOf(.25, 500, 250, 255, 245, 252, 248, 251), scaling.NotCorrelated, ""},
		{"falling", curveOf(.25, 500, 300, 280, 240, 200, 160, 130), scaling.Inverse, ""},
		{"falling and rising", curveOf(.25, 500, 300, 240, 150, 140, 230, 310), scaling.UShaped, ""},
		{"one model above and the last not", curveOf(.25, 500, 125, 120, 250, 124, 128, 126), scaling.Undetermined, ""},
		{"a rise too small to name", curveOf(0, 5000, 20, 30, 25, 20, 28, 300), scaling.Undetermined, ""},
	}
	for _, c := range tests {
		a := scaling.Analyze(c.curve, scaling.Options{})
		if a.Label != c.want {
			t.Errorf("%s: %s, want %s", c.name, a.Label, c.want)
		}
		if c.sharp != "" && a.Sharpness != c.sharp {
			t.Errorf("%s: %s %+v, want %s", c.name, a.Sharpness, a.Transition, c.sharp)
		}
	}
}

// TestUnitOfScale holds that counting parameters in thousands changes nothing but the scales.
func TestUnitOfScale(t *testing.T) {
	c := rising()
	want := scaling.Analyze(c, scaling.Options{Replicates: 50})
	c.Points = slices.Clone(c.Points)
	for i := range c.Points {
		c.Points[i].X /= 1000
	}
	got := scaling.Analyze(c, scaling.Options{Replicates: 50})
	if got.Label != want.Label || got.Sharpness != want.Sharpness || got.Onset.Index != want.Onset.Index || got.Selected != want.Selected {
		t.Errorf("%s %s %+v, want %s %s %+v", got.Label, got.Sharpness, got.Onset, want.Label, want.Sharpness, want.Onset)
	}
	if r := want.ChangePoint.X / got.ChangePoint.X; math.Abs(r-1000) > 1 {
		t.Errorf("the change-point scales by %v", r)
	}
	if d := cmp.Diff(want.Stability.Labels, got.Stability.Labels); d != "" {
		t.Errorf("the bootstrap depends on the unit:\n%s", d)
	}
}

// TestLossAxis holds that a smaller loss is a larger scale: the curve of falling losses is that of rising sizes.
func TestLossAxis(t *testing.T) {
	c := curveOf(.25, 500, 125, 120, 130, 124, 128, 300, 400)
	c.Axis = scaling.AxisLoss
	for i := range c.Points {
		c.Points[i].X = 5 * math.Pow(10, -0.04*float64(i))
	}
	a := scaling.Analyze(c, scaling.Options{})
	if a.Label != scaling.Emergent || a.Onset.AboveModel != "f" || *a.Onset.Below <= a.Onset.Above {
		t.Errorf("%s %+v", a.Label, a.Onset)
	}
}

// TestScores holds that a metric with a standard error, in its own unit and whichever way is better, is judged
// as a count is.
func TestScores(t *testing.T) {
	score := func(perfect, base, n float64, values ...float64) scaling.Curve {
		c := curveOf(base, n, make([]float64, len(values))...)
		c.Perfect = perfect
		for i, v := range values {
			c.Points[i] = scaling.Point{Model: c.Points[i].Model, X: c.Points[i].X, Score: v, StdErr: math.Abs(perfect-base) * .01}
		}
		return c
	}
	for name, c := range map[string]scaling.Curve{
		"BLEU, 0 to 100":    score(100, 0, 0, .3, .2, .4, .3, .2, 20, 35),
		"error, less is up": score(.0001, 1, 0, 1, 1.01, .99, 1, .99, .8, .6),
	} {
		a := scaling.Analyze(c, scaling.Options{})
		if a.Label != scaling.Emergent || a.Onset.AboveModel != "f" {
			t.Errorf("%s: %s %+v", name, a.Label, a.Onset)
		}
		for i, p := range a.Points {
			if !(p.Score == c.Points[i].Score && min(p.Lo, p.Hi) < p.Score && max(p.Lo, p.Hi) > p.Score) {
				t.Errorf("%s: %v has the interval [%v, %v]", name, p.Score, p.Lo, p.Hi)
			}
		}
	}
}

// TestConstantAnswers holds that a two-choice curve whose models repeat one score below one half is tested
// against the other constant answer: Pythia's WSC, where 38 of 104 is one constant and 66 the other.
func TestConstantAnswers(t *testing.T) {
	c := curveOf(.5, 104, 38, 38, 38, 40, 38, 66, 66, 66)
	a := scaling.Analyze(c, scaling.Options{})
	if math.Abs(a.Baseline.Value-66./104) > 1e-12 || a.Onset != nil || len(a.Warnings) == 0 {
		t.Errorf("baseline %+v, onset %+v, warnings %q", a.Baseline, a.Onset, a.Warnings)
	}
	a = scaling.Analyze(curveOf(.5, 104, 52, 38, 49, 50, 55, 66, 80, 90), scaling.Options{})
	if a.Baseline.Value != .5 {
		t.Errorf("one model below chance raises the baseline to %v", a.Baseline.Value)
	}
}

func TestStability(t *testing.T) {
	o := scaling.Options{Replicates: 200, Seed: 7}
	clear := scaling.Analyze(curveOf(.25, 500, 125, 120, 130, 124, 128, 300, 400), o)
	if s := clear.Stability; s.Label < .95 || s.Bracket < .95 || *s.Lo != clear.Onset.Above || *s.Hi != clear.Onset.Above {
		t.Errorf("a clear jump is repeated in %+v", s)
	}
	faint := curveOf(.25, 60, 15, 14, 16, 15, 18, 27, 30)
	a := scaling.Analyze(faint, o)
	if a.Stability.Label > .95 {
		t.Errorf("a faint rise is repeated in %+v", a.Stability)
	}
	others := scaling.AnalyzeAll([]scaling.Curve{rising(), faint}, o)
	if d := cmp.Diff(a.Stability, others[1].Stability); d != "" {
		t.Errorf("the bootstrap depends on the other curves:\n%s", d)
	}
	o.Seed = 8
	if cmp.Equal(a.Stability, scaling.Analyze(faint, o).Stability, cmpopts.EquateEmpty()) {
		t.Error("another seed draws the same replicates")
	}
}

func TestSeveral(t *testing.T) {
	jump := curveOf(.25, 500, 125, 120, 130, 124, 128, 300, 400)
	again, flat := jump, curveOf(.25, 500, 125, 120, 130, 124, 128, 126, 125)
	again.Family, flat.Family = "g", "h"
	all := scaling.AnalyzeAll([]scaling.Curve{jump, again, flat}, scaling.Options{})
	r := all[0].Replication
	if r == nil || r.Same != 2 || r.Overlap != 2 || len(r.Families) != 3 {
		t.Errorf("replication %+v", r)
	}
	if all[2].Replication.Same != 1 || all[2].Replication.Overlap != 0 {
		t.Errorf("the flat family: %+v", all[2].Replication)
	}
	// Benjamini and Hochberg by hand: the two least of three p-values are equal.
	if p := all[0].P; math.Abs(all[0].Q-1.5*p) > 1e-12*p || all[2].Q < all[2].P {
		t.Errorf("p %v %v %v, q %v %v %v", all[0].P, all[1].P, all[2].P, all[0].Q, all[1].Q, all[2].Q)
	}
}

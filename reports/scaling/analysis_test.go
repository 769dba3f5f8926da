package scaling_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/reports/scaling"
)

// curveOf makes a curve of one model a half decade, with counts of n items.
func curveOf(chance, n float64, correct ...float64) scaling.Curve {
	c := scaling.Curve{Task: "t", Family: "f", Style: "direct", Metric: "acc", Axis: scaling.AxisParams,
		Baseline: scaling.Baseline{Value: chance, Origin: "uniform"}}
	for i, k := range correct {
		c.Points = append(c.Points, scaling.Point{Model: string(rune('a' + i)), X: math.Pow(10, 6+float64(i)/2), N: n, K: k})
	}
	return c
}

func TestOnset(t *testing.T) {
	tests := []struct {
		name  string
		curve scaling.Curve
		want  int // index of the first model above chance, -1 for none
	}{
		{"a clean jump", curveOf(.25, 200, 50, 52, 48, 51, 150, 180), 4},
		{"present throughout", curveOf(.25, 200, 100, 110, 120, 130, 150, 180), 0},
		{"only the last", curveOf(.25, 200, 50, 52, 48, 51, 50, 180), 5},
		{"one lucky model among models at chance", curveOf(.25, 200, 50, 90, 48, 51, 52, 50), -1},
		{"a lucky small model before the onset", curveOf(.25, 200, 90, 52, 48, 51, 150, 180), 4},
		{"a dip that stays near chance", curveOf(.25, 200, 50, 52, 150, 58, 150, 180), 2},
		{"a dip clearly below chance", curveOf(.25, 200, 50, 52, 150, 10, 150, 180), 4},
		{"the last falls back", curveOf(.25, 200, 50, 52, 150, 150, 150, 50), -1},
		{"flat", curveOf(.25, 200, 50, 52, 48, 51, 53, 50), -1},
		{"one lucky item at chance 0", curveOf(0, 200, 0, 0, 0, 0, 0, 2), -1},
		{"no models", curveOf(.25, 200), -1},
	}
	for _, c := range tests {
		a := scaling.Analyze(c.curve, scaling.Options{})
		got := -1
		if a.Onset != nil {
			got = a.Onset.Index
			if (a.Onset.Below == nil) != (got == 0) || a.Onset.Above != c.curve.Points[got].X {
				t.Errorf("%s: bracket %+v", c.name, a.Onset)
			}
		}
		if got != c.want {
			t.Errorf("%s: onset at %d, want %d", c.name, got, c.want)
		}
	}
}

// TestPoints compares the tests of single models with exact ones.
func TestPoints(t *testing.T) {
	a := scaling.Analyze(curveOf(.5, 104, 66, 66), scaling.Options{Delta: -1, Sigma0: -1})
	// Origin: scipy 1.17.1, stats.binom.sf(65, 104, .5).
	if p := a.Points[0].P; math.Abs(p-0.0038998080924446833) > 1e-12 || p != a.Points[0].PExact {
		t.Errorf("p = %v", p)
	}
	if h := a.Points[1].PHolm; math.Abs(h-2*0.0038998080924446833) > 1e-12 {
		t.Errorf("p adjusted for two models = %v", h)
	}
	a = scaling.Analyze(curveOf(.5, 104, 66, 66), scaling.Options{})
	// By hand: p = 66/104, n/(1+n σ₀²/(p(1-p))) with σ₀ = 0.01.
	if n := a.Points[0].EffectiveN; math.Abs(n-104/(1+104*1e-4/(66./104*38./104))) > 1e-9 {
		t.Errorf("effective n = %v", n)
	}
	if !(a.Points[0].P > a.Points[0].PExact) {
		t.Errorf("noise of seeds does not raise p: %v against %v", a.Points[0].P, a.Points[0].PExact)
	}
}

func TestInvariance(t *testing.T) {
	c := curveOf(.25, 200, 50, 52, 48, 60, 150, 180)
	want := scaling.Analyze(c, scaling.Options{})
	if want.Onset == nil {
		t.Fatal("no onset")
	}
	reversed := c
	reversed.Points = slices.Clone(c.Points)
	slices.Reverse(reversed.Points)
	if d := cmp.Diff(want, scaling.Analyze(reversed, scaling.Options{})); d != "" {
		t.Errorf("order matters:\n%s", d)
	}
	double := c
	double.Points = append(slices.Clone(c.Points), c.Points[2])
	got := scaling.Analyze(double, scaling.Options{})
	if len(got.Warnings) != 1 {
		t.Errorf("a model given twice warns %q", got.Warnings)
	}
	got.Warnings = nil
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("a model given twice matters:\n%s", d)
	}
}

func TestBadPoints(t *testing.T) {
	c := curveOf(.25, 200, 50, 52, 48, 60, 150, 180)
	c.Points = append(c.Points,
		scaling.Point{Model: "no scale", N: 10, K: 1}, scaling.Point{Model: "too many", X: 1e9, N: 10, K: 11},
		scaling.Point{Model: "not a number", X: 1e9, Score: math.NaN()})
	a := scaling.Analyze(c, scaling.Options{})
	if a.Models != 6 || len(a.Warnings) != 3 {
		t.Errorf("%d models, warnings %q", a.Models, a.Warnings)
	}
	c = curveOf(1, 200, 50, 52)
	if a := scaling.Analyze(c, scaling.Options{}); a.Label != scaling.Undetermined || len(a.Warnings) == 0 {
		t.Errorf("a baseline that is perfect gives %s %q", a.Label, a.Warnings)
	}
}

func TestJSON(t *testing.T) {
	data, err := json.Marshal(scaling.Analyze(curveOf(.25, 200, 50, 52, 48, 51, 150, 180), scaling.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"task":"t"`, `"family":"f"`, `"prompt":"direct"`, `"shots":0`, `"label":`,
		`"onset":{"below":31622776.6`, `"below_model":"d"`, `"above":100000000`, `"p_holm":`, `"origin":"uniform"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
}

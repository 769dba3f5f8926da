package scaling_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/onset-eval/onset/reports/scaling"
)

// pooled draws a curve over several families whose intercepts, in logits, are normal with standard deviation sd.
func pooled(seed uint64, sd float64) scaling.Curve {
	rng := seeded(seed)
	c := scaling.Curve{Task: "t", Family: "pooled", Metric: "acc", Axis: scaling.AxisParams, Baseline: scaling.Baseline{Value: .25, Origin: "uniform"}}
	for f := range 8 {
		u := sd * rng.NormFloat64()
		for i := range 5 {
			x := 6 + .6*float64(i) + .07*float64(f)
			s := 1 / (1 + math.Exp(-3*(x-7.6)-u))
			if x < 7 {
				s = 0
			}
			c.Points = append(c.Points, scaling.Point{Model: fmt.Sprint("f", f, "m", i), Family: fmt.Sprint("f", f), X: math.Pow(10, x), N: 500,
				K: distuv.Binomial{N: 500, P: .25 + .75*s, Src: rng}.Rand()})
		}
	}
	return c
}

// TestFamilyIntercepts holds that the standard deviation of the families' intercepts is found, and that it widens what
// is said of the break.
func TestFamilyIntercepts(t *testing.T) {
	for _, sd := range []float64{0, 1} {
		mean := 0.0
		for seed := range uint64(20) {
			a := scaling.Analyze(pooled(seed, sd), scaling.Options{})
			if a.FamilySD == nil {
				t.Fatal("no intercepts")
			}
			mean += *a.FamilySD / 20
		}
		t.Logf("true %v, found %.2f", sd, mean)
		if math.Abs(mean-sd) > .3 {
			t.Errorf("intercepts of standard deviation %v are found as %.2f", sd, mean)
		}
	}
	c := pooled(1, 1)
	for i := range c.Points {
		c.Points[i].Family = ""
	}
	if a := scaling.Analyze(c, scaling.Options{}); a.FamilySD != nil {
		t.Error("one family has an intercept")
	}
}

// TestFirstComponent compares with the construction: scores = place × slope + offset, with gaps.
func TestFirstComponent(t *testing.T) {
	nan := math.NaN()
	slopes, offsets := []float64{.1, .2, -.05, .15, 0}, []float64{.2, .1, .6, .3, .5}
	places := []float64{-1.5, -.5, 0, .75, 1.25, 2}
	scores := make([][]float64, len(places))
	for i, p := range places {
		for b := range slopes {
			scores[i] = append(scores[i], offsets[b]+slopes[b]*p)
		}
	}
	scores[1][0], scores[4][3] = nan, nan
	c, err := scaling.FirstComponent(scores)
	if err != nil {
		t.Fatal(err)
	}
	if c.Explained < .999 || c.Loadings[4] != 0 || c.Loadings[2] >= 0 || c.Loadings[0] <= 0 {
		t.Errorf("%+v", c)
	}
	// The component is a line in the places.
	slope := (c.Scores[5] - c.Scores[0]) / (places[5] - places[0])
	for i, p := range places {
		if want := c.Scores[0] + slope*(p-places[0]); math.Abs(c.Scores[i]-want) > 1e-4 {
			t.Errorf("model %d is at %.5f, want %.5f", i, c.Scores[i], want)
		}
	}
	for _, bad := range [][][]float64{{{1, 2, 3}}, {{1}, {2}, {3}, {4}}, {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}} {
		if _, err := scaling.FirstComponent(bad); err == nil {
			t.Errorf("%v has a component", bad)
		}
	}
}

func BenchmarkAnalyzeAll10000(b *testing.B) {
	curves := mixed(10_000)
	for b.Loop() {
		scaling.AnalyzeAll(curves, scaling.Options{})
	}
}

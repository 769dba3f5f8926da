package scaling_test

import (
	"math"
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

// rising is a curve of eight models a half decade apart, 200 items each.
func rising() scaling.Curve { return curveOf(.25, 200, 50, 54, 47, 58, 60, 95, 140, 165) }

// TestFits compares the maxima with independent ones on the same counts, without noise of seeds and prompts.
func TestFits(t *testing.T) {
	// Origin: linear and quadratic by statsmodels 0.15.0 (GLM, Binomial), hinge by scipy 1.17.1 (L-BFGS-B over slope
	// and floor, Nelder-Mead over the break), sigmoid by scipy's differential_evolution, the others in closed form.
	want := map[string]struct {
		params int
		ll     float64
	}{
		scaling.ModelChance: {0, -1195.262937041815}, scaling.ModelConst: {1, -1087.487329793862},
		scaling.ModelLinear: {2, -965.0888545237841}, scaling.ModelQuadratic: {3, -936.9044927603852},
		scaling.ModelStep: {3, -960.0653630535289}, scaling.ModelHinge: {3, -935.6029485171722},
		scaling.ModelSigmoid: {3, -934.8672594090265}, scaling.ModelIsotonic: {7, -934.3937242675635},
	}
	a := scaling.Analyze(rising(), scaling.Options{Sigma0: -1})
	if len(a.Fits) != len(want) {
		t.Errorf("%d fits, want %d", len(a.Fits), len(want))
	}
	for _, f := range a.Fits {
		w := want[f.Model]
		// The searches end within a hundredth of a nat of the maximum, far below what moves an AICc decision.
		if math.Abs(f.LogLik-w.ll) > 0.01 || f.LogLik > w.ll+1e-6 || f.Parameters != w.params {
			t.Errorf("%s: %d parameters, log-likelihood %.6f, want %d, %.6f", f.Model, f.Parameters, f.LogLik, w.params, w.ll)
		}
		k := float64(w.params)
		if aicc := -2*f.LogLik + 2*k + 2*k*(k+1)/(8-k-1); f.Model != scaling.ModelIsotonic && math.Abs(*f.AICc-aicc) > 1e-9 {
			t.Errorf("%s: AICc %v, want %v", f.Model, *f.AICc, aicc)
		}
	}
	if a.Selected != scaling.ModelSigmoid {
		t.Errorf("%s is selected", a.Selected)
	}
}

func TestChangePoint(t *testing.T) {
	a := scaling.Analyze(rising(), scaling.Options{Sigma0: -1})
	if a.ChangePoint == nil {
		t.Fatal("no change-point")
	}
	// Origin: scipy 1.17.1, as above; the interval by brentq on the profile at half the 95 % quantile of χ²(1).
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"break", a.ChangePoint.X, 8.19406319}, {"lower end", a.ChangePoint.Lo, 7.895533868453738}, {"upper end", a.ChangePoint.Hi, 8.332875077493563}} {
		if at := math.Log10(c.got); math.Abs(at-c.want) > 0.02 {
			t.Errorf("%s at 10^%.4f, want 10^%.4f", c.name, at, c.want)
		}
	}
	if c := scaling.Analyze(curveOf(.25, 200, 50, 54, 47, 58, 55, 52, 49, 51), scaling.Options{}).ChangePoint; c != nil {
		t.Errorf("a flat curve has a change-point: %+v", c)
	}
}

// TestBrokenScalingLaw holds that the law is fitted from twelve models on and is not worse than a line there.
func TestBrokenScalingLaw(t *testing.T) {
	a := scaling.Analyze(curveOf(0, 500, 10, 12, 15, 20, 26, 33, 120, 210, 290, 350, 400, 430), scaling.Options{})
	ll := map[string]float64{}
	for _, f := range a.Fits {
		ll[f.Model] = f.LogLik
	}
	law, ok := ll[scaling.ModelBNSL]
	if !ok || law < ll[scaling.ModelLinear] || law > ll[scaling.ModelIsotonic] {
		t.Errorf("log-likelihoods %v", ll)
	}
	for _, f := range scaling.Analyze(rising(), scaling.Options{}).Fits {
		if f.Model == scaling.ModelBNSL {
			t.Error("six parameters are fitted to eight models")
		}
	}
}

func TestBigBench(t *testing.T) {
	// By hand: steps 0 0 0.4 0.2, range 0.6, mean square 0.05, median square (0+0.04)/2.
	b := scaling.Analyze(curveOf(0, 100, 10, 10, 10, 50, 70), scaling.Options{}).BigBench
	for _, c := range []struct{ got, want float64 }{{b.Improvement, .6}, {b.Linearity, .6 / math.Sqrt(.05)}, {b.Breakthroughness, .6 / math.Sqrt(.02)}} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%+v: %v, want %v", b, c.got, c.want)
		}
	}
	// Most steps are 0: the median counts as one item of a hundred.
	b = scaling.Analyze(curveOf(0, 100, 0, 0, 0, 0, 50), scaling.Options{}).BigBench
	if math.Abs(b.Breakthroughness-50) > 1e-9 {
		t.Errorf("breakthroughness with zero steps is %v", b.Breakthroughness)
	}
	if b = scaling.Analyze(curveOf(0, 100, 50, 40, 30, 20, 10), scaling.Options{}).BigBench; b.Improvement >= 0 || b.Linearity >= 0 {
		t.Errorf("a falling curve improves: %+v", b)
	}
	if b = scaling.Analyze(curveOf(0, 100, 5, 5, 5, 5, 5), scaling.Options{}).BigBench; b != (scaling.BigBench{}) {
		t.Errorf("a constant curve has %+v", b)
	}
}

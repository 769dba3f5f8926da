package scaling_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/onset-eval/onset/reports/scaling"
)

// twoStep draws a curve whose loss is a power law of scale and whose score is a sigmoid of that loss.
func twoStep(seed uint64, models, items int) (scaling.Curve, func(x float64) float64) {
	rng := seeded(seed)
	loss := func(x float64) float64 { return 0.4 + 2.6*math.Pow(x/1e7, -0.18) }
	truth := func(x float64) float64 { return .25 + .75/(1+math.Exp(-3*(1.3-loss(x)))) }
	c := scaling.Curve{Task: "t", Family: "f", Metric: "acc", Axis: scaling.AxisParams, ContinuousName: "target_logprob",
		Baseline: scaling.Baseline{Value: .25, Origin: "uniform"}}
	for i := range models {
		x := math.Pow(10, 7+.5*float64(i))
		c.Points = append(c.Points, scaling.Point{Model: fmt.Sprint("m", i), X: x, N: float64(items),
			K:          distuv.Binomial{N: float64(items), P: truth(x), Src: rng}.Rand(),
			Continuous: &scaling.Continuous{Value: -loss(x) * (1 + .01*rng.NormFloat64()), StdErr: .01 * loss(x)}})
	}
	return c, truth
}

// TestPredict holds that the two steps find the score of a model that is half a decade larger than all they saw, and
// that their intervals cover it.
func TestPredict(t *testing.T) {
	covered, total, worse := 0, 0, 0
	for seed := range uint64(30) {
		c, truth := twoStep(seed, 8, 1000)
		f, err := scaling.Predict(c, scaling.Options{}, scaling.ForecastOptions{At: []float64{1e11}})
		if err != nil {
			t.Fatal(err)
		}
		h := f.HeldOut[0]
		if len(f.HeldOut) != 1 || h.Model != "m7" || len(f.Trained) != 7 || *h.Observed != c.Points[7].K/1000 {
			t.Fatalf("%+v", f)
		}
		if math.Abs(*h.Error) > .1 {
			t.Errorf("seed %d: predicted %.3f, observed %.3f", seed, h.Score, *h.Observed)
		}
		if f.MeanError > f.LastError {
			worse++
		}
		total++
		if y := truth(h.X); h.Lo <= y && y <= h.Hi {
			covered++
		}
		if target := f.Targets[0]; math.Abs(target.Score-truth(1e11)) > .2 || target.Observed != nil {
			t.Errorf("seed %d: at 1e11 %.3f, the truth is %.3f", seed, target.Score, truth(1e11))
		}
	}
	t.Logf("%d of %d intervals cover, %d forecasts are worse than the last score", covered, total, worse)
	if covered < 24 || worse > 3 {
		t.Errorf("%d of %d intervals cover, %d forecasts are worse than the last score", covered, total, worse)
	}
}

// TestPredictRefuses holds what a forecast cannot be made of.
func TestPredictRefuses(t *testing.T) {
	c, _ := twoStep(1, 4, 100)
	if _, err := scaling.Predict(c, scaling.Options{}, scaling.ForecastOptions{}); err == nil {
		t.Error("three models are fitted to")
	}
	c, _ = twoStep(1, 8, 100)
	c.Axis = scaling.AxisLoss
	if _, err := scaling.Predict(c, scaling.Options{}, scaling.ForecastOptions{}); err == nil {
		t.Error("loss is a scale")
	}
	c, _ = twoStep(1, 8, 100)
	for i := range c.Points {
		c.Points[i].Continuous = nil
	}
	if _, err := scaling.Predict(c, scaling.Options{}, scaling.ForecastOptions{}); err == nil {
		t.Error("a curve without a loss is predicted")
	}
}

func BenchmarkPredict(b *testing.B) {
	c, _ := twoStep(1, 8, 1000)
	for b.Loop() {
		if _, err := scaling.Predict(c, scaling.Options{}, scaling.ForecastOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

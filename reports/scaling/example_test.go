package scaling_test

import (
	"fmt"

	"github.com/onset-eval/onset/reports/scaling"
)

func ExampleAnalyze() {
	curve := scaling.Curve{
		Task: "sum6", Family: "seed0", Style: "cot", Metric: "acc", Axis: scaling.AxisParams,
		Baseline: scaling.HighestBaseline(
			scaling.Baseline{Value: 0.10, Origin: "uniform"},
			scaling.Baseline{Value: 0.155, Origin: "best constant answer"}),
		Points: []scaling.Point{
			{Model: "s0", X: 1.5e3, N: 200, K: 13}, {Model: "s1", X: 4.6e3, N: 200, K: 21},
			{Model: "s2", X: 1.1e4, N: 200, K: 25}, {Model: "s3", X: 2.8e4, N: 200, K: 13},
			{Model: "s4", X: 8.8e4, N: 200, K: 14}, {Model: "s5", X: 2.08e5, N: 200, K: 200},
			{Model: "s6", X: 4.53e5, N: 200, K: 200}, {Model: "s7", X: 1.0e6, N: 200, K: 200},
		},
	}
	a := scaling.Analyze(curve, scaling.Options{})
	fmt.Printf("above %s (%.3f) from %s on, not at %s: (%g, %g] parameters\n",
		a.Baseline.Origin, a.Baseline.Value, a.Onset.AboveModel, a.Onset.BelowModel, *a.Onset.Below, a.Onset.Above)
	// Output: above best constant answer (0.155) from s5 on, not at s4: (88000, 208000] parameters
}

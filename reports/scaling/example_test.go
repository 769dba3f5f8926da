package scaling_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

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
	fmt.Println(a.Label, a.Sharpness)
	// Output:
	// above best constant answer (0.155) from s5 on, not at s4: (88000, 208000] parameters
	// emergent abrupt
}

func ExampleAnalyzeAll() {
	points := func(correct ...float64) []scaling.Point {
		var out []scaling.Point
		for i, k := range correct {
			out = append(out, scaling.Point{Model: fmt.Sprintf("m%d", i), X: 1e6 * float64(int(1)<<(2*i)), N: 500, K: k})
		}
		return out
	}
	curve := scaling.Curve{Task: "copy", Axis: scaling.AxisParams, Baseline: scaling.Baseline{Value: 0.25, Origin: "uniform"}}
	one, two := curve, curve
	one.Family, one.Points = "seed 0", points(125, 120, 130, 124, 310, 400)
	two.Family, two.Points = "seed 1", points(128, 119, 126, 131, 290, 410)
	for _, a := range scaling.AnalyzeAll([]scaling.Curve{one, two}, scaling.Options{}) {
		fmt.Println(a.Family+":", a.Replication.Statement)
	}
	// Output:
	// seed 0: emergent in 2 of 2 families (seed 0, seed 1); 2 of the brackets overlap
	// seed 1: emergent in 2 of 2 families (seed 0, seed 1); 2 of the brackets overlap
}

// The JSON of an analysis has stable names; this is the part that says where an ability appears.
func ExampleOnset() {
	below := 1.4e9
	data, _ := json.Marshal(scaling.Onset{Below: &below, BelowModel: "1.4b", Above: 2.8e9, AboveModel: "2.8b", Index: 4})
	fmt.Println(string(data))
	// Output: {"below":1400000000,"below_model":"1.4b","above":2800000000,"above_model":"2.8b","index":4}
}

func ExampleItemsToSee() {
	// Four choices, a gain of 10 points, eight models in the curve.
	fmt.Println(scaling.ItemsToSee(0.25, 0.10, 0.05/8, 0.8, scaling.Options{}))
	// Output: 401
}

func ExamplePlan() {
	hope := scaling.Hope{Chance: 0.25, Rise: 0.3}
	for _, r := range scaling.Plan(hope, []int{8}, []int{50, 250}, scaling.Options{}, 500, rand.New(rand.NewPCG(1, 2))) {
		fmt.Printf("%d models, %d items: power %.1f\n", r.Models, r.Items, r.Emergent.Value)
	}
	// Output:
	// 8 models, 50 items: power 0.8
	// 8 models, 250 items: power 1.0
}

// Where does a chain of thought begin to help?
func ExampleCompare() {
	direct := scaling.Curve{Task: "words", Family: "demo", Style: "direct", Metric: "acc", Axis: scaling.AxisParams}
	cot := direct
	cot.Style = "cot"
	for i, k := range []float64{20, 22, 21, 90, 180, 210} {
		x := math.Pow(10, 6+float64(i))
		direct.Points = append(direct.Points, scaling.Point{Model: scaling.ScaleText(x), X: x, N: 250, K: 20 + 2*float64(i)})
		cot.Points = append(cot.Points, scaling.Point{Model: scaling.ScaleText(x), X: x, N: 250, K: k})
	}
	for _, c := range scaling.Compare([]scaling.Curve{direct, cot}, scaling.Options{}, nil) {
		fmt.Println(c.Statement())
	}
	// Output: words, 0 shots, demo: cot over direct begins to help in (100M, 1B] parameters
}

// What will the next larger model score, and how wrong was such a forecast of the largest that there is?
func ExamplePredict() {
	c := scaling.Curve{Task: "facts", Family: "demo", Metric: "acc", Axis: scaling.AxisParams, ContinuousName: "target_logprob"}
	for i := range 7 {
		x := math.Pow(10, 6+.5*float64(i))
		loss := .3 + 3*math.Pow(x/1e6, -.2)
		c.Points = append(c.Points, scaling.Point{Model: scaling.ScaleText(x), X: x, N: 1000, K: math.Round(1000 / (1 + math.Exp(-3*(1.5-loss)))),
			Continuous: &scaling.Continuous{Value: -loss, StdErr: .01}})
	}
	f, err := scaling.Predict(c, scaling.Options{}, scaling.ForecastOptions{At: []float64{1e10}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s is predicted within %.2f\n", f.HeldOut[0].Model, math.Ceil(100*f.MeanError)/100)
	fmt.Printf("at 10B: %.1f\n", f.Targets[0].Score)
	// Output:
	// 1B is predicted within 0.01
	// at 10B: 0.9
}

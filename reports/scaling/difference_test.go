package scaling_test

import (
	"math"
	"strings"
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

// twoPrompts draws a task where a chain of thought is as good as a direct answer up to 1e8 parameters and better by far
// from 1e9 on.
func twoPrompts() []scaling.Curve {
	direct := scaling.Curve{Task: "t", Family: "f", Style: "direct", Shots: 4, Metric: "acc", Axis: scaling.AxisParams}
	cot := direct
	cot.Style = "cot"
	for i, k := range []float64{100, 110, 105, 300, 420, 450} {
		x := math.Pow(10, 6+float64(i))
		direct.Points = append(direct.Points, scaling.Point{Model: "m", X: x, N: 500, K: 100 + 5*float64(i)})
		cot.Points = append(cot.Points, scaling.Point{Model: "m", X: x, N: 500, K: k})
	}
	return []scaling.Curve{direct, cot}
}

func TestCompare(t *testing.T) {
	curves := twoPrompts()
	zero := curves[0]
	zero.Shots, zero.Points = 0, curves[0].Points
	list := scaling.Compare(append(curves, zero), scaling.Options{Replicates: 100}, nil)
	if len(list) != 2 || list[0].Kind != scaling.CotOverDirect || list[1].Kind != scaling.ShotsOverZero {
		t.Fatalf("%d comparisons: %+v", len(list), list)
	}
	c := list[0]
	if c.Onset == nil || *c.Onset.Below != 1e8 || c.Onset.Above != 1e9 || c.Points[3].Score != .4-.03 || c.Stability.Lo == nil || *c.Stability.Lo != 1e9 {
		t.Errorf("%+v", c)
	}
	if s := c.Statement(); !strings.Contains(s, "cot over direct begins to help in (100M, 1B]") {
		t.Error(s)
	}
	if s := list[1]; s.Onset != nil || !strings.Contains(s.Statement(), "helps at no scale") {
		t.Errorf("equal curves differ: %s", s.Statement())
	}
}

// TestDifferenceErrors holds the standard errors: independent by default, the pair's own where it is given.
func TestDifferenceErrors(t *testing.T) {
	curves := twoPrompts()
	d := scaling.Difference(curves[1], curves[0], "x", nil)
	if want := math.Sqrt((.2*.8 + .2*.8) / 500); math.Abs(d.Points[0].StdErr-want) > 1e-12 {
		t.Errorf("standard error %v, want %v", d.Points[0].StdErr, want)
	}
	d = scaling.Difference(curves[1], curves[0], "x", func(string) (scaling.Pair, bool) { return scaling.Pair{Value: .1, StdErr: .005}, true })
	if p := d.Points[0]; p.StdErr != .005 || p.Score != .1 {
		t.Errorf("%+v", p)
	}
}

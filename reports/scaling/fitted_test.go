package scaling_test

import (
	"math"
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

// TestFittedAt holds that the formulas give at the points what the fits list there.
func TestFittedAt(t *testing.T) {
	seen := map[string]int{}
	for _, c := range mixed(12) {
		a := scaling.Analyze(c, scaling.Options{})
		for _, f := range a.Fits {
			if f.Model == scaling.ModelIsotonic || f.Model == scaling.ModelBNSL {
				continue
			}
			for i, p := range a.Points {
				y, ok := a.FittedAt(f.Model, p.X)
				if !ok || math.Abs(y-f.Values[i]) > 1e-9 {
					t.Errorf("%s at %g: %g %v, want %g", f.Model, p.X, y, ok, f.Values[i])
				}
			}
			seen[f.Model]++
		}
	}
	if len(seen) != 7 {
		t.Errorf("models seen: %v", seen)
	}
}

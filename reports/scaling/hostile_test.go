package scaling_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

// TestAnyInput holds that no input panics, and that every result can be written as JSON, which has no NaN and no
// infinity.
func TestAnyInput(t *testing.T) {
	rng := seeded(9)
	odd := []float64{0, 1, -1, .5, 1e-300, 1e300, math.NaN(), math.Inf(1), math.Inf(-1), 7.25, 3}
	pick := func(usual float64) float64 {
		if rng.IntN(8) == 0 {
			return odd[rng.IntN(len(odd))]
		}
		return usual
	}
	axes := []string{scaling.AxisParams, scaling.AxisLoss, scaling.AxisCapability, "steps", ""}
	for round := range 3000 {
		c := scaling.Curve{Axis: axes[rng.IntN(len(axes))], Baseline: scaling.Baseline{Value: pick(.25)}, Perfect: pick(1), Ignorant: pick(0), ContinuousPerfect: pick(1)}
		for i := range rng.IntN(15) {
			n := math.Floor(rng.Float64() * 300)
			p := scaling.Point{Model: string(rune('a' + i)), X: pick(math.Pow(10, 6*rng.Float64())), N: pick(n), K: pick(n * rng.Float64()), Score: pick(rng.Float64()), StdErr: pick(.02)}
			if rng.IntN(3) > 0 {
				p.Continuous = &scaling.Continuous{Value: pick(rng.Float64()), StdErr: pick(.01)}
			}
			c.Points = append(c.Points, p)
		}
		a := scaling.Analyze(c, scaling.Options{Replicates: 3, Sigma0: pick(.01), Delta: pick(.02)})
		if _, err := json.Marshal(a); err != nil {
			in, _ := json.Marshal(c.Points)
			t.Fatalf("round %d: %v for %+v %s: %+v", round, err, c, in, a)
		}
	}
}

package scaling_test

import (
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

func TestItemsToSee(t *testing.T) {
	for _, g := range []struct {
		c    float64
		want [3]int
	}{{0, [3]int{383, 90, 27}}, {.1, [3]int{1269, 223, 56}}, {.25, [3]int{1844, 328, 74}}, {.5, [3]int{1759, 351, 74}}} {
		for i, gain := range []float64{.05, .10, .20} {
			t.Log(g.c, gain, g.want[i], scaling.ItemsToSee(g.c, gain, .05/8, .8, scaling.Options{Sigma0: -1}), scaling.ItemsToSee(g.c, gain, .05/8, .8, scaling.Options{}))
		}
	}
}

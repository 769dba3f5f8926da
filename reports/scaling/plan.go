package scaling

import (
	"math"
	"math/rand/v2"

	"github.com/onset-eval/onset/reports/stats"
)

// Hope is the ability that a study is planned for. The zero value of a field is its default.
type Hope struct {
	Chance float64
	// Rise is how far the ability rises, as a share of what is left above chance. Default 0.3.
	Rise float64
	// Decades is the range of the ladder. Default 3.
	Decades float64
	// Where is the middle of the rise as a share of the range, and Width its length in decades for the middle
	// eight tenths. Defaults 0.7 and 0.46.
	Where, Width float64
	// Places are where a ladder's models lie, in decades from the smallest; Decades is not read then.
	Places []float64
}

// PlanRow is what a number of models and items buys.
type PlanRow struct {
	Models int `json:"models"`
	Items  int `json:"items"`
	Rates
	// FalseEmergent is the share of flat curves labelled emergent by the same design, and Flat the share of
	// them that can be called flat, rather than perhaps flat.
	FalseEmergent float64 `json:"false_emergent"`
	Flat          float64 `json:"flat"`
	// Resolution is the distance between neighbouring models in decades: no bracket is shorter.
	Resolution float64 `json:"resolution"`
}

// Plan simulates a study for each number of models and items, in that order; with Places, for those models alone.
func Plan(h Hope, models, items []int, o Options, replicates int, rng *rand.Rand) []PlanRow {
	h.Rise, h.Decades = setting(h.Rise, 0.3), setting(h.Decades, 3)
	h.Where, h.Width = setting(h.Where, 0.7), setting(h.Width, 0.46)
	if len(h.Places) > 0 {
		models, h.Decades = []int{len(h.Places)}, h.Places[len(h.Places)-1]
	}
	var rows []PlanRow
	for _, m := range models {
		for _, n := range items {
			d := Design{Chance: h.Chance, Models: m, Items: n, Decades: h.Decades, Places: h.Places, Sigma0: o.withDefaults().Sigma0,
				Shape: LogisticShape(h.Rise, h.Where*h.Decades, h.Width)}
			row := PlanRow{Models: m, Items: n, Rates: d.Simulate(o, replicates, rng), Resolution: h.Decades / float64(max(m-1, 1))}
			d.Shape = FlatShape()
			flat := d.Simulate(o, replicates, rng)
			row.FalseEmergent, row.Flat = flat.Labels[Emergent], flat.Labels[Flat]
			rows = append(rows, row)
		}
	}
	return rows
}

// maxItems bounds the search of ItemsToSee.
const maxItems = 100_000

// ItemsToSee is the number of items from which on one model whose true accuracy is chance + gain is seen to be
// above chance with the given power, by the test of single models at level alpha (for a curve of m models
// alpha/m is Holm's most severe step). It is 0 where no number of items is enough: the gain lies within Delta or the
// noise sigma0 of the baseline.
//
// The power is exact for the binomial counts, and averages over the normal noise of the true accuracy. It is a
// saw-tooth in the number of items, since counts are whole: the answer is past the last tooth that falls short.
func ItemsToSee(chance, gain, alpha, power float64, o Options) int {
	o = o.withDefaults()
	enough := func(n int) bool { return oneModelPower(n, chance, gain, alpha, &o) >= power }
	hi := 16
	for !enough(hi) {
		if hi *= 2; hi > maxItems {
			return 0
		}
	}
	// A tooth that falls short after a first success is near it: within half as many items again.
	n := hi + hi/2
	for n > 1 && enough(n) {
		n--
	}
	return n + 1
}

// oneModelPower is the probability that a model with accuracy chance + gain is significant with n items.
func oneModelPower(n int, chance, gain, alpha float64, o *Options) float64 {
	p0 := chance + o.Delta*(1-chance)
	c := Curve{Baseline: Baseline{Value: chance}, Axis: AxisParams}
	lo, hi := 0, n+1 // the least significant count is in (lo, hi]
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		ob := observe(&c, &Point{X: 1, N: float64(n), K: float64(mid)}, o)
		if ob.pAbove(p0) < alpha {
			hi = mid
		} else {
			lo = mid
		}
	}
	if hi > n {
		return 0
	}
	// Nine points of the normal noise, two standard deviations to either side.
	sum, weight := 0.0, 0.0
	for i := -4; i <= 4; i++ {
		z := float64(i) / 2
		w := math.Exp(-z * z / 2)
		p := min(max(chance+gain+z*o.Sigma0, 0), 1)
		sum += w * stats.BinomialUpper(float64(hi), float64(n), p)
		weight += w
	}
	return sum / weight
}

package scaling_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

// seeded is a source of its own for each test.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 20260101)) }

// drawn is how many curves a design is simulated with: few in a hurry, and thirty times as many in a night, with
// ONSET_NIGHTLY set.
func drawn(usual int) int {
	switch {
	case os.Getenv("ONSET_NIGHTLY") != "":
		return 30 * usual
	case testing.Short():
		return 10
	}
	return usual
}

// smoothShape rises over the whole range of three decades.
func smoothShape() scaling.Shape { return scaling.LogisticShape(.6, 1.5, 2.64) }

// TestPowerTable repeats the published simulation, row by row, and holds that no group of rows has less power, or
// more false positives, than the table says by more than 3 points and twice the error of both simulations. The
// table's shapes are breaks of 0.46 decades at seven tenths of three decades; it drew 60 curves a row.
func TestPowerTable(t *testing.T) {
	const tableDraws = 60
	shapes := map[string]scaling.Shape{"flat": scaling.FlatShape(),
		"em_0.15": scaling.LogisticShape(.15, 2.1, .46), "em_0.3": scaling.LogisticShape(.3, 2.1, .46), "em_0.6": scaling.LogisticShape(.6, 2.1, .46)}
	draws := drawn(60)
	type group struct{ ours, table, rows float64 }
	groups := map[string]*group{}
	rng := seeded(1)
	for _, r := range readRows(t, filepath.Join(published(t), "power_simulation.csv")) {
		shape := shapes[r["shape"]]
		if shape == nil || r.number("m") < 5 {
			continue
		}
		d := scaling.Design{Chance: r.number("c"), Models: int(r.number("m")), Decades: 3, Items: int(r.number("n")), Sigma0: .01, Shape: shape}
		rates := d.Simulate(scaling.Options{}, draws, rng)
		for _, by := range []string{"", "m", "n", "c"} {
			key := r["shape"]
			if by != "" {
				key += " " + by + "=" + r[by]
			}
			g := groups[key]
			if g == nil {
				g = &group{}
				groups[key] = g
			}
			g.ours += rates.Labels[scaling.Emergent]
			g.table += r.number("emergent")
			g.rows++
		}
	}
	if len(groups) < 20 {
		t.Fatalf("%d groups of rows", len(groups))
	}
	for key, g := range groups {
		ours, table := g.ours/g.rows, g.table/g.rows
		slack := .03 + 2*math.Sqrt(.25/(g.rows*tableDraws)+.25/(g.rows*float64(draws)))
		if key[:4] == "flat" {
			if ours > .017 {
				t.Errorf("%s: %.3f called emergent", key, ours)
			}
		} else if ours < table-slack {
			t.Errorf("%s: power %.3f, the table has %.3f", key, ours, table)
		}
		t.Logf("%-16s ours %.3f table %.3f", key, ours, table)
	}
}

// TestFalseEmergent holds the rate of false emergents on curves without a floor and a rise, at the item counts that
// plans are made with.
func TestFalseEmergent(t *testing.T) {
	shapes := []struct {
		name  string
		shape scaling.Shape
	}{
		{"flat", scaling.FlatShape()},
		{"a point above chance", func(float64) float64 { return .015 }},
		{"constant ability", func(float64) float64 { return .3 }},
		{"falling", func(x float64) float64 { return .4 - .13*x }},
		{"smooth", smoothShape()},
		{"linear", func(x float64) float64 { return .2 * x }},
		{"saturating", func(x float64) float64 { return .7 * (1 - math.Exp(-2*x)) }},
		{"wide logistic", scaling.LogisticShape(1, 1.5, 6)},
		{"rising and falling again", func(x float64) float64 { return .5 - .2*(x-1.5)*(x-1.5) }},
		{"falling and rising again", func(x float64) float64 { return .1 + .2*(x-1.5)*(x-1.5) }},
	}
	draws := drawn(40)
	rng := seeded(2)
	for _, s := range shapes {
		emergent, total := 0.0, 0.0
		for _, c := range []float64{0, .25, .5} {
			for _, m := range []int{6, 8, 12} {
				for _, n := range []int{250, 1000} {
					d := scaling.Design{Chance: c, Models: m, Decades: 3, Items: n, Sigma0: .01, Shape: s.shape}
					emergent += d.Simulate(scaling.Options{}, draws, rng).Labels[scaling.Emergent]
					total++
				}
			}
		}
		if rate := emergent / total; rate > .02 {
			t.Errorf("%s: %.3f called emergent", s.name, rate)
		} else {
			t.Logf("%-26s %.4f called emergent", s.name, rate)
		}
	}
}

// TestFlippingConstants holds that models which each always give one of two answers are not called emergent, although
// the uniform baseline is all that is given.
func TestFlippingConstants(t *testing.T) {
	rng := seeded(3)
	emergent, draws := 0, 400
	for range draws {
		c := curveOf(.5, 104, make([]float64, 8)...)
		for i := range c.Points {
			c.Points[i].K = 38
			if rng.Float64() < .5 {
				c.Points[i].K = 66
			}
		}
		if scaling.Analyze(c, scaling.Options{}).Label == scaling.Emergent {
			emergent++
		}
	}
	if rate := float64(emergent) / float64(draws); rate > .02 {
		t.Errorf("%.3f called emergent", rate)
	}
}

// TestChangePointCoverage holds that 95 % intervals of the break cover between 93 and 97 % over designs.
func TestChangePointCoverage(t *testing.T) {
	draws := drawn(60)
	rng := seeded(4)
	covered, printed := 0, 0
	for _, c := range []float64{0, .25, .5} {
		for _, m := range []int{6, 8, 12} {
			for _, n := range []int{250, 1000} {
				for range draws {
					tau := .8 + 1.6*rng.Float64()
					d := scaling.Design{Chance: c, Models: m, Decades: 3.5, Items: n, Sigma0: .01,
						Shape: func(x float64) float64 { return -math.Expm1(-max(0, x-tau)) }}
					if cp := scaling.Analyze(d.Curve(rng), scaling.Options{}).ChangePoint; cp != nil {
						printed++
						if x := math.Pow(10, 6+tau); cp.Lo <= x && x <= cp.Hi {
							covered++
						}
					}
				}
			}
		}
	}
	rate := float64(covered) / float64(printed)
	slack := 2 * math.Sqrt(.05*.95/float64(printed))
	t.Logf("%d of %d intervals cover: %.3f", covered, printed, rate)
	if printed < draws*10 || rate < .93-slack || rate > .97+slack {
		t.Errorf("%d of %d intervals cover: %.3f", covered, printed, rate)
	}
}

// TestArtefact holds the verdicts on jumps of known cause: accuracy as a power of a smoothly improving token
// probability (Schaeffer et al. 2023), and a true break of that probability.
func TestArtefact(t *testing.T) {
	logistic := scaling.LogisticShape
	tests := []struct {
		name  string
		token scaling.Shape
		power float64
		want  scaling.Verdict
	}{
		{"p^5", logistic(.95, 1.5, 3), 5, scaling.MetricArtefact},
		{"p^10", logistic(.97, 1, 2.6), 10, scaling.MetricArtefact},
		{"a break of p^2", func(x float64) float64 { return .05 + .02*x + logistic(.75, 2.1, .44)(x) }, 2, scaling.SharpUnderBoth},
	}
	rng := seeded(5)
	for _, c := range tests {
		right, committed := 0, 0
		for range 200 {
			d := scaling.Design{Models: 8, Decades: 3, Items: 250, Sigma0: .01, Shape: func(x float64) float64 { return math.Pow(c.token(x), c.power) }}
			curve := d.Curve(rng)
			curve.ContinuousPerfect = 1
			for i := range curve.Points {
				se := .25 / math.Sqrt(250)
				q := c.token(3*float64(i)/7) + math.Hypot(se, .01)*rng.NormFloat64()
				curve.Points[i].Continuous = &scaling.Continuous{Value: q, StdErr: se}
			}
			if a := scaling.Analyze(curve, scaling.Options{}).Artefact; a != nil && a.Verdict != scaling.Mixed {
				committed++
				if a.Verdict == c.want {
					right++
				}
			}
		}
		t.Logf("%s: %d of %d", c.name, right, committed)
		if committed < 100 || float64(right) < .9*float64(committed) {
			t.Errorf("%s: %d of %d verdicts are %s", c.name, right, committed, c.want)
		}
	}
}

// TestItemsToSee compares with the procedure's table (80 % power at 0.05/8, without noise of seeds and prompts),
// whose search stepped over the saw-tooth of exact power: within a tenth.
func TestItemsToSee(t *testing.T) {
	tests := []struct {
		chance float64
		want   [3]float64 // for gains of 5, 10 and 20 points
	}{{0, [3]float64{383, 90, 27}}, {.1, [3]float64{1269, 223, 56}}, {.25, [3]float64{1844, 328, 74}}, {.5, [3]float64{1759, 351, 74}}}
	for _, c := range tests {
		for i, gain := range []float64{.05, .10, .20} {
			n := float64(scaling.ItemsToSee(c.chance, gain, .05/8, .8, scaling.Options{Sigma0: -1}))
			if math.Abs(n/c.want[i]-1) > .1 {
				t.Errorf("chance %v, gain %v: %v items, want %v", c.chance, gain, n, c.want[i])
			}
		}
	}
	if n := scaling.ItemsToSee(.25, .01, .05/8, .8, scaling.Options{}); n != 0 {
		t.Errorf("a gain within delta is seen with %d items", n)
	}
}

func TestPlan(t *testing.T) {
	rows := scaling.Plan(scaling.Hope{Chance: .25, Rise: .3}, []int{5, 8}, []int{50, 250}, scaling.Options{}, 100, seeded(6))
	if len(rows) != 4 {
		t.Fatalf("%d rows", len(rows))
	}
	few, many := rows[2], rows[3]
	if few.Models != 8 || few.Items != 50 || many.Items != 250 || many.Emergent.Value <= few.Emergent.Value || many.Flat <= few.Flat {
		t.Errorf("%+v\n%+v", few, many)
	}
	if math.Abs(many.Resolution-3./7) > 1e-12 || many.Emergent.N != 100 {
		t.Errorf("%+v", many)
	}
	again := scaling.Plan(scaling.Hope{Chance: .25, Rise: .3}, []int{5, 8}, []int{50, 250}, scaling.Options{}, 100, seeded(6))
	if fmt.Sprint(again) != fmt.Sprint(rows) {
		t.Error("the same source gives another plan")
	}
}

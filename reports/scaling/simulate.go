package scaling

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/onset-eval/onset/reports/stats"
)

// Shape is a true curve: normalised performance, 0 at chance and 1 at perfect, at a place in decades from the
// smallest model.
type Shape func(decades float64) float64

// FlatShape stays at chance.
func FlatShape() Shape { return func(float64) float64 { return 0 } }

// LogisticShape rises to rise around mid; the middle eight tenths of the rise take width decades.
func LogisticShape(rise, mid, width float64) Shape {
	return func(x float64) float64 { return rise / (1 + math.Exp(-(x-mid)*widthOfScale/width)) }
}

// ConstantShape is above chance by the same at every scale.
func ConstantShape(above float64) Shape { return func(float64) float64 { return above } }

// LinearShape rises to rise over decades.
func LinearShape(rise, decades float64) Shape {
	return func(x float64) float64 { return rise * x / decades }
}

// HingeShape stays at chance to the break and rises from there on by the share rate of what is left a decade.
func HingeShape(at, rate float64) Shape {
	return func(x float64) float64 { return -math.Expm1(-rate * max(0, x-at)) }
}

// InverseShape falls from rise to chance over decades.
func InverseShape(rise, decades float64) Shape {
	return func(x float64) float64 { return rise * (1 - x/decades) }
}

// UShape falls from rise to chance at the middle of decades and rises to rise again.
func UShape(rise, decades float64) Shape {
	return func(x float64) float64 { u := 2*x/decades - 1; return rise * u * u }
}

// Design says what is simulated: models spread evenly over decades, with items each, around a true shape.
type Design struct {
	Chance  float64
	Models  int
	Decades float64
	Items   int
	// Places are where the models lie, in decades from the smallest, rising; it takes the place of Models and
	// Decades where it is given.
	Places []float64
	// Sigma0 is the standard deviation of the true accuracies around the shape.
	Sigma0 float64
	Shape  Shape
}

// Curve draws one curve. The truth at a model is the shape with normal noise, kept in [0,1].
func (d Design) Curve(rng *rand.Rand) Curve {
	c := Curve{Task: "simulated", Family: "simulated", Style: "direct", Metric: "acc", Axis: AxisParams,
		Baseline: Baseline{Value: d.Chance, Origin: "uniform"}, Points: make([]Point, d.models())}
	for i := range c.Points {
		x := d.place(i)
		p := d.Chance + (1-d.Chance)*d.Shape(x) + d.Sigma0*rng.NormFloat64()
		c.Points[i] = Point{Model: fmt.Sprintf("m%02d", i), X: math.Pow(10, 6+x), N: float64(d.Items),
			K: distuv.Binomial{N: float64(d.Items), P: min(max(p, 0), 1), Src: rng}.Rand()}
	}
	return c
}

// models counts the models.
func (d Design) models() int {
	if len(d.Places) > 0 {
		return len(d.Places)
	}
	return d.Models
}

// place is where model i lies, in decades from the first.
func (d Design) place(i int) float64 {
	if len(d.Places) > 0 {
		return d.Places[i]
	}
	return d.Decades * float64(i) / float64(max(d.Models-1, 1))
}

// visibleRise is the normalised performance from which on a model of a simulation has the ability.
const visibleRise = 0.05

// trueOnset is the index of the first model that has the ability, -1 where none has.
func (d Design) trueOnset() int {
	for i := range d.models() {
		if d.Shape(d.place(i)) >= visibleRise {
			return i
		}
	}
	return -1
}

// Rates is how often simulated curves of one design got each label.
type Rates struct {
	Replicates int               `json:"replicates"`
	Labels     map[Label]float64 `json:"labels"`
	// Emergent is the share labelled emergent with its interval over replicates: power where the shape has a
	// floor and a rise, a false-positive rate where it has not.
	Emergent stats.Estimate `json:"emergent"`
	// OnsetExact is the share of the brackets that end at the first model that has the ability, and OnsetBias by
	// how many models they end late on average (early is negative); both over the curves with an onset.
	OnsetExact float64 `json:"onset_exact"`
	OnsetBias  float64 `json:"onset_bias"`
}

// Simulate draws curves of a design and labels them.
func (d Design) Simulate(o Options, replicates int, rng *rand.Rand) Rates {
	o = o.withDefaults()
	counts := map[Label]int{}
	truth, onsets, exact, off := d.trueOnset(), 0, 0, 0
	for range replicates {
		c := d.Curve(rng)
		j, _, _ := prepare(&c, &o)
		counts[j.label()]++
		if j.on >= 0 && truth >= 0 {
			onsets++
			off += j.on - truth
			if j.on == truth {
				exact++
			}
		}
	}
	r := Rates{Replicates: replicates, Labels: map[Label]float64{}}
	for label, n := range counts {
		r.Labels[label] = float64(n) / float64(replicates)
	}
	r.Emergent = stats.Wilson(float64(counts[Emergent]), float64(replicates), o.Level)
	if onsets > 0 {
		r.OnsetExact = float64(exact) / float64(onsets)
		r.OnsetBias = float64(off) / float64(onsets)
	}
	return r
}

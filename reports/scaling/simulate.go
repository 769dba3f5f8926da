package scaling

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Shape is a true curve: normalised performance, 0 at chance and 1 at perfect, at a place in decades from the
// smallest model.
type Shape func(decades float64) float64

// FlatShape stays at chance.
func FlatShape() Shape { return func(float64) float64 { return 0 } }

// BreakShape rises by rise around mid, nine tenths of it... within width decades for the middle eight tenths.
func BreakShape(rise, mid, width float64) Shape {
	return func(x float64) float64 { return rise / (1 + math.Exp(-(x-mid)*widthOfScale/width)) }
}

// Design says what is simulated: models spread evenly over decades, items each, around a true shape.
type Design struct {
	Chance  float64
	Models  int
	Decades float64
	Items   int
	// Sigma0 is the standard deviation of the true accuracies around the shape.
	Sigma0 float64
	Shape  Shape
}

// Curve draws one curve. The truth at a model is the shape with normal noise, kept in [0,1].
func (d Design) Curve(rng *rand.Rand) Curve {
	c := Curve{Task: "simulated", Family: "simulated", Style: "direct", Metric: "acc", Axis: AxisParams,
		Baseline: Baseline{Value: d.Chance, Origin: "uniform"}, Points: make([]Point, d.Models)}
	for i := range c.Points {
		x := d.place(i)
		p := d.Chance + (1-d.Chance)*d.Shape(x) + d.Sigma0*rng.NormFloat64()
		c.Points[i] = Point{Model: fmt.Sprintf("m%02d", i), X: math.Pow(10, 6+x), N: float64(d.Items),
			K: float64(binomial(d.Items, p, rng))}
	}
	return c
}

// place is where model i lies, in decades from the first.
func (d Design) place(i int) float64 {
	return d.Decades * float64(i) / float64(max(d.Models-1, 1))
}

// binomial draws the number of successes in n trials.
func binomial(n int, p float64, rng *rand.Rand) int {
	k := 0
	for range n {
		if rng.Float64() < p {
			k++
		}
	}
	return k
}

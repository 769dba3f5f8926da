package scaling_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

// mixed draws curves of eight models of several shapes and item counts.
func mixed(n int) []scaling.Curve {
	rng := rand.New(rand.NewPCG(7, 8))
	shapes := []scaling.Shape{scaling.FlatShape(), scaling.LogisticShape(.6, 2.1, .46), scaling.LogisticShape(.6, 1.2, .46), scaling.LogisticShape(.7, 1.5, 3)}
	curves := make([]scaling.Curve, n)
	for i := range curves {
		d := scaling.Design{Chance: []float64{0, .25, .5}[i%3], Models: 8, Decades: 3, Items: []int{100, 250, 1000}[i/3%3], Sigma0: .01, Shape: shapes[i%4]}
		curves[i] = d.Curve(rng)
		curves[i].Task = fmt.Sprint("task", i)
	}
	return curves
}

func BenchmarkAnalyze(b *testing.B) {
	curves := mixed(144)
	i := 0
	for b.Loop() {
		scaling.Analyze(curves[i%len(curves)], scaling.Options{})
		i++
	}
}

func BenchmarkBootstrap200(b *testing.B) {
	curves := mixed(144)
	i := 0
	for b.Loop() {
		scaling.Analyze(curves[i%len(curves)], scaling.Options{Replicates: 200, Seed: 1})
		i++
	}
}

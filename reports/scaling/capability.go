package scaling

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Component is the first principal component of models over benchmarks.
type Component struct {
	// Scores are the models' places on it, in standard deviations of the benchmarks; larger is more capable.
	Scores []float64
	// Loadings are the benchmarks' weights, 0 for those that tell no models apart, and Explained is the share of the
	// standardised variance that the component holds.
	Loadings  []float64
	Explained float64
}

// Bounds of the component: fewer models or benchmarks have none.
const (
	minComponentModels     = 4
	minComponentBenchmarks = 3
	imputeRounds           = 500
)

var errFewBenchmarks = errors.New("a capability axis needs three other benchmarks or more that most of the models share")

// FirstComponent reduces scores, models × benchmarks with NaN where a model was not measured, to one capability
// (Ruan et al. 2024, arXiv 2405.10938, section 3). Benchmarks are standardised over their models; what is missing is
// filled in by the component itself, in turns, as in their imputation. A benchmark that half the models lack is left
// out.
func FirstComponent(scores [][]float64) (Component, error) {
	m := len(scores)
	if m < minComponentModels {
		return Component{}, errors.New("a capability axis needs four models or more")
	}
	k := len(scores[0])
	if k < minComponentBenchmarks {
		return Component{}, errFewBenchmarks
	}
	c := Component{Loadings: make([]float64, k)}
	columns := usable(scores)
	if len(columns) < minComponentBenchmarks {
		return c, errFewBenchmarks
	}
	z := mat.NewDense(m, len(columns), nil)
	var svd mat.SVD
	for range imputeRounds {
		for i := range columns {
			columns[i].standardise(z, i)
		}
		if !svd.Factorize(z, mat.SVDThin) {
			return c, errors.New("the benchmarks have no principal component")
		}
		if !impute(&svd, columns) {
			break
		}
	}
	c.read(&svd, m, columns)
	return c, nil
}

// column is a benchmark's scores with what is missing filled in.
type column struct {
	benchmark int
	scores    []float64
	missing   []int // models
	mean, sd  float64
}

// usable gives the benchmarks that tell models apart and that more than half of them have.
func usable(scores [][]float64) []column {
	var out []column
	for b := range scores[0] {
		c := column{benchmark: b, scores: make([]float64, len(scores))}
		sum, n, differ := 0.0, 0.0, false
		first := math.NaN()
		for i := range scores {
			v := scores[i][b]
			if math.IsNaN(v) {
				c.missing = append(c.missing, i)
				continue
			}
			if math.IsNaN(first) {
				first = v
			}
			differ = differ || math.Abs(v-first) > 1e-9
			c.scores[i] = v
			sum += v
			n++
		}
		if !differ || 2*n <= float64(len(scores)) {
			continue
		}
		for _, i := range c.missing {
			c.scores[i] = sum / n
		}
		out = append(out, c)
	}
	return out
}

// standardise writes the column's z-scores to z.
func (c *column) standardise(z *mat.Dense, at int) {
	n := float64(len(c.scores))
	c.mean, c.sd = 0, 0
	for _, v := range c.scores {
		c.mean += v / n
	}
	for _, v := range c.scores {
		c.sd += (v - c.mean) * (v - c.mean) / n
	}
	c.sd = math.Sqrt(c.sd)
	for i, v := range c.scores {
		z.Set(i, at, (v-c.mean)/c.sd)
	}
}

// impute fills in what is missing by the first component, and says whether that still moves.
func impute(svd *mat.SVD, columns []column) bool {
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	first, moved := svd.Values(nil)[0], false
	for b := range columns {
		c := &columns[b]
		for _, i := range c.missing {
			fill := c.mean + c.sd*first*u.At(i, 0)*v.At(b, 0)
			moved = moved || math.Abs(fill-c.scores[i]) > 1e-9*c.sd
			c.scores[i] = fill
		}
	}
	return moved
}

// read takes the component out of the decomposition, turned so that most benchmarks rise along it.
func (c *Component) read(svd *mat.SVD, m int, columns []column) {
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	values := svd.Values(nil)
	sum, total := 0.0, 0.0
	for b := range columns {
		sum += v.At(b, 0)
	}
	for _, s := range values {
		total += s * s
	}
	sign := math.Copysign(1, sum)
	for i := range m {
		c.Scores = append(c.Scores, sign*values[0]*u.At(i, 0))
	}
	for b, column := range columns {
		c.Loadings[column.benchmark] = sign * v.At(b, 0)
	}
	c.Explained = values[0] * values[0] / total
}

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
	imputeRounds           = 100
)

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
	c := Component{Loadings: make([]float64, k)}
	z := mat.NewDense(m, k, nil)
	missing := make([][2]int, 0)
	used := 0
	for b := range k {
		gaps, ok := standardise(scores, b, z)
		if !ok {
			continue
		}
		used++
		missing = append(missing, gaps...)
	}
	if used < minComponentBenchmarks {
		return c, errors.New("a capability axis needs three other benchmarks or more that most of the models share")
	}
	var svd mat.SVD
	for round := range imputeRounds {
		if !svd.Factorize(z, mat.SVDThin) {
			return c, errors.New("the benchmarks have no principal component")
		}
		if len(missing) == 0 || round == imputeRounds-1 {
			break
		}
		var u, v mat.Dense
		svd.UTo(&u)
		svd.VTo(&v)
		first, moved := svd.Values(nil)[0], 0.0
		for _, at := range missing {
			fill := first * u.At(at[0], 0) * v.At(at[1], 0)
			moved = max(moved, math.Abs(fill-z.At(at[0], at[1])))
			z.Set(at[0], at[1], fill)
		}
		if moved < 1e-9 {
			break
		}
	}
	c.read(&svd, m, k)
	return c, nil
}

// standardise writes column b as z-scores with 0 where it is missing, and gives the missing places; false where it
// tells no models apart or most models lack it.
func standardise(scores [][]float64, b int, z *mat.Dense) (gaps [][2]int, ok bool) {
	var n, sum, square float64
	for i := range scores {
		v := scores[i][b]
		if math.IsNaN(v) {
			gaps = append(gaps, [2]int{i, b})
			continue
		}
		n++
		sum += v
		square += v * v
	}
	variance := square/n - (sum/n)*(sum/n)
	if 2*n <= float64(len(scores)) || !(variance > 1e-12) {
		return nil, false
	}
	for i := range scores {
		if v := scores[i][b]; !math.IsNaN(v) {
			z.Set(i, b, (v-sum/n)/math.Sqrt(variance))
		}
	}
	return gaps, true
}

// read takes the component out of the decomposition, turned so that most benchmarks rise along it.
func (c *Component) read(svd *mat.SVD, m, k int) {
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	values := svd.Values(nil)
	sum, total := 0.0, 0.0
	for b := range k {
		sum += v.At(b, 0)
	}
	for _, s := range values {
		total += s * s
	}
	sign := math.Copysign(1, sum)
	for i := range m {
		c.Scores = append(c.Scores, sign*values[0]*u.At(i, 0))
	}
	for b := range k {
		c.Loadings[b] = sign * v.At(b, 0)
	}
	c.Explained = values[0] * values[0] / total
}

package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Mean estimates the mean of independent observations, with Student's t interval: x̄ ± t(n-1) s/√n.
// level 0 means DefaultLevel.
func Mean(xs []float64, level float64) Estimate {
	e := Estimate{Level: levelOf(level), N: float64(len(xs)), Method: "Student t"}
	mean, ok := e.centre(xs)
	if !ok {
		return e
	}
	ss := 0.0
	for _, x := range xs {
		ss += (x - mean) * (x - mean)
	}
	n := e.N
	e.StdErr = math.Sqrt(ss / (n - 1) / n)
	e.student(n - 1)
	return e
}

// ClusteredMean estimates the mean of observations that are independent between clusters but not within
// them: several questions on one passage, several draws of one sample. With G clusters of residual sums r_g,
//
//	SE² = G/(G-1) Σ_g r_g² / n²        r_g = Σ_{i in g} (x_i - x̄)
//
// Liang and Zeger, Biometrika 73 (1986) 13–22, with the usual finite-sample factor; for evaluations see
// Miller, Adding Error Bars to Evals (arXiv 2411.00640), section 2.2. The interval is x̄ ± t(G-1) SE. With one
// observation in each cluster it equals Mean. cluster[i] names the cluster of xs[i]. level 0 means DefaultLevel.
func ClusteredMean[C comparable](xs []float64, cluster []C, level float64) Estimate {
	if len(xs) != len(cluster) {
		panic(fmt.Sprintf("stats: %d observations with %d cluster names", len(xs), len(cluster)))
	}
	e := Estimate{Level: levelOf(level), N: float64(len(xs)), Method: "clustered t"}
	mean, ok := e.centre(xs)
	if !ok {
		return e
	}
	index := make(map[C]int)
	var sums []float64 // summed in first-seen order, so that the result does not depend on map order
	for i, x := range xs {
		g, seen := index[cluster[i]]
		if !seen {
			g = len(sums)
			index[cluster[i]] = g
			sums = append(sums, 0)
		}
		sums[g] += x - mean
	}
	e.Clusters = len(sums)
	if e.Clusters < 2 {
		e.Lo, e.Hi = math.Inf(-1), math.Inf(1)
		e.warn(ErrFewData, "one cluster has no standard error")
		return e
	}
	ss := 0.0
	for _, r := range sums {
		ss += r * r
	}
	g := float64(e.Clusters)
	e.StdErr = math.Sqrt(g/(g-1)*ss) / e.N
	if e.Clusters < 10 {
		e.warn(ErrFewData, "%d clusters: the standard error is itself unsure", e.Clusters)
	}
	e.student(g - 1)
	return e
}

// centre sets the value to the mean of xs, and is false where no interval can be had.
func (e *Estimate) centre(xs []float64) (mean float64, ok bool) {
	if len(xs) == 0 {
		e.warn(ErrNoData, "a mean of nothing")
		return 0, false
	}
	varies := false
	for _, x := range xs {
		if !finite(x) {
			e.warn(ErrInput, "an observation is %v", x)
			return 0, false
		}
		mean += x / float64(len(xs))
		varies = varies || x != xs[0]
	}
	e.Value = mean
	if len(xs) == 1 {
		e.Lo, e.Hi = math.Inf(-1), math.Inf(1)
		e.warn(ErrFewData, "one observation has no standard error")
		return mean, false
	}
	if !varies {
		e.Value = xs[0]
		e.warn(ErrNoVariation, "%d times %v: the interval has no width, which is not certainty", len(xs), xs[0])
	}
	return e.Value, true
}

// student sets the interval to Value ± t(df) StdErr.
func (e *Estimate) student(df float64) {
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(0.5 + e.Level/2)
	e.Lo, e.Hi = e.Value-t*e.StdErr, e.Value+t*e.StdErr
}

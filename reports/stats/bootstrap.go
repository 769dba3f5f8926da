package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Bootstrap estimates a statistic of n observations with the percentile interval over replicates resamples
// with replacement. statistic gets the indices of a resample, in a slice that it must not keep; the value is
// the statistic of the observations themselves. Resample clusters, not observations, where observations are
// not independent. level 0 means DefaultLevel.
//
// Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Replicates whose statistic is
// not finite are left out and counted in a warning.
func Bootstrap(n, replicates int, level float64, rng *rand.Rand, statistic func(index []int) float64) Estimate {
	e := Estimate{Level: levelOf(level), N: float64(n), Method: "bootstrap percentile"}
	if n < 1 {
		e.warn(ErrNoData, "a bootstrap of nothing")
		return e
	}
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	e.Value = statistic(index)
	values := make([]float64, 0, replicates)
	for range replicates {
		for i := range index {
			index[i] = rng.IntN(n)
		}
		if v := statistic(index); finite(v) {
			values = append(values, v)
		}
	}
	if lost := replicates - len(values); lost > 0 {
		e.warn(ErrInput, "%d of %d replicates have no finite value", lost, replicates)
	}
	if len(values) < 2 {
		e.Lo, e.Hi = math.Inf(-1), math.Inf(1)
		e.warn(ErrFewData, "%d replicates have no interval", len(values))
		return e
	}
	spread := Mean(values, level)
	e.StdErr = spread.StdErr * math.Sqrt(float64(len(values)))
	slices.Sort(values)
	tail := (1 - e.Level) / 2
	e.Lo, e.Hi = Quantile(values, tail), Quantile(values, 1-tail)
	if n < 20 {
		e.warn(ErrFewData, "the percentile interval of %d observations is too narrow", n)
	}
	return e
}

// Quantile is the q-quantile of sorted values, interpolated linearly between order statistics (type 7 of
// Hyndman and Fan, Amer. Statist. 50 (1996) 361–365). q is in [0,1]; no values give NaN.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(math.Floor(at))
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// fewTrials is the count below which a proportion's interval is too wide to see a rise of ten points.
const fewTrials = 100

// Wilson estimates a proportion from k successes in n trials with the score interval,
//
//	(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)        p = k/n
//
// Wilson, Probable Inference, JASA 22 (1927) 209–212. Its coverage is near level on average; it may fall
// below it for p near 0 or 1. 0 ≤ k ≤ n, both may be fractional; level 0 means DefaultLevel.
func Wilson(k, n, level float64) Estimate {
	e, ok := proportion(k, n, level, "Wilson")
	if !ok {
		return e
	}
	z := NormalQuantile(0.5 + e.Level/2)
	p, z2 := k/n, z*z
	centre := (p + z2/(2*n)) / (1 + z2/n)
	half := z / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	e.Lo, e.Hi = max(0, centre-half), min(1, centre+half)
	if k == 0 {
		e.Lo = 0
	}
	if k == n {
		e.Hi = 1
	}
	return e
}

// ClopperPearson estimates a proportion from k successes in n trials with the interval that inverts the two
// one-sided exact tests: with α = 1 - level,
//
//	lo = B(α/2; k, n-k+1)        hi = B(1-α/2; k+1, n-k)
//
// where B is the beta quantile. Clopper and Pearson, Biometrika 26 (1934) 404–413. It covers at least level
// for whole counts. 0 ≤ k ≤ n, both may be fractional; level 0 means DefaultLevel.
func ClopperPearson(k, n, level float64) Estimate {
	e, ok := proportion(k, n, level, "Clopper-Pearson")
	if !ok {
		return e
	}
	tail := (1 - e.Level) / 2
	e.Lo, e.Hi = 0, 1
	if k > 0 {
		e.Lo = mathext.InvRegIncBeta(k, n-k+1, tail)
	}
	if k < n {
		e.Hi = mathext.InvRegIncBeta(k+1, n-k, 1-tail)
	}
	return e
}

// proportion starts the estimate of k/n, and is false where there is nothing to compute from.
func proportion(k, n, level float64, method string) (Estimate, bool) {
	e := Estimate{Level: levelOf(level), N: n, Method: method, Lo: 0, Hi: 1}
	switch {
	case !finite(k) || !finite(n) || k < 0 || k > n:
		e.N = 0
		e.warn(ErrInput, "%v successes in %v trials", k, n)
		return e, false
	case n == 0:
		e.warn(ErrNoData, "a proportion of no trials")
		return e, false
	case n < fewTrials:
		e.warn(ErrFewData, "%.4g trials are under %d", n, fewTrials)
	}
	e.Value = k / n
	e.StdErr = math.Sqrt(e.Value * (1 - e.Value) / n)
	return e, true
}

// BinomialUpper is P(X ≥ k) for X ~ Binomial(n, p), by the regularised incomplete beta function
//
//	P(X ≥ k) = I_p(k, n-k+1)
//
// (Abramowitz and Stegun 26.5.24), which extends the tail to real k and n. 0 ≤ k ≤ n and 0 ≤ p ≤ 1; it is NaN otherwise.
func BinomialUpper(k, n, p float64) float64 {
	switch {
	case !(k >= 0 && k <= n && p >= 0 && p <= 1) || math.IsInf(n, 0):
		return math.NaN()
	case k == 0:
		return 1
	}
	return mathext.RegIncBeta(k, n-k+1, p)
}

// BinomialLower is P(X ≤ k) for X ~ Binomial(n, p), as BinomialUpper with successes and failures exchanged.
func BinomialLower(k, n, p float64) float64 { return BinomialUpper(n-k, n, 1-p) }

// NormalQuantile is the z with P(Z ≤ z) = p of the standard normal distribution, for p in [0,1].
func NormalQuantile(p float64) float64 { return mathext.NormalQuantile(p) }

// NormalUpper is P(Z ≥ z) of the standard normal distribution.
func NormalUpper(z float64) float64 { return 0.5 * math.Erfc(z/math.Sqrt2) }

// StudentQuantile is the t with P(T ≤ t) = p for Student's distribution with df degrees of freedom.
func StudentQuantile(p, df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p)
}

// StudentUpper is P(T ≥ t) of Student's distribution with df degrees of freedom.
func StudentUpper(t, df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Survival(t)
}

package stats

import (
	"fmt"
	"math"
)

// Test is the result of a significance test.
type Test struct {
	// Statistic is what was computed, in the unit that the test documents, and P its two-sided p-value.
	Statistic float64  `json:"statistic"`
	P         float64  `json:"p"`
	N         float64  `json:"n"`
	Method    string   `json:"method"`
	Warnings  Warnings `json:"warnings,omitempty"`
}

// McNemar tests whether two models answer the same samples equally well: of the samples on which they
// differ, only the first is right on b and only the second on c, and under the null hypothesis b is
// Binomial(b+c, 1/2). P is the exact two-sided p-value, min(1, 2 P(X ≥ max(b,c))). Statistic is b - c.
//
// McNemar, Psychometrika 12 (1947) 153–157, in the exact form.
func McNemar(b, c int) Test {
	n := float64(b + c)
	t := Test{Statistic: float64(b - c), P: 1, N: n, Method: "McNemar exact"}
	switch {
	case b < 0 || c < 0:
		t.Warnings = append(t.Warnings, fmt.Errorf("%w: discordant counts %d and %d", ErrInput, b, c))
		return t
	case n == 0:
		t.Warnings = append(t.Warnings, fmt.Errorf("%w: the models differ on no sample", ErrNoVariation))
		return t
	}
	t.P = min(1, 2*BinomialUpper(float64(max(b, c)), n, 0.5))
	return t
}

// PairedDiff estimates the mean of a[i] - b[i], two models' scores on the same samples. Its standard error is
// that of the differences, which is smaller than that of unpaired means by the covariance (Miller, arXiv
// 2411.00640, section 4.2). level 0 means DefaultLevel.
func PairedDiff(a, b []float64, level float64) Estimate {
	e := Mean(differences(a, b), level)
	e.Method = "paired t"
	return e
}

// ClusteredPairedDiff is PairedDiff where samples are independent between clusters only; see ClusteredMean.
func ClusteredPairedDiff[C comparable](a, b []float64, cluster []C, level float64) Estimate {
	e := ClusteredMean(differences(a, b), cluster, level)
	e.Method = "clustered paired t"
	return e
}

func differences(a, b []float64) []float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("stats: %d scores paired with %d", len(a), len(b)))
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}

// PairedItems is the number of samples for which a true mean difference d is detected with the given power
// by a two-sided test at level alpha, where the differences have standard deviation sd:
//
//	n = (z(1-alpha/2) + z(power))² sd² / d²
//
// Miller, arXiv 2411.00640, equation 9. It is rounded up; d ≠ 0.
func PairedItems(d, sd, alpha, power float64) float64 {
	z := NormalQuantile(1-alpha/2) + NormalQuantile(power)
	return math.Ceil(z * z * sd * sd / (d * d))
}

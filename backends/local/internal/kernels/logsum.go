package kernels

import "math"

// logSum merges the sums of blocks: Σ exp(x) is total·exp(top).
type logSum struct {
	top, total float32
}

func emptyLogSum() logSum { return logSum{top: float32(math.Inf(-1))} }

// merge adds a block whose largest number is b.top and whose numbers sum to b.total relative to it.
func (s *logSum) merge(b logSum) {
	next := s.top
	if b.top > next {
		next = b.top
	}
	s.total = float32(s.total*decay(s.top, next)) + float32(b.total*decay(b.top, next))
	s.top = next
}

// decay is exp(top - next), also where both are infinite.
func decay(top, next float32) float32 {
	if top == next {
		return 1
	}
	return exp(top - next)
}

// log is log Σ exp(x).
func (s *logSum) log() float32 {
	if math.IsInf(float64(s.top), 0) && s.total == s.total {
		return s.top
	}
	return float32(float64(s.top) + log(float64(s.total)))
}

// infSum is the total of a block whose largest number is infinite: NaN if any is.
func infSum(x []float32) float32 {
	for _, v := range x {
		if v != v {
			return v
		}
	}
	return 0
}

// log is the natural logarithm of a normal x > 0, by the series of atanh; math.Log differs by machine in the last bit.
// The conversions keep compilers from fusing.
func log(x float64) float64 {
	if x != x {
		return x
	}
	m, e := math.Frexp(x) // m in [½, 1)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1) // |s| < 0.172
	u := float64(s * s)
	sum := 0.0
	for k := 21; k >= 1; k -= 2 {
		sum = float64(sum*u) + 1/float64(k)
	}
	return float64(2*float64(s*sum)) + float64(float64(e)*math.Ln2)
}

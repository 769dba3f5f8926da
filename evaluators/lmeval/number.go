package lmeval

import (
	"fmt"
	"math"

	"github.com/onset-eval/onset/tasks/pyval"
)

// number gives a bool, integer or float as a float.
func number(v pyval.Value) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// numbers gives items that are all numbers as floats.
func numbers(items []pyval.Value) ([]float64, error) {
	out := make([]float64, len(items))
	for i, v := range items {
		f, ok := number(v)
		if !ok {
			return nil, fmt.Errorf("item %d is no number but %s", i, brief(v))
		}
		out[i] = f
	}
	return out, nil
}

// pairs gives the items of two-element lists.
func pairs(items []pyval.Value) (first, second []pyval.Value, err error) {
	first, second = make([]pyval.Value, len(items)), make([]pyval.Value, len(items))
	for i, v := range items {
		p, ok := v.(pyval.List)
		if !ok || len(p) != 2 {
			return nil, nil, fmt.Errorf("item %d is no pair but %s", i, brief(v))
		}
		first[i], second[i] = p[0], p[1]
	}
	return first, second, nil
}

// brief shows a value in an error.
func brief(v pyval.Value) string {
	s := []rune(pyval.Repr(v))
	if len(s) > 60 {
		return string(s[:60]) + "…"
	}
	return string(s)
}

// adder sums floats as Python's sum does.
type adder struct {
	sum, lost float64
	naive     bool
}

func (a *adder) add(x float64) {
	t := a.sum + x
	if !a.naive {
		// Neumaier 1974, ZAMM 54:39.
		if math.Abs(a.sum) >= math.Abs(x) {
			a.lost += (a.sum - t) + x
		} else {
			a.lost += (x - t) + a.sum
		}
	}
	a.sum = t
}

func (a *adder) total() float64 {
	if a.lost != 0 && !math.IsInf(a.lost, 0) && !math.IsNaN(a.lost) {
		return a.sum + a.lost
	}
	return a.sum
}

func (r Rules) sum(xs []float64) float64 {
	a := adder{naive: r.NaiveSum}
	for _, x := range xs {
		a.add(x)
	}
	return a.total()
}

// mean is sum/n.
func (r Rules) mean(xs []float64) float64 { return r.sum(xs) / float64(len(xs)) }

// sampleStddev is √(Σ(x-mean)²/(n-1)); it needs two items.
func (r Rules) sampleStddev(xs []float64) float64 {
	mu := r.mean(xs)
	a := adder{naive: r.NaiveSum}
	for _, x := range xs {
		a.add((x - mu) * (x - mu))
	}
	return math.Sqrt(a.total() / float64(len(xs)-1))
}

// pairwise sums as numpy does: eight partial sums in blocks of up to 128 numbers, halves above.
func pairwise(xs []float64) float64 {
	if len(xs) < 8 {
		sum := 0.0
		for _, x := range xs {
			sum += x
		}
		return sum
	}
	if len(xs) > 128 {
		half := len(xs) / 2
		half -= half % 8
		return pairwise(xs[:half]) + pairwise(xs[half:])
	}
	var part [8]float64
	copy(part[:], xs)
	i := 8
	for ; i+8 <= len(xs); i += 8 {
		for j := range part {
			part[j] += xs[i+j]
		}
	}
	sum := ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]))
	for ; i < len(xs); i++ {
		sum += xs[i]
	}
	return sum
}

// argmax is numpy's: the first of the largest, and the first NaN where there is one.
func argmax(xs []float64) int {
	best := 0
	for i, x := range xs {
		if math.IsNaN(x) {
			return i
		}
		if x > xs[best] {
			best = i
		}
	}
	return best
}

// softmax is exp(x-max)/Σexp(x-max).
func softmax(xs []float64) []float64 {
	top := xs[argmax(xs)]
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = math.Exp(x - top)
	}
	sum := pairwise(out)
	for i := range out {
		out[i] /= sum
	}
	return out
}

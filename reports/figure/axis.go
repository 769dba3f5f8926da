package figure

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// axis maps values to points of the page.
type axis struct {
	lo, hi   float64 // in value or log10 of it, margins included
	from, to float64
	log      bool
}

func newAxis(r Range, log bool, from, to float64) axis {
	if log {
		r = Range{math.Log10(r.Min), math.Log10(r.Max)}
		if r.Min == r.Max {
			r = Range{r.Min - 0.5, r.Max + 0.5}
		}
	}
	r = widen(r)
	pad := (r.Max - r.Min) * 0.04
	return axis{lo: r.Min - pad, hi: r.Max + pad, from: from, to: to, log: log}
}

func (a axis) at(v float64) float64 {
	if a.log {
		v = math.Log10(v)
	}
	return a.from + (v-a.lo)/(a.hi-a.lo)*(a.to-a.from)
}

func (a axis) clamp(v float64) float64 {
	p := a.at(v)
	return min(max(p, min(a.from, a.to)), max(a.from, a.to))
}

func (a axis) holds(v float64) bool {
	p := a.at(v)
	return p >= min(a.from, a.to)-1e-6 && p <= max(a.from, a.to)+1e-6
}

// tick is a labelled value.
type tick struct {
	value float64
	label string
}

// ticks are decades where two fit, else 1-2-5 multiples, else round numbers.
func (a axis) ticks(n int) []tick {
	if !a.log {
		return linearTicks(a.lo, a.hi, n)
	}
	var decades, fine []tick
	for e := math.Ceil(a.lo); e <= a.hi; e++ {
		decades = append(decades, tick{math.Pow(10, e), "10" + superscript(int(e))})
	}
	if len(decades) >= 2 {
		return decades
	}
	for e := math.Floor(a.lo); e <= a.hi; e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); math.Log10(v) >= a.lo && math.Log10(v) <= a.hi {
				fine = append(fine, tick{v, short(v)})
			}
		}
	}
	if len(fine) >= 2 {
		return fine
	}
	fine = linearTicks(math.Pow(10, a.lo), math.Pow(10, a.hi), 3)
	for i := range fine {
		fine[i].label = short(fine[i].value)
	}
	return fine
}

func superscript(e int) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹", "-", "⁻").Replace(strconv.Itoa(e))
}

// short prints 20000 as 20k and 3e19 as 3×10¹⁹.
func short(v float64) string {
	abs := math.Abs(v)
	for _, u := range []struct {
		unit float64
		name string
	}{{1e9, "B"}, {1e6, "M"}, {1e3, "k"}, {1, ""}} {
		if abs >= u.unit && abs < u.unit*1e3 {
			return minus(strconv.FormatFloat(v/u.unit, 'g', 4, 64)) + u.name
		}
	}
	if v == 0 || abs >= 0.001 && abs < 1 {
		return minus(strconv.FormatFloat(v, 'g', 4, 64))
	}
	e := int(math.Floor(math.Log10(abs) + 1e-9))
	m := strconv.FormatFloat(v/math.Pow(10, float64(e)), 'g', 4, 64)
	return minus(m) + "×10" + superscript(e)
}

func minus(s string) string { return strings.Replace(s, "-", "−", 1) }

// linearTicks are at most about n multiples of 1, 2 or 5 times a power of ten.
func linearTicks(lo, hi float64, n int) []tick {
	raw := (hi - lo) / float64(n)
	if !finite(raw) || raw <= 0 {
		return nil
	}
	base := math.Pow(10, math.Floor(math.Log10(raw)))
	step := base * 10
	for _, m := range []float64{1, 2, 5} {
		if m*base >= raw*0.999 {
			step = m * base
			break
		}
	}
	digits := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	var out []tick
	first := math.Ceil(lo/step - 1e-9)
	for i := 0.0; i <= 2*float64(n)+2; i++ {
		v := (first + i) * step
		if v > hi+step*1e-9 || !finite(v) {
			break
		}
		text := fmt.Sprintf("%.*f", min(digits, 12), v+0)
		if math.Abs(v) < step/2 {
			text = fmt.Sprintf("%.*f", min(digits, 12), 0.0)
		}
		if digits > 4 || math.Abs(v) >= 1e5 {
			text = short(v)
		}
		out = append(out, tick{v, minus(text)})
	}
	return out
}

package figure

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrEmpty is returned for a figure with nothing to draw.
var ErrEmpty = errors.New("figure has no panels")

// finite says whether all values can be drawn: beyond 1e300 the span of an
// axis would overflow.
func finite(v ...float64) bool {
	for _, x := range v {
		if math.IsNaN(x) || math.Abs(x) > 1e300 {
			return false
		}
	}
	return true
}

// clean returns the panel with only drawable values, its points sorted by x,
// and a warning for each that was dropped. A logarithmic axis with x ≤ 0 is an
// error that names the point.
func (d *Drawing) clean(p Panel) (Panel, error) {
	p.Series = slices.Clone(p.Series)
	for i, s := range p.Series {
		var pts []Point
		for j, q := range s.Points {
			name := fmt.Sprintf("panel %q series %q point %d %q", p.Title, s.Name, j+1, q.Label)
			if p.LogX && q.X <= 0 {
				return p, fmt.Errorf("draw %s: x is %g, a logarithmic axis needs x > 0", name, q.X)
			}
			if !finite(q.X, q.Y) {
				d.warn("%s: left out: x is %g, y is %g", name, q.X, q.Y)
				continue
			}
			if !finite(q.Lo, q.Hi) || q.Lo > q.Hi {
				if !(math.IsNaN(q.Lo) && math.IsNaN(q.Hi)) {
					d.warn("%s: interval left out: %g to %g", name, q.Lo, q.Hi)
				}
				q.Lo, q.Hi = math.NaN(), math.NaN()
			}
			pts = append(pts, q)
		}
		slices.SortStableFunc(pts, func(a, b Point) int {
			if a.X < b.X {
				return -1
			}
			if a.X > b.X {
				return 1
			}
			return 0
		})
		p.Series[i].Points = pts
		var fit []XY
		for _, v := range s.Fit {
			if finite(v.X, v.Y) && (!p.LogX || v.X > 0) {
				fit = append(fit, v)
			}
		}
		p.Series[i].Fit = fit
	}
	if p.LogX && p.XRange.set() && p.XRange.Min <= 0 {
		return p, fmt.Errorf("draw panel %q: x range starts at %g, a logarithmic axis needs more than 0", p.Title, p.XRange.Min)
	}
	if !finite(p.XRange.Min, p.XRange.Max, p.YRange.Min, p.YRange.Max) || p.XRange.Min > p.XRange.Max || p.YRange.Min > p.YRange.Max {
		return p, fmt.Errorf("draw panel %q: an axis range is not an interval of finite numbers", p.Title)
	}
	drop := func(what string, lines []Baseline) []Baseline {
		return slices.DeleteFunc(slices.Clone(lines), func(b Baseline) bool {
			if !finite(b.Value) {
				d.warn("panel %q: %s %q left out: %g", p.Title, what, b.Label, b.Value)
			}
			return !finite(b.Value)
		})
	}
	p.Baselines, p.References = drop("baseline", p.Baselines), drop("reference", p.References)
	return p, nil
}

// xSpan is the range of the panel's points, and of nothing else: an onset or a
// fit never stretches the axis.
func (p Panel) xSpan() (r Range, any bool) {
	r = Range{math.Inf(1), math.Inf(-1)}
	for _, s := range p.Series {
		for _, q := range s.Points {
			r.Min, r.Max, any = min(r.Min, q.X), max(r.Max, q.X), true
		}
	}
	return r, any
}

// ySpan is the metric's natural range: 0 to 1 when everything lies inside it.
func (p Panel) ySpan() Range {
	if p.YRange.set() {
		return p.YRange
	}
	r := Range{0, 1}
	first, share := true, true
	add := func(v float64) {
		if !finite(v) {
			return
		}
		if first {
			r, first = Range{v, v}, false
		}
		r = Range{min(r.Min, v), max(r.Max, v)}
	}
	for _, s := range p.Series {
		for _, q := range s.Points {
			add(q.Y)
			share = share && q.Y >= 0 && q.Y <= 1
			add(q.Lo)
			add(q.Hi)
		}
	}
	for _, b := range append(slices.Clone(p.Baselines), p.References...) {
		add(b.Value)
	}
	if share {
		return Range{min(r.Min, 0), max(r.Max, 1)}
	}
	return widen(r)
}

func widen(r Range) Range {
	if r.Max > r.Min {
		return r
	}
	pad := math.Max(math.Abs(r.Min)/10, 0.5)
	return Range{r.Min - pad, r.Max + pad}
}

package figure

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
)

// baselineNotes are the lines under a panel's title that name its baselines.
func (p *page) baselineNotes(q Panel, width float64) []string {
	var parts []string
	for _, b := range q.Baselines {
		parts = append(parts, strings.TrimSpace(b.Label+" "+minus(strconv.FormatFloat(b.Value, 'g', 3, 64))))
	}
	if q.Lower != nil {
		for _, b := range q.Lower.Baselines {
			parts = append(parts, strings.TrimSpace(b.Label+" "+minus(strconv.FormatFloat(b.Value, 'g', 3, 64)))+" (below)")
		}
	}
	return p.face.wrap(strings.Join(parts, ", "), textSize, width-16)
}

func (p *page) panelHead(title, notes []string, b box, y float64) {
	for _, line := range title {
		y += panelSize * 1.2
		at := (b.x0 + b.x1) / 2
		if _, w := p.face.set(line, panelSize); w > b.x1-b.x0 {
			at = b.x1 - w/2 // wider than the frame: reach over the y axis
		}
		p.write(p.face, line, XY{at, y - 2}, panelSize, middle, black, false)
	}
	for i, line := range notes {
		y += textSize * 1.25
		if i == 0 {
			p.line("baseline-key", black, .8, []float64{3, 2}, XY{b.x0, y - 4.5}, XY{b.x0 + 13, y - 4.5})
		}
		p.write(p.face, line, XY{b.x0 + 16, y - 2}, textSize, start, ink, false)
	}
}

const changeStep = 5.0

func changeStrip(q Panel) float64 {
	n := 0.0
	for _, s := range q.Series {
		if s.ChangePoint.set() && finite(s.ChangePoint.Min, s.ChangePoint.Max) {
			n++
		}
	}
	for _, s := range q.Spans {
		if s.drawable() {
			n++
		}
	}
	return n * changeStep
}

// drawable says whether any of the span can be drawn.
func (s Span) drawable() bool { return finite(s.Range.Min, s.Range.Max) && s.Range.Min <= s.Range.Max }

// changePoints draws the change-point intervals as bars above the frame.
func (p *page) changePoints(q Panel, b box, r Range) {
	x := newAxis(r, q.LogX, b.x0, b.x1)
	y := b.y0 - 3
	for _, s := range q.Series {
		c := s.ChangePoint
		if !c.set() || !finite(c.Min, c.Max) {
			continue
		}
		lo, hi := x.from, x.clamp(max(c.Max, math.SmallestNonzeroFloat64))
		if !q.LogX || c.Min > 0 {
			lo = x.clamp(c.Min)
		}
		p.spanBar("change", colour(s.Family), nil, lo, hi, y)
		y -= changeStep
	}
	for _, s := range q.Spans {
		if !s.drawable() || q.LogX && s.Range.Max <= 0 {
			continue
		}
		lo, hi := x.from, x.clamp(s.Range.Max)
		if !q.LogX || s.Range.Min > 0 {
			lo = x.clamp(s.Range.Min)
		}
		p.spanBar("span", colour(s.Family), []float64{2, 1}, lo, hi, y)
		if finite(s.At) && (!q.LogX || s.At > 0) && x.holds(s.At) {
			p.ops = append(p.ops, op{class: "span-at", path: Diamond.shape(XY{x.at(s.At), y}, 1.8), fill: colour(s.Family)})
			p.line("span-edge", colour(s.Family), .7, []float64{4, 1.5, 1, 1.5}, XY{x.at(s.At), b.y0}, XY{x.at(s.At), b.y1})
		}
		y -= changeStep
	}
}

func (p *page) spanBar(class string, c color.NRGBA, dash []float64, lo, hi, y float64) {
	p.line(class, c, 1.2, dash, XY{lo, y}, XY{hi, y})
	p.line(class+"-cap", c, 1.2, nil, XY{lo, y - 1.6}, XY{lo, y + 1.6})
	p.line(class+"-cap", c, 1.2, nil, XY{hi, y - 1.6}, XY{hi, y + 1.6})
}

// The size of notes, and how far they lie apart.
const (
	noteSize = textSize - 0.5
	noteStep = noteSize * 1.2
)

// noteRoom is the y range with room for the notes above the data.
func (p Panel) noteRoom(height float64) Range {
	r := p.ySpan()
	share := min((noteStep*float64(len(p.Notes))+2)/height, 0.6)
	if len(p.Notes) > 0 && !p.YRange.set() {
		r = widen(r)
		r.Max += (r.Max - r.Min) * share / (1 - share)
	}
	return r
}

// panel draws one frame with its axes and data.
func (p *page) panel(q Panel, b box, r Range, labelled bool) {
	x := newAxis(r, q.LogX, b.x0, b.x1)
	q.YRange = q.noteRoom(b.y1 - b.y0)
	y := newAxis(q.YRange, false, b.y1, b.y0)
	for _, s := range q.Series {
		p.onsetBand(s, x, b, q.LogX)
	}
	for _, base := range q.Baselines {
		if y.holds(base.Value) {
			p.line("baseline", black, .8, []float64{3, 2}, XY{b.x0, y.at(base.Value)}, XY{b.x1, y.at(base.Value)})
		} else {
			p.warn("panel %q: baseline %q at %g is outside the y range", q.Title, base.Label, base.Value)
		}
	}
	p.references(q, y, b)
	for _, s := range q.Series {
		p.seriesLines(s, x, y, b)
	}
	for _, s := range q.Series {
		p.seriesMarks(q, s, x, y)
	}
	p.frame("frame", black, .7, b)
	p.xTicks(q, x, b, labelled)
	p.yTicks(q, y, b)
	if p.direct {
		p.endLabels(q, x, y, b)
	}
	if q.Inset {
		p.inset(q, r, b)
	}
	for i, n := range q.Notes {
		text := p.fit(n.Text, b.x1-b.x0-6)
		p.write(p.face, text, XY{b.x0 + 3, b.y0 + noteStep*float64(i+1)}, noteSize, start, colour(n.Family), false)
	}
}

func (p *page) onsetBand(s Series, x axis, b box, log bool) {
	if s.Onset == nil || !finite(s.Onset.Above) || log && s.Onset.Above <= 0 {
		return
	}
	lo, c := x.from, colour(s.Family)
	if finite(s.Onset.Below) && (!log || s.Onset.Below > 0) && s.Onset.Below <= s.Onset.Above {
		lo = x.clamp(s.Onset.Below)
	}
	hi := x.clamp(s.Onset.Above)
	shade := c
	shade.A = 33
	p.rect("onset", shade, box{lo, b.y0, hi, b.y1})
	if x.holds(s.Onset.Above) {
		p.line("onset-edge", c, 1, []float64{1, 1.6}, XY{hi, b.y0}, XY{hi, b.y1})
	}
}

func (p *page) seriesLines(s Series, x, y axis, b box) {
	thin, pale := colour(s.Family), colour(s.Family)
	thin.A, pale.A = 190, 90
	chain := func(class string, width float64, dash []float64, pts []XY) {
		for i := 1; i < len(pts); i++ {
			if u, v, ok := clip(pts[i-1], pts[i], b); ok {
				p.line(class, thin, width, dash, u, v)
			}
		}
	}
	var pts, fit []XY
	for i, v := range s.Points {
		if s.Plot == Steps && i > 0 {
			pts = append(pts, XY{x.at(v.X), pts[len(pts)-1].Y})
		}
		pts = append(pts, XY{x.at(v.X), y.at(v.Y)})
	}
	for _, v := range s.Fit {
		fit = append(fit, XY{x.at(v.X), y.at(v.Y)})
	}
	if s.Plot != Events {
		chain("line", .7, dash(s.Family), pts)
	}
	thin = pale
	chain("fit", 2.2, nil, fit)
}

func (p *page) seriesMarks(q Panel, s Series, x, y axis) {
	if s.Plot == Steps {
		return
	}
	c := colour(s.Family)
	for _, v := range s.Points {
		if !x.holds(v.X) || !y.holds(v.Y) {
			p.warn("panel %q series %q point %q: outside the fixed range, not drawn: x %g, y %g", q.Title, s.Name, v.Label, v.X, v.Y)
			continue
		}
		at := XY{x.at(v.X), y.at(v.Y)}
		if finite(v.Lo, v.Hi) {
			lo, hi := y.clamp(v.Lo), y.clamp(v.Hi)
			p.line("bar", c, .8, nil, XY{at.X, lo}, XY{at.X, hi})
			p.line("cap", c, .8, nil, XY{at.X - 1.6, lo}, XY{at.X + 1.6, lo})
			p.line("cap", c, .8, nil, XY{at.X - 1.6, hi}, XY{at.X + 1.6, hi})
		}
		p.mark("marker", s, at, v.Filled)
	}
}

func (p *page) mark(class string, s Series, at XY, filled bool) {
	o := op{class: class + " hollow", path: s.Marker.shape(at, 2.3), fill: white, stroke: colour(s.Family), width: .9}
	if filled {
		o.class, o.fill = class+" filled", colour(s.Family)
	}
	p.ops = append(p.ops, o)
}

// clip cuts a segment to the frame (Liang and Barsky, 1984).
func clip(u, v XY, b box) (XY, XY, bool) {
	t0, t1 := 0.0, 1.0
	dx, dy := v.X-u.X, v.Y-u.Y
	for _, e := range [][2]float64{{-dx, u.X - b.x0}, {dx, b.x1 - u.X}, {-dy, u.Y - b.y0}, {dy, b.y1 - u.Y}} {
		switch {
		case e[0] == 0 && e[1] < 0:
			return u, v, false
		case e[0] < 0:
			t0 = max(t0, e[1]/e[0])
		case e[0] > 0:
			t1 = min(t1, e[1]/e[0])
		}
	}
	if t0 > t1 || !finite(t0, t1, dx, dy) {
		return u, v, false
	}
	return XY{u.X + t0*dx, u.Y + t0*dy}, XY{u.X + t1*dx, u.Y + t1*dy}, true
}

// xTicks puts labelled ticks outside the frame and one small tick inside for
// each model's actual scale.
func (p *page) xTicks(q Panel, x axis, b box, labelled bool) {
	ticks := x.ticks(5)
	widest := 0.0
	for _, t := range ticks {
		_, w := p.face.set(t.label, textSize)
		widest = max(widest, w+6)
	}
	last := math.Inf(-1)
	for _, t := range ticks {
		at := x.at(t.value)
		p.line("tick", black, .6, nil, XY{at, b.y1}, XY{at, b.y1 + 3})
		if labelled && at-last >= widest {
			p.write(p.face, t.label, XY{at, b.y1 + 4.5 + textSize}, textSize, middle, black, false)
			last = at
		}
	}
	seen := map[string]bool{}
	for _, s := range q.Series {
		if s.Plot != Curve {
			continue
		}
		for _, v := range s.Points {
			if k := fmt.Sprintf("%.1f", x.at(v.X)); !seen[k] && x.holds(v.X) {
				seen[k] = true
				p.line("model-tick", grey, .6, nil, XY{x.at(v.X), b.y1}, XY{x.at(v.X), b.y1 - 2})
			}
		}
	}
}

func (p *page) yTicks(q Panel, y axis, b box) {
	n := 6
	if b.y1-b.y0 < 70 {
		n = 3
	}
	for _, t := range y.ticks(n) {
		p.line("tick", black, .6, nil, XY{b.x0 - 3, y.at(t.value)}, XY{b.x0, y.at(t.value)})
		size := textSize
		if _, w := p.face.set(t.label, size); w > 19 {
			size *= 19 / w
		}
		p.write(p.face, t.label, XY{b.x0 - 4.5, y.at(t.value) + size*.36}, size, end, black, false)
	}
	lines := p.face.wrap(q.YLabel, textSize, b.y1-b.y0+8)
	if len(lines) > 1 {
		lines = []string{p.cut(q.YLabel, b.y1-b.y0+8)}
		p.warn("panel %q: y label %q is too long and was cut", q.Title, q.YLabel)
	}
	for _, line := range lines {
		p.write(p.face, line, XY{b.x0 - 25, (b.y0 + b.y1) / 2}, textSize, middle, black, true)
	}
}

func (p *page) cut(text string, width float64) string {
	r := []rune(strings.Join(strings.Fields(text), " "))
	for len(r) > 1 {
		if _, w := p.face.set(string(r)+"…", textSize); w <= width {
			break
		}
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

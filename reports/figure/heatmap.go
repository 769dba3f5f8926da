package figure

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
)

// Heatmap is a matrix of values with a label in each cell, such as accuracy by
// shots (rows) and model size (columns). Values[r][c] belongs to Rows[r] and
// Cols[c]; NaN is missing. The zero Scale means 0 to 1 or, beyond that, the data.
type Heatmap struct {
	Title, Caption string
	XLabel, YLabel string
	Rows, Cols     []string
	Values         [][]float64
	Scale          Range
}

// DrawHeatmap lays a heat map out with a colour scale whose lightness falls
// steadily, so that it reads in grey.
func DrawHeatmap(h Heatmap, o Options) (*Drawing, error) {
	if len(h.Rows) == 0 || len(h.Cols) == 0 {
		return nil, fmt.Errorf("draw heat map %q: %w", h.Title, ErrEmpty)
	}
	if len(h.Values) != len(h.Rows) {
		return nil, fmt.Errorf("draw heat map %q: %d rows of values for %d row names", h.Title, len(h.Values), len(h.Rows))
	}
	for i, r := range h.Values {
		if len(r) != len(h.Cols) {
			return nil, fmt.Errorf("draw heat map %q row %q: %d values for %d columns", h.Title, h.Rows[i], len(r), len(h.Cols))
		}
	}
	p, err := newPage(o, 1)
	if err != nil {
		return nil, err
	}
	if o.Width == 0 {
		p.Width = max(columnWidth, float64(len(h.Cols))*26+100)
	}
	p.heading(h.Title)
	p.cells(h)
	p.tex = h.write
	p.caption(h.Caption)
	p.Height = p.y + margin
	return p.Drawing, nil
}

func (h Heatmap) scale() Range {
	if h.Scale.set() && finite(h.Scale.Min, h.Scale.Max) {
		return h.Scale
	}
	r := Range{0, 1}
	for _, row := range h.Values {
		for _, v := range row {
			if finite(v) {
				r = Range{min(r.Min, v), max(r.Max, v)}
			}
		}
	}
	return r
}

func (p *page) cells(h Heatmap) {
	left := margin + textSize*1.6
	widest := 0.0
	for _, name := range h.Rows {
		_, w := p.face.set(name, textSize)
		widest = max(widest, min(w, p.Width*.3))
	}
	left += widest + 6
	const barWidth = 44
	cw := (p.Width - left - margin - barWidth) / float64(len(h.Cols))
	ch := min(max(cw*.6, 13), 28)
	top, r := p.y+2, h.scale()
	for i, row := range h.Values {
		y := top + float64(i)*ch
		p.write(p.face, p.fit(h.Rows[i], widest), XY{left - 5, y + ch/2 + textSize*.36}, textSize, end, black, false)
		for j, v := range row {
			p.cell(v, r, box{left + float64(j)*cw, y, left + float64(j+1)*cw, y + ch})
		}
	}
	bottom := top + ch*float64(len(h.Rows))
	turn := false
	deep := textSize
	for _, name := range h.Cols {
		_, w := p.face.set(name, textSize)
		turn, deep = turn || w > cw-3, max(deep, w)
	}
	for j, name := range h.Cols {
		x := left + (float64(j)+.5)*cw
		if turn {
			p.write(p.face, name, XY{x + textSize*.36, bottom + 4}, textSize, end, black, true)
		} else {
			p.write(p.face, name, XY{x, bottom + 4 + textSize}, textSize, middle, black, false)
		}
	}
	if !turn {
		deep = textSize
	}
	p.frame("frame", black, .7, box{left, top, left + cw*float64(len(h.Cols)), bottom})
	p.scaleBar(r, box{p.Width - margin - barWidth + 10, top, p.Width - margin - barWidth + 18, max(bottom, top+40)})
	below := bottom + 8 + deep + textSize
	p.write(p.face, p.fit(h.XLabel, cw*float64(len(h.Cols))+40), XY{left + cw*float64(len(h.Cols))/2, below}, textSize, middle, black, false)
	p.write(p.face, p.fit(h.YLabel, max(bottom-top, 60)), XY{margin + textSize, (top + bottom) / 2}, textSize, middle, black, true)
	p.y = max(below, top+46) + gap
}

func (p *page) fit(text string, width float64) string {
	if _, w := p.face.set(text, textSize); w > width+.01 {
		return p.cut(text, width)
	}
	return text
}

func (p *page) cell(v float64, r Range, b box) {
	text, fill, c := "–", color.NRGBA{0xf0, 0xf0, 0xf0, 255}, grey
	if finite(v) {
		t := min(max((v-r.Min)/(r.Max-r.Min), 0), 1)
		text, fill, c = minus(strconv.FormatFloat(v, 'f', 2, 64)), ramp(t), black
		if math.Abs(v) >= 100 {
			text = short(v)
		}
		if t > .5 {
			c = white
		}
	}
	p.rect("cell", fill, b)
	size := textSize
	if _, w := p.face.set(text, size); w > b.x1-b.x0-2 {
		size *= (b.x1 - b.x0 - 2) / w
	}
	p.write(p.face, text, XY{(b.x0 + b.x1) / 2, (b.y0+b.y1)/2 + size*.36}, size, middle, c, false)
}

// ramp goes from near white to dark blue, linear in each channel, so that its
// lightness falls steadily.
func ramp(t float64) color.NRGBA {
	mix := func(a, b float64) uint8 { return uint8(a + t*(b-a) + .5) }
	return color.NRGBA{mix(0xf7, 0x08), mix(0xfb, 0x30), mix(0xff, 0x6b), 255}
}

func (p *page) scaleBar(r Range, b box) {
	const n = 32
	for i := range n {
		y := func(k int) float64 { return b.y1 - (b.y1-b.y0)*float64(k)/n }
		// each step reaches to the top, so that no seam shows between two
		p.rect("scale", ramp((float64(i)+.5)/n), box{b.x0, b.y0, b.x1, y(i)})
	}
	p.frame("frame", black, .5, b)
	a := axis{lo: r.Min, hi: r.Max, from: b.y1, to: b.y0}
	for _, t := range a.ticks(4) {
		p.line("tick", black, .5, nil, XY{b.x1, a.at(t.value)}, XY{b.x1 + 2.5, a.at(t.value)})
		p.write(p.face, t.label, XY{b.x1 + 4, a.at(t.value) + textSize*.36}, textSize, start, black, false)
	}
}

package figure

import (
	"fmt"
	"image/color"
	"math"
)

// Sizes in points, chosen to stay readable at journal column width.
const (
	titleSize   = 9.0
	panelSize   = 8.0
	textSize    = 7.0
	gap         = 10.0
	margin      = 6.0
	columnWidth = 252.0
	pageWidth   = 504.0
)

var (
	black = color.NRGBA{A: 255}
	ink   = color.NRGBA{0x22, 0x22, 0x22, 255}
	grey  = color.NRGBA{0x66, 0x66, 0x66, 255}
	white = color.NRGBA{255, 255, 255, 255}
)

// Draw lays the figure out. It returns ErrEmpty without panels, and an error
// naming the point for x ≤ 0 on a logarithmic axis.
func Draw(f Figure, o Options) (*Drawing, error) {
	if len(f.Panels) == 0 {
		return nil, fmt.Errorf("draw figure %q: %w", f.Title, ErrEmpty)
	}
	p, err := newPage(o, columns(f))
	if err != nil {
		return nil, err
	}
	panels := make([]Panel, len(f.Panels))
	for i, in := range f.Panels {
		if panels[i], err = p.clean(in); err != nil {
			return nil, err
		}
		if in.Lower != nil {
			low := *in.Lower
			low.LogX, low.Lower, low.XRange = in.LogX, nil, Range{}
			if low, err = p.clean(low); err != nil {
				return nil, err
			}
			panels[i].Lower = &low
		}
	}
	ranges := shareX(panels)
	p.direct = seriesNames(panels) > directFrom
	p.heading(f.Title)
	p.legend(panels)
	for from := 0; from < len(panels); from += p.cols {
		to := min(from+p.cols, len(panels))
		p.row(panels[from:to], ranges[from:to])
	}
	p.caption(f.Caption)
	p.description = f.Description
	t := texFigure{title: f.Title, description: f.Description, caption: f.Caption, columns: p.cols, width: p.Width, panels: panels, ranges: ranges, direct: p.direct}
	p.tex = t.write
	p.Height = p.y + margin
	return p.Drawing, nil
}

// page is a drawing being laid out from the top; y is the next free height.
type page struct {
	*Drawing
	face *typeface
	cols int
	y    float64
	// direct says that curves are named at their ends, and not in the legend.
	direct bool
}

// directFrom is the number of curves from which on names at their ends are
// easier to follow than a legend.
const directFrom = 4

// seriesNames counts the curves that a legend would tell apart.
func seriesNames(panels []Panel) int {
	seen := map[string]bool{}
	for _, p := range panels {
		for _, s := range p.Series {
			if s.Name != "" {
				seen[s.Name] = true
			}
		}
	}
	return len(seen)
}

func columns(f Figure) int {
	n := f.Columns
	if n <= 0 {
		n = min(3, int(math.Ceil(math.Sqrt(float64(len(f.Panels))))))
	}
	return min(n, len(f.Panels))
}

func newPage(o Options, cols int) (*page, error) {
	face, err := newTypeface()
	if err != nil {
		return nil, err
	}
	if o.Width == 0 {
		o.Width = max(pageWidth, float64(cols)*pageWidth/3)
		if cols == 1 {
			o.Width = columnWidth
		}
	}
	if least := float64(cols)*100 + 2*margin; !finite(o.Width) || o.Width < least || o.Width > 14400 {
		return nil, fmt.Errorf("draw figure: width is %g points, %d columns need %g to 14400", o.Width, cols, least)
	}
	if o.DPI <= 0 {
		o.DPI = 200
	}
	return &page{Drawing: &Drawing{Width: o.Width, dpi: o.DPI}, face: face, cols: cols, y: margin}, nil
}

func (p *page) heading(title string) {
	for _, line := range p.face.wrap(title, titleSize, p.Width-2*margin) {
		p.y += titleSize * 1.2
		p.write(p.face, line, XY{p.Width / 2, p.y - titleSize*.2}, titleSize, middle, black, false)
	}
	if title != "" {
		p.y += 4
	}
}

func (p *page) caption(text string) {
	for _, line := range p.face.wrap(text, textSize+.5, p.Width-2*margin) {
		p.y += (textSize + .5) * 1.3
		p.write(p.face, line, XY{margin, p.y - 2}, textSize+.5, start, ink, false)
	}
}

// shareX gives panels with the same x label the union of their ranges.
func shareX(panels []Panel) []Range {
	type key struct {
		label string
		log   bool
	}
	union := map[key]Range{}
	for _, p := range panels {
		all := p
		if p.Lower != nil {
			all.Series = append(append([]Series(nil), p.Series...), p.Lower.Series...)
		}
		r, any := all.xSpan()
		if !any {
			continue
		}
		k := key{p.XLabel, p.LogX}
		if u, ok := union[k]; ok {
			r = Range{min(r.Min, u.Min), max(r.Max, u.Max)}
		}
		union[k] = r
	}
	out := make([]Range, len(panels))
	for i, p := range panels {
		r, ok := union[key{p.XLabel, p.LogX}]
		switch {
		case p.XRange.set():
			r = p.XRange
		case !ok && p.LogX:
			r = Range{1, 10}
		case !ok:
			r = Range{0, 1}
		}
		out[i] = r
	}
	return out
}

// row draws one row of panels: frames of a row align, so the tallest heading,
// label and lower panel set the height for all.
func (p *page) row(panels []Panel, ranges []Range) {
	cell := (p.Width - 2*margin - gap*float64(p.cols-1)) / float64(p.cols)
	left := textSize*1.2 + 24
	heads := make([][]string, len(panels))
	notes := make([][]string, len(panels))
	head, strip, lower := 0.0, 0.0, false
	foot := 0
	for i, q := range panels {
		heads[i] = p.face.wrap(q.Title, panelSize, cell)
		notes[i] = p.baselineNotes(q, cell-left)
		head = max(head, float64(len(heads[i]))*panelSize*1.2+float64(len(notes[i]))*textSize*1.25+3)
		strip = max(strip, changeStrip(q))
		lower = lower || q.Lower != nil
		foot = max(foot, len(p.face.wrap(q.XLabel, textSize, cell-left)))
	}
	height := min((cell-left)*0.78, 190)
	top := p.y + head + strip
	bottom := top + height
	if lower {
		bottom += height*0.6 + 8
	}
	for i, q := range panels {
		x := margin + float64(i)*(cell+gap)
		b := box{x + left, top, x + cell - p.endRoom(q, cell-left), top + height}
		p.panelHead(heads[i], notes[i], b, top-strip-head)
		last := b
		p.changePoints(q, b, ranges[i])
		p.panel(q, b, ranges[i], q.Lower == nil)
		if q.Lower != nil {
			last = box{b.x0, b.y1 + 8, b.x1, b.y1 + 8 + height*0.6}
			p.panel(*q.Lower, last, ranges[i], true)
		}
		for j, line := range p.face.wrap(q.XLabel, textSize, cell-left) {
			p.write(p.face, line, XY{(b.x0 + b.x1) / 2, last.y1 + 13 + textSize*(1+1.2*float64(j))}, textSize, middle, black, false)
		}
	}
	p.y = bottom + 13 + float64(foot)*textSize*1.2 + gap
}

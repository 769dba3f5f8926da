package figure

import (
	"fmt"
	"image/color"
	"io"
	"math"
)

// Drawing is a laid-out page, ready to be written in any format.
// It is immutable and may be written concurrently.
type Drawing struct {
	// Width and Height are in points.
	Width, Height float64
	// Warnings name what was left out (values that are not numbers, points
	// outside a fixed range) in drawing order.
	Warnings []string

	dpi int
	ops []op
	// description is the figure's.
	description string
	// tex writes the figure for LaTeX, where the plotting is left to pgfplots.
	tex func(io.Writer) error
}

// op is one stroke, fill or text, in points from the top left corner.
type op struct {
	class  string
	path   path
	fill   color.NRGBA
	stroke color.NRGBA
	width  float64
	dash   []float64
	text   *label
}

type path []seg

// seg is a path command: M, L (one point), Q (two), C (three), Z (none).
type seg struct {
	cmd byte
	p   [3]XY
}

// Formats lists what Write accepts.
func Formats() []string { return []string{"svg", "pdf", "png", "tex"} }

// Write writes the drawing as format "svg", "pdf", "png" or "tex", which is
// pgfplots code for a LaTeX document.
func (d *Drawing) Write(w io.Writer, format string) error {
	switch format {
	case "svg":
		return d.WriteSVG(w)
	case "pdf":
		return d.WritePDF(w)
	case "png":
		return d.WritePNG(w)
	case "tex":
		return d.tex(w)
	}
	return fmt.Errorf("write figure: unknown format %q, want one of %v", format, Formats())
}

func (d *Drawing) warn(format string, a ...any) {
	d.Warnings = append(d.Warnings, fmt.Sprintf(format, a...))
}

func (d *Drawing) line(class string, c color.NRGBA, width float64, dash []float64, pts ...XY) {
	if len(pts) < 2 {
		return
	}
	d.ops = append(d.ops, op{class: class, path: polyline(pts, false), stroke: c, width: width, dash: dash})
}

func (d *Drawing) rect(class string, fill color.NRGBA, b box) {
	d.ops = append(d.ops, op{class: class, fill: fill, path: b.path()})
}

func (d *Drawing) frame(class string, c color.NRGBA, width float64, b box) {
	d.ops = append(d.ops, op{class: class, stroke: c, width: width, path: b.path()})
}

// box is a rectangle, y growing downwards.
type box struct{ x0, y0, x1, y1 float64 }

func (b box) path() path {
	return polyline([]XY{{b.x0, b.y0}, {b.x1, b.y0}, {b.x1, b.y1}, {b.x0, b.y1}}, true)
}

func polyline(pts []XY, closed bool) path {
	var out path
	for i, p := range pts {
		cmd := byte('L')
		if i == 0 {
			cmd = 'M'
		}
		out = append(out, seg{cmd: cmd, p: [3]XY{p}})
	}
	if closed {
		out = append(out, seg{cmd: 'Z'})
	}
	return out
}

// circle is four cubic arcs; 0.5523 is 4/3·(√2−1).
func circle(c XY, r float64) path {
	const k = 0.5522847498
	out := path{{cmd: 'M', p: [3]XY{{c.X + r, c.Y}}}}
	for i := range 4 {
		s, co := math.Sincos(float64(i) * math.Pi / 2)
		at := func(x, y float64) XY { return XY{c.X + r*(x*co-y*s), c.Y + r*(x*s+y*co)} }
		out = append(out, seg{cmd: 'C', p: [3]XY{at(1, k), at(k, 1), at(0, 1)}})
	}
	return append(out, seg{cmd: 'Z'})
}

// shape is the outline of a marker of about equal area for every kind.
func (m Marker) shape(c XY, r float64) path {
	poly := func(pts ...float64) path {
		var out []XY
		for i := 0; i+1 < len(pts); i += 2 {
			out = append(out, XY{c.X + r*pts[i], c.Y + r*pts[i+1]})
		}
		return polyline(out, true)
	}
	switch ((m % markers) + markers) % markers {
	case Triangle:
		return poly(0, -1.25, 1.15, .85, -1.15, .85)
	case Square:
		return poly(-.9, -.9, .9, -.9, .9, .9, -.9, .9)
	case Diamond:
		return poly(0, -1.3, 1.15, 0, 0, 1.3, -1.15, 0)
	case Inverted:
		return poly(0, 1.25, 1.15, -.85, -1.15, -.85)
	case Cross:
		return poly(-.4, -1.2, .4, -1.2, .4, -.4, 1.2, -.4, 1.2, .4, .4, .4, .4, 1.2, -.4, 1.2, -.4, .4, -1.2, .4, -1.2, -.4, -.4, -.4)
	}
	return circle(c, r)
}

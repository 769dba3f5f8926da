package figure

import (
	"fmt"
	"image/color"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
)

// label is a line of text; at is the baseline's left end before rotation.
type label struct {
	text   string
	at     XY
	size   float64
	up     bool // rotated a quarter turn, reading upwards
	glyphs []glyph
}

// glyph is one outlined character, x and y relative to the label's origin.
type glyph struct {
	index sfnt.GlyphIndex
	x, y  float64
	size  float64
}

// typeface measures and outlines text. It is not safe for concurrent use: one
// belongs to each drawing or writer.
type typeface struct {
	font *sfnt.Font
	buf  sfnt.Buffer
}

func newTypeface() (*typeface, error) {
	for _, f := range liberation.Collection() {
		if f.Font.Variant == plotfont.Variant("Sans") && f.Font.Style == font.StyleNormal && f.Font.Weight == font.WeightNormal {
			return &typeface{font: f.Face}, nil
		}
	}
	return nil, fmt.Errorf("load figure font: no regular sans serif in the bundled collection")
}

// raised maps superscript characters, some of which the font lacks, to the
// plain ones drawn small and high.
const (
	raisedFrom = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ"
	raisedTo   = "0123456789−+n"
)

func unraise(r rune) (rune, bool) {
	i := 0
	for _, f := range raisedFrom {
		if f == r {
			return []rune(raisedTo)[i], true
		}
		i++
	}
	return r, false
}

// set lays text out at size points and returns its glyphs and width. A
// character that the font lacks is drawn as a question mark.
func (t *typeface) set(text string, size float64) ([]glyph, float64) {
	var out []glyph
	x := 0.0
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			r = ' '
		}
		s, y := size, 0.0
		if p, up := unraise(r); up {
			r, s, y = p, size*0.7, -size*0.36
		}
		g, err := t.font.GlyphIndex(&t.buf, r)
		if err != nil || g == 0 {
			g, _ = t.font.GlyphIndex(&t.buf, '?')
		}
		out = append(out, glyph{index: g, x: x, y: y, size: s})
		x += t.advance(g) * s
	}
	return out, x
}

const em = 1000

func (t *typeface) advance(g sfnt.GlyphIndex) float64 {
	a, err := t.font.GlyphAdvance(&t.buf, g, fixed.I(em), font.HintingNone)
	if err != nil {
		return 0.5
	}
	return float64(a) / 64 / em
}

// outline is the glyph at one point size with its origin at zero, y down.
func (t *typeface) outline(g sfnt.GlyphIndex) path {
	segs, err := t.font.LoadGlyph(&t.buf, g, fixed.I(em), nil)
	if err != nil {
		return nil
	}
	var out path
	cmds := map[sfnt.SegmentOp]byte{sfnt.SegmentOpMoveTo: 'M', sfnt.SegmentOpLineTo: 'L', sfnt.SegmentOpQuadTo: 'Q', sfnt.SegmentOpCubeTo: 'C'}
	for _, s := range segs {
		o := seg{cmd: cmds[s.Op]}
		if o.cmd == 'M' && len(out) > 0 {
			out = append(out, seg{cmd: 'Z'})
		}
		for i, a := range s.Args {
			o.p[i] = XY{float64(a.X) / 64 / em, float64(a.Y) / 64 / em}
		}
		out = append(out, o)
	}
	if len(out) > 0 {
		out = append(out, seg{cmd: 'Z'})
	}
	return out
}

// wrap breaks text into lines no wider than width, at spaces where it can and
// inside words where it must. Newlines are kept.
func (t *typeface) wrap(text string, size, width float64) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var out []string
	for _, para := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(para) {
			try := strings.TrimSpace(line + " " + word)
			if _, w := t.set(try, size); w <= width {
				line = try
				continue
			}
			if line != "" {
				out = append(out, line)
			}
			rest := t.split(word, size, width)
			out, line = append(out, rest[:len(rest)-1]...), rest[len(rest)-1]
		}
		out = append(out, line)
	}
	return out
}

func (t *typeface) split(word string, size, width float64) []string {
	var out []string
	line := ""
	for _, r := range word {
		if _, w := t.set(line+string(r), size); w > width && line != "" {
			out, line = append(out, line), ""
		}
		line += string(r)
	}
	return append(out, line)
}

// anchors: where along the text the given point lies.
const (
	start  = 0.0
	middle = 0.5
	end    = 1.0
)

func (d *Drawing) write(t *typeface, text string, at XY, size, anchor float64, c color.NRGBA, up bool) {
	g, w := t.set(text, size)
	if up {
		at.Y += w * anchor
	} else {
		at.X -= w * anchor
	}
	d.ops = append(d.ops, op{class: "text", fill: c, text: &label{text: text, at: at, size: size, up: up, glyphs: g}})
}

// place moves an outline of one point size to where its label puts it.
func (l *label) place(g glyph, p path) path {
	out := make(path, len(p))
	for i, s := range p {
		for j := range s.p {
			x, y := g.x+s.p[j].X*g.size, g.y+s.p[j].Y*g.size
			if l.up {
				x, y = y, -x
			}
			s.p[j] = XY{l.at.X + x, l.at.Y + y}
		}
		out[i] = s
	}
	return out
}

package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"regexp"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
)

// stamp matches the dates that the PDF writer takes from the clock.
const stamp = `/(CreationDate|ModDate) \(D:[0-9]{14}\)`

// WritePDF writes a one-page PDF with outlined text and a fixed date.
func (d *Drawing) WritePDF(w io.Writer) error {
	c := vgpdf.New(vg.Length(d.Width), vg.Length(d.Height))
	c.EmbedFonts(false) // there is no text, only outlines
	if err := d.paint(c); err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return fmt.Errorf("write figure as pdf: %w", err)
	}
	fixed := regexp.MustCompile(stamp).ReplaceAll(b.Bytes(), []byte("/$1 (D:20000101000000)"))
	if _, err := w.Write(fixed); err != nil {
		return fmt.Errorf("write figure as pdf: %w", err)
	}
	return nil
}

// WritePNG writes a PNG at the drawing's resolution on white.
func (d *Drawing) WritePNG(w io.Writer) error {
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(d.Width), vg.Length(d.Height)), vgimg.UseDPI(d.dpi), vgimg.UseBackgroundColor(color.White))
	if err := d.paint(c); err != nil {
		return err
	}
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(w); err != nil {
		return fmt.Errorf("write figure as png: %w", err)
	}
	return nil
}

// paint replays the drawing on a canvas whose origin is the bottom left.
func (d *Drawing) paint(c vg.Canvas) error {
	t, err := newTypeface()
	if err != nil {
		return err
	}
	for _, o := range d.ops {
		if o.text != nil {
			c.SetColor(o.fill)
			for _, g := range o.text.glyphs {
				if p := t.outline(g.index); len(p) > 0 {
					c.Fill(d.flip(o.text.place(g, p)))
				}
			}
			continue
		}
		p := d.flip(o.path)
		if o.fill.A > 0 {
			c.SetColor(o.fill)
			c.Fill(p)
		}
		if o.stroke.A > 0 {
			var dash []vg.Length
			for _, x := range o.dash {
				dash = append(dash, vg.Length(x))
			}
			c.SetLineDash(dash, 0)
			c.SetLineWidth(vg.Length(o.width))
			c.SetColor(o.stroke)
			c.Stroke(p)
		}
	}
	return nil
}

func (d *Drawing) flip(p path) vg.Path {
	at := func(q XY) vg.Point { return vg.Point{X: vg.Length(q.X), Y: vg.Length(d.Height - q.Y)} }
	var out vg.Path
	for _, s := range p {
		switch s.cmd {
		case 'M':
			out.Move(at(s.p[0]))
		case 'L':
			out.Line(at(s.p[0]))
		case 'Q':
			out.QuadTo(at(s.p[0]), at(s.p[1]))
		case 'C':
			out.CubeTo(at(s.p[0]), at(s.p[1]), at(s.p[2]))
		case 'Z':
			out.Close()
		}
	}
	return out
}

package figure

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"io"
	"strconv"
	"strings"
)

// WriteSVG writes SVG 1.1. Each element has a class naming its part (marker,
// bar, line, onset, …), each text an aria-label with its characters; glyph
// outlines are defined once and reused.
func (d *Drawing) WriteSVG(w io.Writer) error {
	t, err := newTypeface()
	if err != nil {
		return err
	}
	b := new(bytes.Buffer)
	fmt.Fprintf(b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="%spt" height="%spt" viewBox="0 0 %s %s">`+"\n",
		num(d.Width), num(d.Height), num(d.Width), num(d.Height))
	if d.description != "" {
		b.WriteString("<desc>")
		_ = xml.EscapeText(b, []byte(d.description)) // a bytes.Buffer never fails
		b.WriteString("</desc>\n")
	}
	d.defs(b, t)
	fmt.Fprintf(b, `<rect class="page" width="%s" height="%s" fill="#ffffff"/>`+"\n", num(d.Width), num(d.Height))
	for _, o := range d.ops {
		if o.text != nil {
			o.svgText(b)
			continue
		}
		fmt.Fprintf(b, `<path class="%s" d="%s"`, o.class, o.path.data())
		b.WriteString(paint("fill", o.fill) + paint("stroke", o.stroke))
		if o.stroke.A > 0 {
			fmt.Fprintf(b, ` stroke-width="%s" stroke-linejoin="round"`, num(o.width))
		}
		if len(o.dash) > 0 {
			fmt.Fprintf(b, ` stroke-dasharray="%s"`, nums(o.dash))
		}
		b.WriteString("/>\n")
	}
	b.WriteString("</svg>\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write figure as svg: %w", err)
	}
	return nil
}

func (g glyph) id() string {
	return "g" + strconv.Itoa(int(g.index)) + "-" + strconv.Itoa(int(g.size*100+.5))
}

func (d *Drawing) defs(b *bytes.Buffer, t *typeface) {
	b.WriteString("<defs>\n")
	seen := map[string]bool{}
	for _, o := range d.ops {
		if o.text == nil {
			continue
		}
		for _, g := range o.text.glyphs {
			p := t.outline(g.index)
			if id := g.id(); !seen[id] && len(p) > 0 {
				seen[id] = true
				flat := label{}
				fmt.Fprintf(b, `<path id="%s" d="%s"/>`+"\n", id, flat.place(glyph{size: g.size}, p).data())
			}
		}
	}
	b.WriteString("</defs>\n")
}

func (o op) svgText(b *bytes.Buffer) {
	l := o.text
	var esc strings.Builder
	_ = xml.EscapeText(&esc, []byte(l.text)) // a strings.Builder never fails
	turn := ""
	if l.up {
		turn = " rotate(-90)"
	}
	fmt.Fprintf(b, `<g class="text" role="img" aria-label="%s" transform="translate(%s %s)%s"%s>`, esc.String(), num(l.at.X), num(l.at.Y), turn, paint("fill", o.fill))
	for i, g := range l.glyphs {
		if r := []rune(l.text)[i]; r <= ' ' || r == 0x7f || r == 0xa0 {
			continue
		}
		fmt.Fprintf(b, `<use xlink:href="#%s" x="%s" y="%s"/>`, g.id(), num(g.x), num(g.y))
	}
	b.WriteString("</g>\n")
}

func paint(what string, c color.NRGBA) string {
	if c.A == 0 {
		return fmt.Sprintf(` %s="none"`, what)
	}
	out := fmt.Sprintf(` %s="#%02x%02x%02x"`, what, c.R, c.G, c.B)
	if c.A < 255 {
		out += fmt.Sprintf(` %s-opacity="%s"`, what, num(float64(c.A)/255))
	}
	return out
}

func (p path) data() string {
	var b strings.Builder
	count := map[byte]int{'M': 1, 'L': 1, 'Q': 2, 'C': 3}
	for _, s := range p {
		b.WriteByte(s.cmd)
		for i := range count[s.cmd] {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(num(s.p[i].X) + " " + num(s.p[i].Y))
		}
	}
	return b.String()
}

// num prints hundredths of a point, which no printer resolves.
func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

func nums(v []float64) string {
	var out []string
	for _, x := range v {
		out = append(out, num(x))
	}
	return strings.Join(out, " ")
}

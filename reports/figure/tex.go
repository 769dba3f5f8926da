package figure

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// texFigure is a cleaned figure as pgfplots draws it.
type texFigure struct {
	title, caption string
	description    string
	columns        int
	width          float64
	panels         []Panel
	ranges         []Range
	direct         bool
}

// texNeeds says what the document must load.
const texNeeds = `%% A figure by onset, for \input in a document that has
%%   \usepackage{pgfplots}
%%   \usepgfplotslibrary{groupplots}
%%   \pgfplotsset{compat=1.16}
`

// write writes a tikzpicture of pgfplots axes: the data stand in it as
// coordinates, so that an author can restyle it.
func (t *texFigure) write(w io.Writer) error {
	b := new(bytes.Buffer)
	b.WriteString(strings.ReplaceAll(texNeeds, "%%", "%"))
	if t.caption != "" {
		fmt.Fprintf(b, "%% caption: %s\n", strings.Join(strings.Fields(t.caption), " "))
	}
	for line := range strings.Lines(t.description) {
		fmt.Fprintf(b, "%% %s\n", strings.Join(strings.Fields(line), " "))
	}
	b.WriteString("\\begin{tikzpicture}\n")
	for i := range 7 {
		c := colour(i)
		fmt.Fprintf(b, "\\definecolor{onset%d}{HTML}{%02X%02X%02X}\n", i, c.R, c.G, c.B)
	}
	rows, lower := (len(t.panels)+t.columns-1)/t.columns, false
	for _, p := range t.panels {
		lower = lower || p.Lower != nil
	}
	per := 1
	if lower {
		per = 2
	}
	cell := (t.width - gap*float64(t.columns)) / float64(t.columns)
	plot := cell - 36
	if t.direct {
		plot *= 1 - endShare
	}
	fmt.Fprintf(b, "\\begin{groupplot}[group style={group size=%d by %d, horizontal sep=%spt, vertical sep=54pt},\n", t.columns, rows*per, num(cell-plot+gap))
	fmt.Fprintf(b, "  scale only axis, width=%spt, height=%spt, tick label style={font=\\scriptsize}, label style={font=\\scriptsize},\n", num(plot), num(min(plot*.78, 190)))
	b.WriteString("  title style={font=\\small, align=center}, legend style={font=\\scriptsize, draw=none, /tikz/every even column/.append style={column sep=6pt}}]\n")
	for from := 0; from < len(t.panels); from += t.columns {
		to := min(from+t.columns, len(t.panels))
		for i := from; i < from+t.columns; i++ {
			t.slot(b, i, i < to, false)
		}
		for i := from; lower && i < from+t.columns; i++ {
			t.slot(b, i, i < to && t.panels[i].Lower != nil, true)
		}
	}
	b.WriteString("\\end{groupplot}\n")
	if t.title != "" {
		fmt.Fprintf(b, "\\node[anchor=south, font=\\bfseries\\small] at ([yshift=26pt]current bounding box.north) {%s};\n", texText(t.title))
	}
	if !t.direct && seriesNames(t.panels) > 1 {
		b.WriteString("\\node[anchor=north] at ([yshift=-4pt]current bounding box.south) {\\pgfplotslegendfromname{onsetlegend}};\n")
	}
	b.WriteString("\\end{tikzpicture}\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write figure as tex: %w", err)
	}
	return nil
}

// slot writes one place of the grid.
func (t *texFigure) slot(b *bytes.Buffer, i int, used, lower bool) {
	if !used {
		b.WriteString("\\nextgroupplot[group/empty plot]\n")
		return
	}
	q, r := t.panels[i], t.ranges[i]
	if lower {
		q = *q.Lower
		q.XLabel = t.panels[i].XLabel
	}
	x, y := newAxis(r, q.LogX, 0, 1), newAxis(q.ySpan(), false, 0, 1)
	mode := "linear"
	xmin, xmax := x.lo, x.hi
	if q.LogX {
		mode, xmin, xmax = "log", math.Pow(10, x.lo), math.Pow(10, x.hi)
	}
	var title []string
	if q.Title != "" && !lower {
		title = append(title, texText(q.Title))
	}
	for _, n := range q.Notes {
		title = append(title, "\\scriptsize\\color{"+texColour(n.Family)+"}"+texText(n.Text))
	}
	extra := ""
	if i == 0 && !lower && !t.direct && seriesNames(t.panels) > 1 {
		extra = ", legend to name=onsetlegend, legend columns=-1"
	}
	if t.direct {
		extra += ", clip=false"
	}
	fmt.Fprintf(b, "\\nextgroupplot[title={%s}, xlabel={%s}, ylabel={%s}, xmode=%s, xmin=%s, xmax=%s, ymin=%s, ymax=%s%s]\n",
		strings.Join(title, "\\\\"), texText(q.XLabel), texText(q.YLabel), mode, texNum(xmin), texNum(xmax), texNum(y.lo), texNum(y.hi), extra)
	t.lines(b, q, xmin, xmax, y)
	for _, s := range q.Series {
		t.series(b, s)
	}
	if i == 0 && !lower && !t.direct {
		t.legendEntries(b)
	}
}

// lines writes brackets, spans, baselines and references.
func (t *texFigure) lines(b *bytes.Buffer, q Panel, xmin, xmax float64, y axis) {
	for _, s := range q.Series {
		if s.Onset == nil || !finite(s.Onset.Above) {
			continue
		}
		lo := xmin
		if finite(s.Onset.Below) && s.Onset.Below > xmin {
			lo = s.Onset.Below
		}
		hi := min(max(s.Onset.Above, xmin), xmax)
		fmt.Fprintf(b, "\\fill[%s, opacity=.13] (axis cs:%s,%s) rectangle (axis cs:%s,%s);\n", texColour(s.Family), texNum(lo), texNum(y.lo), texNum(hi), texNum(y.hi))
		fmt.Fprintf(b, "\\draw[%s, dotted, thick] (axis cs:%s,%s) -- (axis cs:%s,%s);\n", texColour(s.Family), texNum(hi), texNum(y.lo), texNum(hi), texNum(y.hi))
		if c := s.ChangePoint; c.set() && finite(c.Min, c.Max) {
			fmt.Fprintf(b, "\\draw[%s, |-|] (axis cs:%s,%s) -- (axis cs:%s,%s); %% change-point interval\n", texColour(s.Family),
				texNum(min(max(c.Min, xmin), xmax)), texNum(y.hi), texNum(min(max(c.Max, xmin), xmax)), texNum(y.hi))
		}
	}
	for _, s := range q.Spans {
		if s.drawable() {
			fmt.Fprintf(b, "\\draw[%s, dashed, |-|] (axis cs:%s,%s) -- (axis cs:%s,%s); %% %s\n", texColour(s.Family),
				texNum(min(max(s.Range.Min, xmin), xmax)), texNum(y.hi), texNum(min(max(s.Range.Max, xmin), xmax)), texNum(y.hi), strings.Join(strings.Fields(s.Name), " "))
		}
	}
	for _, base := range q.Baselines {
		fmt.Fprintf(b, "\\addplot[black, dashed, forget plot] coordinates {(%s,%s) (%s,%s)}; %% %s\n", texNum(xmin), texNum(base.Value), texNum(xmax), texNum(base.Value), base.Label)
	}
	for _, ref := range q.References {
		fmt.Fprintf(b, "\\addplot[gray, forget plot] coordinates {(%s,%s) (%s,%s)} node[pos=1, anchor=south east, font=\\tiny] {%s};\n",
			texNum(xmin), texNum(ref.Value), texNum(xmax), texNum(ref.Value), texText(ref.Label))
	}
}

// texMarks are the pgfplots marks in the order of Marker.
var texMarks = [markers]string{"*", "triangle*", "square*", "diamond*", "triangle*", "+"}

// series writes the fit, the joining line, and the points: filled ones and hollow ones.
func (t *texFigure) series(b *bytes.Buffer, s Series) {
	c := texColour(s.Family)
	if len(s.Fit) > 1 {
		fmt.Fprintf(b, "\\addplot[%s, opacity=.35, line width=2pt, forget plot] coordinates {", c)
		for _, v := range s.Fit {
			fmt.Fprintf(b, "(%s,%s) ", texNum(v.X), texNum(v.Y))
		}
		b.WriteString("};\n")
	}
	if s.Plot != Events {
		steps := map[bool]string{true: ", const plot"}[s.Plot == Steps]
		fmt.Fprintf(b, "\\addplot[%s, thin, forget plot%s%s] coordinates {", c, steps, texDash(s.Family))
		for _, v := range s.Points {
			fmt.Fprintf(b, "(%s,%s) ", texNum(v.X), texNum(v.Y))
		}
		b.WriteString("};\n")
	}
	if s.Plot == Steps {
		return
	}
	mark := texMarks[((s.Marker%markers)+markers)%markers]
	turn := ""
	if s.Marker == Inverted {
		turn = ", rotate=180"
	}
	for _, filled := range []bool{true, false} {
		fill := "white"
		if filled {
			fill = c
		}
		var data strings.Builder
		for _, v := range s.Points {
			if v.Filled != filled {
				continue
			}
			up, down := 0.0, 0.0
			if finite(v.Lo, v.Hi) {
				up, down = max(v.Hi-v.Y, 0), max(v.Y-v.Lo, 0)
			}
			fmt.Fprintf(&data, "(%s,%s) += (0,%s) -= (0,%s) ", texNum(v.X), texNum(v.Y), texNum(up), texNum(down))
		}
		if data.Len() > 0 {
			fmt.Fprintf(b, "\\addplot[only marks, mark=%s, %s, mark size=1.8pt, mark options={fill=%s%s}, forget plot, error bars/.cd, y dir=both, y explicit] coordinates {%s};\n",
				mark, c, fill, turn, data.String())
		}
	}
	if t.direct && len(s.Points) > 0 && s.Name != "" {
		last := s.Points[len(s.Points)-1]
		fmt.Fprintf(b, "\\node[anchor=west, font=\\tiny, %s] at (axis cs:%s,%s) {%s};\n", c, texNum(last.X), texNum(last.Y), texText(s.Name))
	}
}

// legendEntries names every curve of the page in the first panel's legend.
func (t *texFigure) legendEntries(b *bytes.Buffer) {
	if seriesNames(t.panels) < 2 {
		return
	}
	seen := map[string]bool{}
	for _, q := range t.panels {
		for _, s := range q.Series {
			if s.Name == "" || seen[s.Name] {
				continue
			}
			seen[s.Name] = true
			only := map[Plot]string{Steps: ", mark=none", Events: ", only marks"}[s.Plot]
			fmt.Fprintf(b, "\\addlegendimage{%s, mark=%s%s%s}\\addlegendentry{%s}\n", texColour(s.Family), texMarks[((s.Marker%markers)+markers)%markers], only, texDash(s.Family), texText(s.Name))
		}
	}
}

func texColour(family int) string { return "onset" + strconv.Itoa(((family%7)+7)%7) }

// texDash is the family's dash pattern in points.
func texDash(family int) string {
	d := dash(family)
	if len(d) == 0 {
		return ""
	}
	var parts []string
	for i, v := range d {
		parts = append(parts, []string{"on", "off"}[i%2]+" "+num(v)+"pt")
	}
	return ", dash pattern=" + strings.Join(parts, " ")
}

// texNum prints a number that pgfplots reads.
func texNum(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// texText escapes text; superscript digits become powers.
func texText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if p, up := unraise(r); up {
			fmt.Fprintf(&b, "\\textsuperscript{%c}", p)
			continue
		}
		switch r {
		case '\\':
			b.WriteString("\\textbackslash{}")
		case '~':
			b.WriteString("\\textasciitilde{}")
		case '^':
			b.WriteString("\\textasciicircum{}")
		case '&', '%', '$', '#', '_', '{', '}':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '−':
			b.WriteString("$-$")
		case '×':
			b.WriteString("$\\times$")
		case '\n', '\r':
			b.WriteByte(' ')
		case '≤':
			b.WriteString("$\\leq$")
		case '≥':
			b.WriteString("$\\geq$")
		case '±':
			b.WriteString("$\\pm$")
		case 'α':
			b.WriteString("$\\alpha$")
		case '–':
			b.WriteString("--")
		case '—':
			b.WriteString("---")
		case '…':
			b.WriteString("\\ldots{}")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// write draws the matrix as coloured cells with their values.
func (h Heatmap) write(w io.Writer) error {
	b := new(bytes.Buffer)
	b.WriteString(strings.ReplaceAll(texNeeds, "%%", "%"))
	if h.Caption != "" {
		fmt.Fprintf(b, "%% caption: %s\n", strings.Join(strings.Fields(h.Caption), " "))
	}
	r := h.scale()
	names := func(list []string) string {
		var out []string
		for _, n := range list {
			out = append(out, "{"+texText(n)+"}")
		}
		return strings.Join(out, ",")
	}
	ticks := func(n int) string {
		var out []string
		for i := range n {
			out = append(out, strconv.Itoa(i))
		}
		return strings.Join(out, ",")
	}
	fmt.Fprintf(b, "\\begin{tikzpicture}\n\\begin{axis}[title={%s}, xlabel={%s}, ylabel={%s}, enlargelimits=false, y dir=reverse, axis on top,\n", texText(h.Title), texText(h.XLabel), texText(h.YLabel))
	fmt.Fprintf(b, "  xtick={%s}, xticklabels={%s}, ytick={%s}, yticklabels={%s}, tick label style={font=\\scriptsize}, x tick label style={rotate=45, anchor=east},\n",
		ticks(len(h.Cols)), names(h.Cols), ticks(len(h.Rows)), names(h.Rows))
	fmt.Fprintf(b, "  colormap={onset}{rgb255=(247,251,255) rgb255=(8,48,107)}, colorbar, point meta min=%s, point meta max=%s,\n", texNum(r.Min), texNum(r.Max))
	b.WriteString("  nodes near coords={\\pgfmathprintnumber[fixed, precision=2]\\pgfplotspointmeta}, nodes near coords style={anchor=center, font=\\tiny}]\n")
	fmt.Fprintf(b, "\\addplot[matrix plot*, mesh/cols=%d, point meta=explicit] coordinates {\n", len(h.Cols))
	for i, row := range h.Values {
		for j, v := range row {
			meta := texNum(v)
			if !finite(v) {
				meta = "nan"
			}
			fmt.Fprintf(b, "(%d,%d) [%s] ", j, i, meta)
		}
		b.WriteByte('\n')
	}
	b.WriteString("};\n\\end{axis}\n\\end{tikzpicture}\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write heat map as tex: %w", err)
	}
	return nil
}

package reports

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteLaTeX writes a table float with booktabs rules and siunitx S columns;
// an error prints as 61.2(11), the value with the standard error in units of
// its last digit. Needs \usepackage{booktabs,siunitx}; bold numbers line up in
// siunitx 3 as written, in siunitx 2 with \sisetup{detect-weight}.
func (t Table) WriteLaTeX(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("% needs \\usepackage{booktabs,siunitx} and \\sisetup{detect-weight=true}\n\\begin{table}\n  \\centering\n")
	if t.Title != "" || len(t.Notes) > 0 {
		fmt.Fprintf(&b, "  \\caption{%s}\n", latex(t.caption()))
	}
	b.WriteString("  \\begin{tabular}{")
	var head []string
	for i, c := range t.Columns {
		b.WriteString(t.latexColumn(i, c))
		head = append(head, "{"+latex(c.title())+"}")
	}
	fmt.Fprintf(&b, "}\n    \\toprule\n    %s \\\\\n    \\midrule\n", strings.Join(head, " & "))
	for _, r := range t.Rows {
		var cells []string
		for i, c := range t.Columns {
			cells = append(cells, c.latex(t.cell(r, i)))
		}
		fmt.Fprintf(&b, "    %s \\\\\n", strings.Join(cells, " & "))
	}
	b.WriteString("    \\bottomrule\n  \\end{tabular}\n\\end{table}\n")
	return flush(w, &b, t.Title, "latex")
}

// caption is the title as a sentence, then the notes.
func (t Table) caption() string {
	title := strings.TrimSpace(t.Title)
	if title != "" && len(t.Notes) > 0 && !strings.ContainsAny(title[len(title)-1:], ".!?:") {
		title += "."
	}
	return strings.TrimSpace(title + " " + strings.Join(t.Notes, " "))
}

// latexColumn sizes an S column by the widest number in it.
func (t Table) latexColumn(i int, c Column) string {
	if !c.Numeric {
		return map[Align]string{AlignLeft: "l", AlignRight: "r", AlignCenter: "c"}[c.align()]
	}
	whole, digits, errs, sign := 1, max(c.Digits, 0), 0, ""
	for _, r := range t.Rows {
		x := t.cell(r, i)
		if !c.number(x) {
			continue
		}
		s := c.format(x.Value)
		if strings.HasPrefix(s, "-") {
			sign, s = "-", s[1:]
		}
		before, _, _ := strings.Cut(s, ".")
		whole, errs = max(whole, len(before)), max(errs, len(c.lastDigits(x)))
	}
	form := fmt.Sprintf("%s%d.%d", sign, whole, digits)
	if errs > 0 {
		form += fmt.Sprintf("(%d)", errs)
	}
	return "S[table-format=" + form + "]"
}

// lastDigits is the standard error in units of the value's last digit.
func (c Column) lastDigits(x Cell) string {
	if !(x.StdErr > 0) || math.IsInf(x.StdErr, 0) {
		return ""
	}
	s := strings.TrimLeft(strings.Replace(c.format(x.StdErr), ".", "", 1), "0")
	if s == "" {
		return "0"
	}
	return s
}

func (c Column) latex(x Cell) string {
	var s string
	switch {
	case c.absent(x):
		return "{--}"
	case !c.number(x):
		s = "{" + latex(x.Text) + "}"
		if x.Bold {
			s = "{\\bfseries " + latex(x.Text) + "}"
		}
		return s
	case x.StdErr > 0 && !math.IsInf(x.StdErr, 0):
		s = c.format(x.Value) + "(" + c.lastDigits(x) + ")"
	case x.Lo < x.Hi:
		s = "{" + c.format(x.Value) + " [" + c.format(x.Lo) + ", " + c.format(x.Hi) + "]}"
		if x.Bold {
			return "{\\bfseries " + s[1:]
		}
		return s
	default:
		s = c.format(x.Value)
	}
	if x.Bold {
		return "\\bfseries " + s
	}
	return s
}

// latex escapes the ten special characters and the few others that a default
// font encoding sets wrongly.
func latex(s string) string {
	return strings.NewReplacer(
		`\`, `\textbackslash{}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`,
		"%", `\%`, "&", `\&`, "#", `\#`, "_", `\_`, "{", `\{`, "}", `\}`, "$", `\$`,
		"<", `\textless{}`, ">", `\textgreater{}`, "|", `\textbar{}`, `"`, `\textquotedbl{}`,
		"±", `$\pm$`, "≤", `$\leq$`, "≥", `$\geq$`, "→", `$\to$`, "×", `$\times$`, "−", `$-$`,
	).Replace(oneLine(s))
}

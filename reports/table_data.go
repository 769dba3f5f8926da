package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
)

// WriteCSV writes the values at full precision, each numeric column followed
// by its standard error and interval when any row has one. It uses
// encoding/csv: the columns are known only at run time, and gocsv wants a
// struct. Text is written as it is: a spreadsheet may run a cell that starts
// with =, +, - or @ as a formula, so open untrusted names as text.
func (t Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	var head []string
	for i, c := range t.Columns {
		if c.Percent {
			c.Unit = "" // the value is written as the fraction that it is
		}
		head = append(head, c.title())
		if t.uncertain(i) {
			head = append(head, c.Name+" stderr", c.Name+" lo", c.Name+" hi")
		}
	}
	if len(head) == 0 {
		return fmt.Errorf("write table %q as csv: it has no columns", t.Title)
	}
	if err := out.Write(head); err != nil {
		return fmt.Errorf("write table %q as csv: %w", t.Title, err)
	}
	for _, r := range t.Rows {
		var rec []string
		for i, c := range t.Columns {
			rec = append(rec, t.csvCells(i, c, t.cell(r, i))...)
		}
		if err := out.Write(rec); err != nil {
			return fmt.Errorf("write table %q as csv: %w", t.Title, err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write table %q as csv: %w", t.Title, err)
	}
	return nil
}

func (t Table) uncertain(i int) bool {
	for _, r := range t.Rows {
		if x := t.cell(r, i); t.Columns[i].number(x) && (x.StdErr > 0 || x.Lo < x.Hi) {
			return true
		}
	}
	return false
}

func (t Table) csvCells(i int, c Column, x Cell) []string {
	more := []string(nil)
	if t.uncertain(i) {
		more = []string{"", "", ""}
	}
	switch {
	case c.absent(x):
		return append([]string{""}, more...)
	case !c.number(x):
		return append([]string{x.Text}, more...)
	}
	full := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	if more != nil && x.StdErr > 0 {
		more[0] = full(x.StdErr)
	}
	if more != nil && x.Lo < x.Hi {
		more[1], more[2] = full(x.Lo), full(x.Hi)
	}
	return append([]string{full(x.Value)}, more...)
}

// MarshalJSON leaves out what is unset; a missing value is null.
func (c Cell) MarshalJSON() ([]byte, error) {
	out := struct {
		Text   string   `json:"text,omitempty"`
		Value  *float64 `json:"value"`
		StdErr *float64 `json:"stderr,omitempty"`
		Lo     *float64 `json:"lo,omitempty"`
		Hi     *float64 `json:"hi,omitempty"`
		Bold   bool     `json:"bold,omitempty"`
	}{Text: c.Text, Bold: c.Bold}
	ok := func(v float64) *float64 {
		if c.Missing || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	if c.Text == "" {
		out.Value = ok(c.Value)
	}
	if c.StdErr > 0 {
		out.StdErr = ok(c.StdErr)
	}
	if c.Lo < c.Hi {
		out.Lo, out.Hi = ok(c.Lo), ok(c.Hi)
	}
	return json.Marshal(out)
}

// WriteJSON writes the table as one indented object; values are unscaled, also
// in a column whose percent is true.
func (t Table) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(t); err != nil {
		return fmt.Errorf("write table %q as json: %w", t.Title, err)
	}
	return nil
}

// WriteHTML writes a table element, everything escaped.
func (t Table) WriteHTML(w io.Writer) error {
	var b bytes.Buffer
	style := map[Align]string{AlignLeft: "left", AlignRight: "right", AlignCenter: "center"}
	esc := func(s string) string { return html.EscapeString(oneLine(s)) }
	fmt.Fprintf(&b, "<table>\n<caption>%s</caption>\n<thead><tr>", esc(t.Title))
	for _, c := range t.Columns {
		fmt.Fprintf(&b, `<th style="text-align:%s">%s</th>`, style[c.align()], esc(c.title()))
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, r := range t.Rows {
		b.WriteString("<tr>")
		for i, c := range t.Columns {
			x := t.cell(r, i)
			s := esc(c.plain(x))
			if x.Bold {
				s = "<b>" + s + "</b>"
			}
			fmt.Fprintf(&b, `<td style="text-align:%s">%s</td>`, style[c.align()], s)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table>\n")
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "<p>%s</p>\n", esc(n))
	}
	return flush(w, &b, t.Title, "html")
}

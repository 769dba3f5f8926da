package reports

import (
	"math"
	"strconv"
	"strings"
)

// Table is a report laid out in rows; every Write method renders the same
// cells. Rows may be shorter than Columns: what lacks is missing.
type Table struct {
	Title   string   `json:"title"`
	Columns []Column `json:"columns"`
	Rows    [][]Cell `json:"rows"`
	Notes   []string `json:"notes,omitempty"`
}

// Column says how its cells are printed. A Numeric column prints Value with
// Digits decimals (times 100 when Percent); others print Text.
type Column struct {
	Name    string `json:"name"`
	Unit    string `json:"unit,omitempty"`
	Align   Align  `json:"-"`
	Numeric bool   `json:"numeric"`
	Digits  int    `json:"digits,omitempty"`
	Percent bool   `json:"percent,omitempty"`
}

// Align is where cells stand; the zero value is right for Numeric columns and
// left for others.
type Align int

// Alignments of a column.
const (
	AlignAuto Align = iota
	AlignLeft
	AlignRight
	AlignCenter
)

// Cell is one entry. StdErr > 0 prints ± it; else Lo < Hi prints the interval.
// Text, when set in a Numeric column, replaces the number.
type Cell struct {
	Text    string
	Value   float64
	Lo, Hi  float64
	StdErr  float64
	Bold    bool
	Missing bool
}

// TextCell is a cell of text.
func TextCell(s string) Cell { return Cell{Text: s} }

// NumberCell is a number without uncertainty.
func NumberCell(v float64) Cell { return Cell{Value: v} }

const missing = "–"

func (t Table) cell(row []Cell, i int) Cell {
	if i < len(row) {
		return row[i]
	}
	return Cell{Missing: true}
}

func (c Column) title() string {
	if c.Unit == "" {
		return c.Name
	}
	return c.Name + " (" + c.Unit + ")"
}

func (c Column) align() Align {
	if c.Align != AlignAuto {
		return c.Align
	}
	if c.Numeric {
		return AlignRight
	}
	return AlignLeft
}

// number says whether the cell prints as one.
func (c Column) number(x Cell) bool {
	return c.Numeric && x.Text == "" && !c.absent(x)
}

func (c Column) absent(x Cell) bool {
	return x.Missing || c.Numeric && x.Text == "" && (math.IsNaN(x.Value) || math.IsInf(x.Value, 0))
}

func (c Column) format(v float64) string {
	if c.Percent {
		v *= 100
	}
	s := strconv.FormatFloat(v, 'f', min(max(c.Digits, 0), 17), 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-") // no minus zero
	}
	return s
}

// plain is the cell for text, Markdown and HTML.
func (c Column) plain(x Cell) string {
	switch {
	case c.absent(x):
		return missing
	case !c.number(x):
		return oneLine(x.Text)
	case x.StdErr > 0 && !math.IsInf(x.StdErr, 0):
		return c.format(x.Value) + " ± " + c.format(x.StdErr)
	case x.Lo < x.Hi:
		return c.format(x.Value) + " [" + c.format(x.Lo) + ", " + c.format(x.Hi) + "]"
	}
	return c.format(x.Value)
}

// oneLine replaces control characters, line breaks among them, by spaces, so
// that a hostile name can neither break a row nor reach the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

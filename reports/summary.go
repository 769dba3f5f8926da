package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/reports/scaling"
)

// Wide lays the primary metrics out with a row for each task, style and shot count and a column for each model, a
// table a family with the models by rising scale. Uncertainty adds standard errors to the cells.
func (r Results) Wide(uncertainty bool) []Table {
	var out []Table
	for _, family := range r.families() {
		models := r.familyModels(family)
		out = append(out, r.wideTable(family, models, uncertainty))
	}
	return out
}

func (r Results) families() []string {
	var out []string
	for _, m := range r.Models {
		if !slices.Contains(out, m.Family) {
			out = append(out, m.Family)
		}
	}
	return out
}

func (r Results) familyModels(family string) []backends.Model {
	var out []backends.Model
	for _, m := range r.Models {
		if m.Family == family {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b backends.Model) int {
		axis := cmp.Or(a.Axis, backends.AxisParams)
		return cmp.Compare(a.Scale.On(axis), b.Scale.On(axis))
	})
	return out
}

func (r Results) wideTable(family string, models []backends.Model, uncertainty bool) Table {
	t := Table{Title: strings.TrimSpace("accuracy in % " + family), Columns: []Column{
		{Name: "task"}, {Name: "style"}, {Name: "shots", Numeric: true}, {Name: "baseline", Numeric: true, Digits: 1, Percent: true},
	}}
	prefix := commonPrefix(models)
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Name
		label := strings.TrimPrefix(m.Name, prefix)
		if m.Scale.Params > 0 {
			label += " " + scaling.ScaleText(m.Scale.Params)
		}
		t.Columns = append(t.Columns, Column{Name: label, Numeric: true, Digits: 1, Percent: true})
	}
	var rows []CellKey
	cells := make(map[CellKey]Estimate)
	for _, e := range r.Estimates {
		if !e.Primary || !slices.Contains(names, e.Model) {
			continue
		}
		key := e.CellKey
		cells[key] = e
		key.Model = ""
		if !slices.Contains(rows, key) {
			rows = append(rows, key)
		}
	}
	for _, key := range rows {
		t.Rows = append(t.Rows, wideRow(key, names, cells, uncertainty))
	}
	t.Notes = r.wideNotes(names)
	return t
}

// commonPrefix is what all models' names begin with, up to a hyphen or slash.
func commonPrefix(models []backends.Model) string {
	if len(models) < 2 {
		return ""
	}
	prefix := models[0].Name
	for _, m := range models {
		for !strings.HasPrefix(m.Name, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix[:strings.LastIndexAny(prefix, "-/")+1]
}

func wideRow(key CellKey, models []string, cells map[CellKey]Estimate, uncertainty bool) []Cell {
	baseline := 0.0
	row := []Cell{TextCell(key.Task), TextCell(string(key.Style)), NumberCell(float64(key.Shots)), {}}
	for _, m := range models {
		key.Model = m
		e, ok := cells[key]
		if !ok || e.Records == 0 {
			row = append(row, Cell{Missing: true})
			continue
		}
		baseline = max(baseline, e.Baseline.Value)
		c := Cell{Value: e.Value}
		if uncertainty {
			c.StdErr = e.StdErr
		}
		row = append(row, c)
	}
	row[3] = NumberCell(baseline)
	return row
}

// wideNotes say how many samples and which failures stand behind a table.
func (r Results) wideNotes(models []string) []string {
	lo, hi, failed := math.MaxInt, 0, 0
	for _, e := range r.Estimates {
		if e.Primary && slices.Contains(models, e.Model) {
			lo, hi, failed = min(lo, e.Samples), max(hi, e.Samples), failed+e.Failed
		}
	}
	if hi == 0 {
		return nil
	}
	n := fmt.Sprintf("n = %d samples a cell", hi)
	if lo < hi {
		n = fmt.Sprintf("n = %d to %d samples a cell", lo, hi)
	}
	notes := []string{n + "; baseline: what the best guess scores that knows nothing of the question."}
	if failed > 0 {
		notes = append(notes, fmt.Sprintf("%d records failed and are in no denominator.", failed))
	}
	return notes
}

// Long lists every estimate with its interval and outcomes, one a row.
func (r Results) Long() Table {
	t := Table{Title: "results", Columns: []Column{
		{Name: "model"}, {Name: "task"}, {Name: "style"}, {Name: "shots", Numeric: true}, {Name: "metric"}, {Name: "filter"},
		{Name: "n", Numeric: true}, {Name: "value", Numeric: true, Digits: 4}, {Name: "stderr", Numeric: true, Digits: 4},
		{Name: "95 % interval"}, {Name: "baseline", Numeric: true, Digits: 4}, {Name: "outcomes"},
	}}
	noted := make(map[string]bool)
	for _, e := range r.Estimates {
		row := []Cell{
			TextCell(e.Model), TextCell(e.Task), TextCell(string(e.Style)), NumberCell(float64(e.Shots)), TextCell(e.Metric),
			TextCell(e.Filter), NumberCell(float64(e.Samples)), NumberCell(e.Value), NumberCell(e.StdErr),
			TextCell(fmt.Sprintf("[%.4f, %.4f]", e.Lo, e.Hi)), NumberCell(e.Baseline.Value), TextCell(strings.Join(OutcomeCounts(e), ", ")),
		}
		if e.Records == 0 {
			row[7], row[8], row[9] = Cell{Missing: true}, Cell{Missing: true}, TextCell("")
		}
		t.Rows = append(t.Rows, row)
		for _, note := range e.Notes {
			text := fmt.Sprintf("%s, %s: %s.", e.Model, e.Task, note)
			if !noted[text] {
				noted[text] = true
				t.Notes = append(t.Notes, text)
			}
		}
	}
	return t
}

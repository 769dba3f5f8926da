package points

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// choose keeps the rows that were asked for, and takes the baseline model's out.
func (s *Set) choose(rows []Row, o Options) ([]Row, error) {
	for _, by := range []struct {
		what  string
		names []string
		of    func(*Row) string
	}{
		{"task", o.Tasks, func(r *Row) string { return r.Task }},
		{"family", o.Families, func(r *Row) string { return r.Family }},
		{"prompt", o.Prompts, func(r *Row) string { return r.Prompt }},
		{"metric", o.Metrics, func(r *Row) string { return r.Metric }},
		{"shot count", texts(o.Shots), func(r *Row) string { return strconv.Itoa(r.Shots) }},
	} {
		if len(by.names) == 0 {
			continue
		}
		have := distinct(rows, by.of)
		for _, name := range by.names {
			if !slices.Contains(have, name) {
				hint := "there are " + strings.Join(have[:min(len(have), 12)], ", ")
				if near := yamlfile.Nearest(name, have); near != "" && by.what != "shot count" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				return nil, &ChoiceError{fmt.Sprintf("there is no %s %q", by.what, name), hint}
			}
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !slices.Contains(by.names, by.of(&r)) })
	}
	if len(o.Metrics) == 0 {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Secondary })
	}
	return s.measuredBaseline(rows, o)
}

func texts(numbers []int) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

// ChoiceError says that something was asked for that the rows do not have.
type ChoiceError struct{ msg, hint string }

func (e *ChoiceError) Error() string { return e.msg }

// Hint says what there is.
func (e *ChoiceError) Hint() string { return e.hint }

func distinct(rows []Row, of func(*Row) string) []string {
	var out []string
	seen := make(map[string]bool)
	for i := range rows {
		if v := of(&rows[i]); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// measuredBaseline raises the chance level of every setting that the baseline model was measured in.
func (s *Set) measuredBaseline(rows []Row, o Options) ([]Row, error) {
	if o.BaselineModel == "" {
		return rows, nil
	}
	setting := func(r *Row) key {
		return key{task: r.Task, prompt: r.Prompt, form: r.Form, metric: r.Metric, filter: r.Filter, shots: r.Shots}
	}
	measured := make(map[key]float64)
	for i := range rows {
		if r := &rows[i]; r.Model == o.BaselineModel {
			measured[setting(r)] = max(measured[setting(r)], r.Score)
		}
	}
	if len(measured) == 0 {
		return nil, &ChoiceError{fmt.Sprintf("there is no model %q for the baseline", o.BaselineModel), "name a model of the table"}
	}
	out := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Model == o.BaselineModel })
	for i := range out {
		if v, ok := measured[setting(&out[i])]; ok && !(v <= out[i].Chance) {
			out[i].Chance, out[i].ChanceOrigin = v, "measured on "+o.BaselineModel
		}
	}
	return out, nil
}

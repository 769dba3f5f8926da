package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/onset-eval/onset/reports/figure"
	"github.com/onset-eval/onset/reports/scaling"
)

// Heatmaps lays out scores by shots and scale, one a task, prompt, family and metric that has two shot counts or more,
// with the name of each.
func Heatmaps(analyses []scaling.Analysis) (maps []figure.Heatmap, names []string) {
	type subject struct{ task, prompt, family, form, metric, axis string }
	at := make(map[subject][]scaling.Analysis)
	var order []subject
	for _, a := range analyses {
		s := subject{a.Task, a.Prompt, a.Family, a.Form, a.Metric, a.Axis}
		if at[s] == nil {
			order = append(order, s)
		}
		at[s] = append(at[s], a)
	}
	for _, s := range order {
		if len(at[s]) > 1 {
			maps, names = append(maps, heatmap(at[s])), append(names, s.task+"-"+s.prompt+"-"+s.family)
		}
	}
	return maps, names
}

// heatmap is one subject's, shots upwards and scale to the right.
func heatmap(list []scaling.Analysis) figure.Heatmap {
	slices.SortFunc(list, func(a, b scaling.Analysis) int { return cmp.Compare(b.Shots, a.Shots) })
	a := list[0]
	h := figure.Heatmap{Title: a.Task, XLabel: scaling.AxisText(a.Axis), YLabel: "shots"}
	if a.Prompt != "" {
		h.Title += ", " + a.Prompt
	}
	h.Title += ", " + a.Family
	var xs []float64
	for _, a := range list {
		for _, p := range a.Points {
			if !slices.Contains(xs, p.X) {
				xs = append(xs, p.X)
			}
		}
	}
	slices.Sort(xs)
	for _, x := range xs {
		h.Cols = append(h.Cols, scaling.ScaleText(x))
	}
	base := 0.0
	for _, a := range list {
		base = max(base, a.Baseline.Value)
		h.Rows = append(h.Rows, fmt.Sprint(a.Shots))
		row := make([]float64, len(xs))
		for i := range row {
			row[i] = math.NaN()
		}
		for _, p := range a.Points {
			row[slices.Index(xs, p.X)] = p.Score
		}
		h.Values = append(h.Values, row)
	}
	h.Caption = fmt.Sprintf("%s by shots and scale. Baseline: %.3g (%s).", a.Metric, base, a.Baseline.Origin)
	return h
}

// Comparisons gives the analyses of some kind of comparison, for Figure.
func Comparisons(list []scaling.Comparison, kind string) []scaling.Analysis {
	var out []scaling.Analysis
	for _, c := range list {
		if c.Kind == kind {
			out = append(out, c.Analysis)
		}
	}
	return out
}

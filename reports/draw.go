package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/onset-eval/onset/reports/figure"
	"github.com/onset-eval/onset/reports/scaling"
)

// Figure lays out curves on one page: a panel for each task and shot count, with a curve for each family (by colour)
// and style (by marker). Points are filled where they are significantly above the baseline after Holm's adjustment,
// bars are exact 95 % intervals, the dashed line is the baseline and the shaded bracket the onset.
func Figure(title string, analyses []scaling.Analysis) figure.Figure {
	f := figure.Figure{Title: title, Caption: caption(analyses), Columns: columns(analyses)}
	families := distinct(analyses, func(a scaling.Analysis) string { return a.Family })
	styles := distinct(analyses, func(a scaling.Analysis) string { return a.Prompt })
	at := make(map[string]int) // panels by their title
	for _, a := range analyses {
		name := panelTitle(a)
		i, ok := at[name]
		if !ok {
			i = len(f.Panels)
			at[name] = i
			f.Panels = append(f.Panels, figure.Panel{
				Title: name, XLabel: AxisText(a.Axis), YLabel: a.Metric, LogX: a.Axis != scaling.AxisLoss && a.Axis != scaling.AxisCapability,
			})
		}
		addSeries(&f.Panels[i], a, slices.Index(families, a.Family), slices.Index(styles, a.Prompt), len(styles) > 1)
	}
	return f
}

func panelTitle(a scaling.Analysis) string {
	switch a.Shots {
	case 0:
		return a.Task
	case 1:
		return a.Task + ", 1 shot"
	}
	return fmt.Sprintf("%s, %d shots", a.Task, a.Shots)
}

// columns gives a page of small panels more columns than one of few.
func columns(analyses []scaling.Analysis) int {
	panels := len(distinct(analyses, panelTitle))
	switch {
	case panels <= 3:
		return max(1, panels)
	case panels <= 12:
		return 3
	}
	return 4
}

func addSeries(p *figure.Panel, a scaling.Analysis, family, style int, named bool) {
	s := figure.Series{Name: a.Family, Family: family, Marker: figure.Marker(style)}
	if named {
		s.Name += ", " + a.Prompt
	}
	for _, pt := range a.Points {
		s.Points = append(s.Points, figure.Point{X: pt.X, Y: pt.Score, Lo: pt.Lo, Hi: pt.Hi, Filled: pt.Above, Label: pt.Model})
	}
	if a.Onset != nil {
		s.Onset = &figure.Bracket{Below: math.NaN(), Above: a.Onset.Above}
		if a.Onset.Below != nil {
			s.Onset.Below = *a.Onset.Below
		}
	}
	p.Series = append(p.Series, s)
	if len(p.Baselines) == 0 {
		p.Baselines = []figure.Baseline{{}}
	}
	if b := &p.Baselines[0]; a.Baseline.Value >= b.Value {
		*b = figure.Baseline{Value: a.Baseline.Value, Label: a.Baseline.Origin}
	}
}

// caption says what a reader needs to trust the figure, which must stand alone once it is in a paper.
func caption(analyses []scaling.Analysis) string {
	if len(analyses) == 0 {
		return ""
	}
	lo, hi := math.Inf(1), 0.0
	for _, a := range analyses {
		for _, p := range a.Points {
			lo, hi = min(lo, p.N), max(hi, p.N)
		}
	}
	n := fmt.Sprintf("n = %.0f samples a point", hi)
	if lo < hi {
		n = fmt.Sprintf("n = %.0f to %.0f samples a point", lo, hi)
	}
	families := distinct(analyses, func(a scaling.Analysis) string { return a.Family })
	return fmt.Sprintf("Bars: 95 %% Clopper-Pearson. Filled: above the baseline by more than 2 %% of the rest (one-sided, Holm over the "+
		"models of a curve, α = 0.05); hollow: not. Dashed: the baseline and its origin. Shaded: the bracket between the last model at "+
		"the baseline and the first above it, the onset; its width is the resolution of the grid of models. %s; %s.",
		n, strings.Join(families, ", "))
}

// distinct lists what key gives, each once, in order of appearance.
func distinct(analyses []scaling.Analysis, key func(scaling.Analysis) string) []string {
	var out []string
	for _, a := range analyses {
		if k := key(a); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

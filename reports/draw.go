package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/onset-eval/onset/reports/figure"
	"github.com/onset-eval/onset/reports/points"
	"github.com/onset-eval/onset/reports/scaling"
)

// FigureOptions choose what a page of curves shows.
type FigureOptions struct {
	Title string
	// Facets are what panels are split by, some of Facets; none is task and shots. What is not split by is told apart
	// by colour, but for the prompt, which has a marker of its own.
	Facets []string
	// References are the grey lines, in the order of the analyses, or none.
	References []points.Reference
	// Comparisons mark where a chain of thought begins to help.
	Comparisons []scaling.Comparison
	// Plain leaves the fitted curves, the insets and the lower panels of the continuous metric out.
	Plain bool
}

// Facets lists what panels can be split by.
var Facets = [...]string{"task", "shots", "prompt", "form", "family", "metric"}

// facet gives what an analysis shows in one respect.
func facet(a *scaling.Analysis, by string) string {
	switch by {
	case "task":
		return a.Task
	case "shots":
		return shotsText(a.Shots)
	case "prompt":
		return a.Prompt
	case "form":
		return a.Form
	case "family":
		return a.Family
	}
	return a.Metric
}

func shotsText(n int) string {
	if n == 1 {
		return "1 shot"
	}
	return fmt.Sprintf("%d shots", n)
}

// Figure lays out curves on one page: a panel for each task and shot count, with a curve for each family (by colour)
// and prompt (by marker). Points are filled where they are significantly above the baseline after Holm's adjustment,
// bars are exact 95 % intervals, the dashed line is the baseline and the shaded bracket the onset; the pale line is the
// fitted model where a break is called for, and the lower panel the continuous metric of the same responses.
func Figure(analyses []scaling.Analysis, o FigureOptions) figure.Figure {
	if len(o.Facets) == 0 {
		o.Facets = []string{"task", "shots"}
	}
	page := newPage(analyses, o)
	for i := range analyses {
		page.add(i)
	}
	for i := range o.Comparisons {
		page.compare(&o.Comparisons[i])
	}
	f := figure.Figure{Title: o.Title, Caption: caption(analyses, page.fitted), Columns: columns(len(page.panels)), Panels: page.panels}
	return f
}

// page is a figure being laid out.
type page struct {
	analyses []scaling.Analysis
	o        FigureOptions
	panels   []figure.Panel
	at       map[string]int // panels by what they are split by
	colours  []string       // what has a colour, in order of appearance
	prompts  []string
	apart    []string // the respects that colours tell apart
	fitted   []string
}

func newPage(analyses []scaling.Analysis, o FigureOptions) *page {
	p := &page{analyses: analyses, o: o, at: make(map[string]int)}
	p.prompts = distinct(analyses, func(a *scaling.Analysis) string { return a.Prompt })
	for _, by := range []string{"family", "shots", "form", "metric", "task"} {
		if !slices.Contains(o.Facets, by) && (by == "family" || len(distinct(analyses, func(a *scaling.Analysis) string { return facet(a, by) })) > 1) {
			p.apart = append(p.apart, by)
		}
	}
	if len(p.apart) > 1 && len(distinct(analyses, func(a *scaling.Analysis) string { return a.Family })) == 1 {
		p.apart = p.apart[1:] // one family needs no name beside what differs
	}
	p.colours = distinct(analyses, p.colour)
	return p
}

// colour names what a curve's colour stands for.
func (p *page) colour(a *scaling.Analysis) string {
	var parts []string
	for _, by := range p.apart {
		parts = append(parts, facet(a, by))
	}
	return strings.Join(parts, ", ")
}

// panel finds or makes the panel of an analysis.
func (p *page) panel(a *scaling.Analysis) *figure.Panel {
	var parts []string
	for _, by := range p.o.Facets {
		text := facet(a, by)
		if by == "shots" && a.Shots == 0 && slices.Contains(p.o.Facets, "task") && !p.severalShots() {
			continue
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	name := strings.Join(parts, ", ")
	key := name + "\x00" + a.Axis
	i, ok := p.at[key]
	if !ok {
		i = len(p.panels)
		p.at[key] = i
		p.panels = append(p.panels, figure.Panel{Title: name, XLabel: xLabel(a.Axis), YLabel: a.Metric, LogX: logarithmic(a.Axis)})
	}
	return &p.panels[i]
}

func (p *page) severalShots() bool {
	return slices.ContainsFunc(p.analyses, func(a scaling.Analysis) bool { return a.Shots > 0 })
}

func xLabel(axis string) string {
	if axis == scaling.AxisCapability {
		return "capability (log₁₀ of equivalent scale)"
	}
	if axis == scaling.AxisFLOPs {
		return "training FLOPs (6ND where not given)"
	}
	return scaling.AxisText(axis)
}

func logarithmic(axis string) bool { return axis != scaling.AxisLoss && axis != scaling.AxisCapability }

// columns gives a page of small panels more columns than one of few.
func columns(panels int) int {
	switch {
	case panels <= 3:
		return max(1, panels)
	case panels == 4:
		return 2
	case panels <= 12:
		return 3
	}
	return 4
}

// add draws one analysis.
func (p *page) add(i int) {
	a := &p.analyses[i]
	panel := p.panel(a)
	s := p.series(a)
	for _, pt := range a.Points {
		s.Points = append(s.Points, figure.Point{X: pt.X, Y: pt.Score, Lo: pt.Lo, Hi: pt.Hi, Filled: pt.Above, Label: pt.Model})
	}
	if a.Onset != nil && a.Label != scaling.Undetermined { // of too few models a bracket says nothing
		s.Onset = &figure.Bracket{Below: math.NaN(), Above: a.Onset.Above}
		if a.Onset.Below != nil {
			s.Onset.Below = *a.Onset.Below
		}
	}
	if c := a.ChangePoint; c != nil {
		s.ChangePoint = figure.Range{Min: c.Lo, Max: c.Hi}
		s.Fit = p.fit(a)
	}
	panel.Series = append(panel.Series, s)
	if len(panel.Baselines) == 0 {
		panel.Baselines = []figure.Baseline{{}}
	}
	if b := &panel.Baselines[0]; a.Baseline.Value >= b.Value {
		*b = figure.Baseline{Value: a.Baseline.Value, Label: originText(a.Baseline.Origin)}
	}
	if i < len(p.o.References) {
		if r := p.o.References[i]; !math.IsNaN(r.Value) && len(panel.References) == 0 {
			panel.References = []figure.Baseline{{Value: r.Value, Label: r.Label}}
		}
	}
	panel.Inset = panel.Inset || !p.o.Plain && a.Baseline.Value == 0 && a.Onset != nil && a.Baseline.Origin != scaling.NoDifference
	if !p.o.Plain {
		p.lower(panel, a)
	}
}

// originText names a baseline under a panel's title.
func originText(origin string) string {
	switch origin {
	case "given", "guess", "none stated":
		return "chance (" + origin + ")"
	}
	return origin
}

// series names a curve and gives it colour and marker.
func (p *page) series(a *scaling.Analysis) figure.Series {
	s := figure.Series{Name: p.colour(a), Family: slices.Index(p.colours, p.colour(a)), Marker: figure.Marker(slices.Index(p.prompts, a.Prompt))}
	if len(p.prompts) > 1 && !slices.Contains(p.o.Facets, "prompt") {
		s.Name = strings.TrimPrefix(s.Name+", "+a.Prompt, ", ")
	}
	return s
}

// fitPoints is the number of vertices of a fitted curve.
const fitPoints = 121

// fit draws the break model that the change-point is of.
func (p *page) fit(a *scaling.Analysis) []figure.XY {
	if p.o.Plain || len(a.Points) == 0 {
		return nil
	}
	lo, hi := a.Points[0].X, a.Points[len(a.Points)-1].X
	var out []figure.XY
	for i := range fitPoints {
		t := float64(i) / (fitPoints - 1)
		x := lo + t*(hi-lo)
		if logarithmic(a.Axis) {
			x = lo * math.Pow(hi/lo, t)
		}
		if y, ok := a.FittedAt(a.Selected, x); ok {
			out = append(out, figure.XY{X: x, Y: y})
		}
	}
	if len(out) > 0 && !slices.Contains(p.fitted, a.Selected) {
		p.fitted = append(p.fitted, a.Selected)
	}
	return out
}

// lower draws the continuous metric under a panel that has an onset to be checked, with the verdict.
func (p *page) lower(panel *figure.Panel, a *scaling.Analysis) {
	if a.Artefact == nil {
		return
	}
	if panel.Lower == nil {
		panel.Lower = &figure.Panel{YLabel: continuousText(a.ContinuousName)}
	}
	if panel.Lower.YLabel != continuousText(a.ContinuousName) {
		return // another unit, as where only one of the prompts has log-probabilities
	}
	s := p.series(a)
	for _, pt := range a.Points {
		if c := pt.Continuous; c != nil {
			point := figure.Point{X: pt.X, Y: c.Value, Lo: math.NaN(), Hi: math.NaN(), Filled: pt.Above, Label: pt.Model}
			if c.StdErr > 0 {
				const z = 1.959964
				point.Lo, point.Hi = c.Value-z*c.StdErr, c.Value+z*c.StdErr
			}
			s.Points = append(s.Points, point)
		}
	}
	panel.Lower.Series = append(panel.Lower.Series, s)
	text := string(a.Artefact.Verdict)
	if !math.IsInf(a.Artefact.Hi, 0) {
		text += fmt.Sprintf(", %.2f [%.2f, %.2f]", a.Artefact.Share, a.Artefact.Lo, a.Artefact.Hi)
	}
	panel.Lower.Notes = append(panel.Lower.Notes, figure.Note{Text: text, Family: s.Family})
}

func continuousText(name string) string {
	switch name {
	case "":
		return "continuous metric"
	case "target_logprob":
		return "nats/token of target"
	case "token_edit_similarity":
		return "edit similarity"
	case "brier":
		return "Brier score"
	}
	return name
}

// compare marks where a chain of thought begins to help: the bracket's upper end, and its interval.
func (p *page) compare(c *scaling.Comparison) {
	if c.Kind != scaling.CotOverDirect || c.Onset == nil {
		return
	}
	i := slices.IndexFunc(p.analyses, func(a scaling.Analysis) bool {
		return a.Task == c.Task && a.Family == c.Family && a.Shots == c.Shots && a.Prompt == c.Prompt && a.Axis == c.Axis && a.Form == c.Form
	})
	if i < 0 {
		return
	}
	a := &p.analyses[i]
	span := figure.Span{Name: "chain of thought begins to help", Family: slices.Index(p.colours, p.colour(a)), At: c.Onset.Above}
	span.Range = figure.Range{Min: cmp.Or(deref(c.Onset.Below), c.Onset.Above), Max: c.Onset.Above}
	if s := c.Stability; s != nil && s.Lo != nil {
		span.Range = figure.Range{Min: min(span.Range.Min, *s.Lo), Max: max(span.Range.Max, *s.Hi)}
	}
	panel := p.panel(a)
	panel.Spans = append(panel.Spans, span)
}

func deref(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

// caption says what a reader needs to trust the figure, which must stand alone once it is in a paper.
func caption(analyses []scaling.Analysis, fitted []string) string {
	if len(analyses) == 0 {
		return ""
	}
	lo, hi := math.Inf(1), 0.0
	for _, a := range analyses {
		for _, p := range a.Points {
			lo, hi = min(lo, p.N), max(hi, p.N)
		}
	}
	n, bars := fmt.Sprintf("n = %.0f samples a point; ", hi), "95 % Clopper-Pearson"
	switch {
	case hi == 0:
		n, bars = "", "1.96 standard errors"
	case lo == 0:
		n, bars = fmt.Sprintf("n up to %.0f samples a point; ", hi), "95 % Clopper-Pearson, or 1.96 standard errors where nothing is counted"
	case lo < hi:
		n = fmt.Sprintf("n = %.0f to %.0f samples a point; ", lo, hi)
	}
	fewest, most := math.MaxInt, 0
	for _, a := range analyses {
		fewest, most = min(fewest, a.Models), max(most, a.Models)
	}
	if fewest < most {
		n += fmt.Sprintf("m = %d to %d models a curve; ", fewest, most)
	} else {
		n += fmt.Sprintf("m = %d models a curve; ", most)
	}
	families := distinct(analyses, func(a *scaling.Analysis) string { return a.Family })
	if len(families) > 8 {
		families = append(families[:7:7], fmt.Sprintf("%d more", len(families)-7))
	}
	text := "Bars: " + bars + ". Filled: above the baseline by more than 2 % of the rest (one-sided, Holm over the " +
		"models of a curve, α = 0.05); hollow: not. Dashed: the baseline and its origin. Shaded: the bracket between the last model at " +
		"the baseline and the first above it, the onset; its width is the resolution of the grid of models. "
	if len(fitted) > 0 {
		text += fmt.Sprintf("Pale line: the fitted model of least AICc (%s); bar above the frame: 95 %% profile-likelihood interval of the change-point. ", strings.Join(fitted, ", "))
	}
	if slices.ContainsFunc(analyses, func(a scaling.Analysis) bool { return a.Artefact != nil }) {
		text += "Below: the continuous metric of the same responses; the share of its whole improvement that models at the baseline made, with its interval. "
	}
	return text + n + strings.Join(families, ", ") + "."
}

// distinct lists what key gives, each once, in order of appearance.
func distinct(analyses []scaling.Analysis, key func(*scaling.Analysis) string) []string {
	var out []string
	for i := range analyses {
		if k := key(&analyses[i]); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

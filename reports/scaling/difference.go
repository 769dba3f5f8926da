package scaling

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Pair is a measured difference between two scores of one model on the same items.
type Pair struct {
	Value, StdErr float64
}

// Difference is the curve of how much better one setting does than another on the same models: a chain of thought than
// a direct answer, several shots than none. Its onset is the bracket of scale in which the one begins to help, for a
// difference of more than Delta. paired gives a model's difference over the same items, with its own standard error;
// without it (nil, or false) the scores are taken as independent, which is the wider.
func Difference(of, over Curve, name string, paired func(model string) (Pair, bool)) Curve {
	d := Curve{Task: of.Task, Family: of.Family, Style: of.Style, Shots: of.Shots, Form: of.Form, Axis: of.Axis,
		Metric: of.Metric + " " + name, Baseline: Baseline{Origin: NoDifference}}
	for _, p := range of.Points {
		i := slices.IndexFunc(over.Points, func(q Point) bool { return q.Model == p.Model && q.X == p.X })
		if i < 0 {
			continue
		}
		q := over.Points[i]
		out := Point{Model: p.Model, Family: p.Family, X: p.X, Score: p.score() - q.score()}
		out.StdErr = math.Hypot(p.spreadOut(), q.spreadOut())
		if paired != nil {
			if both, ok := paired(p.Model); ok && both.StdErr > 0 {
				out.Score, out.StdErr = both.Value, both.StdErr
			}
		}
		d.Points = append(d.Points, out)
	}
	return d
}

// spreadOut is the standard error of a score, not 0 where all of the items or none are correct; 0 is unknown.
func (p *Point) spreadOut() float64 {
	if p.N > 0 {
		return math.Sqrt(spread(p.K/p.N, 0.5/p.N) / p.N)
	}
	return p.StdErr
}

// NoDifference is the origin of the baseline of a difference.
const NoDifference = "no difference"

// The comparisons that Compare makes.
const (
	CotOverDirect = "cot over direct" // a chain of thought against the plain prompt of the same shot count
	ShotsOverZero = "shots over zero" // worked examples against none, of the same prompt
)

// Comparison says from which scale on one setting does better than another.
type Comparison struct {
	// Kind is one of the comparisons above, and Than names the other setting: a prompt, or "0 shots".
	Kind string `json:"kind"`
	Than string `json:"than"`
	Analysis
}

// cotPrompt names prompts with a chain of thought.
func cotPrompt(style string) bool { return style == "cot" || style == "chain-of-thought" }

// Compare finds the pairs of curves that differ in one setting alone, a chain of thought or the shots, and analyses
// their differences. paired is as in Difference, for the models of a pair.
func Compare(curves []Curve, o Options, paired func(of, over Curve) func(model string) (Pair, bool)) []Comparison {
	var kinds, than []string
	var diffs []Curve
	for _, group := range bySubject(curves) {
		for _, i := range group {
			for _, k := range group {
				of, over := curves[i], curves[k]
				kind, name := settingsApart(&of, &over)
				if kind == "" {
					continue
				}
				var f func(string) (Pair, bool)
				if paired != nil {
					f = paired(of, over)
				}
				if d := Difference(of, over, "− "+name, f); len(d.Points) > 1 {
					kinds, than, diffs = append(kinds, kind), append(than, name), append(diffs, d)
				}
			}
		}
	}
	out := make([]Comparison, len(diffs))
	for i, a := range AnalyzeAll(diffs, o) {
		out[i] = Comparison{kinds[i], than[i], a}
	}
	slices.SortStableFunc(out, func(a, b Comparison) int { return cmp.Compare(a.Kind, b.Kind) })
	return out
}

// bySubject groups the curves that differ in settings alone, in order of appearance.
func bySubject(curves []Curve) [][]int {
	type subject struct{ task, family, form, axis, metric string }
	at := make(map[subject]int)
	var groups [][]int
	for i := range curves {
		c := &curves[i]
		s := subject{c.Task, c.Family, c.Form, c.Axis, c.Metric}
		g, ok := at[s]
		if !ok {
			g = len(groups)
			at[s] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// settingsApart says which comparison two curves of one subject make, "" for none.
func settingsApart(of, over *Curve) (kind, than string) {
	switch {
	case of.Shots == over.Shots && cotPrompt(of.Style) && !cotPrompt(over.Style):
		return CotOverDirect, over.Style
	case of.Style == over.Style && of.Shots > 0 && over.Shots == 0:
		return ShotsOverZero, "0 shots"
	}
	return "", ""
}

// Statement says where one setting begins to help.
func (c *Comparison) Statement() string {
	what := fmt.Sprintf("%s, %s: %d shots over none", c.Task, c.Family, c.Shots)
	if c.Kind == CotOverDirect {
		what = fmt.Sprintf("%s, %d shots, %s: %s over %s", c.Task, c.Shots, c.Family, c.Prompt, c.Than)
	}
	if c.Onset == nil {
		if c.Label == Inverse {
			return what + " hurts the larger models"
		}
		return what + " helps at no scale that was measured"
	}
	where := " helps from the smallest model on, " + ScaleText(c.Onset.Above)
	if c.Onset.Below != nil {
		where = fmt.Sprintf(" begins to help in (%s, %s]", ScaleText(*c.Onset.Below), ScaleText(c.Onset.Above))
	}
	if s := c.Stability; s != nil && s.Lo != nil {
		where += fmt.Sprintf(" (its upper end in [%s, %s] in %.0f %% of %d redraws)", ScaleText(*s.Lo), ScaleText(*s.Hi), 100*s.Level*s.Onset, s.Replicates)
	}
	return what + where + " " + AxisText(c.Axis)
}

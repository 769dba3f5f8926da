package scaling

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/iter"

	"github.com/onset-eval/onset/reports/stats"
)

// Replication compares the verdicts on one task, prompt, shot count and metric over families or seeds. An
// onset is a property of a task, a family and a grid of models: it is stated per family and never pooled.
type Replication struct {
	// Families are those with a label other than undetermined, and Same counts those of them with this label.
	Families []string `json:"families"`
	Same     int      `json:"same"`
	// Overlap counts the families whose bracket overlaps this one's, this one included; 0 without an onset.
	Overlap int `json:"overlap"`
	// Statement says it in words.
	Statement string `json:"statement"`
}

// AnalyzeAll analyses curves, on all processors, adjusts their p-values for their number, and compares families. Curves on
// different axes are compared with none but their own. The result is in the order of the curves.
func AnalyzeAll(curves []Curve, o Options) []Analysis {
	out := make([]Analysis, len(curves))
	p := make([]float64, len(curves))
	iter.ForEachIdx(curves, func(i int, c *Curve) {
		out[i] = Analyze(*c, o)
		p[i] = out[i].P
	})
	alpha := o.withDefaults().Alpha
	for i, q := range stats.BenjaminiHochberg(p) {
		out[i].Q = q
		if out[i].Onset != nil && q >= alpha {
			out[i].Warnings = append(out[i].Warnings,
				fmt.Sprintf("not significant among %d curves: the expected share of false ones is %.2f", len(curves), q))
		}
	}
	replicate(out)
	return out
}

// replicate fills the comparison of families.
func replicate(all []Analysis) {
	type key struct {
		task, prompt, form, metric, axis string
		shots                            int
	}
	groups := map[key][]*Analysis{}
	for i := range all {
		a := &all[i]
		if a.Label != Undetermined {
			k := key{a.Task, a.Prompt, a.Form, a.Metric, a.Axis, a.Shots}
			groups[k] = append(groups[k], a)
		}
	}
	for _, g := range groups {
		if len(g) < 2 {
			continue
		}
		slices.SortStableFunc(g, func(a, b *Analysis) int { return cmp.Compare(a.Family, b.Family) })
		for _, a := range g {
			a.Replication = compare(a, g)
		}
	}
}

func compare(a *Analysis, group []*Analysis) *Replication {
	r := &Replication{}
	for _, b := range group {
		r.Families = append(r.Families, b.Family)
		if b.Label == a.Label {
			r.Same++
		}
		if a.Onset != nil && b.Onset != nil && overlap(a.Onset, b.Onset, a.Axis) {
			r.Overlap++
		}
	}
	r.Statement = fmt.Sprintf("%s in %d of %d families (%s)", a.Label, r.Same, len(group), strings.Join(r.Families, ", "))
	if a.Onset != nil {
		r.Statement += fmt.Sprintf("; %d of the brackets overlap", r.Overlap)
	}
	return r
}

// overlap says whether two brackets share a scale.
func overlap(a, b *Onset, axis string) bool {
	return reaches(a, b, axis) && reaches(b, a, axis)
}

// reaches says that the lower end of a is before the upper end of b.
func reaches(a, b *Onset, axis string) bool {
	if a.Below == nil {
		return true
	}
	lo, _ := coordinate(axis, *a.Below)
	hi, _ := coordinate(axis, b.Above)
	return lo < hi
}

package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/reports/scaling"
)

// DescribeComparisons says in a line each where a chain of thought begins to help, and where worked examples do, with
// the shot counts of one bracket together.
func DescribeComparisons(list []scaling.Comparison) []string {
	var lines []string
	type subject struct{ task, prompt, family, form string }
	type bracket struct{ below, above float64 }
	shots := make(map[subject]map[bracket][]string)
	var order []subject
	brackets := make(map[subject][]bracket)
	axis := make(map[subject]string)
	for i := range list {
		c := &list[i]
		if c.Kind == scaling.CotOverDirect {
			lines = append(lines, c.Statement())
			continue
		}
		if c.Onset == nil {
			continue
		}
		s := subject{c.Task, c.Prompt, c.Family, c.Form}
		if shots[s] == nil {
			shots[s] = make(map[bracket][]string)
			order = append(order, s)
			axis[s] = c.Axis
		}
		b := bracket{deref(c.Onset.Below), c.Onset.Above}
		if !slices.Contains(brackets[s], b) {
			brackets[s] = append(brackets[s], b)
		}
		shots[s][b] = append(shots[s][b], fmt.Sprint(c.Shots))
	}
	for _, s := range order {
		var parts []string
		for _, b := range brackets[s] {
			where := "at or below " + scaling.ScaleText(b.above)
			if b.below > 0 {
				where = fmt.Sprintf("in (%s, %s]", scaling.ScaleText(b.below), scaling.ScaleText(b.above))
			}
			parts = append(parts, strings.Join(shots[s][b], ", ")+" "+where)
		}
		name := s.task
		if s.prompt != "" && s.prompt != "direct" {
			name += " " + s.prompt
		}
		lines = append(lines, fmt.Sprintf("%s, %s: shots begin to help: %s %s", name, s.family, strings.Join(parts, "; "), scaling.AxisText(axis[s])))
	}
	return lines
}

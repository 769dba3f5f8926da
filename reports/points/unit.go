package points

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/onset-eval/onset/reports/scaling"
)

// unboundedMetrics are parts of the names of metrics that are no share of anything.
var unboundedMetrics = []string{"ppl", "perplexity", "loss", "nll", "likelihood", "logprob", "entropy", "bits_per", "bpb"}

// unbounded says whether a metric's name says that it is no share.
func unbounded(metric string) bool {
	return slices.ContainsFunc(unboundedMetrics, func(part string) bool { return strings.Contains(strings.ToLower(metric), part) })
}

// unique keeps the first of equal lines.
func unique(lines []string) []string {
	seen := make(map[string]bool)
	return slices.DeleteFunc(lines, func(l string) bool {
		twice := seen[l]
		seen[l] = true
		return twice
	})
}

// percent is what a perfect model scores where scores are percentages.
const percent = 100

// unit gives the rows with percentages turned into shares, and what a perfect model scores in their unit; 0 is 1. Scores
// above 1 without a stated perfect value are percentages.
func (s *Set) unit(c *scaling.Curve, rows []Row) ([]Row, float64) {
	perfect, most, stated := 1.0, 0.0, false
	for i := range rows {
		r := &rows[i]
		if known(r.Perfect) {
			perfect, stated = r.Perfect, true
		}
		if !known(r.K) {
			most = max(most, r.Score)
		}
	}
	switch {
	case !stated && most > 1 && most <= percent:
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s of %s: scores above 1 are taken as percentages; a column perfect says otherwise", c.Metric, c.Task))
	case !stated && most > percent:
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s of %s has scores up to %g: a column perfect is missing", c.Metric, c.Task, most))
		return rows, most
	case perfect != percent:
		if perfect == 1 {
			perfect = 0
		}
		return rows, perfect
	}
	out := slices.Clone(rows)
	for i := range out {
		r := &out[i]
		if !known(r.K) {
			r.Score /= percent
		}
		r.StdErr /= percent
		r.Reference /= percent
		r.Perfect = math.NaN()
		if r.Chance > 1 || stated {
			r.Chance /= percent
		}
	}
	return out, 0
}

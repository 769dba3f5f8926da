package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/reports/points"
	"github.com/onset-eval/onset/reports/scaling"
	"github.com/onset-eval/onset/tasks"
)

// Results are the estimates of a run with what its models are.
type Results struct {
	// Run is the directory that was read.
	Run       string
	Models    []backends.Model
	Estimates []Estimate
	// Pairs compare settings over the same samples.
	Pairs Pairs
}

// Load reads a run directory and estimates all of its metrics.
func Load(dir string) (Results, error) {
	header, err := runlog.ReadHeader(dir)
	if err != nil {
		return Results{}, err
	}
	r := Results{Run: dir}
	for _, m := range header.Models {
		r.Models = append(r.Models, m.Counted(m.Info))
	}
	r.Estimates, r.Pairs, err = build(runlog.Scores(dir))
	return r, err
}

// Only keeps the estimates of some tasks; none keeps all. A task that the run does not have is an error.
func (r *Results) Only(names []string) error {
	if len(names) == 0 {
		return nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(r.Estimates, func(e Estimate) bool { return e.Task == name }) {
			return fmt.Errorf("the run has no task %q", name)
		}
	}
	r.Estimates = slices.DeleteFunc(r.Estimates, func(e Estimate) bool { return !slices.Contains(names, e.Task) })
	return nil
}

// Rows gives the estimates as rows of points: those of models of no family stay out of curves, as do the task's metrics
// after its first.
func (r Results) Rows() []points.Row {
	models := make(map[string]backends.Model, len(r.Models))
	for _, m := range r.Models {
		models[m.Name] = m
	}
	var rows []points.Row
	for _, e := range r.Estimates {
		m := models[e.Model]
		if m.Family == "" || e.Records == 0 {
			continue
		}
		if _, isRatio := ratioOf(e.Metric); isRatio && e.Baseline.Origin == OriginNone {
			continue // nothing to hold it against
		}
		rows = append(rows, r.row(m, e))
	}
	return rows
}

// row gives one estimate as a row.
func (r Results) row(m backends.Model, e Estimate) points.Row {
	row := points.NewRow()
	row.Source, row.Task, row.Family, row.Model = r.Run, e.Task, m.Family, e.Model
	row.Prompt, row.Shots, row.Metric, row.Filter, row.Secondary = string(e.Style), e.Shots, e.Metric, e.Filter, !e.Primary
	row.Scale, row.NonEmbedding, row.Score, row.StdErr, row.Notes = m.Scale, m.Scale.NonEmbedding, e.Value, e.StdErr, e.Notes
	row.Chance, row.ChanceOrigin = e.Baseline.Value, e.Baseline.Origin
	row.Samples, row.Draws, row.Failed = e.Samples, e.Records/max(1, e.Samples), e.Failed
	if e.Binary {
		row.N, row.K = float64(e.Records), e.Correct
	}
	if _, isRatio := ratioOf(e.Metric); isRatio {
		row.Perfect = e.Perfect
	}
	if e.Continuous != nil {
		row.Continuous, row.ContinuousStdErr, row.ContinuousName = e.Continuous.Value, e.Continuous.StdErr, e.ContinuousName
		if e.ContinuousName == evaluators.Brier && e.Guess > 0 {
			row.Ignorant, row.ContinuousPerfect = 1-e.Guess, 0
		}
	}
	return row
}

// Curves arranges the estimates of the tasks' primary metrics as curves over the axis of the run's ladders.
func (r Results) Curves() (points.Set, error) {
	return points.Curves(r.Rows(), points.Options{Axis: r.Axis()})
}

// Axis is the axis of the run's ladders, "" where they differ or name none.
func (r Results) Axis() string {
	axis := ""
	for i, m := range r.Models {
		if m.Family == "" {
			continue
		}
		own := cmp.Or(m.Axis, backends.AxisParams)
		if i > 0 && axis != "" && own != axis {
			return ""
		}
		axis = own
	}
	return axis
}

// Describe says in one line where a curve's ability appears: the verdict and the bracket. metric adds the metric's name,
// where a task has several.
func Describe(a scaling.Analysis, metric bool) string {
	text := a.Task
	if a.Prompt != string(tasks.Direct) && a.Prompt != "" {
		text += " " + a.Prompt
	}
	if a.Form != "" {
		text += ", " + a.Form
	}
	if metric {
		text += ", " + a.Metric
	}
	text += fmt.Sprintf(", %d shots, ", a.Shots)
	if a.Family != "" {
		text += a.Family
	} else {
		text += "models"
	}
	text += ": " + string(a.Label)
	if a.Sharpness != "" && a.Label != scaling.Undetermined {
		text += ", " + string(a.Sharpness)
	}
	if s := a.Stability; s != nil && a.Label != scaling.Undetermined {
		text += fmt.Sprintf(" (%.0f %% of %d redraws)", 100*s.Label, s.Replicates)
	}
	if a.Onset == nil {
		return text
	}
	text += "; " + where(a)
	if a.Artefact != nil && a.Artefact.Verdict != scaling.Mixed {
		text += "; " + string(a.Artefact.Verdict)
	}
	return text
}

// where names the onset's bracket and what it is above.
func where(a scaling.Analysis) string {
	verb := "appears"
	if a.Label == scaling.Undetermined {
		verb = "above chance" // nothing is said of how it came about
	}
	bracket := "at or below " + scaling.ScaleText(a.Onset.Above)
	if a.Onset.Below != nil {
		bracket = fmt.Sprintf("in (%s, %s]", scaling.ScaleText(*a.Onset.Below), scaling.ScaleText(a.Onset.Above))
	}
	if a.Axis == scaling.AxisLoss {
		bracket = strings.Replace(bracket, "at or below", "at or above", 1)
	}
	return fmt.Sprintf("%s %s %s (above %.1f %%, %s)", verb, bracket, scaling.AxisText(a.Axis), 100*a.Baseline.Value, a.Baseline.Origin)
}

// OutcomeCounts lists the outcomes of an estimate that occur, in their order.
func OutcomeCounts(e Estimate) []string {
	var out []string
	for _, o := range evaluators.Outcomes {
		if n := e.Outcomes[o]; n > 0 {
			out = append(out, fmt.Sprintf("%s %d", o, n))
		}
	}
	return out
}

// CompareOnsets orders analyses by when their abilities appear; those without an onset come last.
func CompareOnsets(a, b scaling.Analysis) int {
	at := func(x scaling.Analysis) float64 {
		if x.Onset == nil {
			return math.Inf(1)
		}
		if x.Axis == scaling.AxisLoss {
			return -x.Onset.Above
		}
		return x.Onset.Above
	}
	return cmp.Compare(at(a), at(b))
}

package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/reports/scaling"
	"github.com/onset-eval/onset/tasks"
)

// Results are the estimates of a run with what its models are.
type Results struct {
	Models    []backends.Model
	Estimates []Estimate
}

// Load reads a run directory and estimates all of its metrics.
func Load(dir string) (Results, error) {
	header, err := runlog.ReadHeader(dir)
	if err != nil {
		return Results{}, err
	}
	var r Results
	for _, m := range header.Models {
		model := m.Model
		if model.Scale.Params == 0 {
			model.Scale.Params = float64(m.Info.Params)
		}
		r.Models = append(r.Models, model)
	}
	r.Estimates, err = Build(runlog.Scores(dir))
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

// curveKey names a curve: a metric of a task under one style and shot count, in one family.
type curveKey struct {
	cell   CellKey // without the model
	family string
	axis   string
}

func (k curveKey) compare(o curveKey) int {
	return cmp.Or(k.cell.Compare(o.cell), cmp.Compare(k.family, o.family))
}

// Curves arranges the estimates of the tasks' primary metrics as curves over scale, one a task, style, shot count and
// family, in that order. A model of no family, or of unknown scale, is on no curve.
func (r Results) Curves() []scaling.Curve {
	models := make(map[string]backends.Model, len(r.Models))
	for _, m := range r.Models {
		models[m.Name] = m
	}
	groups := make(map[curveKey][]Estimate)
	for _, e := range r.Estimates {
		m := models[e.Model]
		axis := cmp.Or(m.Axis, backends.AxisParams)
		if !e.Primary || m.Family == "" || m.Scale.On(axis) == 0 || e.Records == 0 {
			continue
		}
		key := curveKey{e.CellKey, m.Family, axis}
		key.cell.Model = ""
		groups[key] = append(groups[key], e)
	}
	var keys []curveKey
	for k := range groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, curveKey.compare)
	curves := make([]scaling.Curve, len(keys))
	for i, k := range keys {
		curves[i] = makeCurve(k, groups[k], models)
	}
	return curves
}

// makeCurve makes one curve. Its baseline is the highest of its cells', which differ only where models were asked
// different samples.
func makeCurve(k curveKey, cells []Estimate, models map[string]backends.Model) scaling.Curve {
	c := scaling.Curve{
		Task: k.cell.Task, Family: k.family, Style: string(k.cell.Style), Shots: k.cell.Shots, Metric: k.cell.Metric, Axis: k.axis,
	}
	for _, e := range cells {
		if e.Baseline.Value >= c.Baseline.Value {
			c.Baseline = scaling.Baseline{Value: e.Baseline.Value, Origin: e.Baseline.Origin}
		}
		p := scaling.Point{Model: e.Model, X: models[e.Model].Scale.On(k.axis), Score: e.Value, StdErr: e.StdErr, Warnings: e.Notes}
		if e.Binary {
			p.N, p.K = float64(e.Records), e.Correct
		}
		if e.Continuous != nil {
			p.Continuous = &scaling.Continuous{Value: e.Continuous.Value, StdErr: e.Continuous.StdErr}
		}
		c.Points = append(c.Points, p)
	}
	slices.SortFunc(c.Points, func(a, b scaling.Point) int { return cmp.Compare(a.X, b.X) })
	return c
}

// Describe says in one line where a curve's ability appears: the bracket and the verdict.
func Describe(a scaling.Analysis) string {
	name := a.Task
	if a.Prompt != string(tasks.Direct) {
		name += " " + a.Prompt
	}
	name = fmt.Sprintf("%s, %d shots, %s: %s", name, a.Shots, a.Family, a.Label)
	if a.Sharpness != "" {
		name += ", " + string(a.Sharpness)
	}
	if a.Onset == nil {
		return name
	}
	where := "appears at or below " + ScaleText(a.Onset.Above)
	if a.Onset.Below != nil {
		where = fmt.Sprintf("appears in (%s, %s]", ScaleText(*a.Onset.Below), ScaleText(a.Onset.Above))
	}
	return fmt.Sprintf("%s; %s %s (above %.1f %%, %s)", name, where, AxisText(a.Axis), 100*a.Baseline.Value, a.Baseline.Origin)
}

// AxisText names an axis for people, with its unit.
func AxisText(axis string) string {
	switch axis {
	case backends.AxisParams:
		return "parameters"
	case backends.AxisTrainTokens:
		return "training tokens"
	case backends.AxisTrainFLOPs:
		return "training FLOPs"
	case backends.AxisLoss:
		return "pre-training loss (nats/token)"
	}
	return axis
}

// ScaleText writes a scale with three digits and a letter for thousands, millions, billions (10⁹) and trillions.
func ScaleText(x float64) string {
	for _, unit := range []struct {
		size   float64
		letter string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
		if x >= 0.9995*unit.size && x < 1000*unit.size {
			return fmt.Sprintf("%.3g%s", x/unit.size, unit.letter)
		}
	}
	return fmt.Sprintf("%.3g", x)
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

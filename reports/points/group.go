package points

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/reports/scaling"
)

// group splits rows by curve.
func (s *Set) group(rows []Row, o Options) map[key][]Row {
	rows = s.finals(rows, o)
	groups := make(map[key][]Row)
	for _, r := range rows {
		k := key{r.Task, r.Prompt, r.Form, r.Metric, r.Filter, r.Family, r.Shots}
		if o.Pool {
			k.family = ""
		}
		groups[k] = append(groups[k], r)
	}
	if o.Pool {
		return s.pooled(groups)
	}
	if o.Axis == scaling.AxisTokens {
		return s.checkpoints(groups)
	}
	return groups
}

// pooled names a pooled curve by how many families are on it.
func (s *Set) pooled(groups map[key][]Row) map[key][]Row {
	out := make(map[key][]Row)
	for k, rows := range groups {
		families := distinct(rows, func(r *Row) string { return r.Family })
		k.family = families[0]
		if len(families) > 1 {
			k.family = fmt.Sprintf("%d families pooled", len(families))
		}
		out[k] = append(out[k], rows...)
	}
	return out
}

// checkpoints gives each model with checkpoints a curve of its own.
func (s *Set) checkpoints(groups map[key][]Row) map[key][]Row {
	out := make(map[key][]Row)
	for k, rows := range groups {
		count := make(map[string]map[float64]bool)
		for i := range rows {
			m := checkpointOf(&rows[i])
			if count[m] == nil {
				count[m] = make(map[float64]bool)
			}
			count[m][rows[i].Scale.TrainTokens] = true
		}
		for _, r := range rows {
			at := k
			if m := checkpointOf(&r); len(count[m]) > 1 && m != k.family {
				at.family = strings.TrimPrefix(k.family+"/"+m, "/")
			}
			out[at] = append(out[at], r)
		}
	}
	return out
}

// checkpointOf names what a checkpoint is one of: the model, or models of one size of a family.
func checkpointOf(r *Row) string {
	if r.Scale.Params > 0 {
		return scaling.ScaleText(r.Scale.Params)
	}
	return r.Model
}

// finals leaves all but the last checkpoints out where the axis is not one of training: a model is one point then.
func (s *Set) finals(rows []Row, o Options) []Row {
	if o.Axis == scaling.AxisTokens || o.Axis == scaling.AxisFLOPs || o.Axis == scaling.AxisLoss {
		return rows
	}
	type model struct{ family, model string }
	last := make(map[model]float64)
	at := func(r *Row) float64 { return or(r.Step, r.Scale.TrainTokens) }
	sizes := make(map[string]map[float64]bool)
	for i := range rows {
		r := &rows[i]
		m := model{r.Family, r.Model}
		last[m] = max(last[m], at(r))
		if sizes[r.Family] == nil {
			sizes[r.Family] = make(map[float64]bool)
		}
		sizes[r.Family][r.Scale.Params] = true
	}
	dropped := 0
	out := make([]Row, 0, len(rows))
	for _, r := range rows {
		if len(sizes[r.Family]) > 1 && at(&r) < last[model{r.Family, r.Model}] {
			dropped++
			continue
		}
		out = append(out, r)
	}
	if dropped > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%d rows of earlier checkpoints are left out: --x train_tokens draws each model over its training", dropped))
	}
	return out
}

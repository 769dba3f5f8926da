package reports

import (
	"math"
	"path/filepath"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/reports/points"
	"github.com/onset-eval/onset/reports/scaling"
)

// Tidy gives every row of the curves with what the analyses, in the order of the curves, say of its point. The curves
// and their figures can be had again from it.
func Tidy(set points.Set, analyses []scaling.Analysis) []TidyRow {
	var out []TidyRow
	for i, rows := range set.Rows {
		for k := range rows {
			row := tidyRow(&rows[k], analyses[i].Baseline.Value)
			row.Axis = analyses[i].Axis
			row.addAnalysis(analyses[i], set.Curves[i].Points[k])
			out = append(out, row)
		}
	}
	return out
}

func tidyRow(r *points.Row, baseline float64) TidyRow {
	unknown := Number(math.NaN())
	row := TidyRow{
		RunID: filepath.Base(r.Source), Model: r.Model, Family: r.Family, Params: known(r.Scale.Params), Tokens: known(r.Scale.TrainTokens),
		FLOPs: known(r.Scale.On(backends.AxisTrainFLOPs)), Task: r.Task, Metric: r.Metric, Filter: r.Filter, KShot: r.Shots,
		Style: r.Prompt, Draws: r.Draws, N: r.Samples, NError: r.Failed, Value: Number(r.Score), KCorrect: Number(r.K),
		StdErr: Number(r.StdErr), CILo: unknown, CIHi: unknown, Chance: Number(r.Chance), Normalised: unknown,
		PValue: unknown, PAdjusted: unknown, OnsetBelow: unknown, OnsetAbove: unknown,
		Primary: !r.Secondary, ScoreKind: "count", Form: r.Form, NonEmbedding: known(r.NonEmbedding), Loss: known(r.Scale.Loss),
		Step: Number(r.Step), ChanceOrigin: r.ChanceOrigin, Perfect: Number(r.Perfect), Continuous: Number(r.Continuous),
		ContinuousStdErr: Number(r.ContinuousStdErr), ContinuousName: r.ContinuousName, ContinuousChance: Number(r.Ignorant),
		ContinuousPerfect: Number(r.ContinuousPerfect), Reference: Number(r.Reference), ReferenceLabel: r.ReferenceLabel,
	}
	if !math.IsNaN(r.N) {
		row.N = int(r.N)
	} else {
		row.ScoreKind = "mean"
	}
	if baseline < 1 {
		row.Normalised = Number((r.Score - baseline) / (1 - baseline))
	}
	return row
}

// known is a number of which 0 means unknown.
func known(v float64) Number {
	if v == 0 {
		return Number(math.NaN())
	}
	return Number(v)
}

// addAnalysis adds what a curve's analysis says of the row's point.
func (row *TidyRow) addAnalysis(a scaling.Analysis, at scaling.Point) {
	row.Label = string(a.Label)
	if a.Onset != nil {
		row.OnsetAbove = Number(a.Onset.Above)
		if a.Onset.Below != nil {
			row.OnsetBelow = Number(*a.Onset.Below)
		}
	}
	for _, p := range a.Points {
		if p.Model == at.Model && p.X == at.X {
			row.CILo, row.CIHi, row.PValue, row.PAdjusted, row.Significant = Number(p.Lo), Number(p.Hi), Number(p.PExact), Number(p.PHolm), p.Above
		}
	}
}

// Package points holds scores of models by scale as plain rows, reads them from tables that people publish, and
// arranges them as scaling curves. Rows come from the records of runs or from CSV files; whatever is drawn or judged
// can be had again from the rows.
package points

import (
	"math"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/reports/scaling"
)

// Row is what one model scored on one task in one setting. Numbers that are not known are NaN.
type Row struct {
	// Source and Line say where the row is from: a file and its line, or a run directory and 0.
	Source string
	Line   int

	Task, Family, Model string
	// Prompt is how the task was asked, as "direct", "standard" or "cot", and Form the form of its answers, as
	// "choice" or "text"; "" where there is only one.
	Prompt, Form   string
	Shots          int
	Metric, Filter string
	// Secondary rows are of metrics that no curve is drawn of unless it is asked for.
	Secondary bool

	// Scale is the model's; NonEmbedding counts its parameters without embeddings. Zero is unknown.
	Scale        backends.Scale
	NonEmbedding float64
	// Step is the training step of a checkpoint; NaN where there is one.
	Step float64

	// Score has the metric's unit, with Perfect for the best value (NaN: 1, or 100 where scores are percentages).
	// N items of which K are correct are known for metrics that count; else StdErr may be.
	Score, Perfect, N, K, StdErr float64
	// Chance is what a model without the ability scores, and ChanceOrigin who says so.
	Chance       float64
	ChanceOrigin string
	// Continuous is the metric of the same responses that moves before Score does, of the given name; Ignorant and
	// ContinuousPerfect are its values for a model that knows nothing and one that knows all.
	Continuous, ContinuousStdErr, Ignorant, ContinuousPerfect float64
	ContinuousName                                            string
	// Reference is a human's or another system's score, drawn as a grey line with its label.
	Reference      float64
	ReferenceLabel string
	Notes          []string
	// Averaged says that the score is a mean of partial credits or the like: N does not make it a count.
	Averaged bool
	// Samples, Draws and Failed count what a run judged; 0 is unknown.
	Samples, Draws, Failed int
}

// NewRow is a row of which nothing is known.
func NewRow() Row {
	nan := math.NaN()
	return Row{Step: nan, Score: nan, Perfect: nan, N: nan, K: nan, StdErr: nan, Chance: nan, Continuous: nan,
		ContinuousStdErr: nan, Ignorant: nan, ContinuousPerfect: nan, Reference: nan}
}

// AxisNonEmbedding is the count of parameters without embeddings, beside the axes of package scaling.
const AxisNonEmbedding = "params_nonembedding"

// Axes lists the axes that a curve can be drawn over, in the order in which they are tried where none is asked for.
var Axes = [...]string{scaling.AxisParams, AxisNonEmbedding, scaling.AxisFLOPs, scaling.AxisTokens, scaling.AxisLoss, scaling.AxisCapability}

// On gives the row's scale on an axis other than the capability's; 0 is unknown.
func (r *Row) On(axis string) float64 {
	if axis == AxisNonEmbedding {
		return r.NonEmbedding
	}
	return r.Scale.On(axis)
}

// known says that v was given.
func known(v float64) bool { return !math.IsNaN(v) }

// or is v, or the other where v is not known.
func or(v, other float64) float64 {
	if known(v) {
		return v
	}
	return other
}

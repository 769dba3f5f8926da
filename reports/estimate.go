// Package reports turns records into tables and files. It starts no run: whatever it needs is in the
// records, so every report can be made again.
package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/reports/stats"
	"github.com/onset-eval/onset/tasks"
)

// CellKey names what an estimate is of: one metric of one task under one style and shot count on one
// model. Seeds and draws are pooled within it.
type CellKey struct {
	Model  string      `json:"model"`
	Task   string      `json:"task"`
	Style  tasks.Style `json:"style"`
	Shots  int         `json:"shots"`
	Metric string      `json:"metric"`
	Filter string      `json:"filter,omitempty"`
}

// Compare orders keys by task, style, shots, metric, filter and model.
func (k CellKey) Compare(o CellKey) int {
	return cmp.Or(cmp.Compare(k.Task, o.Task), cmp.Compare(o.Style, k.Style), cmp.Compare(k.Shots, o.Shots),
		cmp.Compare(k.Metric, o.Metric), cmp.Compare(k.Filter, o.Filter), cmp.Compare(k.Model, o.Model))
}

// Estimate is a metric's value in one cell, with its uncertainty: Estimate.Estimate holds the value, its
// standard error and its 95 % interval, and names the interval's method.
type Estimate struct {
	CellKey
	stats.Estimate
	// Primary is true for the first of a task's metrics, which curves are drawn of.
	Primary bool `json:"primary"`
	// Samples counts the distinct samples judged, and Records the judgements (samples × seeds × draws).
	Samples int `json:"samples"`
	Records int `json:"records"`
	// Failed counts records that could not be judged; they are in no denominator.
	Failed   int                        `json:"failed"`
	Outcomes map[evaluators.Outcome]int `json:"outcomes"`
	// Binary is true where every value is 0 or 1 and every sample was judged once, so that Correct of
	// Samples is a binomial count.
	Binary  bool    `json:"binary"`
	Correct float64 `json:"correct"` // sum of the values
	// WorstCase and BestCase are the value had every failed record scored 0, or 1.
	WorstCase float64 `json:"worst_case"`
	BestCase  float64 `json:"best_case"`
	// Baseline is what the best guess scores that knows nothing but the prompt's form, in [0,1].
	Baseline Baseline `json:"baseline"`
	// Guess is what the task says that a guess scores, on average over the samples; 0 where it says nothing.
	Guess float64 `json:"guess,omitempty"`
	// Perfect is the value of a perfect model: 1, or another for metrics with a unit.
	Perfect float64 `json:"perfect"`
	// Continuous is the mean of the continuous companion, named ContinuousName, over the records that have one.
	Continuous     *stats.Estimate `json:"continuous,omitempty"`
	ContinuousName string          `json:"continuous_name,omitempty"`
	// Notes say what a reader must know before trusting the value.
	Notes []string `json:"notes,omitempty"`
}

// Baseline is the score of a guess, and which guess it is.
type Baseline struct {
	Value  float64 `json:"value"`
	Origin string  `json:"origin"`
}

// The origins of a baseline.
const (
	OriginGuess    = "guess"                // what the task says that a guess scores
	OriginConstant = "best constant answer" // the most frequent target, given to every sample
	OriginNone     = "none stated"
)

// notes are the warnings that follow from the counts.
func notes(e Estimate, mixed bool) []string {
	var w []string
	switch {
	case e.Records == 0:
		w = append(w, "nothing could be judged")
	case e.Samples < FewSamples:
		w = append(w, fmt.Sprintf("only %d samples: below %d, onsets are unsure", e.Samples, FewSamples))
	}
	if e.Failed > 0 {
		w = append(w, fmt.Sprintf("%d records failed and are in no denominator: the value is between %.3f and %.3f", e.Failed, e.WorstCase, e.BestCase))
	}
	if mixed {
		w = append(w, "the continuous companion is of several kinds; it is left out")
	}
	if cut := e.Outcomes[evaluators.Truncated]; 10*cut > e.Records {
		w = append(w, fmt.Sprintf("%d of %d answers were cut by the token limit", cut, e.Records))
	}
	return w
}

// FewSamples is the number of samples below which an estimate carries a note.
const FewSamples = 100

// sortEstimates puts estimates into the order in which they are shown.
func sortEstimates(es []Estimate) {
	slices.SortStableFunc(es, func(a, b Estimate) int { return a.Compare(b.CellKey) })
}

// Package evaluators judges responses: filters turn response text into an answer, scorers judge the
// answer against the sample. Both are values in explicit lists. A scorer judges one sample and
// aggregates nothing.
package evaluators

import (
	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

// Outcome is how a sample ended.
type Outcome string

// The outcomes. Only Failed has no value: it leaves the denominator of accuracy and is counted beside it.
const (
	Correct   Outcome = "correct"
	Wrong     Outcome = "wrong"
	Unparsed  Outcome = "unparsed"  // no answer was found in the response
	Truncated Outcome = "truncated" // no answer was found, and the response was cut by its token limit
	Refused   Outcome = "refused"   // the model or its provider declined
	Failed    Outcome = "error"     // the request failed: there is nothing to judge
)

// Outcomes lists all outcomes, in the order in which they are shown.
var Outcomes = [...]Outcome{Correct, Wrong, Unparsed, Truncated, Refused, Failed}

// Score is one scorer's judgement of one sample and draw.
type Score struct {
	Metric  string  `json:"metric"`           // the scorer's name
	Filter  string  `json:"filter,omitempty"` // the filter pipeline whose answer was judged; "" for the default
	Outcome Outcome `json:"outcome"`
	// Value is in [0,1] for metrics that judge right and wrong, else in the metric's own unit; nil where
	// there is nothing to judge.
	Value *float64 `json:"value,omitempty"`
	// Weight is what Value is divided by when a metric is a ratio of sums over the task: words for
	// word_perplexity, bytes for byte_perplexity and bits_per_byte; 0 elsewhere.
	Weight float64 `json:"weight,omitempty"`
	// Continuous is the companion that moves before the value does, and ContinuousName says which:
	// "target_logprob" (nats a token), "brier", "token_edit_similarity" (1 is equal).
	Continuous     *float64 `json:"continuous,omitempty"`
	ContinuousName string   `json:"continuous_name,omitempty"`
	// Answer is what the filters extracted.
	Answer      string `json:"answer,omitempty"`
	Explanation string `json:"explanation,omitempty"`
}

// Input is what a scorer sees of one sample and draw.
type Input struct {
	Sample tasks.Sample
	// Responses answer Sample.Requests, in order.
	Responses []backends.Response
	// Answer is the filtered text of the main response, and Parsed is false where a filter found none.
	Answer string
	Parsed bool
}

// Scorer judges one sample.
type Scorer struct {
	Name string
	// Doc says in one line what is judged, with the value's unit and range.
	Doc string
	// Version rises when the same input may get another score.
	Version int
	// Kinds are the kinds of main request that the scorer can judge.
	Kinds []backends.Kind
	// HigherIsBetter is the direction of Value.
	HigherIsBetter bool
	// Bind checks the options of a task's metric_list entry and gives the judgement under them, which is
	// pure: it depends on its input alone. Judge fills in the names, the answer, and the outcomes of inputs
	// that have no answer.
	Bind func(tasks.Options) (func(Input) Score, error)
}

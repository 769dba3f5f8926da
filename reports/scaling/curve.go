// Package scaling says where on a scaling curve an ability appears, how sure that is, and what the data
// cannot say. It is pure computation on points: reports makes curves from records and draws the figures.
//
// An ability is emergent when it is "not present in smaller models but is present in larger models" (Wei et
// al. 2022, arXiv 2206.07682): near chance up to a scale, significantly above it from there on. The answer is
// a bracket between two measured models, a label, and the tests behind both; the grid of models is the
// resolution, so nothing finer than the bracket is claimed without an interval.
//
// # Procedure
//
// Every model is tested against the baseline, exactly and with the noise of seeds and prompts added, and Holm's
// adjustment makes the tests of a curve one claim. The first model that is above chance and stays there ends the
// bracket. Curve models are fitted by maximum likelihood and compared by AICc with the models as observations. The
// label is the first that applies of Undetermined, UShaped, Inverse, Flat or MaybeFlat, and, where there is an onset,
// Emergent, Smooth or NotCorrelated; see judge.label. Emergent asks for a floor of two models or more that are at
// chance together, a break that explains the curve better than a rise from the first model on, and either a floor
// over most of the range or a sharp break.
//
// # What it does not say
//
// A label is a property of a task, a family and a grid of models: how far down the grid goes decides whether a floor
// is seen. Under a hundred items brackets end late, and a shallow smooth rise (0.3 of what is above chance over the
// whole range) of a two-choice task may be called emergent, of a quarter of the curves with 100 items: Stability and
// Transition show it. Curves with a bend, as accuracy that is a power of a token's probability, have a floor: Artefact
// says whose. Scores without counts are given the count of equal variance in fits, and a normal test.
//
// A result does not depend on the order of the points, nor on the unit of the axis.
package scaling

import "fmt"

// The axes on which a scale can be given. All but the last two are logarithmic.
const (
	AxisParams     = "params"       // parameters
	AxisTokens     = "train_tokens" // tokens seen in training
	AxisFLOPs      = "train_flops"  // floating-point operations of training, 6ND unless measured
	AxisLoss       = "loss"         // pre-training loss, nats a token: smaller is larger, one corpus and tokenizer only
	AxisCapability = "capability"   // a principal component over benchmarks: linear, and may be negative
)

// Point is one model's measured performance.
type Point struct {
	Model string `json:"model"`
	// Family is the model's own family where a curve pools several, else "". Models of one family share an intercept:
	// see Options.Sigma0 and Analysis.FamilySD.
	Family string `json:"family,omitempty"`
	// X is the model's scale in the axis's unit; positive but on AxisCapability.
	X float64 `json:"x"`
	// N counts the items and K the correct ones, fractional where items have partial credit. N = 0 says that
	// the metric has no binomial count: then Score and StdErr are used.
	N float64 `json:"n,omitempty"`
	K float64 `json:"k,omitempty"`
	// Score is the metric in its own unit. It is not read where N > 0.
	Score float64 `json:"score"`
	// StdErr is the standard error of Score, as by an item bootstrap. 0 with N = 0 means unknown.
	StdErr float64 `json:"stderr,omitempty"`
	// Continuous is the companion metric of the same responses, nil where there is none.
	Continuous *Continuous `json:"continuous,omitempty"`
	Warnings   []string    `json:"warnings,omitempty"`
}

// Continuous is a metric that moves before accuracy does: a log-probability of the target, a Brier score, a
// token edit similarity.
type Continuous struct {
	Value  float64 `json:"value"`
	StdErr float64 `json:"stderr,omitempty"` // 0 means unknown
}

// Baseline is the performance of a model without the ability.
type Baseline struct {
	Value float64 `json:"value"`
	// Origin says where the value is from: "uniform", "best constant answer", "measured", "given".
	Origin string `json:"origin"`
}

// HighestBaseline is the largest of the baselines: an ability must beat the uniform guess and the best
// constant answer and what an untrained model scores. The first wins a tie; none gives 0 of origin "none".
func HighestBaseline(candidates ...Baseline) Baseline {
	best := Baseline{Origin: "none"}
	for i, b := range candidates {
		if i == 0 || b.Value > best.Value {
			best = b
		}
	}
	return best
}

// Curve is a metric against scale for one task, prompt style, shot count and family.
type Curve struct {
	Task   string `json:"task"`
	Family string `json:"family"`
	// Style is how the prompt asks, as "direct" or "cot".
	Style string `json:"prompt"`
	Shots int    `json:"shots"`
	// Form is the form of the answers, as "choice" or "text"; "" where a task has only one.
	Form   string `json:"form,omitempty"`
	Metric string `json:"metric"`
	Axis   string `json:"axis"`
	// Baseline is what a model without the ability scores, in the metric's unit.
	Baseline Baseline `json:"baseline"`
	// Perfect is what a perfect model scores, in the metric's unit; 0 means 1. It may be smaller than the
	// baseline for metrics where less is better, which then need Score and StdErr.
	Perfect float64 `json:"perfect,omitempty"`
	// Ignorant and ContinuousPerfect are the continuous metric's values of a model that knows nothing and of
	// one that knows all: for the Brier score of K choices (K-1)/K and 0. Where they are equal, the lowest
	// measured value and the highest stand in, with a warning.
	Ignorant          float64 `json:"ignorant,omitempty"`
	ContinuousPerfect float64 `json:"continuous_perfect,omitempty"`
	// ContinuousName names the continuous metric.
	ContinuousName string  `json:"continuous_name,omitempty"`
	Points         []Point `json:"points"`
}

// Name tells the curve from others in messages.
func (c *Curve) Name() string {
	return fmt.Sprintf("%s, %d-shot %s, %s", c.Task, c.Shots, c.Style, c.Family)
}

// perfect resolves Perfect.
func (c *Curve) perfect() float64 {
	if c.Perfect == 0 {
		return 1
	}
	return c.Perfect
}

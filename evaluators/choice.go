package evaluators

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/backends"

	"github.com/onset-eval/onset/tasks/pyval"
)

// choiceScorer makes a scorer that takes the choice whose log-probability, divided by length(choice), is the greatest,
// the first of equals.
func choiceScorer(name, doc string, length func(choice string) int) Scorer {
	return Scorer{
		Name: name, Version: 1, HigherIsBetter: true, Doc: doc,
		Kinds: []backends.Kind{backends.LogLikelihood},
		Bind: noOptions(func(in Input) Score {
			if len(in.Sample.Choices) == 0 {
				return greedyTarget(in)
			}
			sums, err := choiceSums(in)
			if err != nil {
				return Score{Outcome: Failed, Explanation: err.Error()}
			}
			for i, c := range in.Sample.Choices {
				sums[i] = perLength(sums[i], length(c))
			}
			return chosen(in, sums)
		}),
	}
}

// perLength divides, and gives −∞ for an empty choice, which is no answer.
func perLength(sum float64, n int) float64 {
	if n == 0 {
		return math.Inf(-1)
	}
	return sum / float64(n)
}

func acc() Scorer {
	return choiceScorer("acc", "1 where the most likely choice is right, or where the target is the most likely text",
		func(string) int { return 1 })
}

func accNorm() Scorer {
	return choiceScorer("acc_norm", "1 where the choice with the greatest log-probability a code point is right", utf8.RuneCountInString)
}

func accBytes() Scorer {
	return choiceScorer("acc_bytes", "1 where the choice with the greatest log-probability a byte is right",
		func(s string) int { return len(s) })
}

func brierScore() Scorer {
	return Scorer{
		Name: "brier_score", Version: 1,
		Doc:   "sum of squared errors of the choices' probabilities, in [0,2], 0 is best (Brier 1950)",
		Kinds: []backends.Kind{backends.LogLikelihood},
		Bind: noOptions(func(in Input) Score {
			sums, err := choiceSums(in)
			if err == nil && len(in.Sample.Choices) == 0 {
				err = fmt.Errorf("the sample has no choices")
			}
			if err != nil {
				return Score{Outcome: Failed, Explanation: err.Error()}
			}
			s := chosen(in, sums)
			s.Value = brier(sums, in.Sample.Gold)
			if s.Value == nil {
				return Score{Outcome: Failed, Explanation: "no choice has a probability"}
			}
			return s
		}),
	}
}

// choiceSums gives the log-probabilities of the choices, in nats.
func choiceSums(in Input) ([]float64, error) {
	have := in.Responses[0].LogProbs
	if len(have) != len(in.Sample.Choices) {
		return nil, fmt.Errorf("the response has %d log-probabilities for %d choices", len(have), len(in.Sample.Choices))
	}
	sums := make([]float64, len(have))
	for i, p := range have {
		if sums[i] = p.Sum; math.IsNaN(p.Sum) {
			return nil, fmt.Errorf("the log-probability of choice %d is not a number", i)
		}
	}
	return sums, nil
}

// chosen judges the greatest of values.
func chosen(in Input, values []float64) Score {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	s := judged(slices.Contains(in.Sample.Gold, best))
	s.Answer = in.Sample.Choices[best]
	return s
}

// greedyTarget judges a single continuation: right where each of its tokens is the most likely. With choices it is
// the first right one.
func greedyTarget(in Input) Score {
	p, err := targetLogProb(in)
	if err != nil {
		return Score{Outcome: Failed, Explanation: err.Error()}
	}
	return judged(p.Greedy)
}

// targetLogProb gives the log-probability of the target: of the only continuation, or of the first right choice.
func targetLogProb(in Input) (backends.LogProb, error) {
	at := 0
	if len(in.Sample.Choices) > 0 {
		if len(in.Sample.Gold) == 0 {
			return backends.LogProb{}, fmt.Errorf("the sample has no right choice")
		}
		at = in.Sample.Gold[0]
	}
	have := in.Responses[0].LogProbs
	if at < 0 || at >= len(have) {
		return backends.LogProb{}, fmt.Errorf("the response has %d log-probabilities, not one for %d", len(have), at)
	}
	if math.IsNaN(have[at].Sum) {
		return backends.LogProb{}, fmt.Errorf("the target's log-probability is not a number")
	}
	return have[at], nil
}

// softmax gives the probabilities of log-probabilities, or nil where they have none.
func softmax(logs []float64) []float64 {
	top := math.Inf(-1)
	for _, v := range logs {
		top = max(top, v)
	}
	if len(logs) == 0 || math.IsInf(top, 0) || math.IsNaN(top) {
		return nil
	}
	out, total := make([]float64, len(logs)), 0.0
	for i, v := range logs {
		out[i] = math.Exp(v - top)
		total += out[i]
	}
	for i := range out {
		out[i] /= total
	}
	return out
}

// brier is Σᵢ(pᵢ−oᵢ)² over the choices, with p = softmax(logs) and o the share of the right choices (Brier 1950,
// equation 2); nil where the choices have no probabilities or none is right.
func brier(logs []float64, gold []int) *float64 {
	p := softmax(logs)
	if p == nil || len(gold) == 0 {
		return nil
	}
	for _, g := range gold {
		if g < 0 || g >= len(p) {
			return nil
		}
		p[g] -= 1 / float64(len(gold))
	}
	sum := 0.0
	for _, v := range p {
		sum += v * v
	}
	return &sum
}

// wordCount is len(re.split(r"\s+", text)) in Python, as lm-evaluation-harness counts the words of a text: space at
// an end adds an empty word.
func wordCount(text string) int {
	return 1 + len(strings.FieldsFunc(text, func(r rune) bool { return !pyval.IsSpace(r) }))
}

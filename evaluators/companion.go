package evaluators

import (
	"math"

	"github.com/onset-eval/onset/backends"
)

// The names of the continuous companions, for Score.ContinuousName.
const (
	// TargetLogProb is the target's log-probability in nats a token, at most 0.
	TargetLogProb = "target_logprob"
	// Brier is the Brier score of the choices' probabilities, in [0,2]; 0 is best.
	Brier = "brier"
	// TokenEditSimilarity is 1 − Levenshtein(answer, target)/(length of the longer), over Unicode code points, of the
	// target that is most similar, in [0,1]. (The metric that moves smoothly where exact match jumps: Schaeffer et
	// al. 2023, arXiv 2304.15004.)
	TokenEditSimilarity = "token_edit_similarity"
)

// maxEditCells bounds the steps of one edit distance; longer pairs have no similarity.
const maxEditCells = 1 << 24

// companion gives the continuous companion of a sample: the name and the value, or "" and nil where the response
// allows none. It does not depend on the scorer.
func companion(in Input) (name string, value *float64) {
	if in.Sample.Letters != nil {
		return "", nil // a letter is no text to compare with the target
	}
	if in.Sample.Kind() == backends.Generate {
		if len(in.Responses) > 1 && len(in.Responses[1].LogProbs) > 0 {
			return perToken(in.Responses[1].LogProbs[0])
		}
		return similarity(in)
	}
	main := in.Responses[0].LogProbs
	if len(in.Sample.Choices) == 0 {
		if len(main) == 0 {
			return "", nil
		}
		return perToken(main[0])
	}
	sums, err := choiceSums(in)
	if err != nil {
		return "", nil
	}
	if v := brier(sums, in.Sample.Gold); v != nil {
		return Brier, v
	}
	return "", nil
}

func perToken(p backends.LogProb) (string, *float64) {
	v := p.Sum / float64(p.Tokens)
	if p.Tokens <= 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return "", nil
	}
	return TargetLogProb, &v
}

// similarity compares the answer, or the empty text where there is none.
func similarity(in Input) (string, *float64) {
	var answer []rune
	if in.Parsed {
		answer = []rune(in.Answer)
	}
	best := -1.0
	for _, t := range in.Sample.Targets {
		target := []rune(t)
		longer := max(len(answer), len(target))
		switch {
		case longer == 0:
			best = 1
		case len(answer)*len(target) <= maxEditCells:
			best = max(best, 1-float64(editDistance(answer, target))/float64(longer))
		}
	}
	if best < 0 {
		return "", nil
	}
	return TokenEditSimilarity, &best
}

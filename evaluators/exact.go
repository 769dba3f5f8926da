package evaluators

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// normalizer brings texts to the form in which they are compared.
type normalizer struct {
	ignore                            []*pyre.Regexp
	foldCase, noPunctuation, noDigits bool
}

// newNormalizer reads the options of lm-evaluation-harness's exact_match.
func newNormalizer(o tasks.Options) (*normalizer, error) {
	r := readOptions(o, "ignore_case", "ignore_punctuation", "ignore_numbers", "regexes_to_ignore")
	n := &normalizer{
		foldCase:      r.bool("ignore_case"),
		noPunctuation: r.bool("ignore_punctuation"),
		noDigits:      r.bool("ignore_numbers"),
	}
	for _, expr := range r.strings("regexes_to_ignore") {
		p, err := pyre.Compile(expr)
		if err != nil {
			return nil, fmt.Errorf("option regexes_to_ignore: %w", err)
		}
		n.ignore = append(n.ignore, p)
	}
	return n, r.err
}

// apply works in the order of lm_eval/api/metrics.py exact_match_hf_evaluate: patterns, case, punctuation
// (Python's string.punctuation, which is ASCII's), digits.
func (n *normalizer) apply(s string) (string, error) {
	for _, p := range n.ignore {
		var err error
		if s, err = p.Remove(s); err != nil {
			return "", err
		}
	}
	if n.foldCase {
		s = pyval.Lower(s)
	}
	if n.noPunctuation {
		s = without(s, isPunctuation)
	}
	if n.noDigits {
		s = without(s, func(r rune) bool { return r >= '0' && r <= '9' })
	}
	return s, nil
}

func without(s string, drop func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if drop(r) {
			return -1
		}
		return r
	}, s)
}

func isPunctuation(r rune) bool {
	return strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r)
}

func exactMatch() Scorer {
	return Scorer{
		Name: "exact_match", Version: 1, HigherIsBetter: true,
		Doc:   "1 where the answer equals a target (generate), or where the target is the most likely text (loglikelihood)",
		Kinds: []backends.Kind{backends.Generate, backends.LogLikelihood},
		Bind: func(o tasks.Options) (func(Input) Score, error) {
			text, err := compareTexts(func(answer, target string) bool { return answer == target })(o)
			return func(in Input) Score {
				if in.Sample.Kind() == backends.LogLikelihood {
					return greedyTarget(in)
				}
				return text(in)
			}, err
		},
	}
}

func containsTarget() Scorer {
	return Scorer{
		Name: "contains", Version: 1, HigherIsBetter: true,
		Doc:   "1 where a target occurs in the answer",
		Kinds: []backends.Kind{backends.Generate},
		Bind:  compareTexts(strings.Contains),
	}
}

// compareTexts makes a judgement that is right where right holds for the answer and one of the targets, all of them
// normalized.
func compareTexts(right func(answer, target string) bool) func(tasks.Options) (func(Input) Score, error) {
	return func(o tasks.Options) (func(Input) Score, error) {
		n, err := newNormalizer(o)
		if err != nil {
			return nil, err
		}
		return func(in Input) Score {
			answer, err := n.apply(in.Answer)
			if err != nil {
				return Score{Outcome: Failed, Explanation: err.Error()}
			}
			for _, target := range in.Sample.Targets {
				target, err := n.apply(target)
				if err != nil {
					return Score{Outcome: Failed, Explanation: err.Error()}
				}
				if right(answer, target) {
					return judged(true)
				}
			}
			return judged(false)
		}, nil
	}
}

// judged is the score of a right or wrong answer.
func judged(right bool) Score {
	if right {
		return Score{Outcome: Correct, Value: ptr(1)}
	}
	return Score{Outcome: Wrong, Value: ptr(0)}
}

func ptr(v float64) *float64 { return &v }

// noOptions makes a Bind of a judgement that has no options.
func noOptions(score func(Input) Score) func(tasks.Options) (func(Input) Score, error) {
	return func(o tasks.Options) (func(Input) Score, error) { return score, readOptions(o).err }
}

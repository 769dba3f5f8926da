package evaluators

import (
	"strings"

	"github.com/onset-eval/onset/backends"

	"github.com/onset-eval/onset/tasks/pyval"
)

func tokenF1() Scorer {
	return Scorer{
		Name: "token_f1", Version: 1, HigherIsBetter: true,
		Doc:   "harmonic mean of precision and recall over words, the best of the targets, in [0,1] (Rajpurkar et al. 2016)",
		Kinds: []backends.Kind{backends.Generate},
		Bind: noOptions(func(in Input) Score {
			best := 0.0
			for _, target := range in.Sample.Targets {
				best = max(best, overlap(words(in.Answer), words(target)))
			}
			s := Score{Outcome: Wrong, Value: &best}
			if best == 1 {
				s.Outcome = Correct
			}
			return s
		}),
	}
}

// words are those of s in small letters, without ASCII punctuation and the English articles (the normalisation of
// SQuAD, arXiv 1606.05250).
func words(s string) []string {
	var out []string
	for _, w := range strings.Fields(without(pyval.Lower(s), isPunctuation)) {
		if w != "a" && w != "an" && w != "the" {
			out = append(out, w)
		}
	}
	return out
}

// overlap is F1 = 2·common/(len(a)+len(b)), words counted as often as they occur; 1 where both are empty.
func overlap(a, b []string) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	count := make(map[string]int, len(b))
	for _, w := range b {
		count[w]++
	}
	common := 0
	for _, w := range a {
		if count[w] > 0 {
			count[w]--
			common++
		}
	}
	return 2 * float64(common) / float64(len(a)+len(b))
}

package evaluators

import (
	"fmt"
	"math"

	"github.com/onset-eval/onset/backends"
)

func perplexity() Scorer {
	return Scorer{
		Name: "perplexity", Version: 1,
		Doc:   "the target's log-probability in nats; a report gives exp(−mean)",
		Kinds: []backends.Kind{backends.LogLikelihood},
		Bind: noOptions(func(in Input) Score {
			p, err := targetLogProb(in)
			if err != nil {
				return Score{Outcome: Failed, Explanation: err.Error()}
			}
			s := judged(p.Greedy)
			s.Value = ptr(p.Sum)
			return s
		}),
	}
}

// rolling makes a scorer of a whole text: Value is its log-probability in nats and Weight its length.
func rolling(name, doc string, length func(text string) int) Scorer {
	return Scorer{
		Name: name, Version: 1, Doc: doc,
		Kinds: []backends.Kind{backends.LogLikelihoodRolling},
		Bind: noOptions(func(in Input) Score {
			have := in.Responses[0].LogProbs
			if len(have) != 1 || math.IsNaN(have[0].Sum) {
				return Score{Outcome: Failed, Explanation: fmt.Sprintf("the response has no log-probability of the text (%d are there)", len(have))}
			}
			// A text cannot be wrong: Correct says that it was measured.
			return Score{Outcome: Correct, Value: ptr(have[0].Sum), Weight: float64(length(in.Sample.Text))}
		}),
	}
}

func wordPerplexity() Scorer {
	return rolling("word_perplexity", "the text's log-probability in nats; a report gives exp(−Σ/Σwords)", wordCount)
}

func bytePerplexity() Scorer {
	return rolling("byte_perplexity", "the text's log-probability in nats; a report gives exp(−Σ/Σbytes)", byteCount)
}

func bitsPerByte() Scorer {
	return rolling("bits_per_byte", "the text's log-probability in nats; a report gives −Σ/Σbytes/ln 2", byteCount)
}

func byteCount(s string) int { return len(s) }

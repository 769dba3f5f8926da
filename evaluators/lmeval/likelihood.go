package lmeval

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// readLikelihood reads a response to a loglikelihood request.
func readLikelihood(v pyval.Value) (ll float64, greedy bool, err error) {
	if pair, ok := v.(pyval.List); ok && len(pair) == 2 {
		if ll, ok = number(pair[0]); ok {
			return ll, truth(pair[1]), nil
		}
	}
	return 0, false, fmt.Errorf("a log-likelihood and whether it is greedy are needed, not %s", brief(v))
}

func (t *Task) processLikelihood(results []pyval.Value) (*pyval.Dict, error) {
	ll, greedy, err := readLikelihood(results[0])
	if err != nil {
		return nil, err
	}
	out := new(pyval.Dict)
	t.put(out, "perplexity", ll)
	t.put(out, "acc", integer(greedy))
	return out, nil
}

// put sets a result where the task has the metric.
func (t *Task) put(out *pyval.Dict, metric string, v pyval.Value) {
	if t.has(metric) {
		out.Set(metric, v)
	}
}

func integer(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (t *Task) processRolling(doc Doc, results []pyval.Value) (*pyval.Dict, error) {
	text, ok := doc.Target.(string)
	if !ok {
		return nil, fmt.Errorf("the target of a rolling log-likelihood must be a string, not %s", brief(doc.Target))
	}
	ll, ok := number(results[0])
	if !ok || len(results) != 1 {
		return nil, fmt.Errorf("one log-likelihood is needed, not %s", brief(pyval.List(results)))
	}
	out := new(pyval.Dict)
	t.put(out, "word_perplexity", pyval.List{ll, countWords(text)})
	t.put(out, "byte_perplexity", pyval.List{ll, int64(len(text))})
	t.put(out, "bits_per_byte", pyval.List{ll, int64(len(text))})
	return out, nil
}

// countWords counts the parts between runs of white space; a run at the start or end adds an empty part.
func countWords(text string) int64 {
	n, inSpace := int64(1), false
	for _, r := range text {
		if isSpace(r) && !inSpace {
			n++
		}
		inSpace = isSpace(r)
	}
	return n
}

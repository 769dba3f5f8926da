package lmeval

import (
	"fmt"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

var squadV2Names = []string{"exact", "f1", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1", "best_exact", "best_f1"}

// squadV2Aggregations lists the aggregations of SQuAD 2.0 in percent, by the official script.
func squadV2Aggregations() []Aggregation {
	out := make([]Aggregation, len(squadV2Names))
	for i, name := range squadV2Names {
		out[i] = Whole("squadv2/task.SQuAD2."+name, func(items []pyval.Value, _ Rules) (float64, error) {
			all, err := readSquadV2(items)
			if err != nil {
				return 0, err
			}
			return squadV2Score(name, all), nil
		})
	}
	return out
}

// squadQuestion is an answer judged: by exact match and F1, whether there is an answer at all, and the probability
// that the model gives to there being none.
type squadQuestion struct {
	exact, f1, noAnswer float64
	answerable, empty   bool
}

func readSquadV2(items []pyval.Value) ([]squadQuestion, error) {
	out := make([]squadQuestion, len(items))
	for i, item := range items {
		pair, ok := item.(pyval.List)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("item %d is no pair of answer and targets", i)
		}
		prediction, _ := pair[0].(*pyval.Dict)
		reference, _ := pair[1].(*pyval.Dict)
		text, err := docText(prediction, "prediction_text")
		if err != nil {
			return nil, err
		}
		targets, err := nested(reference, "answers", "text")
		if err != nil {
			return nil, err
		}
		p, _ := prediction.Get("no_answer_probability")
		q := squadQuestion{answerable: len(targets) > 0, empty: text == ""}
		if q.noAnswer, ok = number(p); !ok {
			return nil, fmt.Errorf("item %d has no probability that there is no answer", i)
		}
		targets = slices.DeleteFunc(slices.Clone(targets), func(t string) bool { return len(squadWords(t)) == 0 })
		if len(targets) == 0 {
			targets = []string{""}
		}
		q.exact, q.f1 = best(targets, text, squadExact), best(targets, text, squadF1)
		out[i] = q
	}
	return out, nil
}

// squadV2Score is the mean of exact match or F1 over all questions, those with an answer or those without, in percent
// and 0 where there are none; or the best mean that any threshold on the probability of no answer would give.
func squadV2Score(name string, all []squadQuestion) float64 {
	score := func(q squadQuestion) float64 { return q.f1 }
	if name == "exact" || name == "HasAns_exact" || name == "NoAns_exact" || name == "best_exact" {
		score = func(q squadQuestion) float64 { return q.exact }
	}
	if name == "best_exact" || name == "best_f1" {
		return bestThreshold(all, score)
	}
	sum, n := 0.0, 0
	for _, q := range all {
		if name == "exact" || name == "f1" || q.answerable == (name[:3] == "Has") {
			sum += score(q)
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return 100 * sum / float64(n)
}

// bestThreshold starts with no question answered, and answers them in order of the probability of no answer.
func bestThreshold(all []squadQuestion, score func(squadQuestion) float64) float64 {
	current := 0.0
	for _, q := range all {
		current += float64(integer(!q.answerable))
	}
	top := current
	order := slices.Clone(all)
	slices.SortStableFunc(order, func(a, b squadQuestion) int {
		switch {
		case a.noAnswer < b.noAnswer:
			return -1
		case a.noAnswer > b.noAnswer:
			return 1
		}
		return 0
	})
	for _, q := range order {
		switch {
		case q.answerable:
			current += score(q)
		case !q.empty:
			current--
		}
		top = max(top, current)
	}
	return 100 * top / float64(len(all))
}

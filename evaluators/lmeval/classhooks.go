package lmeval

import (
	"errors"
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// classScores gives the F1 of each class that occurs, and how often it is the target.
func classScores(items []pyval.Value) (f1, support []float64, err error) {
	golds, preds, err := pairs(items)
	if err != nil {
		return nil, nil, err
	}
	index := make(map[any]int)
	type counts struct{ right, gold, pred float64 }
	var all []*counts
	at := func(v pyval.Value) (*counts, error) {
		key, err := hashable(v)
		if err != nil {
			return nil, err
		}
		i, ok := index[key]
		if !ok {
			i = len(all)
			index[key] = i
			all = append(all, new(counts))
		}
		return all[i], nil
	}
	for i := range items {
		gold, err := at(golds[i])
		if err != nil {
			return nil, nil, err
		}
		pred, err := at(preds[i])
		if err != nil {
			return nil, nil, err
		}
		gold.gold++
		pred.pred++
		if gold == pred {
			gold.right++
		}
	}
	for _, c := range all {
		f1 = append(f1, 2*c.right/(c.gold+c.pred))
		support = append(support, c.gold)
	}
	return f1, support, nil
}

// weightedF1 is the mean F1 of the classes, weighted by how often each is the target.
func weightedF1(items []pyval.Value, _ Rules) (float64, error) {
	f1, support, err := classScores(items)
	sum := 0.0
	for i := range f1 {
		sum += f1[i] * support[i]
	}
	return sum / float64(len(items)), err
}

// macroF1 is the plain mean of the classes' F1.
func macroF1(items []pyval.Value, _ Rules) (float64, error) {
	f1, _, err := classScores(items)
	return pairwise(f1) / float64(len(f1)), err
}

// cbMultiF1 is the mean F1 of the classes 0, 1 and 2, where a class that does not occur counts 0.
func cbMultiF1(items []pyval.Value, r Rules) (float64, error) {
	l, err := readLabels(items)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for class := range int64(3) {
		marked, right := 0.0, 0.0
		for i := range items {
			gold, pred := l.names[l.golds[i]] == class, l.names[l.preds[i]] == class
			marked += float64(integer(gold) + integer(pred))
			right += float64(integer(gold && pred))
		}
		if marked > 0 {
			sum += 2 * right / marked
		}
	}
	return sum / 3, nil
}

// instructionAccuracy is the share of instructions followed, over all documents.
func instructionAccuracy(items []pyval.Value, _ Rules) (float64, error) {
	followed, n := 0.0, 0
	for _, item := range items {
		list, ok := item.(pyval.List)
		if !ok {
			return 0, fmt.Errorf("%s is no list of judgements", brief(item))
		}
		for _, v := range list {
			followed += float64(integer(truth(v)))
			n++
		}
	}
	if n == 0 {
		return 0, errors.New("there are no instructions")
	}
	return followed / float64(n), nil
}

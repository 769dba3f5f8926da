package lmeval

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// labels are the classes of targets and predictions, numbered from 0 in rising order.
type labels struct {
	names        []int64
	golds, preds []int32
}

// readLabels reads pairs of integer classes.
func readLabels(items []pyval.Value) (labels, error) {
	golds, preds, err := pairs(items)
	if err != nil {
		return labels{}, err
	}
	values := make([]int64, 0, 2*len(items))
	for _, v := range slices.Concat(golds, preds) {
		switch v := v.(type) {
		case int64:
			values = append(values, v)
		case bool:
			values = append(values, integer(v))
		default:
			return labels{}, fmt.Errorf("%s is no class; the metric needs indexes of choices", brief(v))
		}
	}
	l := labels{names: slices.Compact(slices.Sorted(slices.Values(values)))}
	at := make([]int32, len(values))
	for i, v := range values {
		k, _ := slices.BinarySearch(l.names, v)
		at[i] = int32(k)
	}
	l.golds, l.preds = at[:len(items)], at[len(items):]
	return l, nil
}

// prepareF1 is scikit-learn's f1_score for the class 1: 2·tp/(golds+predictions), 0 where both are none.
func prepareF1(items []pyval.Value, _ Rules) (Statistic, error) {
	l, err := readLabels(items)
	if err != nil {
		return nil, err
	}
	one := int32(slices.Index(l.names, 1))
	if len(l.names) > 2 {
		return nil, errors.New("f1 is for two classes and there are more; state another aggregation")
	}
	if len(l.names) == 2 && one < 0 {
		return nil, fmt.Errorf("f1 is that of class 1, and the classes are %v", l.names)
	}
	return func(draw []int32) float64 {
		hits, marked := 0, 0
		for _, i := range draw {
			gold, pred := l.golds[i] == one, l.preds[i] == one
			if gold && pred {
				hits++
			}
			if gold {
				marked++
			}
			if pred {
				marked++
			}
		}
		if marked == 0 {
			return 0
		}
		return 2 * float64(hits) / float64(marked)
	}, nil
}

// prepareMatthews is the correlation coefficient of the confusion matrix (Gorodkin 2004), 0 where it has no spread.
func prepareMatthews(items []pyval.Value, _ Rules) (Statistic, error) {
	l, err := readLabels(items)
	return func(draw []int32) float64 {
		golds, preds := make([]float64, len(l.names)), make([]float64, len(l.names))
		right, n := 0.0, float64(len(draw))
		for _, i := range draw {
			golds[l.golds[i]]++
			preds[l.preds[i]]++
			if l.golds[i] == l.preds[i] {
				right++
			}
		}
		var both, gg, pp float64
		for k := range golds {
			both += golds[k] * preds[k]
			gg += golds[k] * golds[k]
			pp += preds[k] * preds[k]
		}
		if spread := (n*n - pp) * (n*n - gg); spread != 0 {
			return (right*n - both) / math.Sqrt(spread)
		}
		return 0
	}, err
}

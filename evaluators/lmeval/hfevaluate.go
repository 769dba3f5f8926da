package lmeval

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// hfCompare makes the comparison of a metric of Hugging Face's evaluate, which the harness computes of one answer at
// a time: f1 with an average, and accuracy, are then whether the two are equal.
func hfCompare(name string, o *pyval.Dict) (Compare, error) {
	switch name {
	case "exact_match":
		return exactMatch(o)
	case "accuracy":
		return equalPair, readOptions(o, "normalize", "sample_weight").err
	case "f1":
		r := readOptions(o, "labels", "pos_label", "average", "sample_weight")
		switch average := r.text("average", "binary"); average {
		case "micro", "macro", "weighted":
			return equalPair, r.err
		case "binary":
			return binaryPair, r.err
		default:
			return nil, fmt.Errorf("option average is %q; there are binary, macro, micro and weighted", average)
		}
	}
	return nil, fmt.Errorf("of Hugging Face's metrics there are accuracy, exact_match and f1")
}

func equalPair(references, predictions []pyval.Value) (pyval.Value, error) {
	if len(references) != 1 || len(predictions) != 1 {
		return nil, fmt.Errorf("one target and one answer are needed, not %d and %d", len(references), len(predictions))
	}
	a, err := hashable(references[0])
	if err != nil {
		return nil, err
	}
	b, err := hashable(predictions[0])
	return float64(integer(a == b)), err
}

// binaryPair is the F1 of class 1.
func binaryPair(references, predictions []pyval.Value) (pyval.Value, error) {
	if len(references) != 1 || len(predictions) != 1 {
		return nil, fmt.Errorf("one target and one answer are needed, not %d and %d", len(references), len(predictions))
	}
	v, err := binaryF1([]pyval.Value{pyval.List{references[0], predictions[0]}}, Rules{})
	return v, err
}

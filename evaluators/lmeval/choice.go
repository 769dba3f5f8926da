package lmeval

import (
	"fmt"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// noGold is the harness's index of a target that is none of the choices.
const noGold = -100

func (t *Task) processChoice(doc Doc, results []pyval.Value) (*pyval.Dict, error) {
	lls, greedy := make([]float64, len(results)), make([]bool, len(results))
	for i, r := range results {
		var err error
		if lls[i], greedy[i], err = readLikelihood(r); err != nil {
			return nil, err
		}
	}
	var unconditional []float64
	if n := len(doc.Choices); 2*n == len(lls) && t.has("acc_mutual_info") {
		lls, unconditional = lls[:n], lls[n:]
	}
	if len(lls) != len(doc.Choices) {
		return nil, fmt.Errorf("there are %d log-likelihoods for %d choices", len(lls), len(doc.Choices))
	}
	g, err := t.gold(doc)
	if err != nil {
		return nil, err
	}
	exact, err := g.anyOf(greedy)
	if err != nil {
		return nil, err
	}
	pred := argmax(lls)
	perChar, perByte := make([]float64, len(lls)), make([]float64, len(lls))
	for i, c := range doc.Choices {
		perChar[i] = lls[i] / float64(codePoints(c))
		perByte[i] = lls[i] / float64(len(c))
	}

	out := new(pyval.Dict)
	t.put(out, "acc", g.accuracy(pred))
	t.put(out, "f1", pyval.List{g.value, int64(pred)})
	t.put(out, "mcc", pyval.List{g.value, int64(pred)})
	t.put(out, "acc_norm", g.accuracy(argmax(perChar)))
	t.put(out, "acc_bytes", g.accuracy(argmax(perByte)))
	t.put(out, "exact_match", integer(exact))
	t.put(out, "brier_score", pyval.List{g.value, floats(softmax(lls))})
	t.put(out, "likelihood", pyval.List{g.value, floats(lls)})
	if t.has("acc_mutual_info") {
		if unconditional == nil {
			return nil, fmt.Errorf("acc_mutual_info needs the log-likelihoods of the choices without the question too")
		}
		gain := make([]float64, len(lls))
		for i := range gain {
			gain[i] = lls[i] - unconditional[i]
		}
		t.put(out, "acc_mutual_info", g.single(argmax(gain)))
	}
	return out, nil
}

func floats(xs []float64) pyval.List {
	out := make(pyval.List, len(xs))
	for i, x := range xs {
		out[i] = x
	}
	return out
}

// gold is the right choice, or several.
type gold struct {
	value   pyval.Value // as the harness records it
	indexes []int
	several bool
}

// gold resolves a document's target: a string to the index of the equal choice, an index beyond the choices to -100.
func (t *Task) gold(doc Doc) (gold, error) {
	target := doc.Target
	if t.config.MultipleInputs {
		target = doc.Input
	}
	if list, ok := target.(pyval.List); ok != t.config.MultipleTargets {
		return gold{}, fmt.Errorf("target %s, but the first document's says that a target is a list: %v", brief(target), t.config.MultipleTargets)
	} else if ok {
		g := gold{several: true}
		values := make(pyval.List, len(list))
		for i, v := range list {
			k, ok := index(v)
			if !ok {
				return g, fmt.Errorf("target %s holds %s, which is no index", brief(target), brief(v))
			}
			if k >= int64(len(doc.Choices)) {
				k = noGold
			}
			values[i] = k
			g.indexes = append(g.indexes, int(k))
		}
		g.value = values
		return g, nil
	}
	if s, ok := target.(string); ok {
		if i := slices.Index(doc.Choices, s); i >= 0 {
			return oneGold(int64(i)), nil
		}
		return oneGold(noGold), nil
	}
	if k, ok := index(target); ok {
		if k >= int64(len(doc.Choices)) {
			k = noGold
		}
		return oneGold(k), nil
	}
	return gold{}, fmt.Errorf("target %s is neither an index nor a choice", brief(target))
}

// index gives an integer or a truth value as an index.
func index(v pyval.Value) (int64, bool) {
	if b, ok := v.(bool); ok {
		return integer(b), true
	}
	i, ok := v.(int64)
	return i, ok
}

func oneGold(k int64) gold { return gold{value: k, indexes: []int{int(k)}} }

// accuracy is 1 where pred is right.
func (g gold) accuracy(pred int) float64 {
	if slices.Contains(g.indexes, pred) {
		return 1
	}
	return 0
}

// single is accuracy of a target that is one index; a list is never right.
func (g gold) single(pred int) float64 {
	if g.several {
		return 0
	}
	return g.accuracy(pred)
}

// anyOf reports whether one of the right choices is the greedy text. An index below zero counts from the end.
func (g gold) anyOf(greedy []bool) (bool, error) {
	found := false
	for _, k := range g.indexes {
		if k == noGold {
			continue
		}
		if k < 0 {
			k += len(greedy)
		}
		if k < 0 || k >= len(greedy) {
			return false, fmt.Errorf("target %s is out of the range of %d choices", brief(g.value), len(greedy))
		}
		found = found || greedy[k]
	}
	return found, nil
}

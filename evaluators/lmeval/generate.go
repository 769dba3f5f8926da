package lmeval

import (
	"fmt"
	"strconv"

	"github.com/onset-eval/onset/tasks/pyval"
)

// processText scores the answer to a generate_until request: the first result.
func (t *Task) processText(doc Doc, results []pyval.Value) (*pyval.Dict, error) {
	result := results[0]
	target, err := t.textTarget(doc, result)
	if err != nil {
		return nil, err
	}
	out := new(pyval.Dict)
	for _, m := range t.metrics {
		var score pyval.Value
		if t.config.MultipleTargets {
			score, result, err = t.compareAll(m, target, result)
		} else {
			score, err = m.apply(target, result)
		}
		if err != nil {
			return nil, err
		}
		if several, ok := score.(*pyval.Dict); ok {
			for _, k := range several.Keys() {
				v, _ := several.Get(k)
				out.Set(k, v)
			}
			continue
		}
		out.Set(m.name, score)
	}
	return out, nil
}

// apply compares one target and one answer; metrics without a comparison keep the pair for their aggregation.
func (m boundMetric) apply(target, result pyval.Value) (pyval.Value, error) {
	if m.compare == nil {
		return pyval.List{target, result}, nil
	}
	return m.compare([]pyval.Value{target}, []pyval.Value{result})
}

// compareAll compares an answer with several targets: the score is 1 where one of the comparisons gives anything but
// zero. It gives the answer that later metrics see; see Rules.RebindResult.
func (t *Task) compareAll(m boundMetric, target, result pyval.Value) (score, seen pyval.Value, err error) {
	targets, ok := target.(pyval.List)
	if !ok {
		targets = pyval.List{target}
	}
	if m.name == "exact_match" && m.compare != nil {
		copies := make(pyval.List, len(targets))
		for i := range copies {
			copies[i] = result
		}
		share, err := m.compare(targets, copies)
		if err != nil {
			return nil, nil, err
		}
		f, _ := number(share)
		if !t.config.Rules.RebindResult {
			return float64(integer(f > 0)), result, nil
		}
		return float64(integer(f > 0)), copies, nil
	}
	any := false
	for _, target := range targets {
		score, err := m.apply(target, result)
		if err != nil {
			return nil, nil, err
		}
		if d, ok := score.(*pyval.Dict); ok {
			if score, ok = d.Get(m.name); !ok {
				return nil, nil, fmt.Errorf("metric %s gives no value under its name", m.name)
			}
		}
		any = any || truth(score)
	}
	return float64(integer(any)), result, nil
}

// textTarget gives what an answer is compared with: the choice at the target's index, the list of targets, or the
// target as a value of the answer's type.
func (t *Task) textTarget(doc Doc, result pyval.Value) (pyval.Value, error) {
	switch {
	case t.config.HasChoices:
		i, ok := doc.Target.(int64)
		if ok && i < 0 {
			i += int64(len(doc.Choices))
		}
		if !ok || i < 0 || i >= int64(len(doc.Choices)) {
			return nil, fmt.Errorf("target %s is no index of the %d choices", brief(doc.Target), len(doc.Choices))
		}
		return doc.Choices[i], nil
	case t.config.MultipleTargets:
		list, err := draws(doc.Target)
		if err != nil {
			return nil, fmt.Errorf("the first document has several targets, this one %s", brief(doc.Target))
		}
		return pyval.List(list), nil
	}
	if t.has("bypass") {
		return doc.Target, nil
	}
	return castTo(result, doc.Target)
}

// castTo is Python's type(result)(target), but for lists, which are left alone.
func castTo(result, target pyval.Value) (pyval.Value, error) {
	switch result.(type) {
	case pyval.List:
		return target, nil
	case string:
		return pyval.Str(target), nil
	case bool:
		return truth(target), nil
	case int64:
		if f, ok := number(target); ok {
			return int64(f), nil
		}
		if s, ok := target.(string); ok {
			if i, err := strconv.ParseInt(strip(s), 10, 64); err == nil {
				return i, nil
			}
		}
	case float64:
		if f, ok := number(target); ok {
			return f, nil
		}
		if s, ok := target.(string); ok {
			if f, ok := parseFloat(s); ok {
				return f, nil
			}
		}
	}
	return nil, fmt.Errorf("target %s cannot be made a value like the answer %s", brief(target), brief(result))
}

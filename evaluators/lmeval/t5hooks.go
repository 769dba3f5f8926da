package lmeval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// The tasks of SuperGLUE as T5 was asked them (Raffel et al. 2020): an answer is a word, and targets carry the group
// that they are scored in, as "group_target".

// onePair gives the texts of one reference and one prediction.
func onePair(references, predictions []pyval.Value) (reference, prediction string, err error) {
	if len(references) == 1 && len(predictions) == 1 {
		r, okR := references[0].(string)
		p, okP := predictions[0].(string)
		if okR && okP {
			return r, p, nil
		}
	}
	return "", "", fmt.Errorf("one target and one answer in text are needed, not %s and %s", brief(pyval.List(references)), brief(pyval.List(predictions)))
}

// cbClasses gives the classes of answer and target; another answer counts as entailment.
func cbClasses(references, predictions []pyval.Value) (pyval.Value, error) {
	names := []string{"entailment", "contradiction", "neutral"}
	ref, pred, err := onePair(references, predictions)
	if err != nil {
		return nil, err
	}
	want := slices.Index(names, ref)
	if want < 0 {
		return nil, fmt.Errorf("target %q is none of %q", ref, names)
	}
	return pyval.List{int64(max(0, slices.Index(names, pred))), int64(want)}, nil
}

// multircClasses gives the group of a target, and whether answer and target are True; another answer is wrong.
func multircClasses(references, predictions []pyval.Value) (group string, pred, want int64, err error) {
	ref, text, err := onePair(references, predictions)
	if err != nil {
		return "", 0, 0, err
	}
	group, label, ok := strings.Cut(ref, "_")
	if !ok || label != "True" && label != "False" {
		return "", 0, 0, fmt.Errorf("target %q is not GROUP_True or GROUP_False", ref)
	}
	want = integer(label == "True")
	switch text {
	case "True", "False":
		return group, integer(text == "True"), want, nil
	}
	return group, 1 - want, want, nil
}

func multircF1(references, predictions []pyval.Value) (pyval.Value, error) {
	_, pred, want, err := multircClasses(references, predictions)
	return pyval.List{pred, want}, err
}

func multircEM(references, predictions []pyval.Value) (pyval.Value, error) {
	group, pred, want, err := multircClasses(references, predictions)
	return pyval.List{group, pred, want}, err
}

// binaryF1 is the F1 of class 1.
func binaryF1(items []pyval.Value, r Rules) (float64, error) {
	stat, err := prepareF1(items, r)
	if err != nil {
		return 0, err
	}
	return stat(indexes(len(items))), nil
}

// groupsRight is the share of groups in which all answers are right.
func groupsRight(items []pyval.Value, _ Rules) (float64, error) {
	right := make(map[string]bool)
	for _, item := range items {
		list, ok := item.(pyval.List)
		if !ok || len(list) != 3 {
			return 0, fmt.Errorf("%s is no group with answer and target", brief(item))
		}
		group, _ := list[0].(string)
		a, okA := number(list[1])
		b, okB := number(list[2])
		so, seen := right[group]
		right[group] = (so || !seen) && okA && okB && a == b
	}
	n := 0.0
	for _, ok := range right {
		n += float64(integer(ok))
	}
	return n / float64(len(right)), nil
}

// swapped hands answer and target on.
func swapped(references, predictions []pyval.Value) (pyval.Value, error) {
	ref, pred, err := onePair(references, predictions)
	return pyval.List{pred, ref}, err
}

// recordGroups scores answers against all targets of their group. Exact match takes the mean over answers; F1, as the
// harness does, the first answer of each group.
func recordGroups(score func(prediction, target string) float64, firstOnly bool) func([]pyval.Value, Rules) (float64, error) {
	return func(items []pyval.Value, _ Rules) (float64, error) {
		type group struct{ predictions, targets []string }
		groups := make(map[string]*group)
		var order []*group
		for _, item := range items {
			list, ok := item.(pyval.List)
			if !ok || len(list) != 2 {
				return 0, fmt.Errorf("%s is no answer with a target", brief(item))
			}
			pred, okPred := list[0].(string)
			ref, _ := list[1].(string)
			parts := strings.Split(ref, "_")
			if !okPred || len(parts) != 2 {
				return 0, fmt.Errorf("target %q is not GROUP_ANSWER", ref)
			}
			g := groups[parts[0]]
			if g == nil {
				g = new(group)
				groups[parts[0]] = g
				order = append(order, g)
			}
			if !firstOnly || len(g.predictions) == 0 {
				g.predictions = append(g.predictions, strings.Join(squadWords(pred), " "))
			}
			g.targets = append(g.targets, strings.Join(squadWords(parts[1]), " "))
		}
		var scores []float64
		for _, g := range order {
			for _, p := range g.predictions {
				scores = append(scores, best(g.targets, p, func(target, answer string) float64 { return score(answer, target) }))
			}
		}
		return pairwise(scores) / float64(len(scores)), nil
	}
}

// wordF1 is squadF1 of texts in normal form, but 0 where nothing is shared.
func wordF1(prediction, target string) float64 {
	if len(fields(prediction)) == 0 || len(fields(target)) == 0 {
		return 0
	}
	return squadF1(target, prediction)
}

// wscDeterminers do not count where referents are compared.
var wscDeterminers = strings.Fields("a an few her his each every many much my our some that the their these this those which whose your")

// wsc compares the referent that is named with the right one, up to determiners and further words.
func wsc(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	text, err := answer(results)
	if err != nil {
		return nil, err
	}
	referent, err := docText(doc, "span1_text")
	if err != nil {
		return nil, err
	}
	clean := func(s string) []string {
		return slices.DeleteFunc(strings.Split(lower(strip(s)), " "), func(w string) bool { return slices.Contains(wscDeterminers, w) })
	}
	words := func(s []string) []string { return strings.Split(strings.Join(s, " "), " ") }
	got, want := clean(text), clean(referent)
	within := func(a, b []string) bool {
		return !slices.ContainsFunc(words(a), func(w string) bool { return !slices.Contains(words(b), w) })
	}
	apostrophe := func(s []string) bool { return strings.Contains(strings.Join(s, " "), "'") }
	same := apostrophe(got) == apostrophe(want) && (within(got, want) || within(want, got))
	label, _ := doc.Get("label")
	f, ok := number(label)
	return metrics("accuracy", float64(integer(ok && f == float64(integer(same))))), nil
}

package lmeval

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

var articles = pyre.MustCompile(`\b(a|an|the)\b`)

// squadWords brings a text to the normal form of SQuAD (Rajpurkar et al. 2016): small letters, no ASCII punctuation,
// no English articles.
func squadWords(s string) []string {
	return fields(withoutArticles(without(lower(s), isASCIIPunct)))
}

// withoutArticles writes a space for each of the words a, an and the. A word is of letters, numbers and underscores.
func withoutArticles(s string) string {
	if !strings.ContainsAny(s, "at") {
		return s
	}
	out, err := articles.Sub(s, func(pyre.Match) string { return " " })
	if err != nil {
		return s
	}
	return out
}

func squadExact(target, answer string) float64 {
	return float64(integer(strings.Join(squadWords(target), " ") == strings.Join(squadWords(answer), " ")))
}

// squadF1 is the harmonic mean of precision and recall over words, counted as often as they occur; of an empty side
// it is whether both are.
func squadF1(target, answer string) float64 {
	return bagOverlap(squadWords(target), squadWords(answer))
}

// pairsF1 is the mean of squadF1 over pairs of target and answer, where texts without a common word have 0, empty ones
// too.
func pairsF1(items []pyval.Value, r Rules) (float64, error) {
	targets, answers, err := pairs(items)
	if err != nil {
		return 0, err
	}
	all := make([]float64, len(targets))
	for i := range targets {
		target, ok := targets[i].(string)
		answer, isText := answers[i].(string)
		if !ok || !isText {
			return 0, fmt.Errorf("pair %d is not of texts", i)
		}
		if len(squadWords(target)) > 0 {
			all[i] = squadF1(target, answer)
		}
	}
	return r.mean(all), nil
}

func bagOverlap(want, got []string) float64 {
	if len(want) == 0 || len(got) == 0 {
		return float64(integer(len(want) == len(got)))
	}
	count := make(map[string]int, len(want))
	for _, w := range want {
		count[w]++
	}
	common := 0.0
	for _, w := range got {
		if count[w] > 0 {
			count[w]--
			common++
		}
	}
	if common == 0 {
		return 0
	}
	precision, recall := common/float64(len(got)), common/float64(len(want))
	return 2 * precision * recall / (precision + recall)
}

// best is the largest score over targets.
func best(targets []string, answer string, score func(target, answer string) float64) float64 {
	top := 0.0
	for _, t := range targets {
		top = max(top, score(t, answer))
	}
	return top
}

// record takes the likeliest entity for the answer.
func record(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	lls, err := likelihoods(results)
	if err != nil {
		return nil, err
	}
	entities, err := docTexts(doc, "entities")
	if err != nil {
		return nil, err
	}
	answers, err := docTexts(doc, "answers")
	if err != nil {
		return nil, err
	}
	if len(entities) != len(lls) || len(answers) == 0 {
		return nil, fmt.Errorf("%d log-likelihoods for %d entities and %d answers", len(lls), len(entities), len(answers))
	}
	got := entities[argmax(lls)]
	return metrics("f1", best(answers, got, squadF1), "em", best(answers, got, squadExact)), nil
}

// coqa scores the first line of the answer. Where there are several targets, it is held against all but one in turn,
// as a human answer would be, and the mean is taken.
func coqa(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	text, err := answer(results)
	if err != nil {
		return nil, err
	}
	targets, err := coqaTargets(doc)
	if err != nil {
		return nil, err
	}
	got, _, _ := strings.Cut(strip(text), "\n")
	mean := func(score func(target, answer string) float64) float64 {
		if len(targets) == 1 {
			return score(targets[0], got)
		}
		sum := 0.0
		for i := range targets {
			others := append(append([]string(nil), targets[:i]...), targets[i+1:]...)
			sum += best(others, got, score)
		}
		return sum / float64(len(targets))
	}
	return metrics("em", mean(squadExact), "f1", mean(squadF1)), nil
}

// coqaTargets gives the answers to the last question, without those that differ in case alone.
func coqaTargets(doc *pyval.Dict) ([]string, error) {
	questions, err := nested(doc, "questions", "input_text")
	if err != nil {
		return nil, err
	}
	turn := len(questions) - 1
	at := func(texts []string, err error) (string, error) {
		if err == nil && (turn < 0 || turn >= len(texts)) {
			err = fmt.Errorf("there are %d answers to question %d", len(texts), turn+1)
		}
		if err != nil {
			return "", err
		}
		return texts[turn], nil
	}
	first, err := at(nested(doc, "answers", "input_text"))
	if err != nil {
		return nil, err
	}
	targets := []string{first}
	more, _ := doc.Get("additional_answers")
	additional, _ := more.(*pyval.Dict)
	for _, key := range additional.Keys() {
		t, err := at(nested(additional, key, "input_text"))
		if err != nil {
			return nil, err
		}
		seen := false
		for _, have := range targets {
			seen = seen || lower(have) == lower(t)
		}
		if !seen {
			targets = append(targets, t)
		}
	}
	return targets, nil
}

// nested gives a list of strings within a dictionary within a document.
func nested(doc *pyval.Dict, outer, inner string) ([]string, error) {
	v, _ := doc.Get(outer)
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, fmt.Errorf("field %q of the document must be a dictionary, not %s", outer, brief(v))
	}
	return docTexts(d, inner)
}

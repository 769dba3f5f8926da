package lmeval

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/docfunc"
	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// HendrycksMath is process_results of hendrycks_math: 1 where the text between the first and the last dollar sign,
// else the whole answer, is the boxed part of the solution.
func HendrycksMath(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	text, err := answer(results)
	if err != nil {
		return nil, err
	}
	want, err := boxedSolution(doc)
	if err != nil {
		return nil, err
	}
	return metrics("exact_match", integer(sameMath(betweenDollars(text), want, true))), nil
}

// boxedSolution gives the boxed part of a document's solution.
func boxedSolution(doc *pyval.Dict) (string, error) {
	solution, err := docText(doc, "solution")
	if err != nil {
		return "", err
	}
	boxed, _ := docfunc.LastBoxed(solution, true)
	want, ok := docfunc.Unboxed(boxed)
	if !ok {
		return "", fmt.Errorf("the solution holds no boxed answer: %s", brief(solution))
	}
	return want, nil
}

// betweenDollars gives the text between the first and the last dollar sign, or all of it.
func betweenDollars(s string) string {
	first, last := strings.IndexByte(s, '$'), strings.LastIndexByte(s, '$')
	if first == last {
		return s
	}
	return s[first+1 : last]
}

// aime takes the boxed answer, else that between dollar signs.
func aime(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	text, err := answer(results)
	if err != nil {
		return nil, err
	}
	got := betweenDollars(text)
	if boxed, ok := docfunc.LastBoxed(text, true); ok {
		if inner, ok := docfunc.Unboxed(boxed); ok {
			got = inner
		}
	}
	for _, key := range doc.Keys() {
		if lower(key) == "answer" {
			want, _ := doc.Get(key)
			return metrics("exact_match", integer(sameMath(got, pyval.Str(want), true))), nil
		}
	}
	return nil, fmt.Errorf("the document has no answer")
}

// agievalMath finds a mathematical answer in a text and in the target.
func agievalMath(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	text, err := answer(results)
	if err != nil {
		return nil, err
	}
	target, _ := doc.Get("answer")
	want, ok := target.(string)
	if !ok {
		return metrics("acc", int64(0)), nil // nothing equals an answer that is not there
	}
	got, okGot, err := findMath(text)
	if err != nil {
		return nil, err
	}
	wanted, okWant, err := findMath(want)
	same := okGot == okWant && (!okGot || sameMath(got, wanted, false))
	return metrics("acc", integer(same)), err
}

var (
	inDollars  = pyre.MustCompile(`\$(.*)\$`)
	loneNumber = pyre.MustCompile(`(?:\$)?\d+(?:\.\d+)?(?![\w\d])`)
)

// findMath finds an answer: boxed, between dollar signs, behind an equals sign, or a number.
func findMath(s string) (string, bool, error) {
	if strings.Contains(s, `\boxed`) {
		boxed, _ := docfunc.LastBoxed(s, false)
		inner, ok := strings.CutPrefix(boxed, `\boxed{`)
		if !ok || !strings.HasSuffix(boxed, "}") {
			return "", false, nil
		}
		return behindEquals(strings.TrimSuffix(inner, "}")), true, nil
	}
	found, err := inDollars.FindAll(s)
	if err != nil {
		return "", false, err
	}
	if len(found) > 0 {
		if inner := behindEquals(found[len(found)-1].Groups[1]); inner != "" {
			return inner, true, nil
		}
	}
	if strings.Contains(s, "=") {
		last, _, _ := strings.Cut(strings.TrimRight(behindEquals(s), "."), `\n`)
		return last, true, nil
	}
	if found, err = loneNumber.FindAll(s); err != nil || len(found) == 0 {
		return "", false, err
	}
	return found[len(found)-1].Groups[0], true, nil
}

// behindEquals gives what stands behind the last equals sign, or all of s.
func behindEquals(s string) string {
	i := strings.LastIndexByte(s, '=')
	if i < 0 {
		return s
	}
	return strings.TrimLeft(s[i+1:], " ")
}

// agievalChoice scores a question with several right choices.
func agievalChoice(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	lls, err := likelihoods(results)
	if err != nil {
		return nil, err
	}
	golds, err := docList(doc, "gold")
	if err != nil {
		return nil, err
	}
	choices, err := docTexts(doc, "choices")
	if err != nil || len(choices) != len(lls) {
		return nil, fmt.Errorf("%d log-likelihoods for %d choices: %w", len(lls), len(choices), err)
	}
	right := func(pred int) float64 {
		for _, g := range golds {
			if f, ok := number(g); ok && f == float64(pred) {
				return 1
			}
		}
		return 0
	}
	perChar := make([]float64, len(lls))
	for i, c := range choices {
		perChar[i] = lls[i] / float64(codePoints(c))
	}
	return metrics("acc", right(argmax(lls)), "acc_norm", right(argmax(perChar))), nil
}

package lmeval

import (
	"math/big"
	"strings"

	"github.com/onset-eval/onset/tasks/docfunc"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// minervaMath is process_results of minerva_math but for math_verify, which needs a computer algebra system: where
// the harness asks sympy whether two expressions are equal, answers count here as equal where their normal forms are
// the same text or the same rational number. sympy knows more (2\sqrt2 and \sqrt8), and refuses what it cannot
// parse, such as a pair.
func minervaMath(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	want, err := docText(doc, "answer")
	if err != nil {
		return nil, err
	}
	same, err := minervaAnswer(results, want, docfunc.NormalFinal)
	return metrics("exact_match", integer(same)), err
}

// minervaRelease is minervaMath with the normal form of lm_eval 0.4.13. There equal texts are equal answers, whether
// sympy can parse them or not, but for empty ones.
func minervaRelease(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	want, err := docText(doc, "answer")
	if err != nil {
		return nil, err
	}
	same, err := minervaAnswer(results, want, hooks.NormalAnswer)
	return metrics("exact_match", integer(same && strip(want) != "")), err
}

// leaderboardMath is minervaMath on answers that are not in normal form. Its exact_match is math_verify's, so that
// exact_match_original is all that there is.
func leaderboardMath(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	want, err := docText(doc, "answer")
	if err != nil {
		return nil, err
	}
	if want, err = docfunc.NormalFinal(want); err != nil {
		return nil, err
	}
	same, err := minervaAnswer(results, want, docfunc.NormalFinal)
	return metrics("exact_match_original", integer(same)), err
}

var finalAnswer = pyre.MustCompile(`Final Answer: The final answer is(.*?). I hope it is correct.`)

// minervaAnswer reports whether the final answer of a text is want, which is in the normal form that normal gives.
func minervaAnswer(results []pyval.Value, want string, normal func(string) (string, error)) (bool, error) {
	text, err := answer(results)
	if err != nil {
		return false, err
	}
	m, ok, err := finalAnswer.Search(text + "I hope it is correct.")
	if err != nil || !ok {
		return false, err
	}
	got, err := normal(strip(m.Groups[1]))
	if err != nil {
		return false, err
	}
	if strip(got) == strip(want) {
		return true, nil
	}
	a, okA := rational(got)
	b, okB := rational(want)
	return okA && okB && a.Cmp(b) == 0, nil
}

var texFraction = pyre.MustCompile(`^(-?)\\frac\{(-?\d+)\}\{(-?\d+)\}\Z`)

// rational reads an integer, a decimal, a/b or \frac{a}{b}.
func rational(s string) (*big.Rat, bool) {
	if m, ok, err := texFraction.Search(s); ok && err == nil {
		s = m.Groups[2] + "/" + m.Groups[3]
		r, ok := new(big.Rat).SetString(s)
		if ok && m.Groups[1] != "" {
			r.Neg(r)
		}
		return r, ok
	}
	if s == "" || len(s) > 100 || strings.Trim(s, "0123456789.-/") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

package lmeval

import (
	"math/big"
	"strings"
	"unicode"

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
	same, err := minervaAnswer(results, want)
	return metrics("exact_match", integer(same)), err
}

// leaderboardMath is minervaMath on answers that are not in normal form. Its exact_match is math_verify's, so that
// exact_match_original is all that there is.
func leaderboardMath(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	want, err := docText(doc, "answer")
	if err != nil {
		return nil, err
	}
	if want, err = normalFinal(want); err != nil {
		return nil, err
	}
	same, err := minervaAnswer(results, want)
	return metrics("exact_match_original", integer(same)), err
}

var finalAnswer = pyre.MustCompile(`Final Answer: The final answer is(.*?). I hope it is correct.`)

// minervaAnswer reports whether the final answer of a text is want, which is in normal form.
func minervaAnswer(results []pyval.Value, want string) (bool, error) {
	text, err := answer(results)
	if err != nil {
		return false, err
	}
	m, ok, err := finalAnswer.Search(text + "I hope it is correct.")
	if err != nil || !ok {
		return false, err
	}
	got, err := normalFinal(strip(m.Groups[1]))
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

// The normal form of a final answer is that of Lewkowycz et al. 2022 (arXiv 2206.14858), appendix D: replacements,
// removals, then patterns.
var (
	finalReplaced = [][2]string{
		{"an ", ""}, {"a ", ""}, {".$", "$"}, {`\$`, ""}, {`\ `, ""}, {" ", ""}, {"mbox", "text"},
		{`,\text{and}`, ","}, {`\text{and}`, ","}, {`\text{m}`, `\text{}`},
	}
	finalRemoved = []string{
		"square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", `\ldots`, "sue",
		"points", "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges",
		"students", "childrentickets", "multiples", `\text{s}`, `\text{.}`, "\\text{\ns}", `\text{}^2`, `\text{}^3`,
		"\\text{\n}", `\text{}`, `\mathrm{th}`, `^\circ`, `^{\circ}`, `\;`, `,\!`, "{,}", `"`, `\dots`,
	}
	finalPatterns = []struct {
		pattern *pyre.Regexp
		write   func(g []string) string
	}{
		{pyre.MustCompile(`(.*?)(\$)(.*?)(\$)(.*)`), func(g []string) string { return "$" + g[3] + "$" }},
		{pyre.MustCompile(`(\\text\{)(.*?)(\})`), func(g []string) string { return g[2] }},
		{pyre.MustCompile(`(\\textbf\{)(.*?)(\})`), func(g []string) string { return g[2] }},
		{pyre.MustCompile(`(\\overline\{)(.*?)(\})`), func(g []string) string { return g[2] }},
		{pyre.MustCompile(`(\\boxed\{)(.*)(\})`), func(g []string) string { return g[2] }},
		{pyre.MustCompile(`(frac)([^{])(.)`), func(g []string) string { return "frac{" + g[2] + "}{" + g[3] + "}" }},
		{pyre.MustCompile(`(sqrt)([^{])`), func(g []string) string { return "sqrt{" + g[2] + "}" }},
	}
)

func normalFinal(s string) (string, error) {
	s = s[strings.LastIndexByte(s, '=')+1:]
	for _, r := range finalReplaced {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	for _, r := range finalRemoved {
		s = strings.ReplaceAll(s, r, "")
	}
	for _, p := range finalPatterns {
		var err error
		if s, err = p.pattern.Sub(s, func(m pyre.Match) string { return p.write(m.Groups) }); err != nil {
			return "", err
		}
	}
	s = strings.ReplaceAll(s, "$", "")
	if joined := strings.ReplaceAll(s, ",", ""); joined != "" && strings.TrimFunc(joined, unicode.IsDigit) == "" {
		s = joined
	}
	return s, nil
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

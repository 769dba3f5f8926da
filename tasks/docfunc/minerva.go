package docfunc

import (
	"strings"
	"unicode"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// minerva sets the normal form of the boxed answer.
func minerva(r *reader) *pyval.Dict {
	solution := r.text("solution")
	boxed, _ := LastBoxed(solution, true)
	answer, ok := Unboxed(boxed)
	if !ok {
		r.fail("the solution holds no boxed answer")
	}
	answer, err := NormalFinal(answer)
	if err != nil {
		r.fail("%w", err)
	}
	return dict("problem", r.text("problem"), "solution", solution, "answer", answer)
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

// NormalFinal brings a final answer in TeX to normal form.
func NormalFinal(s string) (string, error) {
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

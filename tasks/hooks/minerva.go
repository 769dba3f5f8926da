package hooks

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// What an answer may hold that says nothing of its value (Lewkowycz et al. 2022, arXiv 2206.14858, appendix D): words,
// and other texts. Words are removed first where they stand alone, and after the replacements wherever they stand but
// in the names of commands; the list's order is that of the paper.
var (
	minervaWords = strings.Fields(`square ways integers dollars mph inches ft hours km units sue points feet minutes digits
		cents degrees cm gm pounds meters meals edges students childrentickets multiples`)
	minervaRemoved = []string{"square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", `\ldots`, "sue",
		"points", "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students",
		"childrentickets", "multiples", `\text{s}`, `\text{.}`, "\\text{\ns}", `\text{}^2`, `\text{}^3`, "\\text{\n}", `\text{}`,
		`\mathrm{th}`, `^\circ`, `^{\circ}`, `\;`, `,\!`, "{,}", `"`, `\dots`}
	minervaReplaced = [...][2]string{{"an ", ""}, {"a ", ""}, {".$", "$"}, {`\$`, ""}, {`\ `, ""}, {" ", ""}, {"mbox", "text"},
		{`,\text{and}`, ","}, {`\text{and}`, ","}, {`\text{m}`, `\text{}`}}
	minervaAlone   = pyre.MustCompile(`(?<!\\)\b(?:` + strings.Join(minervaWords, "|") + `)\b`)
	minervaCommand = pyre.MustCompile(`\\[a-zA-Z]+`)
	minervaNumber  = pyre.MustCompile(`^-?\d{1,3}(,\d{3})+\Z`)
)

// minervaRules rewrite what is left, one after the other; $1 is a group of the pattern.
var minervaRules = [...]struct {
	re *pyre.Regexp
	to func(g []string) string
}{
	{pyre.MustCompile(`(.*?)(\$)(.*?)(\$)(.*)`), func(g []string) string { return "$" + g[3] + "$" }},
	{pyre.MustCompile(`(\\text\{)(.*?)(\})`), func(g []string) string { return g[2] }},
	{pyre.MustCompile(`(\\textbf\{)(.*?)(\})`), func(g []string) string { return g[2] }},
	{pyre.MustCompile(`(\\overline\{)(.*?)(\})`), func(g []string) string { return g[2] }},
	{pyre.MustCompile(`(\\boxed\{)(.*)(\})`), func(g []string) string { return g[2] }},
	{pyre.MustCompile(`(frac)([^{])(.)`), func(g []string) string { return "frac{" + g[2] + "}{" + g[3] + "}" }},
	{pyre.MustCompile(`(sqrt)(\[[^\]]*\])(\w)`), func(g []string) string { return g[1] + g[2] + "{" + g[3] + "}" }},
	{pyre.MustCompile(`(sqrt)(?!\[)([^{])`), func(g []string) string { return "sqrt{" + g[2] + "}" }},
}

// NormalAnswer brings a final answer in TeX to the normal form that minerva_math of lm_eval 0.4.13 gives it, which keeps
// more than that of docfunc.NormalFinal: the names of commands, the indexes of roots, and the commas of pairs.
func NormalAnswer(s string) (string, error) {
	r := &reader{}
	s = r.minerva(s)
	return s, r.err
}

// minerva normalizes a final answer.
func (r *reader) minerva(s string) string {
	s = r.remove(minervaAlone, s[strings.LastIndex(s, "=")+1:])
	for _, pair := range minervaReplaced {
		s = strings.ReplaceAll(s, pair[0], pair[1])
	}
	for _, drop := range minervaRemoved {
		if pyval.All(drop, func(c rune) bool { return c >= 'a' && c <= 'z' }) {
			s = r.outsideCommands(s, drop)
		} else {
			s = strings.ReplaceAll(s, drop, "")
		}
	}
	for _, rule := range minervaRules {
		out, err := rule.re.Sub(s, func(m pyre.Match) string { return rule.to(m.Groups) })
		if err != nil && r.err == nil {
			r.err = err
		}
		s = out
	}
	s = strings.ReplaceAll(s, "$", "")
	if _, ok, err := minervaNumber.Search(s); ok && err == nil {
		s = strings.ReplaceAll(s, ",", "")
	}
	return s
}

// outsideCommands removes a word but from the names of commands.
func (r *reader) outsideCommands(s, drop string) string {
	matches, err := minervaCommand.FindAll(s)
	if err != nil && r.err == nil {
		r.err = err
	}
	var b strings.Builder
	at := 0
	for _, m := range matches {
		b.WriteString(strings.ReplaceAll(s[at:m.Start], drop, ""))
		b.WriteString(s[m.Start:m.End])
		at = m.End
	}
	b.WriteString(strings.ReplaceAll(s[at:], drop, ""))
	return b.String()
}

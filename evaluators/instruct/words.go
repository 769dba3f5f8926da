package instruct

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
)

// rewrite replaces matches of a pattern by a template, in which \0 to \3 stand for groups.
type rewrite struct {
	pattern *pyre.Regexp
	with    string
}

// wordRewrites set spaces around what stands alone, in the order of NLTK 3.10's NLTKWordTokenizer, which follows the
// Penn Treebank.
var wordRewrites = compileRewrites([][2]string{
	{"([«“‘„]|[`]+)", ` \1 `},
	{`^"`, "``"},
	{"(``)", ` \1 `},
	{`([ \(\[{<])("|'{2})`, "\\1 `` "},
	{`(?i)(?<!\w)(')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)`, `\1 `},
	{`([^\.])(\.)([\]\)}>"'»”’ ]*)\s*$`, `\1 \2 \3 `},
	{`([:,])([^\d])`, ` \1 \2`},
	{`([:,])$`, ` \1 `},
	{`\.{2,}`, ` \0 `},
	{`[;@#$%&]`, ` \0 `},
	{`[\u2012-\u2015]`, ` \0 `},
	{`([^\.])(\.)([\]\)}>"']*)\s*$`, `\1 \2\3 `},
	{`[?!]`, ` \0 `},
	{`([^'])' `, `\1 ' `},
	{`[*]`, ` \0 `},
	{`[\]\[\(\)\{\}\<\>]`, ` \0 `},
	{`--`, ` -- `},
})

// quoteRewrites follow on the text between spaces.
var quoteRewrites = compileRewrites([][2]string{
	{`([»”’])`, ` \1 `},
	{`''`, ` '' `},
	{`"`, ` '' `},
	{`\s+`, ` `},
	{`([^' ])('[sS]|'[mM]|'[dD]|') `, `\1 \2 `},
	{`([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) `, `\1 \2 `},
	{`(?i)\b(can)(not)\b`, ` \1 \2 `},
	{`(?i)\b(d)('ye)\b`, ` \1 \2 `},
	{`(?i)\b(gim)(me)\b`, ` \1 \2 `},
	{`(?i)\b(gon)(na)\b`, ` \1 \2 `},
	{`(?i)\b(got)(ta)\b`, ` \1 \2 `},
	{`(?i)\b(lem)(me)\b`, ` \1 \2 `},
	{`(?i)\b(more)('n)\b`, ` \1 \2 `},
	{`(?i)\b(wan)(na)(?=\s)`, ` \1 \2 `},
	{`(?i) ('t)(is)\b`, ` \1 \2 `},
	{`(?i) ('t)(was)\b`, ` \1 \2 `},
})

func compileRewrites(rules [][2]string) []rewrite {
	out := make([]rewrite, len(rules))
	for i, r := range rules {
		out[i] = rewrite{pyre.MustCompile(r[0]), r[1]}
	}
	return out
}

// apply rewrites a text; a search that runs out of time leaves it as it is.
func (r rewrite) apply(s string) string {
	out, err := r.pattern.Sub(s, func(m pyre.Match) string {
		var b strings.Builder
		for i := 0; i < len(r.with); i++ {
			if r.with[i] == '\\' {
				i++
				b.WriteString(m.Groups[r.with[i]-'0'])
				continue
			}
			b.WriteByte(r.with[i])
		}
		return b.String()
	})
	if err != nil {
		return s
	}
	return out
}

// Words parts a text into words and marks as NLTK's word_tokenize does.
func Words(text string) []string {
	var out []string
	for _, s := range Sentences(text) {
		for _, r := range wordRewrites {
			s = r.apply(s)
		}
		s = " " + s + " "
		for _, r := range quoteRewrites {
			s = r.apply(s)
		}
		out = append(out, fields(s)...)
	}
	return out
}

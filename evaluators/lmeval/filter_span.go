package lmeval

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
)

// spanLabel rewrites a label of a named entity, which stands before a colon.
type spanLabel struct {
	pattern *pyre.Regexp
	label   string
}

// spanLabels are applied in order.
var spanLabels = func() []spanLabel {
	var out []spanLabel
	for _, pair := range [][2]string{
		{"person", "PER"}, {"location", "LOC"}, {"organization", "ORG"}, {"counties", "LOC"}, {"places", "LOC"},
		{"people", "PER"}, {"persons", "PER"}, {"company", "ORG"}, {"country", "LOC"}, {"continent", "LOC"},
		{"time", "DATE"}, {"date", "DATE"}, {"per", "PER"}, {"loc", "LOC"}, {"org", "ORG"},
	} {
		out = append(out, spanLabel{pyre.MustCompile(`\b` + pair[0] + `\s*:`), pair[1] + ":"})
	}
	return out
}()

var labelledSpan = pyre.MustCompile(`\b(PER|LOC|ORG|DATE):\s*([^$]+)`)

// formatSpan lists the named entities of a text as "label: entity", with " $ " between them. A search that runs out
// of time leaves the text as it is, so that the answer is wrong and not lost.
func formatSpan(text string) string {
	text = lower(text)
	for _, l := range spanLabels {
		changed, err := l.pattern.Sub(text, func(pyre.Match) string { return l.label })
		if err != nil {
			return text
		}
		text = changed
	}
	text = strings.TrimRight(strings.ReplaceAll(text, "$$", "$"), "$")
	found, err := labelledSpan.FindAll(strip(strings.ReplaceAll(text, "\n", "$")))
	if err != nil {
		return text
	}
	var spans []string
	for _, m := range found {
		for _, entity := range strings.Split(m.Groups[2], ",") {
			if entity = strip(entity); lower(entity) != "none" {
				spans = append(spans, lower(m.Groups[1])+": "+entity)
			}
		}
	}
	return strings.Join(spans, " $ ")
}

package pyre

import (
	"fmt"
	"strings"

	"github.com/dlclark/regexp2/v2"
)

// Match is one match in a text.
type Match struct {
	// Start and End are byte offsets into the text.
	Start, End int
	// Groups holds the text of the match and of its groups; a group that took no part is "".
	Groups []string
	// Spans holds the byte offsets where each of Groups starts and ends; -1 and -1 for one that took no part.
	Spans []int
}

// FindAll gives all matches, as re.finditer does: an empty match may follow another match at once.
func (re *Regexp) FindAll(text string) ([]Match, error) { return re.program().find(text, -1) }

// Search gives the first match; ok is false where there is none (re.search).
func (re *Regexp) Search(text string) (m Match, ok bool, err error) {
	found, err := re.program().find(text, 1)
	if err != nil || len(found) == 0 {
		return Match{}, false, err
	}
	return found[0], true, nil
}

// Sub gives text with each match replaced by what f makes of it (re.sub).
func (re *Regexp) Sub(text string, f func(Match) string) (string, error) { return re.sub(text, -1, f) }

// Remove gives text without its matches.
func (re *Regexp) Remove(text string) (string, error) {
	return re.sub(text, -1, func(Match) string { return "" })
}

func (re *Regexp) sub(text string, limit int, f func(Match) string) (string, error) {
	found, err := re.program().find(text, limit)
	if err != nil || len(found) == 0 {
		return text, err
	}
	var b strings.Builder
	at := 0
	for _, m := range found {
		b.WriteString(text[at:m.Start])
		b.WriteString(f(m))
		at = m.End
	}
	b.WriteString(text[at:])
	return b.String(), nil
}

// Split gives the parts of text between matches (re.split of a pattern without groups).
func (re *Regexp) Split(text string) ([]string, error) {
	found, err := re.program().find(text, -1)
	if err != nil {
		return nil, err
	}
	parts := make([]string, 0, len(found)+1)
	at := 0
	for _, m := range found {
		parts = append(parts, text[at:m.Start])
		at = m.End
	}
	return append(parts, text[at:]), nil
}

// find gives up to limit matches, or all where limit is negative.
func (re *program) find(text string, limit int) ([]Match, error) {
	if re.linear != nil && plain(text) {
		spans := re.linear.FindAllStringSubmatchIndex(text, limit)
		found := make([]Match, len(spans))
		for i, s := range spans {
			found[i] = Match{Start: s[0], End: s[1], Groups: make([]string, len(s)/2), Spans: s}
			for g := range found[i].Groups {
				if s[2*g] >= 0 {
					found[i].Groups[g] = text[s[2*g]:s[2*g+1]]
				}
			}
		}
		return found, nil
	}
	return re.findFull(text, limit)
}

// findFull finds with the back-tracking engine. After an empty match, Python searches on from the same place, for a
// match that does not end there.
func (re *program) findFull(text string, limit int) ([]Match, error) {
	runes := []rune(text)
	offsets := byteOffsets(text, runes)
	var found []Match
	at, engine := 0, re.full
	for at <= len(runes) && len(found) != limit {
		m, err := engine.FindRunesMatchStartingAt(runes, at)
		if err != nil {
			return nil, fmt.Errorf("match regular expression: %w", err)
		}
		if m == nil {
			break
		}
		end := m.RuneIndex + m.RuneLength
		found = append(found, re.match(m, text, offsets))
		at, engine = end, re.full
		if m.RuneLength == 0 && re.again != nil {
			engine = re.again
		} else if m.RuneLength == 0 {
			at++
		}
	}
	return found, nil
}

func (re *program) match(m *regexp2.Match, text string, offsets []int) Match {
	span := func(c regexp2.Capture) (int, int) { return offsets[c.RuneIndex], offsets[c.RuneIndex+c.RuneLength] }
	out := Match{Groups: make([]string, re.groups+1), Spans: make([]int, 2*(re.groups+1))}
	out.Start, out.End = span(m.Capture)
	for i, g := range m.Groups() {
		if i < len(out.Groups) && len(g.Captures) > 0 {
			start, end := span(g.Capture)
			out.Groups[i] = text[start:end]
			out.Spans[2*i], out.Spans[2*i+1] = start, end
		} else if i < len(out.Groups) {
			out.Spans[2*i], out.Spans[2*i+1] = -1, -1
		}
	}
	return out
}

// byteOffsets gives where each rune starts, and the end of the text.
func byteOffsets(text string, runes []rune) []int {
	offsets := make([]int, 0, len(runes)+1)
	for i := range text {
		offsets = append(offsets, i)
	}
	return append(offsets, len(text))
}

package instruct

import (
	"encoding/json"
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
)

var divider = pyre.MustCompile(`\s?\*\*\*\s?`)

// numberOfParagraphs counts what *** parts. An empty paragraph may stand first or last, and then does not count.
func numberOfParagraphs(a *Arguments, s string) bool {
	parts, err := divider.Split(s)
	if err != nil {
		a.fail("%w", err)
	}
	n := len(parts)
	for i, p := range parts {
		if strip(p) == "" {
			if i != 0 && i != len(parts)-1 {
				return false
			}
			n--
		}
	}
	return n == a.count("num_paragraphs")
}

// firstWord counts paragraphs that an empty line parts. Empty ones do not count, though nth_paragraph counts them.
func firstWord(a *Arguments, s string) bool {
	want, number, nth := lower(a.text("first_word")), a.count("num_paragraphs"), a.count("nth_paragraph")
	if nth > number {
		a.fail("argument nth_paragraph is %d of %d paragraphs", nth, number)
	}
	if a.err != nil {
		return false
	}
	parts := strings.Split(s, "\n\n")
	n := 0
	for _, p := range parts {
		if strip(p) != "" {
			n++
		}
	}
	if nth > n {
		return false
	}
	words := fields(parts[nth-1])
	if len(words) == 0 {
		return false
	}
	word := strings.TrimLeft(strings.TrimLeft(words[0], "'"), `"`)
	if end := strings.IndexAny(word, `.,?!'"`); end >= 0 {
		word = word[:end]
	}
	return n == number && lower(word) == want
}

// twoResponses allows an empty part at the ends alone.
func twoResponses(_ *Arguments, s string) bool {
	parts := strings.Split(s, "******")
	var responses []string
	for i, p := range parts {
		if p = strip(p); p != "" {
			responses = append(responses, p)
		} else if i != 0 && i != len(parts)-1 {
			return false
		}
	}
	return len(responses) == 2 && responses[0] != responses[1]
}

func jsonFormat(_ *Arguments, s string) bool {
	s = strip(s)
	for _, fence := range []string{"```json", "```Json", "```JSON", "```"} {
		s = strings.TrimPrefix(s, fence)
	}
	s = strip(strings.TrimSuffix(s, "```"))
	return json.Valid([]byte(pythonNumbers(s)))
}

// pythonNumbers writes 0 for the numbers NaN and Infinity, which Python reads as JSON, outside of strings.
func pythonNumbers(s string) string {
	if !strings.Contains(s, "NaN") && !strings.Contains(s, "Infinity") {
		return s
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\' && i+1 < len(s):
			b.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(s[i:], "NaN"):
			b.WriteByte('0')
			i += len("NaN") - 1
			continue
		case !quoted && strings.HasPrefix(s[i:], "Infinity"):
			b.WriteByte('0')
			i += len("Infinity") - 1
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

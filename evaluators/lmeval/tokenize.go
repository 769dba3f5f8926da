package lmeval

import (
	"strings"
	"unicode"
)

// tokenize13a splits as mteval-v13a does: ASCII punctuation stands alone, but for the apostrophe, the hyphen that is
// not behind a digit, and the full stop and comma between digits.
func tokenize13a(line string) []string {
	line = strings.ReplaceAll(line, "<skipped>", "")
	line = strings.ReplaceAll(line, "-\n", "")
	line = strings.ReplaceAll(line, "\n", " ")
	if strings.Contains(line, "&") {
		for _, e := range [][2]string{{"&quot;", `"`}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}} {
			line = strings.ReplaceAll(line, e[0], e[1])
		}
	}
	line = " " + line + " "

	var b strings.Builder
	for i := range len(line) {
		if c := line[i]; stands13a(c) {
			b.WriteString(" " + line[i:i+1] + " ")
		} else {
			b.WriteByte(c)
		}
	}
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	point := func(c byte) bool { return c == '.' || c == ',' }
	line = spaced(b.String(), func(a, c byte) bool { return !digit(a) && point(c) }, "", " ", " ")
	line = spaced(line, func(a, c byte) bool { return point(a) && !digit(c) }, " ", " ", "")
	line = spaced(line, func(a, c byte) bool { return digit(a) && c == '-' }, "", " ", " ")
	return fields(line)
}

// stands13a reports whether an ASCII character always stands alone.
func stands13a(c byte) bool {
	return c >= '{' && c <= '~' || c >= '[' && c <= '`' || c >= ' ' && c <= '&' || c >= '(' && c <= '+' || c >= ':' && c <= '@' || c == '/'
}

// spaced writes before, between and after around pairs of bytes that match, left to right without overlap. Bytes of
// one character beyond ASCII are never parted, as no rule here asks for one as the first or last of a pair alone.
func spaced(line string, match func(a, c byte) bool, before, between, after string) string {
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if i+1 < len(line) && match(line[i], line[i+1]) {
			b.WriteString(before + line[i:i+1] + between + line[i+1:i+2] + after)
			i++
			continue
		}
		b.WriteByte(line[i])
	}
	return b.String()
}

// tokenizeIntl splits as mteval-v14 does in its international form: punctuation stands alone but beside a number,
// and symbols stand alone.
func tokenizeIntl(line string) []string {
	number := func(r rune) bool { return unicode.Is(unicode.N, r) }
	line = spacedRunes(line, func(a, c rune) bool { return !number(a) && unicode.IsPunct(c) }, "", " ", " ")
	line = spacedRunes(line, func(a, c rune) bool { return unicode.IsPunct(a) && !number(c) }, " ", " ", "")
	var b strings.Builder
	for _, r := range line {
		if unicode.IsSymbol(r) {
			b.WriteString(" " + string(r) + " ")
		} else {
			b.WriteRune(r)
		}
	}
	return fields(b.String())
}

// spacedRunes is spaced over characters.
func spacedRunes(line string, match func(a, c rune) bool, before, between, after string) string {
	var b strings.Builder
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		if i+1 < len(runes) && match(runes[i], runes[i+1]) {
			b.WriteString(before + string(runes[i]) + between + string(runes[i+1]) + after)
			i++
			continue
		}
		b.WriteRune(runes[i])
	}
	return b.String()
}

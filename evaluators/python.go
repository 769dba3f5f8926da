package evaluators

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// pythonSyntax rewrites a pattern in Python's syntax (docs.python.org/3/library/re.html) to the .NET syntax of the
// back-tracking engine, where the two mean different things: named groups, \Z, {,n}, the members of \w and \s, and
// a bracket within a class, which .NET would take for a subtraction.
func pythonSyntax(expr string) string {
	var b strings.Builder
	class := -1 // where the open class starts, or -1
	for i := 0; i < len(expr); i++ {
		rest := expr[i:]
		switch c := expr[i]; {
		case c == '\\' && len(rest) > 1:
			b.WriteString(pythonEscape(rest[1], class >= 0))
			i++
		case class >= 0:
			if c == '[' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
			if c == ']' && i > class+1 && (i > class+2 || expr[class+1] != '^') {
				class = -1
			}
		case c == '[':
			class = i
			b.WriteByte(c)
		case strings.HasPrefix(rest, "(?P<"):
			b.WriteString("(?<")
			i += len("(?P<") - 1
		case strings.HasPrefix(rest, "(?P="):
			name, _, _ := strings.Cut(rest[len("(?P="):], ")")
			b.WriteString(`\k<` + name + ">")
			i += len("(?P=") + len(name)
		case strings.HasPrefix(rest, "{,"):
			b.WriteString("{0,")
			i++
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func pythonEscape(c byte, inClass bool) string {
	const word, space = `\p{L}\p{N}_`, `\s\x1c-\x1f`
	switch {
	case c == 'Z' && !inClass:
		return `\z`
	case c == 'w' && inClass:
		return word
	case c == 'w':
		return "[" + word + "]"
	case c == 'W' && !inClass:
		return "[^" + word + "]"
	case c == 's' && inClass:
		return space
	case c == 's':
		return "[" + space + "]"
	case c == 'S' && !inClass:
		return "[^" + space + "]"
	}
	return `\` + string(c)
}

// isSpace reports whether Python's str.strip takes r away.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// lower is Python's str.lower.
func lower(s string) string {
	if plain(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

// upper is Python's str.upper.
func upper(s string) string {
	if plain(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

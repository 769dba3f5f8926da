package pyre

import "strings"

// The members of Python's character classes, which are Unicode's, and of their complements, in the syntax of .NET.
const (
	word    = `\p{L}\p{N}_`
	notWord = `\p{M}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}\p{S}\p{Z}\p{C}\u203f\u2040\u2054\ufe33\ufe34\ufe4d-\ufe4f\uff3f`
	space   = `\s\x1c-\x1f`
)

// translate rewrites a pattern in Python's syntax (docs.python.org/3/library/re.html) to the .NET syntax of the
// back-tracking engine, where the two mean different things: named groups, \Z, \b, {,n}, the members of \w and \s,
// and a bracket within a class, which .NET would take for a subtraction.
func translate(expr string) string {
	var b strings.Builder
	class := -1 // where the open class starts, or -1
	for i := 0; i < len(expr); i++ {
		rest := expr[i:]
		switch c := expr[i]; {
		case c == '\\' && len(rest) > 1:
			b.WriteString(escape(rest[1], class >= 0))
			i++
		case class >= 0:
			if c == '[' {
				b.WriteByte('\\')
			}
			if c == ']' && (i == class+1 || i == class+2 && expr[class+1] == '^') {
				b.WriteByte('\\')
				b.WriteByte(c)
				continue
			}
			b.WriteByte(c)
			if c == ']' {
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

// escape translates a backslash and the byte after it.
func escape(c byte, inClass bool) string {
	const before, after = "(?<=[" + word + "])", "(?=[" + word + "])"
	const noneBefore, noneAfter = "(?<![" + word + "])", "(?![" + word + "])"
	switch {
	case inClass && c == 'w':
		return word
	case inClass && c == 'W':
		return notWord
	case inClass && c == 's':
		return space
	case inClass:
	case c == 'w':
		return "[" + word + "]"
	case c == 'W':
		return "[^" + word + "]"
	case c == 's':
		return "[" + space + "]"
	case c == 'S':
		return "[^" + space + "]"
	case c == 'b':
		return "(?:" + before + noneAfter + "|" + noneBefore + after + ")"
	case c == 'B':
		return "(?:" + before + after + "|" + noneBefore + noneAfter + ")"
	case c == 'Z':
		return `\z`
	}
	return `\` + string([]byte{c})
}

// Escape gives a pattern that matches text itself (re.escape).
func Escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if strings.IndexByte("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

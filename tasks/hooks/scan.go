package hooks

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// line is one logical line of Python: what stands in brackets or in a long string does not end it.
type line struct {
	indent int
	text   string   // without comments, indentation and trailing blanks
	words  []string // all words of it that may be names of the module
}

// continues reports whether the line belongs to the statement before it although it is not indented.
func (l line) continues() bool {
	for _, word := range [...]string{"else", "elif", "except", "finally"} {
		if rest, ok := strings.CutPrefix(l.text, word); ok && (rest == "" || !isNameByte(rest[0])) {
			return true
		}
	}
	return false
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

// scanLines cuts a source into logical lines and drops comments and blank lines.
func scanLines(source string) []line {
	var out []line
	s := scanner{source: strings.ReplaceAll(source, "\r\n", "\n")}
	for s.at < len(s.source) {
		if l, ok := s.line(); ok {
			out = append(out, l)
		}
	}
	return out
}

type scanner struct {
	source string
	at     int
}

// line reads one logical line; false for one without code.
func (s *scanner) line() (line, bool) {
	var l line
	for s.at < len(s.source) && (s.source[s.at] == ' ' || s.source[s.at] == '\t') {
		l.indent++
		s.at++
	}
	var b strings.Builder
	depth := 0
scan:
	for s.at < len(s.source) {
		switch c := s.source[s.at]; {
		case c == '\n' && depth <= 0:
			s.at++
			break scan
		case c == '\n':
			trimmed := strings.TrimRight(b.String(), " \t")
			b.Reset()
			b.WriteString(trimmed + "\n")
			s.at++
			for s.at < len(s.source) && (s.source[s.at] == ' ' || s.source[s.at] == '\t' || s.source[s.at] == '\n') {
				s.at++
			}
		case c == '#':
			for s.at < len(s.source) && s.source[s.at] != '\n' {
				s.at++
			}
		case c == '\\' && strings.HasPrefix(s.source[s.at:], "\\\n"):
			b.WriteByte(' ')
			s.at += 2
		case c == '"' || c == '\'':
			b.WriteString(s.text(&l, b.String()))
		case isNameByte(c):
			start := s.at
			for s.at < len(s.source) && isNameByte(s.source[s.at]) {
				s.at++
			}
			word := s.source[start:s.at]
			if !strings.HasSuffix(b.String(), ".") && !unicode.IsDigit(rune(word[0])) {
				l.words = append(l.words, word)
			}
			b.WriteString(word)
		default:
			switch c {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth--
			}
			b.WriteByte(c)
			s.at++
		}
	}
	l.text = strings.TrimRight(b.String(), " \t\n")
	return l, l.text != ""
}

// text reads a string literal as it stands. The words of a formatted one are taken for names.
func (s *scanner) text(l *line, before string) string {
	prefix := ""
	for i := len(before); i > 0 && isNameByte(before[i-1]) && len(before)-i < 2; i-- {
		prefix = strings.ToLower(before[i-1:])
	}
	start := s.at
	quote := s.source[s.at : s.at+1]
	if long := strings.Repeat(quote, 3); strings.HasPrefix(s.source[s.at:], long) {
		quote = long
	}
	s.at += len(quote)
	for s.at < len(s.source) && !strings.HasPrefix(s.source[s.at:], quote) {
		if s.source[s.at] == '\n' && len(quote) == 1 {
			return s.source[start:s.at] // not closed: no Python
		}
		if s.source[s.at] == '\\' {
			s.at++
		}
		s.at++
	}
	s.at = min(s.at+len(quote), len(s.source))
	literal := s.source[start:s.at]
	if strings.Contains(prefix, "f") {
		l.words = append(l.words, strings.FieldsFunc(literal, func(r rune) bool {
			return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		})...)
	}
	return literal
}

// read finds what the statement binds and uses.
func (s *statement) read() {
	for i, l := range s.lines {
		s.used = append(s.used, l.words...)
		first, rest, _ := strings.Cut(l.text, " ")
		if i > 0 && l.indent > 0 && !s.block() {
			continue // what a function or class binds is its own
		}
		switch first {
		case "def", "class", "async":
			words := strings.FieldsFunc(strings.TrimPrefix(rest, "def "), func(r rune) bool { return !isNameByte(byte(min(r, utf8.RuneSelf))) })
			if len(words) > 0 {
				s.names = append(s.names, words[0])
			}
		case "import", "from":
			s.readImport(first, rest)
		default:
			s.readAssignment(l)
		}
	}
	slices.Sort(s.used)
	s.used = slices.Compact(s.used)
}

// block reports whether the statement's inner lines bind names of the module, as those of if and try do.
func (s *statement) block() bool {
	first, _, _ := strings.Cut(strings.TrimSuffix(s.lines[0].text, ":"), " ")
	return slices.Contains([]string{"if", "try", "for", "while", "with"}, first)
}

func (s *statement) readImport(first, rest string) {
	if first == "from" {
		_, rest, _ = strings.Cut(rest, "import ")
	}
	for _, item := range strings.Split(strings.NewReplacer("(", "", ")", "", "\n", " ").Replace(rest), ",") {
		words := strings.Fields(item)
		switch {
		case len(words) == 0:
		case words[0] == "*":
			s.used = append(s.used, "import *")
		case len(words) == 3:
			s.names = append(s.names, words[2])
		default:
			name, _, _ := strings.Cut(words[0], ".")
			s.names = append(s.names, name)
		}
	}
}

// readAssignment finds the names before the first sign of equality: a, b = ..., a: int = ..., a += ...
func (s *statement) readAssignment(l line) {
	left, right, ok := strings.Cut(l.text, "=")
	if !ok || strings.HasPrefix(right, "=") || strings.ContainsAny(left, "('\"") {
		return
	}
	left, _, _ = strings.Cut(left, ":")
	for _, part := range strings.Split(strings.TrimRight(left, "+-*/|& "), ",") {
		name := strings.TrimSpace(part)
		if i := strings.IndexAny(name, ".["); i >= 0 {
			name = name[:i] // a change of what the name holds
		}
		if name != "" && strings.IndexFunc(name, func(r rune) bool { return r < utf8.RuneSelf && !isNameByte(byte(r)) }) < 0 {
			s.names = append(s.names, name)
		}
	}
}

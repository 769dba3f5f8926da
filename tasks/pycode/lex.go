package pycode

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind tells tokens apart.
type kind int

const (
	tokEnd kind = iota
	tokNewline
	tokIndent
	tokDedent
	tokName
	tokNumber
	tokText   // a string literal, with its prefix in word
	tokSymbol // an operator or bracket
)

// token is one word of the source.
type token struct {
	kind kind
	text string // of a string, what stands between the quotes
	word string // a string's prefix, in lower case
	line int
}

// SyntaxError says that a source is no Python, or Python that is not interpreted here.
type SyntaxError struct {
	Line int
	Msg  string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

type lexer struct {
	source  string
	at      int
	line    int
	depth   int // of open brackets
	indents []int
	out     []token
}

// symbols are the operators of several characters, the longest first.
var symbols = []string{"**=", "//=", ">>=", "<<=", "...", "->", ":=", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=",
	"**", "//", "<<", ">>"}

// lex cuts a source into tokens.
func lex(source string) ([]token, error) {
	l := &lexer{source: strings.ReplaceAll(strings.TrimPrefix(source, "\ufeff"), "\r\n", "\n"), line: 1, indents: []int{0}}
	for l.at < len(l.source) {
		if err := l.logicalLine(); err != nil {
			return nil, err
		}
	}
	l.newline()
	for range l.indents[1:] {
		l.add(tokDedent, "")
	}
	l.add(tokEnd, "")
	return l.out, nil
}

func (l *lexer) add(k kind, text string) {
	l.out = append(l.out, token{kind: k, text: text, line: l.line})
}

func (l *lexer) newline() {
	if n := len(l.out); n > 0 && l.out[n-1].kind != tokNewline && l.out[n-1].kind != tokDedent && l.out[n-1].kind != tokIndent {
		l.add(tokNewline, "")
	}
}

// logicalLine reads one line with its indentation; lines within brackets belong to it.
func (l *lexer) logicalLine() error {
	width := 0
	for l.at < len(l.source) && (l.source[l.at] == ' ' || l.source[l.at] == '\t' || l.source[l.at] == '\f') {
		if l.source[l.at] == '\t' {
			width += 8 - width%8
		} else {
			width++
		}
		l.at++
	}
	if l.at >= len(l.source) {
		return nil
	}
	if c := l.source[l.at]; c == '\n' || c == '#' {
		l.comment()
		if l.at < len(l.source) {
			l.at++
			l.line++
		}
		return nil
	}
	if err := l.indent(width); err != nil {
		return err
	}
	for l.at < len(l.source) {
		if l.source[l.at] == '\n' && l.depth == 0 {
			l.newline()
			l.at++
			l.line++
			return nil
		}
		if err := l.token(); err != nil {
			return err
		}
	}
	return nil
}

func (l *lexer) comment() {
	for l.at < len(l.source) && l.source[l.at] != '\n' {
		l.at++
	}
}

func (l *lexer) indent(width int) error {
	switch last := l.indents[len(l.indents)-1]; {
	case width > last:
		l.indents = append(l.indents, width)
		l.add(tokIndent, "")
	case width < last:
		for len(l.indents) > 1 && l.indents[len(l.indents)-1] > width {
			l.indents = l.indents[:len(l.indents)-1]
			l.add(tokDedent, "")
		}
		if l.indents[len(l.indents)-1] != width {
			return &SyntaxError{l.line, "the indentation fits no block"}
		}
	}
	return nil
}

// token reads one token, or what stands between tokens.
func (l *lexer) token() error {
	rest := l.source[l.at:]
	c := rest[0]
	switch {
	case c == '\n':
		l.line++
		l.at++
	case c == ' ' || c == '\t' || c == '\f' || c == '\r':
		l.at++
	case c == '#':
		l.comment()
	case strings.HasPrefix(rest, "\\\n"):
		l.at += 2
		l.line++
	case c >= '0' && c <= '9' || c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		l.number()
	case c == '"' || c == '\'':
		return l.text("")
	default:
		if r, _ := utf8.DecodeRuneInString(rest); r == '_' || unicode.IsLetter(r) {
			return l.name()
		}
		return l.symbol()
	}
	return nil
}

func (l *lexer) name() error {
	rest := l.source[l.at:]
	n := strings.IndexFunc(rest, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	if n < 0 {
		n = len(rest)
	}
	word := rest[:n]
	if n <= 2 && n < len(rest) && (rest[n] == '"' || rest[n] == '\'') {
		if prefix := strings.ToLower(word); strings.Trim(prefix, "rbfu") == "" {
			l.at += n
			return l.text(prefix)
		}
	}
	l.add(tokName, word)
	l.at += n
	return nil
}

func (l *lexer) number() {
	start := l.at
	hex := strings.HasPrefix(strings.ToLower(l.source[l.at:]), "0x")
	for l.at < len(l.source) {
		c := l.source[l.at]
		exponent := (c == '+' || c == '-') && !hex && (l.source[l.at-1] == 'e' || l.source[l.at-1] == 'E')
		if c != '.' && c != '_' && !exponent && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			break
		}
		l.at++
	}
	l.add(tokNumber, strings.ReplaceAll(l.source[start:l.at], "_", ""))
}

func (l *lexer) symbol() error {
	rest := l.source[l.at:]
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			l.add(tokSymbol, s)
			l.at += len(s)
			return nil
		}
	}
	c := rest[0]
	switch {
	case strings.IndexByte("([{", c) >= 0:
		l.depth++
	case strings.IndexByte(")]}", c) >= 0:
		l.depth--
	case strings.IndexByte("+-*/%@&|^~<>=,:.;!", c) < 0:
		return &SyntaxError{l.line, fmt.Sprintf("unexpected character %q", c)}
	}
	l.add(tokSymbol, string([]byte{c}))
	l.at++
	return nil
}

// text reads a string literal from its quote on.
func (l *lexer) text(prefix string) error {
	quote := l.source[l.at : l.at+1]
	if long := strings.Repeat(quote, 3); strings.HasPrefix(l.source[l.at:], long) {
		quote = long
	}
	line := l.line
	l.at += len(quote)
	start := l.at
	for !strings.HasPrefix(l.source[l.at:], quote) {
		switch {
		case l.at >= len(l.source) || l.source[l.at] == '\n' && len(quote) == 1:
			return &SyntaxError{line, "a string is not closed"}
		case l.source[l.at] == '\\' && l.at+1 < len(l.source):
			if l.source[l.at+1] == '\n' {
				l.line++
			}
			l.at++
		case l.source[l.at] == '\n':
			l.line++
		}
		l.at++
	}
	l.out = append(l.out, token{kind: tokText, text: l.source[start:l.at], word: prefix, line: line})
	l.at += len(quote)
	return nil
}

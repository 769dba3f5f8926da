package template

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// operators, the longer first.
var operators = []string{
	"//", "**", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
}

// tag reads the tokens of a tag up to its closing mark, which counts only outside brackets.
func (l *lexer) tag(endKind kind, mark string) error {
	l.brackets = l.brackets[:0]
	for l.pos < len(l.src) {
		if len(l.brackets) == 0 {
			if after, ok := l.end(l.pos, mark); ok {
				l.emit(endKind, mark)
				l.advance(after)
				return nil
			}
		}
		if err := l.token(); err != nil {
			return err
		}
	}
	return nil // the parser meets the end where it awaits a token
}

func (l *lexer) token() error {
	s := l.src[l.pos:]
	if after := l.skipSpace(l.pos); after > l.pos {
		l.advance(after)
		return nil
	}
	r, _ := utf8.DecodeRuneInString(s)
	switch {
	case r >= '0' && r <= '9':
		return l.number(s)
	case isWord(r):
		return l.name(s)
	case r == '\'' || r == '"':
		return l.quoted(s, byte(r))
	}
	for _, op := range operators {
		if strings.HasPrefix(s, op) {
			if err := l.balance(op); err != nil {
				return err
			}
			l.emit(kindOp, op)
			l.advance(l.pos + len(op))
			return nil
		}
	}
	return l.errorf("unexpected char %s at %d", pyval.Repr(string(r)), utf8.RuneCountInString(l.src[:l.pos]))
}

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nd, r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nl, unicode.Pc)
}

func (l *lexer) name(s string) error {
	end := strings.IndexFunc(s, func(r rune) bool { return !isWord(r) })
	if end < 0 {
		end = len(s)
	}
	first, _ := utf8.DecodeRuneInString(s)
	if first != '_' && !unicode.IsLetter(first) && !unicode.Is(unicode.Nl, first) {
		return l.errorf("Invalid character in identifier")
	}
	l.emit(kindName, s[:end])
	l.advance(l.pos + end)
	return nil
}

func (l *lexer) quoted(s string, quote byte) error {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			text, err := unescape(s[1:i])
			if err != nil {
				return l.errorf("%v", err)
			}
			l.emit(kindString, text)
			l.advance(l.pos + i + 1)
			return nil
		}
	}
	return l.errorf("unexpected char %s at %d", pyval.Repr(s[:1]), utf8.RuneCountInString(l.src[:l.pos]))
}

// unescape resolves escapes as jinja2 does, which writes characters beyond ASCII as escapes first: so a
// backslash before one of them stays, and the character turns into its escape.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			break
		}
		r, n := utf8.DecodeRuneInString(s[i+1:])
		if b.WriteString(s[:i+1]); r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(asciiEscape(r))
		}
		s = s[i+1+n:]
	}
	b.WriteString(s)
	return pyval.Unescape(b.String())
}

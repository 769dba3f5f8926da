package template

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

func (l *lexer) errorf(format string, args ...any) error {
	return &Error{Line: l.line, Kind: "TemplateSyntaxError", Err: textError(fmt.Sprintf(format, args...))}
}

// balance keeps the brackets of a tag.
func (l *lexer) balance(op string) error {
	switch op {
	case "(":
		l.brackets = append(l.brackets, ')')
	case "[":
		l.brackets = append(l.brackets, ']')
	case "{":
		l.brackets = append(l.brackets, '}')
	case ")", "]", "}":
		n := len(l.brackets) - 1
		if n < 0 {
			return l.errorf("unexpected '%s'", op)
		}
		if want := l.brackets[n]; want != op[0] {
			return l.errorf("unexpected '%s', expected '%c'", op, want)
		}
		l.brackets = l.brackets[:n]
	}
	return nil
}

// asciiEscape writes a character as Python's backslashreplace does, with its backslash doubled by the one
// that stands before it.
func asciiEscape(r rune) string {
	switch {
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// number reads a float or an integer, with underscores between digits.
func (l *lexer) number(s string) error {
	if n := floatLen(s); n > 0 && (l.pos == 0 || l.src[l.pos-1] != '.') {
		f, err := pyval.ParseFloat(strings.ReplaceAll(s[:n], "_", ""))
		if err != nil {
			return l.errorf("%v", err)
		}
		l.tokens = append(l.tokens, token{kind: kindFloat, line: l.line, text: s[:n], value: f})
		l.advance(l.pos + n)
		return nil
	}
	n := integerLen(s)
	v, err := pyval.ParseInt(strings.ReplaceAll(s[:n], "_", ""), 0)
	if err != nil {
		return l.errorf("%v", err)
	}
	l.tokens = append(l.tokens, token{kind: kindInteger, line: l.line, text: s[:n], value: v})
	l.advance(l.pos + n)
	return nil
}

// digitRun counts the bytes of digits from n on, each but the first perhaps after an underscore.
func digitRun(s string, n int, digit string) int {
	for n < len(s) {
		m := n
		if s[m] == '_' && m > 0 {
			m++
		}
		if m >= len(s) || strings.IndexByte(digit, s[m]|0x20) < 0 && strings.IndexByte(digit, s[m]) < 0 {
			break
		}
		n = m + 1
	}
	return n
}

const decimal = "0123456789"

// floatLen counts the bytes of the float in front of s; 0 where there is none.
func floatLen(s string) int {
	n := digitRun(s, 0, decimal)
	whole := n
	if n+1 < len(s) && s[n] == '.' && strings.IndexByte(decimal, s[n+1]) >= 0 {
		n = digitRun(s, n+2, decimal)
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		m := n + 1
		if m < len(s) && (s[m] == '+' || s[m] == '-') {
			m++
		}
		if m < len(s) && strings.IndexByte(decimal, s[m]) >= 0 {
			return digitRun(s, m+1, decimal)
		}
	}
	if n == whole {
		return 0
	}
	return n
}

// integerLen counts the bytes of the integer in front of s. A zero ends before other decimal digits.
func integerLen(s string) int {
	if s[0] != '0' {
		return digitRun(s, 1, decimal)
	}
	if len(s) > 1 {
		digit := map[byte]string{'b': "01", 'o': "01234567", 'x': "0123456789abcdef"}[s[1]|0x20]
		if n := digitRun(s, 2, digit); digit != "" && n > 2 {
			return n
		}
	}
	return digitRun(s, 1, "0")
}

package pyval

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

func syntaxError(format string, args ...any) *Error { return Errorf("SyntaxError", format, args...) }

// Unescape resolves the backslash escapes of a Python string. An escape that Python does not know stays as
// it is; \N{name} and halves of surrogate pairs are refused.
func Unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return string(append(b, s...)), nil
		}
		b = append(b, s[:i]...)
		s = s[i+1:]
		if s == "" {
			return "", syntaxError(`\ at end of string`)
		}
		c := s[0]
		switch c {
		case '\n':
			s = s[1:]
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n := 1
			for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
				n++
			}
			r, _ := strconv.ParseUint(s[:n], 8, 32)
			b = utf8.AppendRune(b, rune(r))
			s = s[n:]
		case 'x', 'u', 'U':
			r, n, err := hexEscape(s)
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
			s = s[n:]
		case 'N':
			return "", syntaxError(`the escape \N{…} is not supported: write the character itself, or \u and its number`)
		default:
			if j := strings.IndexByte(`\'"abfnrtv`, c); j >= 0 {
				b = append(b, "\\'\"\a\b\f\n\r\t\v"[j])
			} else {
				b = append(b, '\\')
				_, n := utf8.DecodeRuneInString(s)
				b = append(b, s[:n]...)
				s = s[n:]
				continue
			}
			s = s[1:]
		}
	}
}

// hexEscape reads x, u or U and its digits; n is the number of bytes read.
func hexEscape(s string) (r rune, n int, err error) {
	n = map[byte]int{'x': 3, 'u': 5, 'U': 9}[s[0]]
	shape := `\` + s[:1] + strings.Repeat("X", n-1)
	if len(s) < n || strings.ContainsAny(s[1:n], "+-_") {
		return 0, 0, syntaxError("truncated %s escape", shape)
	}
	code, err := strconv.ParseUint(s[1:n], 16, 32)
	switch {
	case err != nil:
		return 0, 0, syntaxError("truncated %s escape", shape)
	case code > utf8.MaxRune:
		return 0, 0, syntaxError("illegal Unicode character in %s escape", shape)
	case code >= 0xd800 && code < 0xe000:
		return 0, 0, syntaxError("the escape %s is half of a surrogate pair, which UTF-8 cannot write", `\`+s[:n])
	}
	return rune(code), n, nil
}

package pyval

import (
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word reads True, False, None, or a string with a prefix.
func (p *literalParser) word() (Value, error) {
	end := strings.IndexFunc(p.rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		end = len(p.rest)
	}
	switch word := p.rest[:end]; word {
	case "True", "False":
		p.rest = p.rest[end:]
		return word == "True", nil
	case "None":
		p.rest = p.rest[end:]
		return nil, nil
	default:
		if end > 0 && end < len(p.rest) && (p.rest[end] == '\'' || p.rest[end] == '"') && strings.Trim(word, "rRbBuUfF") == "" {
			return p.strings()
		}
		return nil, p.unexpected()
	}
}

// number reads an integer or float without a sign.
func (p *literalParser) number() (Value, error) {
	s := p.rest
	if strings.HasPrefix(s, "...") {
		return nil, valueError("Ellipsis is not supported in a literal")
	}
	n := numberLen(s)
	text := s[:n]
	p.rest = s[n:]
	if r, _ := utf8.DecodeRuneInString(p.rest); r == 'j' || r == 'J' {
		return nil, valueError("a complex number is not supported: %sj", text)
	} else if p.rest != "" && (r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return nil, syntaxError("invalid number at %q", s[:min(len(s), n+1)])
	}
	lower := strings.ToLower(text)
	if len(lower) > 1 && lower[0] == '0' && strings.IndexByte("xob", lower[1]) >= 0 || !strings.ContainsAny(lower, ".e") {
		v, err := ParseInt(text, 0)
		if err != nil {
			return nil, syntaxError("invalid number %q: leading zeros are not permitted", text)
		}
		if b, ok := v.(*big.Int); ok && b.BitLen() > maxPrintedBits {
			return nil, syntaxError("Exceeds the limit (4300 digits) for integer string conversion")
		}
		return v, nil
	}
	f, err := ParseFloat(text)
	if err != nil {
		return nil, syntaxError("invalid number %q", text)
	}
	return f, nil
}

// numberLen counts the bytes that belong to the number in front of s.
func numberLen(s string) int {
	if len(s) > 1 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 {
		n := 2
		for n < len(s) && (s[n] == '_' || s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'f') {
			n++
		}
		return n
	}
	digits := func(n int) int {
		for n < len(s) && (s[n] == '_' || s[n] >= '0' && s[n] <= '9') {
			n++
		}
		return n
	}
	n := digits(0)
	if n < len(s) && s[n] == '.' {
		n = digits(n + 1)
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		m := n + 1
		if m < len(s) && (s[m] == '+' || s[m] == '-') {
			m++
		}
		if m < len(s) && s[m] >= '0' && s[m] <= '9' {
			n = digits(m)
		}
	}
	return n
}

// strings reads string literals that follow each other, which make one text.
func (p *literalParser) strings() (Value, error) {
	var all []string
	for {
		s, err := p.oneString()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
		p.skip()
		i := strings.IndexAny(p.rest, `'"`)
		if i < 0 || i > 2 || strings.Trim(p.rest[:i], "rRbBuUfF") != "" {
			return strings.Join(all, ""), nil
		}
	}
}

func (p *literalParser) oneString() (string, error) {
	i := strings.IndexAny(p.rest, `'"`)
	prefix := strings.ToLower(p.rest[:i])
	p.rest = p.rest[i:]
	raw := prefix == "r"
	switch prefix {
	case "", "u", "r":
	case "b", "br", "rb":
		return "", valueError("a bytes literal is not supported: %s", p.near())
	case "f", "fr", "rf":
		return "", valueError("an f-string is no literal: %s", p.near())
	default:
		return "", syntaxError("invalid string prefix %q", prefix)
	}
	quote := p.rest[:1]
	if strings.HasPrefix(p.rest, strings.Repeat(quote, 3)) {
		quote = p.rest[:3]
	}
	body := p.rest[len(quote):]
	for at := 0; ; {
		i := strings.IndexAny(body[at:], quote[:1]+"\\\n")
		if i < 0 {
			return "", syntaxError("unterminated string literal at %s", p.near())
		}
		at += i
		switch {
		case body[at] == '\\':
			at = min(at+2, len(body))
		case strings.HasPrefix(body[at:], quote):
			p.rest = body[at+len(quote):]
			if raw {
				return body[:at], nil
			}
			return Unescape(body[:at])
		case body[at] == '\n' && len(quote) == 1:
			return "", syntaxError("unterminated string literal at %s", p.near())
		default:
			at++
		}
	}
}

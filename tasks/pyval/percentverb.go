package pyval

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

func (a *percentArgs) convert(p spec, verb rune, v Value) (string, error) {
	switch verb {
	case 's', 'r', 'a':
		return a.text(p, verb, v)
	case 'c':
		return percentChar(p, v)
	case 'd', 'i', 'u', 'x', 'X', 'o':
		return percentInt(p, verb, v)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if err := operandError(v); err != nil {
			return "", err
		}
		if !isNumber(v) {
			return "", typeError("must be real number, not %s", TypeName(v))
		}
		f, err := asFloat(v)
		p.verb = byte(verb)
		p.precision = min(p.precision, 1000)
		return p.float(f), err
	}
	return "", valueError("unsupported format character %s (0x%x)", Repr(string(verb)), verb)
}

func (a *percentArgs) text(p spec, verb rune, v Value) (string, error) {
	s, err := Text(v)
	if verb != 's' {
		var b []byte
		b, err = AppendRepr(nil, v)
		s = string(b)
		if verb == 'a' {
			s = ascii(s)
		}
	}
	if _, safe := v.(Markup); a.markup && !(safe && verb == 's') {
		s = string(Escape(s))
	}
	if p.precision >= 0 && runeCount(s) > p.precision {
		s = string([]rune(s)[:p.precision])
	}
	if p.align == '=' {
		p.fill, p.align = "", 0
	}
	return p.pad(s, 0, '>'), err
}

// ascii is Python's ascii of a text that repr gave.
func ascii(s string) string {
	var b []byte
	for _, r := range s {
		switch {
		case r < 0x80:
			b = append(b, byte(r))
		case r < 0x100:
			b = appendEscape(b, `\x`, r, 2)
		case r < 0x10000:
			b = appendEscape(b, `\u`, r, 4)
		default:
			b = appendEscape(b, `\U`, r, 8)
		}
	}
	return string(b)
}

func percentChar(p spec, v Value) (string, error) {
	s, ok := TextOf(v)
	if n, isInt := asInt(v); isInt {
		if n < 0 || n > utf8.MaxRune {
			return "", Errorf("OverflowError", "%%c arg not in range(0x110000)")
		}
		s, ok = string(rune(n)), true
	}
	if !ok || runeCount(s) != 1 {
		return "", typeError("%%c requires int or char")
	}
	if p.align == '=' {
		p.fill, p.align = "", 0
	}
	return p.pad(s, 0, '>'), nil
}

func percentInt(p spec, verb rune, v Value) (string, error) {
	if err := operandError(v); err != nil {
		return "", err
	}
	if f, ok := v.(float64); ok && verb != 'x' && verb != 'X' && verb != 'o' {
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return "", valueError("cannot convert float %s to integer", formatFloat(f))
		}
		n, _ := big.NewFloat(f).Int(nil)
		v = n
	}
	if !isInt(v) {
		if verb == 'x' || verb == 'X' || verb == 'o' {
			return "", typeError("%%%c format: an integer is required, not %s", verb, TypeName(v))
		}
		return "", typeError("%%%c format: a real number is required, not %s", verb, TypeName(v))
	}
	p.verb = byte(verb)
	if p.precision <= 0 {
		return p.integer(bigOf(v))
	}
	if p.precision > 10000 {
		return "", errTooLarge("a text")
	}
	inner := p
	inner.width, inner.fill, inner.align = 0, "", 0
	s, err := inner.integer(bigOf(v))
	signed := len(s) - len(strings.TrimLeft(s, "+- "))
	if p.alternate && p.verb != 'd' && p.verb != 'i' && p.verb != 'u' {
		signed += 2
	}
	if missing := p.precision - (len(s) - signed); missing > 0 {
		s = s[:signed] + strings.Repeat("0", missing) + s[signed:]
	}
	return p.pad(s, signed, '>'), err
}

package pyval

import (
	"strings"
	"unicode/utf8"
)

// FormatValue is format(v, spec).
func FormatValue(v Value, s string) (string, error) {
	if s == "" {
		return Text(v)
	}
	p, zero, err := readSpec(s)
	if err != nil {
		return "", err
	}
	if err := operandError(v); err != nil {
		return "", err
	}
	if text, ok := TextOf(v); ok {
		return p.str(text)
	}
	if !isNumber(v) {
		return "", typeError("unsupported format string passed to %s.__format__", TypeName(v))
	}
	if zero && p.align == 0 {
		p.align = '='
		if p.fill == "" {
			p.fill = "0"
		}
	}
	bad := valueError("Unknown format code '%c' for object of type '%s'", p.verb, TypeName(v))
	floating := strings.IndexByte("eEfFgG%", p.verb) >= 0 && p.verb != 0
	if f, ok := v.(float64); ok {
		if !floating && p.verb != 0 && p.verb != 'n' {
			return "", bad
		}
		return p.float(f), nil
	}
	switch {
	case floating:
		f, err := asFloat(v)
		return p.float(f), err
	case p.verb != 0 && strings.IndexByte("dboxXnc", p.verb) < 0:
		return "", bad
	case p.precision >= 0:
		return "", valueError("Precision not allowed in integer format specifier")
	case p.verb == 'c' && (p.sign != 0 || p.alternate):
		return "", valueError("Sign or alternate form (#) not allowed with integer format specifier 'c'")
	case p.verb == 'c':
		if p.align == '=' {
			p.align = '>'
		}
		return percentChar(p, v)
	}
	return p.integer(bigOf(v))
}

func (p spec) str(s string) (string, error) {
	switch {
	case p.verb != 0 && p.verb != 's':
		return "", valueError("Unknown format code '%c' for object of type 'str'", p.verb)
	case p.sign != 0:
		return "", valueError("Sign not allowed in string format specifier")
	case p.alternate:
		return "", valueError("Alternate form (#) not allowed in string format specifier")
	case p.align == '=':
		return "", valueError("'=' alignment not allowed in string format specifier")
	case p.group != 0:
		return "", valueError("Cannot specify '%c' with 's'.", p.group)
	}
	if p.precision >= 0 && runeCount(s) > p.precision {
		s = string([]rune(s)[:p.precision])
	}
	return p.pad(s, 0, '<'), nil
}

// readSpec reads [[fill]align][sign][#][0][width][group][.precision][type]; zero says that the 0 is there.
func readSpec(s string) (p spec, zero bool, err error) {
	p.precision = -1
	if _, n := utf8.DecodeRuneInString(s); len(s) > n && strings.IndexByte("<>=^", s[n]) >= 0 {
		p.fill, p.align, s = s[:n], s[n], s[n+1:]
	} else if strings.IndexByte("<>=^", s[0]) >= 0 {
		p.align, s = s[0], s[1:]
	}
	take := func(set string) byte {
		if s == "" || strings.IndexByte(set, s[0]) < 0 {
			return 0
		}
		c := s[0]
		s = s[1:]
		return c
	}
	p.sign = take("+- ")
	p.alternate = take("#") != 0
	if zero = take("0") != 0; zero && p.fill == "" {
		p.fill = "0"
	}
	if p.width, s, err = digits(s); err != nil {
		return p, zero, err
	}
	p.group = take(",_")
	if take(".") != 0 {
		if p.precision, s, err = digits(s); err == nil && p.precision < 0 {
			err = valueError("Format specifier missing precision")
		}
		p.precision = min(p.precision, MaxItems)
	}
	if len(s) > 1 {
		return p, zero, valueError("Invalid format specifier")
	}
	if s != "" {
		p.verb = s[0]
	}
	if p.group != 0 && p.verb != 0 && p.verb != 's' {
		allowed := "deEfFgG%"
		if p.group == '_' {
			allowed += "boxX"
		}
		if strings.IndexByte(allowed, p.verb) < 0 {
			return p, zero, valueError("Cannot specify '%c' with '%c'.", p.group, p.verb)
		}
	}
	if strings.IndexByte("eEfFgG%", p.verb) >= 0 {
		p.precision = min(p.precision, 1000)
	}
	return p, zero, err
}

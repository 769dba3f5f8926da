package pyval

import (
	"strings"
	"unicode/utf8"
)

// percentArgs hands out the values that a % format asks for.
type percentArgs struct {
	values  []Value
	used    int
	mapping *Dict // for %(name)s
	single  bool  // the right operand is no tuple
	markup  bool  // texts are escaped
}

func (a *percentArgs) next() (Value, error) {
	if a.used >= len(a.values) {
		return nil, typeError("not enough arguments for format string")
	}
	a.used++
	return a.values[a.used-1], nil
}

// percent is format % arg.
func percent(like Value, format string, arg Value) (Value, error) {
	args := &percentArgs{values: []Value{arg}, single: true}
	_, args.markup = like.(Markup)
	switch a := arg.(type) {
	case Tuple:
		args.values, args.single = a, false
	case *Named:
		args.values, args.single = a.Items, false
	case *Dict:
		args.mapping = a
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			b.WriteString(format)
			break
		}
		b.WriteString(format[:i])
		rest, err := args.one(&b, format[i+1:])
		if err != nil {
			return nil, err
		}
		if b.Len() > MaxText {
			return nil, errTooLarge("a text")
		}
		format = rest
	}
	if args.used < len(args.values) && !(args.single && canSubscript(arg)) {
		return nil, typeError("not all arguments converted during string formatting")
	}
	return sameText(like, b.String()), nil
}

// canSubscript says what Python takes for a mapping, which a format need not use.
func canSubscript(v Value) bool {
	switch v.(type) {
	case *Dict, List, *Array, Range, Operand:
		return true
	}
	return false
}

// one writes the conversion that begins after a percent sign and gives what follows it.
func (a *percentArgs) one(b *strings.Builder, s string) (string, error) {
	if strings.HasPrefix(s, "%") {
		b.WriteByte('%')
		return s[1:], nil
	}
	var v Value
	named := false
	if strings.HasPrefix(s, "(") {
		key, rest, err := percentKey(s[1:])
		if err != nil {
			return "", err
		}
		if a.mapping == nil {
			return "", typeError("format requires a mapping")
		}
		value, ok := a.mapping.Get(key)
		if !ok {
			return "", Errorf("KeyError", "%s", Repr(key))
		}
		v, named, s, a.used = value, true, rest, len(a.values)
	}
	p := spec{precision: -1, sign: '-'}
	zero := false
	for ; s != "" && strings.IndexByte("-+ #0", s[0]) >= 0; s = s[1:] {
		switch s[0] {
		case '-':
			p.align = '<'
		case '#':
			p.alternate = true
		case '0':
			zero = true
		case '+':
			p.sign = '+'
		case ' ':
			if p.sign != '+' {
				p.sign = ' '
			}
		}
	}
	if zero && p.align == 0 {
		p.fill, p.align = "0", '='
	}
	var err error
	if p.width, s, err = a.size(s); err != nil {
		return "", err
	}
	if p.width < 0 { // only a star gives one
		p.align, p.fill, p.width = '<', "", -p.width
	}
	if strings.HasPrefix(s, ".") {
		if p.precision, s, err = a.size(s[1:]); err != nil {
			return "", err
		}
		p.precision = max(p.precision, 0)
	}
	s = strings.TrimLeft(s, "hlL")
	if s == "" {
		return "", valueError("incomplete format")
	}
	verb, n := utf8.DecodeRuneInString(s)
	if !named {
		if v, err = a.next(); err != nil {
			return "", err
		}
	}
	text, err := a.convert(p, verb, v)
	b.WriteString(text)
	return s[n:], err
}

// percentKey reads the name in parentheses, which may hold balanced ones.
func percentKey(s string) (key, rest string, err error) {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return s[:i], s[i+1:], nil
		}
	}
	return "", "", valueError("incomplete format key")
}

// size reads a width or precision, which may be a star; 0 where there is none.
func (a *percentArgs) size(s string) (int, string, error) {
	if strings.HasPrefix(s, "*") {
		v, err := a.next()
		if err != nil {
			return 0, "", err
		}
		n, ok := asInt(v)
		if !ok {
			return 0, "", typeError("* wants int")
		}
		if n > MaxText || n < -MaxText {
			return 0, "", errTooLarge("a text")
		}
		return int(n), s[1:], nil
	}
	n, rest, err := digits(s)
	if n < 0 {
		n = 0
	}
	return n, rest, err
}

// digits reads a number in front of s, -1 where there is none.
func digits(s string) (int, string, error) {
	n, i := 0, 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if n = 10*n + int(s[i]-'0'); n > MaxText {
			return 0, "", errTooLarge("a text")
		}
	}
	if i == 0 {
		return -1, s, nil
	}
	return n, s[i:], nil
}

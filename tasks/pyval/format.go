package pyval

import (
	"strconv"
	"strings"
)

// Lookup gives what a replacement field of str.format names: the attribute or item of a value.
type Lookup func(v Value, name string, isAttribute bool) (Value, error)

// formatter is one call of str.format.
type formatter struct {
	args   []Value
	kwargs *Dict
	lookup Lookup
	auto   int // the next automatic number, -1 once a number was written out
	manual bool
	escape bool // what is filled in is escaped for HTML
}

// Format is str.format(*args, **kwargs), or that of Markup. lookup resolves the dots and brackets of field
// names.
func Format(self Value, args []Value, kwargs *Dict, lookup Lookup) (Value, error) {
	f := &formatter{args: args, kwargs: kwargs, lookup: lookup}
	_, f.escape = self.(Markup)
	s, _ := TextOf(self)
	out, err := f.fill(s, 2)
	return sameText(self, out), err
}

func (f *formatter) fill(s string, depth int) (string, error) {
	if depth == 0 {
		return "", valueError("Max string recursion exceeded")
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		c := s[i]
		s = s[i+1:]
		if strings.HasPrefix(s, string(c)) {
			b.WriteByte(c)
			s = s[1:]
			continue
		}
		if c == '}' {
			return "", valueError("Single '}' encountered in format string")
		}
		end := fieldEnd(s)
		if end < 0 {
			if s == "" {
				return "", valueError("Single '{' encountered in format string")
			}
			return "", valueError("expected '}' before end of string")
		}
		text, err := f.field(s[:end], depth)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		if b.Len() > MaxText {
			return "", errTooLarge("a text")
		}
		s = s[end+1:]
	}
	return b.String(), nil
}

// fieldEnd finds the brace that closes a field.
func fieldEnd(s string) int {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

// field formats what stands between braces: name, !conversion and :spec.
func (f *formatter) field(s string, depth int) (string, error) {
	name, rest := s, ""
	if i := strings.IndexAny(s, "!:"); i >= 0 {
		if j := strings.IndexByte(s, '['); j >= 0 && j < i { // brackets may hold anything
			if k := strings.IndexByte(s[j:], ']'); k >= 0 {
				i = strings.IndexAny(s[j+k:], "!:")
				if i >= 0 {
					i += j + k
				}
			}
		}
		if i >= 0 {
			name, rest = s[:i], s[i:]
		}
	}
	v, err := f.value(name)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(rest, "!") {
		if v, err = convert(v, rest[1:]); err != nil {
			return "", err
		}
		rest = rest[min(2, len(rest)):]
	}
	rest = strings.TrimPrefix(rest, ":")
	if strings.ContainsAny(rest, "{}") {
		if rest, err = f.fill(rest, depth-1); err != nil {
			return "", err
		}
	}
	text, err := FormatValue(v, rest)
	if m, ok := v.(Markup); ok && f.escape {
		if rest != "" {
			return "", valueError("Format specifier %s given, but a safe text takes none", Repr(rest))
		}
		return string(m), nil
	}
	if f.escape {
		text = string(Escape(text))
	}
	return text, err
}

func convert(v Value, conversion string) (Value, error) {
	if conversion == "" {
		return nil, valueError("end of string while looking for conversion specifier")
	}
	if len(conversion) > 1 && conversion[1] != ':' {
		return nil, valueError("expected ':' after conversion specifier")
	}
	switch conversion[0] {
	case 's':
		return Text(v)
	case 'r', 'a':
		b, err := AppendRepr(nil, v)
		if conversion[0] == 'a' {
			return ascii(string(b)), err
		}
		return string(b), err
	}
	return nil, valueError("Unknown conversion specifier '%s'", conversion[:1])
}

func (f *formatter) value(name string) (Value, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	first, rest := name[:end], name[end:]
	v, err := f.first(first)
	for err == nil && rest != "" {
		var part string
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			part, rest = rest[1:1+end], rest[1+end:]
			if part == "" {
				return nil, valueError("Empty attribute in format string")
			}
			v, err = f.lookup(v, part, true)
			continue
		}
		end := strings.IndexByte(rest, ']')
		if rest[0] != '[' || end < 2 {
			return nil, valueError("Missing ']' in format string")
		}
		part, rest = rest[1:end], rest[end+1:]
		if rest != "" && rest[0] != '.' && rest[0] != '[' {
			return nil, valueError("Only '.' or '[' may follow ']' in format field specifier")
		}
		v, err = f.lookup(v, part, false)
	}
	return v, err
}

func (f *formatter) first(name string) (Value, error) {
	if n, err := strconv.Atoi(name); name == "" || err == nil {
		if name == "" {
			if f.manual {
				return nil, valueError("cannot switch from manual field specification to automatic field numbering")
			}
			n = f.auto
			f.auto++
		} else {
			if f.auto > 0 {
				return nil, valueError("cannot switch from automatic field numbering to manual field specification")
			}
			f.manual = true
		}
		if n < 0 || n >= len(f.args) {
			return nil, Errorf("IndexError", "Replacement index %d out of range for positional args tuple", n)
		}
		return f.args[n], nil
	}
	v, ok := f.kwargs.Get(name)
	if !ok {
		return nil, Errorf("KeyError", "%s", Repr(name))
	}
	return v, nil
}

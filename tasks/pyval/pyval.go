// Package pyval holds values as Python sees them, since datasets and templates are written for Python:
// ordered dictionaries, and the text that str and repr give.
//
// A value is nil (None), bool, int64, float64, string, List or *Dict; nothing else.
package pyval

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Value is nil, bool, int64, float64, string, List or *Dict.
type Value = any

// List is a Python list.
type List []Value

// Dict is a dictionary with string keys that keeps the order in which keys were first set. The zero value
// is empty and ready to use.
type Dict struct {
	keys   []string
	values map[string]Value
}

// Set sets key to v; a new key goes to the end.
func (d *Dict) Set(key string, v Value) {
	if d.values == nil {
		d.values = make(map[string]Value)
	}
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = v
}

// Get gives the value at key, and whether it is there. It may be called on a nil Dict.
func (d *Dict) Get(key string) (Value, bool) {
	if d == nil {
		return nil, false
	}
	v, ok := d.values[key]
	return v, ok
}

// Keys gives the keys in order. The slice belongs to the Dict.
func (d *Dict) Keys() []string {
	if d == nil {
		return nil
	}
	return d.keys
}

// Len counts the keys.
func (d *Dict) Len() int { return len(d.Keys()) }

// Str gives what Python's str gives.
func Str(v Value) string {
	if s, ok := v.(string); ok {
		return s
	}
	return Repr(v)
}

// Repr gives what Python's repr gives.
func Repr(v Value) string {
	var b strings.Builder
	writeRepr(&b, v)
	return b.String()
}

func writeRepr(b *strings.Builder, v Value) {
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		if v {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(formatFloat(v))
	case string:
		writeStringRepr(b, v)
	case List:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, e)
		}
		b.WriteByte(']')
	case *Dict:
		b.WriteByte('{')
		for i, k := range v.Keys() {
			if i > 0 {
				b.WriteString(", ")
			}
			writeStringRepr(b, k)
			b.WriteString(": ")
			writeRepr(b, v.values[k])
		}
		b.WriteByte('}')
	default:
		panic("pyval: not a value")
	}
}

// formatFloat gives the shortest digits that read back as f, with an exponent below 1e-4 and from 1e16 on,
// as float.__repr__ does.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsRune(s, '.') {
		s += ".0"
	}
	return s
}

func writeStringRepr(b *strings.Builder, s string) {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteByte(quote)
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0x100 && !printable(r)):
			writeEscape(b, `\x`, r, 2)
		case r >= 0x100 && !printable(r) && r < 0x10000:
			writeEscape(b, `\u`, r, 4)
		case r >= 0x10000 && !printable(r):
			writeEscape(b, `\U`, r, 8)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(quote)
}

// printable is str.isprintable of one character: the Unicode categories Other and Separator are not, but
// for the space.
func printable(r rune) bool {
	return r == ' ' || !unicode.In(r, unicode.C, unicode.Z) && unicode.IsGraphic(r)
}

func writeEscape(b *strings.Builder, prefix string, r rune, digits int) {
	hex := strconv.FormatInt(int64(r), 16)
	b.WriteString(prefix)
	for range digits - len(hex) {
		b.WriteByte('0')
	}
	b.WriteString(hex)
}

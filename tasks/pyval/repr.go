package pyval

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Str gives what Python's str gives. An Object that has no text is written as its type.
func Str(v Value) string {
	if s, ok := TextOf(v); ok {
		return s
	}
	b, err := AppendStr(nil, v)
	if err != nil {
		return "<" + TypeName(v) + ">"
	}
	return string(b)
}

// Repr gives what Python's repr gives. An Object that has no repr is written as its type.
func Repr(v Value) string {
	b, err := AppendRepr(nil, v)
	if err != nil {
		return "<" + TypeName(v) + ">"
	}
	return string(b)
}

// Text is Str with the error of values that refuse to be printed, such as an undefined name.
func Text(v Value) (string, error) {
	if s, ok := TextOf(v); ok {
		return s, nil
	}
	b, err := AppendStr(nil, v)
	return string(b), err
}

// AppendStr appends Str(v) to b.
func AppendStr(b []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return append(b, v...), nil
	case Markup:
		return append(b, v...), nil
	case Object:
		s, err := v.Text()
		return append(b, s...), err
	}
	return AppendRepr(b, v)
}

// AppendRepr appends Repr(v) to b.
func AppendRepr(b []byte, v Value) ([]byte, error) { return appendRepr(b, v, 0) }

func appendRepr(b []byte, v Value, depth int) ([]byte, error) {
	if depth > maxDepth {
		return b, errTooDeep()
	}
	switch v := v.(type) {
	case nil:
		return append(b, "None"...), nil
	case bool:
		if v {
			return append(b, "True"...), nil
		}
		return append(b, "False"...), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case *big.Int:
		if v.BitLen() > maxPrintedBits {
			return b, valueError("Exceeds the limit (4300 digits) for integer string conversion")
		}
		return v.Append(b, 10), nil
	case float64:
		return append(b, formatFloat(v)...), nil
	case string:
		return appendStringRepr(b, v), nil
	case Markup:
		return append(appendStringRepr(append(b, "Markup("...), string(v)), ')'), nil
	case List:
		return appendItems(b, v, '[', ']', depth)
	case *Array:
		return appendItems(b, v.Items, '[', ']', depth)
	case Tuple:
		return appendTuple(b, v, depth)
	case *Named:
		return appendTuple(b, v.Items, depth)
	case *Dict:
		return appendDict(b, v, depth)
	case Range:
		return append(b, v.String()...), nil
	case *View:
		return v.appendRepr(b, depth)
	case Object:
		s, err := v.Repr()
		return append(b, s...), err
	}
	return b, typeError("a %s cannot be printed", TypeName(v))
}

// maxPrintedBits is where Python stops to write integers in decimal: 4300 digits.
const maxPrintedBits = 14284

func appendItems(b []byte, items []Value, open, end byte, depth int) ([]byte, error) {
	b = append(b, open)
	var err error
	for i, e := range items {
		if i > 0 {
			b = append(b, ", "...)
		}
		if b, err = appendRepr(b, e, depth+1); err != nil {
			return b, err
		}
		if len(b) > MaxText {
			return b, errTooLarge("the text of a list")
		}
	}
	return append(b, end), nil
}

func appendTuple(b []byte, items []Value, depth int) ([]byte, error) {
	b, err := appendItems(b, items, '(', ')', depth)
	if len(items) == 1 && err == nil {
		b = append(b[:len(b)-1], ",)"...)
	}
	return b, err
}

func appendDict(b []byte, d *Dict, depth int) ([]byte, error) {
	b = append(b, '{')
	var err error
	for i := range d.Len() {
		if i > 0 {
			b = append(b, ", "...)
		}
		if d.isString(i) {
			b = appendStringRepr(b, d.keys[i])
		} else if b, err = appendRepr(b, d.others[i], depth+1); err != nil {
			return b, err
		}
		b = append(b, ": "...)
		if b, err = appendRepr(b, d.values[i], depth+1); err != nil {
			return b, err
		}
		if len(b) > MaxText {
			return b, errTooLarge("the text of a dictionary")
		}
	}
	return append(b, '}'), nil
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

func appendStringRepr(b []byte, s string) []byte {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b = append(b, byte(quote))
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ' && r < 0x7f:
			b = append(b, byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < 0x100 && !Printable(r):
			b = appendEscape(b, `\x`, r, 2)
		case Printable(r):
			b = utf8.AppendRune(b, r)
		case r < 0x10000:
			b = appendEscape(b, `\u`, r, 4)
		default:
			b = appendEscape(b, `\U`, r, 8)
		}
	}
	return append(b, byte(quote))
}

// Printable is str.isprintable of one character: the Unicode categories Other and Separator are not, but
// for the space.
func Printable(r rune) bool {
	return r == ' ' || !unicode.In(r, unicode.C, unicode.Z) && unicode.IsGraphic(r)
}

func appendEscape(b []byte, prefix string, r rune, digits int) []byte {
	b = append(b, prefix...)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[r>>shift&15])
	}
	return b
}

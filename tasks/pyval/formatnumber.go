package pyval

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// floatDigits writes the magnitude of f as C's printf does for the verb e, f or g.
func floatDigits(f float64, verb byte, precision int, alternate bool) string {
	f = math.Abs(f)
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return "inf"
	}
	switch verb {
	case 'e', 'f':
		s := strconv.FormatFloat(f, verb, precision, 64)
		if alternate && precision == 0 {
			mantissa, exponent, ok := strings.Cut(s, "e")
			s = mantissa + "."
			if ok {
				s += "e" + exponent
			}
		}
		return s
	}
	precision = max(precision, 1)
	s := strconv.FormatFloat(f, 'e', precision-1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	n, _ := strconv.Atoi(exponent)
	if n >= -4 && n < precision {
		s = strconv.FormatFloat(f, 'f', precision-1-n, 64)
		if alternate {
			if !strings.Contains(s, ".") {
				s += "."
			}
			return s
		}
		return trimZeros(s)
	}
	if !alternate {
		mantissa = trimZeros(mantissa)
	} else if !strings.Contains(mantissa, ".") {
		mantissa += "."
	}
	return mantissa + "e" + exponent
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// plainFloat writes the magnitude of f as format(f, ".N") does without a verb: like g, but with a digit
// after the point, and with an exponent where that digit would be beyond the precision.
func plainFloat(f float64, precision int, alternate bool) string {
	f = math.Abs(f)
	if precision < 0 {
		s := formatFloat(f)
		if mantissa, exponent, ok := strings.Cut(s, "e"); ok && alternate && !strings.Contains(mantissa, ".") {
			return mantissa + ".e" + exponent
		}
		return s
	}
	s := floatDigits(f, 'g', precision, alternate)
	if strings.ContainsAny(s, "ein") { // an exponent, inf or nan
		return s
	}
	precision = max(precision, 1)
	e := strconv.FormatFloat(f, 'e', precision-1, 64)
	mantissa, exponent, _ := strings.Cut(e, "e")
	if n, _ := strconv.Atoi(exponent); n >= precision-1 {
		if !alternate {
			mantissa = trimZeros(mantissa)
		} else if !strings.Contains(mantissa, ".") {
			mantissa += "."
		}
		return mantissa + "e" + exponent
	}
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// spec is the mini-language of format() and of the % operator, as far as numbers and texts need it.
type spec struct {
	fill      string // one character
	align     byte   // <, >, = or ^, or 0 for the type's own
	sign      byte   // +, - or a space
	alternate bool
	width     int
	group     byte // , or _ or 0
	precision int  // -1 where there is none
	verb      byte // 0 where there is none
}

// pad fills s up to the width; signed is the length of the sign and prefix that = keeps in front.
func (p spec) pad(s string, signed int, align byte) string {
	missing := p.width - utf8.RuneCountInString(s)
	if missing <= 0 {
		return s
	}
	if p.align != 0 {
		align = p.align
	}
	fill := p.fill
	if fill == "" {
		fill = " "
	}
	switch align {
	case '<':
		return s + strings.Repeat(fill, missing)
	case '^':
		return strings.Repeat(fill, missing/2) + s + strings.Repeat(fill, missing-missing/2)
	case '=':
		return s[:signed] + strings.Repeat(fill, missing) + s[signed:]
	}
	return strings.Repeat(fill, missing) + s
}

func (p spec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case p.sign == '+' || p.sign == ' ':
		return string(p.sign)
	}
	return ""
}

// number joins the parts of a number: sign and prefix, whole digits with their groups, and the rest.
func (p spec) number(sign, whole, rest string) string {
	if p.group != 0 {
		every, width := 3, 0
		if p.verb == 'x' || p.verb == 'X' || p.verb == 'b' || p.verb == 'o' {
			every = 4
		}
		if p.fill == "0" && p.align == '=' {
			width = p.width - len(sign) - len(rest)
		}
		whole = grouped(whole, string(p.group), every, width)
	}
	return p.pad(sign+whole+rest, len(sign), '>')
}

// grouped sets the separator between groups of digits, after zeros that make the text as wide as width.
func grouped(digits, sep string, every, width int) string {
	for len(digits)+(len(digits)-1)/every < width {
		digits = "0" + digits
	}
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%every == 0 {
			b.WriteString(sep)
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// float writes f with the verbs e, f, g, n, their capitals, %, or none.
func (p spec) float(f float64) string {
	verb, suffix := p.verb|0x20, ""
	precision := p.precision
	if p.verb != 0 && precision < 0 {
		precision = 6
	}
	var digits string
	switch p.verb {
	case 0:
		digits = plainFloat(f, precision, p.alternate)
	case '%':
		digits, suffix = floatDigits(f*100, 'f', precision, p.alternate), "%"
	case 'n':
		digits = floatDigits(f, 'g', precision, p.alternate)
	default:
		digits = floatDigits(f, verb, precision, p.alternate)
	}
	if p.verb >= 'A' && p.verb <= 'Z' {
		digits = strings.ToUpper(digits)
	}
	end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(digits)
	}
	return p.number(p.signOf(math.Signbit(f) && !math.IsNaN(f)), digits[:end], digits[end:]+suffix)
}

// integer writes n with the verbs d, b, o, x, X, n, or none.
func (p spec) integer(n *big.Int) (string, error) {
	if n.BitLen() > maxPrintedBits {
		return "", valueError("Exceeds the limit (4300 digits) for integer string conversion")
	}
	sign := p.signOf(n.Sign() < 0)
	base, prefix := 10, ""
	switch p.verb {
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x':
		base, prefix = 16, "0x"
	case 'X':
		base, prefix = 16, "0X"
	}
	digits := new(big.Int).Abs(n).Text(base)
	if p.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if p.alternate {
		sign += prefix
	}
	return p.number(sign, digits, ""), nil
}

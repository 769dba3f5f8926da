package pyval

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plainDigits gives a number's text without white space around it and with ASCII digits, as int and float
// read it.
func plainDigits(s string) string {
	s = strings.TrimFunc(s, IsSpace)
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || !unicode.Is(unicode.Nd, r) {
			return r
		}
		zero := r // the ten digits of a script follow each other
		for n := 0; n < 9 && unicode.Is(unicode.Nd, zero-1); n++ {
			zero--
		}
		return '0' + (r-zero)%10
	}, s)
}

// ParseInt is int(s, base).
func ParseInt(s string, base int) (Value, error) {
	bad := valueError("invalid literal for int() with base %d: %s", base, Repr(s))
	if base != 0 && (base < 2 || base > 36) {
		return nil, valueError("int() base must be >= 2 and <= 36, or 0")
	}
	t := plainDigits(s)
	if len(t) > 4300+1 && base&(base-1) != 0 {
		return nil, valueError("Exceeds the limit (4300 digits) for integer string conversion")
	}
	if len(t) > maxBits {
		return nil, errTooLarge("an integer")
	}
	sign := ""
	if t != "" && (t[0] == '-' || t[0] == '+') {
		sign, t = t[:1], t[1:]
	}
	if len(t) > 1 && t[0] == '0' {
		if b := map[byte]int{'x': 16, 'o': 8, 'b': 2}[t[1]|0x20]; b != 0 && len(t) > 2 && (base == b || base == 0) {
			base, t = b, strings.TrimPrefix(t[2:], "_")
		} else if base == 0 && strings.Trim(t, "0_") != "" {
			return nil, bad
		}
	}
	if base == 0 {
		base = 10
	}
	if t == "" || t[0] == '_' || t[len(t)-1] == '_' || strings.Contains(t, "__") || t[0] == '-' || t[0] == '+' {
		return nil, bad
	}
	t = sign + strings.ReplaceAll(t, "_", "")
	if n, err := strconv.ParseInt(t, base, 64); err == nil {
		return n, nil
	}
	n, ok := new(big.Int).SetString(t, base)
	if !ok {
		return nil, bad
	}
	return normal(n)
}

// ParseFloat is float(s).
func ParseFloat(s string) (float64, error) {
	bad := valueError("could not convert string to float: %s", Repr(s))
	t := plainDigits(s)
	for i := range len(t) {
		if t[i] == '_' && (i == 0 || i+1 == len(t) || t[i-1] < '0' || t[i-1] > '9' || t[i+1] < '0' || t[i+1] > '9') {
			return 0, bad
		}
	}
	t = strings.ReplaceAll(t, "_", "")
	if strings.ContainsAny(t, "xXpP") {
		return 0, bad // Go reads hexadecimal floats, Python's float does not
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil && !math.IsInf(f, 0) { // too large is inf in Python
		return 0, bad
	}
	return f, nil
}

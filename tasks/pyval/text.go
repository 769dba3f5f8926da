package pyval

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// IsSpace is str.isspace of one character; Go's unicode.IsSpace lacks the separators \x1c to \x1f.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// Strip is s.strip(chars), or only its left or right half; nil chars stand for white space.
func Strip(s string, chars *string, left, right bool) string {
	drop := IsSpace
	if chars != nil {
		drop = func(r rune) bool { return strings.ContainsRune(*chars, r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, drop)
	}
	if right {
		s = strings.TrimRightFunc(s, drop)
	}
	return s
}

// SplitSpace is s.split(None, limit); a negative limit stands for none.
func SplitSpace(s string, limit int) []string {
	var out []string
	s = strings.TrimLeftFunc(s, IsSpace)
	for s != "" {
		if limit >= 0 && len(out) == limit {
			return append(out, s)
		}
		i := strings.IndexFunc(s, IsSpace)
		if i < 0 {
			return append(out, s)
		}
		out = append(out, s[:i])
		s = strings.TrimLeftFunc(s[i:], IsSpace)
	}
	return out
}

// RSplitSpace is s.rsplit(None, limit).
func RSplitSpace(s string, limit int) []string {
	if limit < 0 {
		return SplitSpace(s, -1)
	}
	var out []string
	s = strings.TrimRightFunc(s, IsSpace)
	for s != "" && len(out) < limit {
		i := strings.LastIndexFunc(s, IsSpace)
		if i < 0 {
			break
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		out = append(out, s[i+n:])
		s = strings.TrimRightFunc(s[:i], IsSpace)
	}
	if s != "" {
		out = append(out, s)
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// RSplit is s.rsplit(sep, limit).
func RSplit(s, sep string, limit int) []string {
	if limit < 0 {
		return strings.Split(s, sep)
	}
	var out []string
	for len(out) < limit {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		out = append(out, s[i+len(sep):])
		s = s[:i]
	}
	out = append(out, s)
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// SplitLines is s.splitlines(keep).
func SplitLines(s string, keep bool) []string {
	var out []string
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool {
			return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
		})
		if i < 0 {
			return append(out, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		if keep {
			out = append(out, s[:i+n])
		} else {
			out = append(out, s[:i])
		}
		s = s[i+n:]
	}
	return out
}

// Upper is s.upper().
func Upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

// Lower is s.lower().
func Lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

// CaseFold is s.casefold().
func CaseFold(s string) string { return cases.Fold().String(s) }

func titleRune(r rune) string {
	if r < utf8.RuneSelf {
		return string(unicode.ToUpper(r))
	}
	return cases.Title(language.Und, cases.NoLower).String(string(r))
}

// Capitalize is s.capitalize().
func Capitalize(s string) string {
	if s == "" {
		return ""
	}
	r, n := utf8.DecodeRuneInString(s)
	lower := Lower(s) // of the whole: a sigma's form depends on what stands before it
	if l := Lower(s[:n]); strings.HasPrefix(lower, l) {
		return titleRune(r) + lower[len(l):]
	}
	return titleRune(r) + Lower(s[n:])
}

// isCased says whether a character has upper and lower case.
func isCased(r rune) bool {
	return isUpper(r) || isLower(r) || unicode.IsTitle(r)
}

func isUpper(r rune) bool { return unicode.IsUpper(r) || unicode.Is(unicode.Other_Uppercase, r) }

func isLower(r rune) bool { return unicode.IsLower(r) || unicode.Is(unicode.Other_Lowercase, r) }

// caseIgnorable says whether a character within a word does not count as its end.
func caseIgnorable(r rune) bool {
	return strings.ContainsRune("'.:^`\u00b7\u2018\u2019\u2024\u2027", r) || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

// lowerAt is the lower case of the character r at i: that of a capital sigma depends on whether a word
// ends with it.
func lowerAt(s string, i int, r rune) string {
	if r != 'Σ' {
		return Lower(string(r))
	}
	before, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(s[:i], caseIgnorable))
	after, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s[i+len("Σ"):], caseIgnorable))
	if isCased(before) && !isCased(after) {
		return "ς"
	}
	return "σ"
}

// Title is s.title().
func Title(s string) string {
	var b strings.Builder
	within := false
	for i, r := range s {
		if within {
			b.WriteString(lowerAt(s, i, r))
		} else {
			b.WriteString(titleRune(r))
		}
		within = isCased(r)
	}
	return b.String()
}

// SwapCase is s.swapcase().
func SwapCase(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case isUpper(r):
			b.WriteString(lowerAt(s, i, r))
		case isLower(r):
			b.WriteString(Upper(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// HasCase is s.isupper() for upper, and else s.islower().
func HasCase(s string, upper bool) bool {
	found := false
	for _, r := range s {
		if unicode.IsTitle(r) || upper && isLower(r) || !upper && isUpper(r) {
			return false
		}
		found = found || isUpper(r) || isLower(r)
	}
	return found
}

// IsTitle is s.istitle().
func IsTitle(s string) bool {
	found, within := false, false
	for _, r := range s {
		switch {
		case isUpper(r) || unicode.IsTitle(r):
			if within {
				return false
			}
			found, within = true, true
		case isLower(r):
			if !within {
				return false
			}
		default:
			within = false
		}
	}
	return found
}

// otherDigits have the property Numeric_Type=Digit without being decimal: superscripts, circled digits and
// such. From CPython 3.11's unicodedata 14.0.
var otherDigits = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00b2, 0x00b3, 1}, {0x00b9, 0x00b9, 1}, {0x1369, 0x1371, 1}, {0x19da, 0x19da, 1},
		{0x2070, 0x2070, 1}, {0x2074, 0x2079, 1}, {0x2080, 0x2089, 1}, {0x2460, 0x2468, 1},
		{0x2474, 0x247c, 1}, {0x2488, 0x2490, 1}, {0x24ea, 0x24ea, 1}, {0x24f5, 0x24fd, 1},
		{0x24ff, 0x24ff, 1}, {0x2776, 0x277e, 1}, {0x2780, 0x2788, 1}, {0x278a, 0x2792, 1},
	},
	R32: []unicode.Range32{
		{0x10a40, 0x10a43, 1}, {0x10e60, 0x10e68, 1}, {0x11052, 0x1105a, 1}, {0x1f100, 0x1f10a, 1},
	},
}

// IsDigit is str.isdigit of one character, and IsDecimal str.isdecimal.
func IsDigit(r rune) bool { return IsDecimal(r) || unicode.Is(otherDigits, r) }

// IsDecimal says whether a character is a digit of a positional system.
func IsDecimal(r rune) bool { return unicode.Is(unicode.Nd, r) }

// IsNumeric is str.isnumeric of one character, without the Han characters that are numbers.
func IsNumeric(r rune) bool { return unicode.IsNumber(r) }

// All says whether s is not empty and each of its characters passes.
func All(s string, is func(rune) bool) bool {
	for _, r := range s {
		if !is(r) {
			return false
		}
	}
	return s != ""
}

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

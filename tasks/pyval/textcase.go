package pyval

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

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

package lmeval

import (
	"errors"
	"strings"
	"unicode"
)

// errOddMath says that a text cannot be brought to normal form; texts are then compared as they are.
var errOddMath = errors.New("not in the form of an answer")

// sameMath reports whether two answers in TeX are the same up to spelling, by the normal form that came with the
// MATH data set (Hendrycks et al. 2021). strict takes a fraction a/b whose parts are no integers for an odd text.
func sameMath(a, b string, strict bool) bool {
	x, errA := normalMath(a, strict)
	y, errB := normalMath(b, strict)
	if errA != nil || errB != nil {
		return a == b
	}
	return x == y
}

// normalMath brings an answer in TeX to normal form.
func normalMath(s string, strict bool) (string, error) {
	for _, r := range [][2]string{
		{"\n", ""}, {`\!`, ""}, {`\\`, `\`}, {"tfrac", "frac"}, {"dfrac", "frac"}, {`\left`, ""}, {`\right`, ""},
		{`^{\circ}`, ""}, {`^\circ`, ""}, {`\$`, ""},
	} {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	// A unit stands to the right in \text{ …}.
	if n := strings.Count(s, `\text{ `); n > 1 {
		return "", errOddMath
	} else if n == 1 {
		s, _, _ = strings.Cut(s, `\text{ `)
	}
	for _, r := range [][2]string{{`\%`, ""}, {" .", " 0."}, {"{.", "{0."}} {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	if s == "" {
		return s, nil
	}
	if s[0] == '.' {
		s = "0" + s
	}
	// "k = 2" is 2.
	if parts := strings.Split(s, "="); len(parts) == 2 && codePoints(parts[0]) <= 2 {
		s = parts[1]
	}
	s, err := bracedRoots(s)
	if err != nil {
		return "", err
	}
	s, err = bracedFractions(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		return "", err
	}
	if s == "0.5" {
		s = `\frac{1}{2}`
	}
	return slashFraction(s, strict)
}

// bracedRoots writes \sqrt3 as \sqrt{3}.
func bracedRoots(s string) (string, error) {
	parts := strings.Split(s, `\sqrt`)
	for i, p := range parts[1:] {
		if p == "" {
			return "", errOddMath
		}
		if p[0] != '{' {
			r := []rune(p)
			p = "{" + string(r[0]) + "}" + string(r[1:])
		}
		parts[i+1] = p
	}
	return strings.Join(parts, `\sqrt`), nil
}

// bracedFractions writes \frac12 and \frac1{2} as \frac{1}{2}.
func bracedFractions(s string) (string, error) {
	parts := strings.Split(s, `\frac`)
	for i, p := range parts[1:] {
		r := []rune(p)
		switch {
		case len(r) == 0:
			return "", errOddMath
		case r[0] == '{':
			continue
		case len(r) < 2:
			return s, nil
		case r[1] == '{':
			parts[i+1] = "{" + string(r[0]) + "}" + string(r[1:])
		default:
			parts[i+1] = "{" + string(r[0]) + "}{" + string(r[1]) + "}" + string(r[2:])
		}
	}
	return strings.Join(parts, `\frac`), nil
}

// slashFraction writes a/b of integers as \frac{a}{b}.
func slashFraction(s string, strict bool) (string, error) {
	a, b, ok := strings.Cut(s, "/")
	if !ok || strings.Contains(b, "/") {
		return s, nil
	}
	if plainInteger(a) && plainInteger(b) {
		return `\frac{` + a + "}{" + b + "}", nil
	}
	if strict && (!pythonInteger(a) || !pythonInteger(b)) {
		return "", errOddMath
	}
	return s, nil
}

// plainInteger reports whether s is an integer as Python writes it.
func plainInteger(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	return s == "0" || digits[0] != '0'
}

// pythonInteger reports whether Python's int reads s.
func pythonInteger(s string) bool {
	s = strip(s)
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	last := '_'
	for _, r := range s {
		if r != '_' && !unicode.Is(unicode.Nd, r) || r == '_' && last == '_' {
			return false
		}
		last = r
	}
	return last != '_'
}

package docfunc

import "strings"

// LastBoxed gives the last \boxed{…} or \fbox{…} of a text, or what follows the last "\boxed " up to a dollar sign
// where spaced is true.
func LastBoxed(s string, spaced bool) (string, bool) {
	if i := strings.LastIndex(s, `\boxed `); i >= 0 && spaced {
		s, _, _ = strings.Cut(s[i:], "$")
		return s, true
	}
	start := strings.LastIndex(s, `\boxed`)
	if start < 0 {
		start = strings.LastIndex(s, `\fbox`)
	}
	if start < 0 {
		return "", false
	}
	open := 0
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return s[start : i+1], true
			}
		}
	}
	return "", false
}

// Unboxed takes the box away from the result of LastBoxed.
func Unboxed(s string) (string, bool) {
	if strings.Contains(s, `\boxed `) {
		return strings.CutPrefix(s, `\boxed `)
	}
	inner, ok := strings.CutPrefix(s, `\boxed{`)
	if !ok || !strings.HasSuffix(s, "}") {
		return "", false
	}
	return strings.TrimSuffix(inner, "}"), true
}

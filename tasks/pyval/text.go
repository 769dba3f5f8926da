package pyval

import (
	"strings"
	"unicode"
	"unicode/utf8"
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

// All says whether s is not empty and each of its characters passes.
func All(s string, is func(rune) bool) bool {
	for _, r := range s {
		if !is(r) {
			return false
		}
	}
	return s != ""
}

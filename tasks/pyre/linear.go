package pyre

import (
	"regexp/syntax"
	"strings"
)

// sameSyntax reports whether a pattern that RE2 accepts means the same in Python: {,n} is text to RE2, and a named
// class such as [:alpha:] is text to Python.
func sameSyntax(expr string) bool {
	return !strings.Contains(expr, "{,") && !strings.Contains(expr, "[:")
}

// linearAgrees reports whether RE2 matches as Python does on plain texts: it does not where `$` stands for the
// place before a final line feed too, nor where a match or a repeated part may be empty.
func linearAgrees(re *syntax.Regexp) bool {
	return !mayBeEmpty(re) && !contains(re, func(r *syntax.Regexp) bool {
		switch r.Op {
		case syntax.OpEndText:
			return true
		case syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
			return mayBeEmpty(r.Sub[0])
		}
		return false
	})
}

func contains(re *syntax.Regexp, is func(*syntax.Regexp) bool) bool {
	if is(re) {
		return true
	}
	for _, sub := range re.Sub {
		if contains(sub, is) {
			return true
		}
	}
	return false
}

// mayBeEmpty reports whether re can match the empty text.
func mayBeEmpty(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpNoMatch:
		return false
	case syntax.OpCapture, syntax.OpPlus:
		return mayBeEmpty(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || mayBeEmpty(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !mayBeEmpty(sub) {
				return false
			}
		}
		return true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if mayBeEmpty(sub) {
				return true
			}
		}
		return false
	}
	return true
}

// plain reports whether text is printable ASCII, tabs and line ends: there the classes \d, \w, \s and \b of Python,
// which are Unicode's, and of RE2, which are ASCII's, agree.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c > '~' || c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

package template

import (
	"unicode"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// strPredicate gives the methods that ask what a text is made of.
func strPredicate(name string) methodFunc {
	var is func(s string) bool
	all := func(f func(rune) bool) func(string) bool {
		return func(s string) bool { return pyval.All(s, f) }
	}
	switch name {
	case "isdigit":
		is = all(pyval.IsDigit)
	case "isdecimal":
		is = all(pyval.IsDecimal)
	case "isnumeric":
		is = all(pyval.IsNumeric)
	case "isalpha":
		is = all(unicode.IsLetter)
	case "isalnum":
		is = all(func(r rune) bool { return unicode.IsLetter(r) || pyval.IsNumeric(r) })
	case "isspace":
		is = all(pyval.IsSpace)
	case "isupper":
		is = func(s string) bool { return pyval.HasCase(s, true) }
	case "islower":
		is = func(s string) bool { return pyval.HasCase(s, false) }
	case "istitle":
		is = pyval.IsTitle
	case "isprintable":
		is = func(s string) bool { return s == "" || pyval.All(s, pyval.Printable) }
	case "isascii":
		is = func(s string) bool { return s == "" || pyval.All(s, func(r rune) bool { return r < utf8.RuneSelf }) }
	case "isidentifier":
		is = func(s string) bool {
			first, _ := utf8.DecodeRuneInString(s)
			return pyval.All(s, isWord) && !pyval.IsDecimal(first) && !unicode.In(first, unicode.Mn, unicode.Mc)
		}
	default:
		return nil
	}
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		return is(s), a.none("str." + name + "()")
	}
}

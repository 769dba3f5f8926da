package template

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// soft is markupsafe.soft_str: a text as it is, any other value's str.
func soft(v pyval.Value) (s string, text pyval.Value, err error) {
	if s, ok := pyval.TextOf(v); ok {
		return s, v, nil
	}
	s, err = pyval.Text(v)
	return s, s, err
}

// onText makes a filter without parameters of a function of text.
func onText(name string, f func(string) string) filterFunc {
	return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
		if err := a.none(name); err != nil {
			return nil, err
		}
		s, text, err := soft(v)
		return like(text, f(s)), err
	}
}

// textFilter gives the filters that make texts of texts.
func textFilter(name string) filterFunc {
	switch name {
	case "upper":
		return onText(name, pyval.Upper)
	case "lower":
		return onText(name, pyval.Lower)
	case "capitalize":
		return onText(name, pyval.Capitalize)
	case "title":
		return onText(name, titleWords)
	case "string":
		return onText(name, func(s string) string { return s })
	case "trim":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			var p [1]pyval.Value
			if err := a.bind(name, p[:], "chars?"); err != nil {
				return nil, err
			}
			s, text, err := soft(v)
			if err != nil {
				return nil, err
			}
			return strip(text, s, or(p[0], nil), "strip", true, true)
		}
	case "replace":
		return replaceFilter
	case "center":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			var p [1]pyval.Value
			if err := a.bind(name, p[:], "width?"); err != nil {
				return nil, err
			}
			width, err := intArg(p[0], 80)
			if err != nil {
				return nil, err
			}
			s, text, err := soft(v)
			if err != nil {
				return nil, err
			}
			s, err = justify(s, name, width, " ")
			return like(text, s), err
		}
	case "indent":
		return indentFilter
	case "truncate":
		return truncateFilter
	case "wordcount":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			s, _, err := soft(v)
			if err != nil {
				return nil, err
			}
			words := strings.FieldsFunc(s, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) })
			return int64(len(words)), a.none(name)
		}
	case "wordwrap":
		return wordwrapFilter
	case "format":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			_, text, err := soft(v)
			if err != nil {
				return nil, err
			}
			if len(a.names) == 0 {
				return pyval.Mod(text, pyval.Tuple(a.pos))
			}
			if len(a.pos) > 0 {
				return nil, pyval.Errorf("FilterArgumentError", "can't handle positional and keyword arguments at the same time")
			}
			d, err := makeDict(nil, a)
			if err != nil {
				return nil, err
			}
			return pyval.Mod(text, d)
		}
	}
	return htmlFilter(name)
}

// titleWords makes the first character of each word upper case, and the others lower case.
func titleWords(s string) string {
	var b strings.Builder
	between := func(r rune) bool { return strings.ContainsRune("-({[<", r) || pyval.IsSpace(r) }
	for s != "" {
		word := strings.TrimLeftFunc(s, between)
		b.WriteString(s[:len(s)-len(word)])
		end := strings.IndexFunc(word, between)
		if end < 0 {
			end = len(word)
		}
		s = word[end:]
		_, n := utf8.DecodeRuneInString(word[:end])
		b.WriteString(pyval.Upper(word[:n]))
		b.WriteString(pyval.Lower(word[n:end]))
	}
	return b.String()
}

func replaceFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [3]pyval.Value
	if err := a.bind("replace", p[:], "old", "new", "count?"); err != nil {
		return nil, err
	}
	var part [3]string
	for i, v := range []pyval.Value{v, p[0], p[1]} {
		var err error
		if part[i], err = pyval.Text(v); err != nil {
			return nil, err
		}
	}
	count := -1
	if c := or(p[2], nil); c != nil {
		var err error
		if count, err = intArg(c, -1); err != nil {
			return nil, err
		}
	}
	if !r.autoescape {
		return replace(part[0], part[1], part[2], count)
	}
	_, sSafe := v.(pyval.Markup)
	_, oldSafe := p[0].(pyval.Markup)
	newMarkup, newSafe := p[1].(pyval.Markup)
	if oldSafe || newSafe && !sSafe {
		if !sSafe {
			part[0], sSafe = string(pyval.Escape(part[0])), true
		}
	}
	if sSafe {
		part[2] = string(pyval.Escape(part[2]))
		if newSafe {
			part[2] = string(newMarkup)
		}
		out, err := replace(part[0], part[1], part[2], count)
		return pyval.Markup(out), err
	}
	return replace(part[0], part[1], part[2], count)
}

func indentFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [3]pyval.Value
	if err := a.bind("indent", p[:], "width?", "first?", "blank?"); err != nil {
		return nil, err
	}
	indent, ok := pyval.TextOf(p[0])
	if !ok {
		n, err := intArg(p[0], 4)
		if err != nil {
			return nil, err
		}
		if n > 1<<16 {
			return nil, &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
		}
		indent = strings.Repeat(" ", max(n, 0))
	}
	first, err := boolArg(p[1], false)
	if err != nil {
		return nil, err
	}
	blank, err := boolArg(p[2], false)
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case pyval.List, *pyval.Array: // Python adds the newline to the list before it fails
		return nil, pyval.Errorf("AttributeError", "'%s' object has no attribute 'splitlines'", pyval.TypeName(v))
	}
	ended, err := pyval.Add(v, like(v, "\n"))
	if err != nil {
		return nil, err
	}
	s, ok := pyval.TextOf(ended)
	if !ok {
		return nil, pyval.Errorf("AttributeError", "'%s' object has no attribute 'splitlines'", pyval.TypeName(v))
	}
	lines := pyval.SplitLines(s, false)
	if len(lines)*len(indent) > pyval.MaxText {
		return nil, &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
	}
	for i, line := range lines {
		if i > 0 && (blank || line != "") || i == 0 && first {
			lines[i] = indent + line
		}
	}
	return like(v, strings.Join(lines, "\n")), nil
}

func truncateFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [4]pyval.Value
	if err := a.bind("truncate", p[:], "length?", "killwords?", "end?", "leeway?"); err != nil {
		return nil, err
	}
	length, err := intArg(p[0], 255)
	if err != nil {
		return nil, err
	}
	kill, err := boolArg(p[1], false)
	if err != nil {
		return nil, err
	}
	end, err := strArg(or(p[2], "..."))
	if err != nil {
		return nil, err
	}
	if p[3] == nil {
		p[3] = missing
	}
	leeway, err := intArg(p[3], 5)
	if err != nil {
		return nil, err
	}
	keep := length - utf8.RuneCountInString(end)
	if keep < 0 || leeway < 0 {
		return nil, pyval.Errorf("AssertionError", "expected length >= %d and leeway >= 0", utf8.RuneCountInString(end))
	}
	s, ok := pyval.TextOf(v)
	if !ok {
		if n, err := pyval.Len(v); err != nil || n <= length+leeway {
			return v, err
		}
		return nil, pyval.Errorf("AttributeError", "'%s' object cannot be truncated", pyval.TypeName(v))
	}
	runes := []rune(s)
	if len(runes) <= length+leeway {
		return v, nil
	}
	s = string(runes[:keep])
	if i := strings.LastIndexByte(s, ' '); !kill && i >= 0 {
		s = s[:i]
	}
	return pyval.Add(like(v, s), end)
}

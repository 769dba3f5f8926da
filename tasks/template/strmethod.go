package template

import (
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// strMethod gives a method of str, or nil.
func strMethod(name string) methodFunc {
	switch name {
	case "strip":
		return stripper(name, true, true)
	case "lstrip":
		return stripper(name, true, false)
	case "rstrip":
		return stripper(name, false, true)
	case "split":
		return strSplit(name, false)
	case "rsplit":
		return strSplit(name, true)
	case "splitlines":
		return strSplitLines
	case "partition":
		return strPartition(name, strings.Index)
	case "rpartition":
		return strPartition(name, strings.LastIndex)
	case "join":
		return strJoin
	case "replace":
		return strReplace
	case "find":
		return strFind(name, strings.Index, false)
	case "rfind":
		return strFind(name, strings.LastIndex, false)
	case "index":
		return strFind(name, strings.Index, true)
	case "rindex":
		return strFind(name, strings.LastIndex, true)
	case "count":
		return strCount
	case "startswith":
		return strAffix(name, strings.HasPrefix)
	case "endswith":
		return strAffix(name, strings.HasSuffix)
	case "removeprefix":
		return strCut(name, strings.TrimPrefix)
	case "removesuffix":
		return strCut(name, strings.TrimSuffix)
	case "ljust", "rjust", "center":
		return strJustify(name)
	case "zfill":
		return strZfill
	case "expandtabs":
		return strExpandTabs
	case "format":
		return strFormat
	case "format_map":
		return strFormatMap
	case "upper":
		return strMap(name, pyval.Upper)
	case "lower":
		return strMap(name, pyval.Lower)
	case "casefold":
		return strMap(name, pyval.CaseFold)
	case "capitalize":
		return strMap(name, pyval.Capitalize)
	case "title":
		return strMap(name, pyval.Title)
	case "swapcase":
		return strMap(name, pyval.SwapCase)
	}
	return strPredicate(name)
}

// like gives a text of self's type.
func like(self pyval.Value, s string) pyval.Value {
	if _, ok := self.(pyval.Markup); ok {
		return pyval.Markup(s)
	}
	return s
}

func texts(self pyval.Value, parts []string) pyval.Value {
	out := make([]pyval.Value, len(parts))
	for i, p := range parts {
		out[i] = like(self, p)
	}
	return &pyval.Array{Items: out}
}

func strMap(name string, f func(string) string) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		return like(self, f(s)), a.none("str." + name + "()")
	}
}

func stripper(name string, left, right bool) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		var v [1]pyval.Value
		if err := a.bind(name+"()", v[:], "chars?"); err != nil {
			return nil, err
		}
		return strip(self, s, or(v[0], nil), name, left, right)
	}
}

func strip(self pyval.Value, s string, chars pyval.Value, name string, left, right bool) (pyval.Value, error) {
	if chars == nil {
		return like(self, pyval.Strip(s, nil, left, right)), nil
	}
	set, ok := pyval.TextOf(chars)
	if !ok {
		return nil, pyval.Errorf("TypeError", "%s arg must be None or str", name)
	}
	return like(self, pyval.Strip(s, &set, left, right)), nil
}

func strSplit(name string, fromRight bool) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		var v [2]pyval.Value
		if err := a.bind(name+"()", v[:], "sep?", "maxsplit?"); err != nil {
			return nil, err
		}
		limit, err := intArg(v[1], -1)
		if err != nil {
			return nil, err
		}
		sep := or(v[0], nil)
		if sep == nil {
			if fromRight {
				return texts(self, pyval.RSplitSpace(s, limit)), nil
			}
			return texts(self, pyval.SplitSpace(s, limit)), nil
		}
		by, ok := pyval.TextOf(sep)
		switch {
		case !ok:
			return nil, pyval.Errorf("TypeError", "must be str or None, not %s", pyval.TypeName(sep))
		case by == "":
			return nil, pyval.Errorf("ValueError", "empty separator")
		case fromRight:
			return texts(self, pyval.RSplit(s, by, limit)), nil
		case limit < 0:
			return texts(self, strings.Split(s, by)), nil
		}
		return texts(self, strings.SplitN(s, by, limit+1)), nil
	}
}

func strSplitLines(_ *run, self pyval.Value, a args) (pyval.Value, error) {
	s, _ := pyval.TextOf(self)
	var v [1]pyval.Value
	if err := a.bind("splitlines()", v[:], "keepends?"); err != nil {
		return nil, err
	}
	keep, err := boolArg(v[0], false)
	return texts(self, pyval.SplitLines(s, keep)), err
}

func strPartition(name string, find func(s, sep string) int) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		var v [1]pyval.Value
		if err := a.bind(name+"()", v[:], "sep"); err != nil {
			return nil, err
		}
		sep, err := strArg(v[0])
		if err != nil {
			return nil, err
		}
		if sep == "" {
			return nil, pyval.Errorf("ValueError", "empty separator")
		}
		i := find(s, sep)
		switch {
		case i >= 0:
			return pyval.Tuple{like(self, s[:i]), like(self, sep), like(self, s[i+len(sep):])}, nil
		case name == "partition":
			return pyval.Tuple{like(self, s), like(self, ""), like(self, "")}, nil
		}
		return pyval.Tuple{like(self, ""), like(self, ""), like(self, s)}, nil
	}
}

// strJoin joins texts; those that Markup joins are escaped.
func strJoin(_ *run, self pyval.Value, a args) (pyval.Value, error) {
	sep, _ := pyval.TextOf(self)
	_, safe := self.(pyval.Markup)
	var v [1]pyval.Value
	if err := a.bind("str.join()", v[:], "iterable"); err != nil {
		return nil, err
	}
	next, err := pyval.Iter(v[0])
	if err != nil {
		if pyval.KindOf(err) == "TypeError" {
			return nil, pyval.Errorf("TypeError", "can only join an iterable")
		}
		return nil, err
	}
	var b strings.Builder
	for i := 0; ; i++ {
		item, ok, err := next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return like(self, b.String()), nil
		}
		s, isText := pyval.TextOf(item)
		if safe {
			m, err := pyval.EscapeValue(item)
			if err != nil {
				return nil, err
			}
			s, isText = string(m), true
		}
		if !isText {
			return nil, pyval.Errorf("TypeError", "sequence item %d: expected str instance, %s found", i, pyval.TypeName(item))
		}
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s)
		if b.Len() > pyval.MaxText {
			return nil, &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
		}
	}
}

func strReplace(_ *run, self pyval.Value, a args) (pyval.Value, error) {
	s, _ := pyval.TextOf(self)
	var v [3]pyval.Value
	if err := a.bind("replace()", v[:], "old", "new", "count?"); err != nil {
		return nil, err
	}
	var part [2]string
	for i := range part {
		var ok bool
		if part[i], ok = pyval.TextOf(v[i]); !ok {
			return nil, pyval.Errorf("TypeError", "replace() argument %d must be str, not %s", i+1, pyval.TypeName(v[i]))
		}
	}
	if _, safe := self.(pyval.Markup); safe {
		m, err := pyval.EscapeValue(v[1])
		if err != nil {
			return nil, err
		}
		part[1] = string(m)
	}
	count, err := intArg(v[2], -1)
	if err != nil {
		return nil, err
	}
	out, err := replace(s, part[0], part[1], count)
	return like(self, out), err
}

// replace is str.replace within bounds.
func replace(s, old, by string, count int) (string, error) {
	n := utf8.RuneCountInString(s) + 1
	if old != "" {
		n = strings.Count(s, old)
	}
	if count >= 0 {
		n = min(n, count)
	}
	if len(s)+n*len(by) > pyval.MaxText {
		return "", &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
	}
	return strings.Replace(s, old, by, count), nil
}

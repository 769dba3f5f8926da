package template

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// window gives the part of s between two arguments that count characters, and the number of characters
// before it; ok is false where the start lies behind the end.
func window(s string, start, end pyval.Value) (part string, before int, ok bool, err error) {
	if start == missing && end == missing {
		return s, 0, true, nil
	}
	n := utf8.RuneCountInString(s)
	bound := func(v pyval.Value, def int) (int, error) {
		if v == nil || v == missing {
			return def, nil
		}
		i, err := intArg(v, 0)
		if i < 0 {
			i = max(i+n, 0)
		}
		return i, err
	}
	lo, err := bound(start, 0)
	if err != nil {
		return "", 0, false, err
	}
	hi, err := bound(end, n)
	if err != nil {
		return "", 0, false, err
	}
	if hi = min(hi, n); lo > hi {
		return "", 0, false, nil
	}
	runes := []rune(s)
	return string(runes[lo:hi]), lo, true, nil
}

func strFind(name string, find func(s, sub string) int, must bool) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		var v [3]pyval.Value
		if err := a.bind(name+"()", v[:], "sub", "start?", "end?"); err != nil {
			return nil, err
		}
		sub, ok := pyval.TextOf(v[0])
		if !ok {
			return nil, pyval.Errorf("TypeError", "must be str, not %s", pyval.TypeName(v[0]))
		}
		part, before, ok, err := window(s, v[1], v[2])
		if err != nil {
			return nil, err
		}
		if i := find(part, sub); ok && i >= 0 {
			return int64(before + utf8.RuneCountInString(part[:i])), nil
		}
		if must {
			return nil, pyval.Errorf("ValueError", "substring not found")
		}
		return int64(-1), nil
	}
}

func strCount(_ *run, self pyval.Value, a args) (pyval.Value, error) {
	s, _ := pyval.TextOf(self)
	var v [3]pyval.Value
	if err := a.bind("count()", v[:], "sub", "start?", "end?"); err != nil {
		return nil, err
	}
	sub, err := strArg(v[0])
	if err != nil {
		return nil, err
	}
	part, _, ok, err := window(s, v[1], v[2])
	if !ok {
		return int64(0), err
	}
	return int64(strings.Count(part, sub)), nil
}

func strAffix(name string, has func(s, affix string) bool) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		var v [3]pyval.Value
		if err := a.bind(name+"()", v[:], "affix", "start?", "end?"); err != nil {
			return nil, err
		}
		part, _, ok, err := window(s, v[1], v[2])
		if err != nil {
			return nil, err
		}
		affixes := []pyval.Value{v[0]}
		if t, isTuple := v[0].(pyval.Tuple); isTuple {
			affixes = t
		}
		for _, affix := range affixes {
			text, isText := pyval.TextOf(affix)
			if !isText {
				return nil, pyval.Errorf("TypeError", "%s first arg must be str or a tuple of str, not %s", name, pyval.TypeName(affix))
			}
			if ok && has(part, text) {
				return true, nil
			}
		}
		return false, nil
	}
}

func strCut(name string, cut func(s, affix string) string) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		var v [1]pyval.Value
		if err := a.bind(name+"()", v[:], "affix"); err != nil {
			return nil, err
		}
		affix, err := strArg(v[0])
		return like(self, cut(s, affix)), err
	}
}

func strJustify(name string) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		s, _ := pyval.TextOf(self)
		var v [2]pyval.Value
		if err := a.bind(name+"()", v[:], "width", "fillchar?"); err != nil {
			return nil, err
		}
		width, err := intArg(v[0], 0)
		if err != nil {
			return nil, err
		}
		fill, err := strArg(or(v[1], " "))
		if err != nil || utf8.RuneCountInString(fill) != 1 {
			return nil, pyval.Errorf("TypeError", "The fill character must be exactly one character long")
		}
		out, err := justify(s, name, width, fill)
		return like(self, out), err
	}
}

// justify is str.ljust, rjust or center.
func justify(s, name string, width int, fill string) (string, error) {
	pad := width - utf8.RuneCountInString(s)
	if pad <= 0 {
		return s, nil
	}
	if pad > pyval.MaxText/len(fill) {
		return "", &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
	}
	left := 0
	switch name {
	case "rjust":
		left = pad
	case "center":
		left = pad/2 + pad&width&1
	}
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, pad-left), nil
}

func strZfill(_ *run, self pyval.Value, a args) (pyval.Value, error) {
	s, _ := pyval.TextOf(self)
	var v [1]pyval.Value
	if err := a.bind("zfill()", v[:], "width"); err != nil {
		return nil, err
	}
	width, err := intArg(v[0], 0)
	if err != nil {
		return nil, err
	}
	sign := ""
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign = s[:1]
	}
	out, err := justify(s[len(sign):], "rjust", width-len(sign), "0")
	return like(self, sign+out), err
}

func strExpandTabs(_ *run, self pyval.Value, a args) (pyval.Value, error) {
	s, _ := pyval.TextOf(self)
	var v [1]pyval.Value
	if err := a.bind("expandtabs()", v[:], "tabsize?"); err != nil {
		return nil, err
	}
	size, err := intArg(v[0], 8)
	if err != nil {
		return nil, err
	}
	if size > 1<<12 || strings.Count(s, "\t")*size > pyval.MaxText {
		return nil, &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
	}
	var b strings.Builder
	column := 0
	for _, c := range s {
		switch {
		case c == '\t' && size > 0:
			n := size - column%size
			b.WriteString(strings.Repeat(" ", n))
			column += n
		case c == '\t':
		default:
			b.WriteRune(c)
			if column++; c == '\n' || c == '\r' {
				column = 0
			}
		}
	}
	return like(self, b.String()), nil
}

func strFormat(r *run, self pyval.Value, a args) (pyval.Value, error) {
	kwargs := new(pyval.Dict)
	for i, name := range a.names {
		kwargs.Set(name, a.vals[i])
	}
	return r.format(self, a.pos, kwargs)
}

func strFormatMap(r *run, self pyval.Value, a args) (pyval.Value, error) {
	var v [1]pyval.Value
	if err := a.bind("format_map()", v[:], "mapping"); err != nil {
		return nil, err
	}
	d, ok := v[0].(*pyval.Dict)
	if !ok {
		return nil, pyval.Errorf("TypeError", "'%s' object is not a mapping", pyval.TypeName(v[0]))
	}
	return r.format(self, nil, d)
}

// format is str.format; what goes into Markup is escaped.
func (r *run) format(self pyval.Value, pos []pyval.Value, kwargs *pyval.Dict) (pyval.Value, error) {
	return pyval.Format(self, pos, kwargs, func(v pyval.Value, name string, attr bool) (pyval.Value, error) {
		if !attr {
			if n, err := strconv.ParseInt(name, 10, 64); err == nil {
				return pyval.Index(v, n)
			}
			return pyval.Index(v, name)
		}
		if u, ok := v.(*undefined); ok {
			return nil, u.fail()
		}
		item, ok, err := r.pythonAttr(v, name)
		if err == nil && !ok {
			err = pyval.Errorf("AttributeError", "'%s' object has no attribute '%s'", pyval.TypeName(v), name)
		}
		return item, err
	})
}

package template

import (
	"html"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

var jsonEscaper = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

// htmlFilter gives the filters that have to do with HTML and addresses.
func htmlFilter(name string) filterFunc {
	switch name {
	case "escape", "e":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			m, err := pyval.EscapeValue(v)
			if err == nil {
				err = a.none(name)
			}
			return m, err
		}
	case "forceescape":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			s, err := pyval.Text(v)
			if err == nil {
				err = a.none(name)
			}
			return pyval.Escape(s), err
		}
	case "safe":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			s, err := pyval.Text(v)
			if err == nil {
				err = a.none(name)
			}
			return pyval.Markup(s), err
		}
	case "striptags":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			s, err := pyval.Text(v)
			if err == nil {
				err = a.none(name)
			}
			return stripTags(s), err
		}
	case "urlencode":
		return urlencodeFilter
	case "xmlattr":
		return xmlattrFilter
	}
	return nil
}

// stripTags is Markup.striptags: no comments, no tags, runs of white space as one space, entities resolved.
func stripTags(s string) string {
	for {
		start := strings.Index(s, "<!--")
		if start < 0 {
			break
		}
		end := strings.Index(s[start:], "-->")
		if end < 0 {
			break
		}
		s = s[:start] + s[start+end+3:]
	}
	for {
		start := strings.IndexByte(s, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(s[start:], '>')
		if end < 0 {
			break
		}
		s = s[:start] + s[start+end+1:]
	}
	return html.UnescapeString(strings.Join(pyval.SplitSpace(s, -1), " "))
}

// quote is urllib.parse.quote; query drops the slash from what stays and writes spaces as +.
func quote(s string, query bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.-~", c) >= 0, c == '/' && !query:
			b.WriteByte(c)
		case c == ' ' && query:
			b.WriteByte('+')
		default:
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func urlencodeFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	if err := a.none("urlencode"); err != nil {
		return nil, err
	}
	_, isText := pyval.TextOf(v)
	next, err := pyval.Iter(v)
	if isText || forgiven(err, "TypeError") {
		s, err := pyval.Text(v)
		return quote(s, false), err
	}
	if d, ok := v.(*pyval.Dict); ok {
		next, err = pyval.Iter(pyval.NewView(d, pyval.ItemsView))
	}
	var parts []string
	for err == nil {
		var pair pyval.Value
		var ok bool
		if pair, ok, err = next(); err != nil || !ok {
			break
		}
		kv, err := pyval.Collect(pair)
		if err != nil {
			return nil, err
		}
		if len(kv) != 2 {
			return nil, pyval.Errorf("ValueError", "not enough or too many values to unpack (expected 2)")
		}
		k, err := pyval.Text(kv[0])
		if err != nil {
			return nil, err
		}
		s, err := pyval.Text(kv[1])
		if err != nil {
			return nil, err
		}
		parts = append(parts, quote(k, true)+"="+quote(s, true))
	}
	return strings.Join(parts, "&"), err
}

func xmlattrFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [1]pyval.Value
	if err := a.bind("xmlattr", p[:], "autospace?"); err != nil {
		return nil, err
	}
	space, err := boolArg(p[0], true)
	if err != nil {
		return nil, err
	}
	if u, ok := v.(*undefined); ok {
		return nil, u.fail()
	}
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, pyval.Errorf("AttributeError", "'%s' object has no attribute 'items'", pyval.TypeName(v))
	}
	var parts []string
	for i := range d.Len() {
		k, item := d.At(i)
		if _, isUndefined := item.(*undefined); item == nil || isUndefined {
			continue
		}
		key, err := strArg(k)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(key, " \t\n\r\f\v/>=") {
			return nil, pyval.Errorf("ValueError", "Invalid character in attribute name: %s", pyval.Repr(key))
		}
		m, err := pyval.EscapeValue(item)
		if err != nil {
			return nil, err
		}
		parts = append(parts, string(pyval.Escape(key))+`="`+string(m)+`"`)
	}
	out := strings.Join(parts, " ")
	if space && out != "" {
		out = " " + out
	}
	if r.autoescape {
		return pyval.Markup(out), nil
	}
	return out, nil
}

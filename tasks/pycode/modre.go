package pycode

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// The flags of re, by their numbers in Python.
const (
	flagIgnoreCase = 2
	flagMultiline  = 8
	flagDotAll     = 16
	flagUnicode    = 32
	flagVerbose    = 64
	flagASCII      = 256
)

// pattern is a compiled regular expression.
type pattern struct {
	thing
	source string
	flags  int64
	re     *pyre.Regexp
	start  *pyre.Regexp // anchored at the start; nil until it is used
	full   *pyre.Regexp // anchored at both ends
}

func reModule() *Namespace {
	m := map[string]pyval.Value{"IGNORECASE": int64(flagIgnoreCase), "I": int64(flagIgnoreCase), "MULTILINE": int64(flagMultiline), "M": int64(flagMultiline),
		"DOTALL": int64(flagDotAll), "S": int64(flagDotAll), "UNICODE": int64(flagUnicode), "U": int64(flagUnicode), "VERBOSE": int64(flagVerbose),
		"X": int64(flagVerbose), "error": classes["ValueError"]}
	var funcs []*Func
	for _, name := range []string{"search", "match", "fullmatch", "findall", "finditer"} {
		funcs = append(funcs, NewFunc(name, []string{"pattern", "string", "flags?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			p, err := compilePattern(a[0], a[2])
			if err != nil {
				return nil, err
			}
			return p.find(name, a[1])
		}))
	}
	funcs = append(funcs,
		NewFunc("compile", []string{"pattern", "flags?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return compilePattern(a[0], a[1]) }),
		NewFunc("sub", []string{"pattern", "repl", "string", "count?", "flags?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			p, err := compilePattern(a[0], a[4])
			if err != nil {
				return nil, err
			}
			return p.sub(c, a[1], a[2], a[3])
		}),
		NewFunc("split", []string{"pattern", "string", "maxsplit?", "flags?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			p, err := compilePattern(a[0], a[3])
			if err != nil {
				return nil, err
			}
			return p.split(a[1], a[2])
		}),
		NewFunc("escape", []string{"pattern"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			s, err := needText(a[0])
			return pyre.Escape(s), err
		}))
	return moduleOf("re", m, funcs...)
}

func needText(v pyval.Value) (string, error) {
	s, ok := pyval.TextOf(v)
	if !ok {
		return "", pyval.Errorf("TypeError", "expected string or bytes-like object, got '%s'", pyval.TypeName(v))
	}
	return s, nil
}

func compilePattern(v, flags pyval.Value) (*pattern, error) {
	if p, ok := v.(*pattern); ok {
		return p, nil
	}
	s, err := needText(v)
	if err != nil {
		return nil, err
	}
	n, _ := integer(Or(flags, int64(0)))
	if n&flagASCII != 0 || n&^(flagIgnoreCase|flagMultiline|flagDotAll|flagUnicode|flagVerbose) != 0 {
		return nil, unsupported("this flag of a regular expression")
	}
	p := &pattern{thing: thing{"Pattern"}, source: s, flags: n}
	p.re, err = p.compile("", "")
	return p, err
}

// compile compiles the pattern between a prefix and a suffix.
func (p *pattern) compile(before, after string) (*pyre.Regexp, error) {
	letters := ""
	for _, f := range []struct {
		bit    int64
		letter string
	}{{flagMultiline, "m"}, {flagDotAll, "s"}, {flagVerbose, "x"}} {
		if p.flags&f.bit != 0 {
			letters += f.letter
		}
	}
	expr := p.source
	if after != "" || before != "" {
		if p.flags&flagVerbose != 0 {
			expr += "\n" // ends a comment
		}
		expr = "(?:" + expr + ")"
	}
	if letters != "" {
		expr = "(?" + letters + ")" + before + expr + after
	} else {
		expr = before + expr + after
	}
	build := pyre.Compile
	if p.flags&flagIgnoreCase != 0 {
		build = pyre.CompileFold
	}
	re, err := build(expr)
	if err != nil {
		return nil, unsupported("the regular expression %s (%v)", pyval.Repr(p.source), err)
	}
	return re, nil
}

// anchored gives the pattern as match and fullmatch need it.
func (p *pattern) anchored(full bool) (*pyre.Regexp, error) {
	kept, after := &p.start, ""
	if full {
		kept, after = &p.full, `\Z`
	}
	if *kept == nil {
		re, err := p.compile(`\A`, after)
		if err != nil {
			return nil, err
		}
		*kept = re
	}
	return *kept, nil
}

func (p *pattern) getAttr(name string) (pyval.Value, bool) {
	switch name {
	case "pattern":
		return p.source, true
	case "flags":
		return p.flags | flagUnicode, true
	case "groups":
		return int64(p.re.Groups()), true
	case "search", "match", "fullmatch", "findall", "finditer":
		return NewFunc(name, []string{"string"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return p.find(name, a[0]) }), true
	case "sub":
		return NewFunc(name, []string{"repl", "string", "count?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) { return p.sub(c, a[0], a[1], a[2]) }), true
	case "split":
		return NewFunc(name, []string{"string", "maxsplit?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return p.split(a[0], a[1]) }), true
	}
	return nil, false
}

func (p *pattern) find(how string, v pyval.Value) (pyval.Value, error) {
	s, err := needText(v)
	if err != nil {
		return nil, err
	}
	switch how {
	case "findall", "finditer":
		found, err := p.re.FindAll(s)
		if err != nil {
			return nil, err
		}
		out := make([]pyval.Value, len(found))
		for i, m := range found {
			if how == "finditer" {
				out[i] = &match{thing{"Match"}, p, s, m}
				continue
			}
			switch groups := m.Groups; len(groups) {
			case 1, 2:
				out[i] = groups[len(groups)-1]
			default:
				t := make(pyval.Tuple, len(groups)-1)
				for j := range t {
					t[j] = groups[j+1]
				}
				out[i] = t
			}
		}
		if how == "findall" {
			return &pyval.Array{Items: out}, nil
		}
		next, err := pyval.Iter(pyval.List(out))
		return &pyval.Iterator{Name: "callable_iterator", Next: next}, err
	}
	re := p.re
	if how != "search" {
		if re, err = p.anchored(how == "fullmatch"); err != nil {
			return nil, err
		}
	}
	m, ok, err := re.Search(s)
	if err != nil || !ok {
		return nil, err
	}
	return &match{thing{"Match"}, p, s, m}, nil
}

func (p *pattern) sub(c *Call, repl, text, count pyval.Value) (pyval.Value, error) {
	s, err := needText(text)
	if err != nil {
		return nil, err
	}
	found, err := p.re.FindAll(s)
	if err != nil {
		return nil, err
	}
	if n, ok := integer(Or(count, int64(0))); ok && n > 0 {
		found = found[:min(int(n), len(found))]
	}
	template, isText := pyval.TextOf(repl)
	var b strings.Builder
	last := 0
	for _, f := range found {
		b.WriteString(s[last:f.Start])
		last = f.End
		m := &match{thing{"Match"}, p, s, f}
		if isText {
			part, err := m.expand(template)
			if err != nil {
				return nil, err
			}
			b.WriteString(part)
			continue
		}
		v, err := c.Apply(repl, m)
		if err != nil {
			return nil, err
		}
		part, err := needText(v)
		if err != nil {
			return nil, err
		}
		b.WriteString(part)
	}
	b.WriteString(s[last:])
	return b.String(), nil
}

func (p *pattern) split(text, limit pyval.Value) (pyval.Value, error) {
	s, err := needText(text)
	if err != nil {
		return nil, err
	}
	found, err := p.re.FindAll(s)
	if err != nil {
		return nil, err
	}
	if n, ok := integer(Or(limit, int64(0))); ok && n > 0 {
		found = found[:min(int(n), len(found))]
	}
	var out []pyval.Value
	last := 0
	for _, f := range found {
		out = append(out, s[last:f.Start])
		last = f.End
		m := &match{thing{"Match"}, p, s, f}
		for g := 1; g < len(f.Groups); g++ {
			out = append(out, m.group(g, nil))
		}
	}
	return &pyval.Array{Items: append(out, s[last:])}, nil
}

// match is one match of a pattern in a text.
type match struct {
	thing
	of   *pattern
	text string
	m    pyre.Match
}

// group gives the text of a group, or other where it took no part.
func (m *match) group(i int, other pyval.Value) pyval.Value {
	if m.m.Spans[2*i] < 0 {
		return other
	}
	return m.m.Groups[i]
}

// number finds a group by its number or name.
func (m *match) number(v pyval.Value) (int, error) {
	n := -1
	if i, ok := integer(v); ok {
		n = int(i)
	} else if name, ok := v.(string); ok {
		n = m.of.re.GroupNumber(name)
	}
	if n < 0 || n >= len(m.m.Groups) {
		return 0, pyval.Errorf("IndexError", "no such group")
	}
	return n, nil
}

func (m *match) offset(at int) pyval.Value {
	if at < 0 {
		return int64(-1)
	}
	return int64(utf8.RuneCountInString(m.text[:at]))
}

func (m *match) getItem(_ *interp, key pyval.Value) (pyval.Value, error) {
	n, err := m.number(key)
	if err != nil {
		return nil, err
	}
	return m.group(n, nil), nil
}

func (m *match) getAttr(name string) (pyval.Value, bool) {
	ofGroup := func(fn func(n int) pyval.Value) (pyval.Value, bool) {
		return NewFunc(name, []string{"group?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			n, err := m.number(Or(a[0], int64(0)))
			if err != nil {
				return nil, err
			}
			return fn(n), nil
		}), true
	}
	switch name {
	case "group":
		return NewFunc(name, []string{"*groups"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			wanted := a[0].(pyval.Tuple)
			if len(wanted) == 0 {
				return m.m.Groups[0], nil
			}
			out := make(pyval.Tuple, len(wanted))
			for i, w := range wanted {
				n, err := m.number(w)
				if err != nil {
					return nil, err
				}
				out[i] = m.group(n, nil)
			}
			if len(out) == 1 {
				return out[0], nil
			}
			return out, nil
		}), true
	case "groups":
		return NewFunc(name, []string{"default?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			out := make(pyval.Tuple, len(m.m.Groups)-1)
			for i := range out {
				out[i] = m.group(i+1, Or(a[0], nil))
			}
			return out, nil
		}), true
	case "start":
		return ofGroup(func(n int) pyval.Value { return m.offset(m.m.Spans[2*n]) })
	case "end":
		return ofGroup(func(n int) pyval.Value { return m.offset(m.m.Spans[2*n+1]) })
	case "span":
		return ofGroup(func(n int) pyval.Value { return pyval.Tuple{m.offset(m.m.Spans[2*n]), m.offset(m.m.Spans[2*n+1])} })
	case "string":
		return m.text, true
	}
	return nil, false
}

// expand fills a template in: \1, \g<name>, and escapes.
func (m *match) expand(template string) (string, error) {
	if !strings.Contains(template, `\`) {
		return template, nil
	}
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		c := template[i]
		if c != '\\' || i+1 >= len(template) {
			b.WriteByte(c)
			continue
		}
		i++
		switch c = template[i]; {
		case c >= '1' && c <= '9':
			end := i + 1
			if end < len(template) && template[end] >= '0' && template[end] <= '9' {
				end++
			}
			n, _ := strconv.Atoi(template[i:end])
			if n >= len(m.m.Groups) {
				return "", pyval.Errorf("ValueError", "invalid group reference %d", n)
			}
			b.WriteString(m.m.Groups[n])
			i = end - 1
		case c == 'g' && i+1 < len(template) && template[i+1] == '<':
			name, _, ok := strings.Cut(template[i+2:], ">")
			if !ok {
				return "", pyval.Errorf("ValueError", "missing >, unterminated name")
			}
			var key pyval.Value = name
			if n, err := strconv.ParseInt(name, 10, 32); err == nil {
				key = n
			}
			n, err := m.number(key)
			if err != nil {
				return "", err
			}
			b.WriteString(m.m.Groups[n])
			i += 2 + len(name)
		case c == '\\':
			b.WriteByte('\\')
		case strings.IndexByte("nrtfv", c) >= 0:
			b.WriteByte(map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'f': '\f', 'v': '\v'}[c])
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '0':
			return "", unsupported(`the escape \%c of a replacement`, c)
		default:
			b.WriteString(`\` + string(rune(c)))
		}
	}
	return b.String(), nil
}

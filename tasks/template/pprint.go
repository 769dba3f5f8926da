package template

import (
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// pprintWidth is how wide pprint lets a line grow, in characters.
const pprintWidth = 80

// printer is Python's pprint: keys are sorted, and what does not fit into a line goes one item a line.
type printer struct{ b strings.Builder }

func pprint(v pyval.Value) (pyval.Value, error) {
	if u, ok := v.(*undefined); ok {
		return u.Repr()
	}
	v, err := sortedKeys(v, 0)
	if err != nil {
		return nil, err
	}
	var p printer
	err = p.print(v, 0, 0, 1)
	return p.b.String(), err
}

// sortedKeys copies a value with its dictionaries in the order of their keys, if these can be compared.
func sortedKeys(v pyval.Value, depth int) (pyval.Value, error) {
	if depth > maxNesting {
		return nil, &pyval.Error{Kind: "RecursionError", Msg: "maximum recursion depth exceeded"}
	}
	if d, ok := v.(*pyval.Dict); ok {
		pairs, err := pyval.Collect(pyval.NewView(d, pyval.ItemsView))
		if err != nil {
			return nil, err
		}
		key := func(v pyval.Value) (pyval.Value, error) { return v.(pyval.Tuple)[0], nil }
		if sorted, err := sortBy(pairs, key, false); err == nil {
			pairs = sorted
		}
		out := new(pyval.Dict)
		for _, pair := range pairs {
			item, err := sortedKeys(pair.(pyval.Tuple)[1], depth+1)
			if err != nil {
				return nil, err
			}
			if err := out.SetItem(pair.(pyval.Tuple)[0], item); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	items, ok := pyval.Items(v)
	if !ok {
		return v, nil
	}
	out := make([]pyval.Value, len(items))
	for i, item := range items {
		var err error
		if out[i], err = sortedKeys(item, depth+1); err != nil {
			return nil, err
		}
	}
	if _, ok := v.(pyval.Tuple); ok {
		return pyval.Tuple(out), nil
	}
	if _, ok := v.(*pyval.Named); ok {
		return pyval.Tuple(out), nil
	}
	return pyval.List(out), nil
}

func (p *printer) newLine(indent int) { p.b.WriteString("\n" + strings.Repeat(" ", indent)) }

// print writes a value that begins at column indent and after which allowance columns are needed.
func (p *printer) print(v pyval.Value, indent, allowance, level int) error {
	rep, err := pyval.AppendRepr(nil, v)
	if err != nil {
		return err
	}
	if p.b.Len() > pyval.MaxText {
		return &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
	}
	if utf8.RuneCount(rep) <= pprintWidth-indent-allowance {
		p.b.Write(rep)
		return nil
	}
	switch o := v.(type) {
	case string:
		p.text(o, indent, allowance, level)
		return nil
	case *pyval.Dict:
		return p.dict(o, indent, allowance+1, level)
	case pyval.List:
		return p.items(o, "[", "]", indent, allowance, level)
	case pyval.Tuple:
		end := ")"
		if len(o) == 1 {
			end = ",)"
		}
		return p.items(o, "(", end, indent, allowance, level)
	}
	p.b.Write(rep)
	return nil
}

func (p *printer) items(items []pyval.Value, open, end string, indent, allowance, level int) error {
	p.b.WriteString(open)
	for i, item := range items {
		after := 1
		if i == len(items)-1 {
			after = allowance + len(end)
		}
		if i > 0 {
			p.b.WriteString(",")
			p.newLine(indent + 1)
		}
		if err := p.print(item, indent+1, after, level+1); err != nil {
			return err
		}
	}
	p.b.WriteString(end)
	return nil
}

func (p *printer) dict(d *pyval.Dict, indent, allowance, level int) error {
	p.b.WriteString("{")
	for i := range d.Len() {
		k, v := d.At(i)
		after := 1
		if i == d.Len()-1 {
			after = allowance
		}
		if i > 0 {
			p.b.WriteString(",")
			p.newLine(indent + 1)
		}
		key := pyval.Repr(k)
		p.b.WriteString(key + ": ")
		if err := p.print(v, indent+1+utf8.RuneCountInString(key)+2, after, level+1); err != nil {
			return err
		}
	}
	p.b.WriteString("}")
	return nil
}

// text writes a long text as literals that follow each other, in parentheses at the outermost level.
func (p *printer) text(s string, indent, allowance, level int) {
	if level == 1 {
		indent++
		allowance++
	}
	width := func(s string) int { return utf8.RuneCountInString(pyval.Repr(s)) }
	most := pprintWidth - indent
	var chunks []string
	lines := pyval.SplitLines(s, true)
	for i, line := range lines {
		last := i == len(lines)-1
		room := most
		if last {
			room -= allowance
		}
		if width(line) <= room {
			chunks = append(chunks, line)
			continue
		}
		current := ""
		parts := spacedWords(line)
		room = most
		for j, part := range parts {
			if last && j == len(parts)-1 {
				room -= allowance
			}
			if width(current+part) <= room {
				current += part
				continue
			}
			if current != "" {
				chunks = append(chunks, current)
			}
			current = part
		}
		if current != "" {
			chunks = append(chunks, current)
		}
	}
	if len(chunks) == 1 {
		p.b.WriteString(pyval.Repr(s))
		return
	}
	if level == 1 {
		p.b.WriteString("(")
	}
	for i, chunk := range chunks {
		if i > 0 {
			p.newLine(indent)
		}
		p.b.WriteString(pyval.Repr(chunk))
	}
	if level == 1 {
		p.b.WriteString(")")
	}
}

// spacedWords splits a text into words with the white space that follows each.
func spacedWords(s string) []string {
	var out []string
	for s != "" {
		i := strings.IndexFunc(s, pyval.IsSpace)
		if i < 0 {
			return append(out, s)
		}
		n := len(s) - len(strings.TrimLeftFunc(s[i:], pyval.IsSpace))
		out = append(out, s[:n])
		s = s[n:]
	}
	return out
}

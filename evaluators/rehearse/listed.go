package rehearse

import (
	"regexp"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

var tableName = regexp.MustCompile(`(?m)(?:^[ \t]*|\bset\s+)(\w+)\s*(?::[^=\n]+)?=\s*[\[{(]`)

// tablesOf finds the literal lists and dictionaries that are given names.
func tablesOf(text string) map[string]pyval.Value {
	out := make(map[string]pyval.Value)
	for _, m := range tableName.FindAllStringSubmatchIndex(text, -1) {
		name := text[m[2]:m[3]]
		if v := literalAt(text, m[1]-1); v != nil && out[name] == nil {
			out[name] = v
		}
	}
	return out
}

// literalAt reads the literal that the bracket at a place opens; nil where there is none.
func literalAt(text string, at int) pyval.Value {
	depth, quote := 0, byte(0)
	for i := at; i < min(len(text), at+20_000); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			if depth--; depth == 0 {
				return literal1(text[at : i+1])
			}
		}
	}
	return nil
}

// literalBefore reads the literal that the bracket at a place closes; nil where there is none.
func literalBefore(text string, at int) pyval.Value {
	depth := 0
	for i := at; i >= max(0, at-4000); i-- {
		switch {
		case strings.IndexByte(")]}", text[i]) >= 0:
			depth++
		case strings.IndexByte("([{", text[i]) >= 0:
			if depth--; depth == 0 {
				return literal1(text[i : at+1])
			}
		}
	}
	return nil
}

func literal1(text string) pyval.Value {
	v, err := pyval.LiteralEval(text)
	if err != nil {
		return nil
	}
	return v
}

// scalars gives the keys of a dictionary, or the items of a list, that a column may hold.
func scalars(v pyval.Value) []pyval.Value {
	var in, out []pyval.Value
	if d, ok := v.(*pyval.Dict); ok {
		for i := range d.Len() {
			in = append(in, d.Key(i))
		}
	} else if items, ok := pyval.Items(v); ok {
		in = items
	}
	for _, item := range in {
		switch x := item.(type) {
		case string:
			if x != "" {
				out = append(out, x)
			}
		case bool, int64:
			out = append(out, x)
		}
	}
	return out
}

// named matches a column's name, and those of the variables that a function sets to it.
func (u uses) named(n string) string {
	names := []string{n}
	for _, m := range regexp.MustCompile(`(?m)^\s*(\w+)\s*=\s*\w+\[["']`+n+`["']\](?:\.\w+\(\))*\s*$`).FindAllStringSubmatch(u.raw, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return `(?:` + strings.Join(names, "|") + `)`
}

// values lists what the text says that a column holds: the keys of a table that it is looked up in, the items of a list
// in which it is sought, and the texts that it is compared with.
func (u uses) values(n string) []pyval.Value {
	ref := `(?:str\(\s*)?(?:\w+(?:\[[^\[\]\n]*\])*\[["']` + n + `["']\]|(?:\w+\.)?\b` + n + `\b)(?:\.(?:strip|lower|upper|lstrip|rstrip)\(\))*`
	var out []pyval.Value
	add := func(v pyval.Value) {
		for _, x := range scalars(v) {
			if !slices.Contains(out, x) {
				out = append(out, x)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\b(\w+)(\[|\.get\(|\.index\()\s*`+ref+`\)?\s*[\],)]`).FindAllStringSubmatch(u.text, -1) {
		_, isDict := u.tables[m[1]].(*pyval.Dict)
		if isDict != (m[2] == ".index(") {
			add(u.tables[m[1]])
		}
		if m[2] == ".index(" && regexp.MustCompile(`\b`+m[1]+`\s*=\s*\[\s*\w+\[["'](?i:label|letter)["']\]\s+for\b`).MatchString(u.raw) {
			add(list("A", "B", "C", "D"))
		}
	}
	for _, m := range regexp.MustCompile(`([\]})])\s*(\[|\.get\(|\.index\()\s*`+ref+`\)?\s*[\],)]`).FindAllStringSubmatchIndex(u.text, -1) {
		v := literalBefore(u.text, m[2])
		_, isDict := v.(*pyval.Dict)
		if isDict != (u.text[m[4]:m[5]] == ".index(") {
			add(v)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, m := range regexp.MustCompile(ref+`\s*(?:==|\.startswith\()\s*(?:"([^"\\\n]*)"|'([^'\\\n]*)')`).FindAllStringSubmatch(u.text, -1) {
		add(pyval.List{m[1] + m[2]})
	}
	for _, m := range regexp.MustCompile(ref+`\s+in\s+([\[({]|\w+)`).FindAllStringSubmatchIndex(u.text, -1) {
		if v := u.tables[u.text[m[2]:m[3]]]; v != nil {
			add(v)
		} else {
			add(literalAt(u.text, m[2]))
		}
	}
	return out
}

// records finds the fields of a column that is a list of dictionaries, or a dictionary whose keys the text lists.
func (u uses) records(c *column, n string, depth int) bool {
	if depth > 2 {
		return false
	}
	ref := `(?:\[["']` + n + `["']\]|\b` + n + `\b)`
	var found []string
	take := func(expr string) {
		for _, m := range regexp.MustCompile(expr).FindAllStringSubmatch(u.raw, -1) {
			f := m[1]
			if f == "" && !slices.Contains(fieldWords, m[2]) { // a method may be passed on without a call
				f = m[2]
			}
			if f != "" && f != c.name && !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	take(ref + `\[-?(?:\d+|i|j|idx|index)\](?:\[["'](\w+)["']\]|\.(\w+)\b\s*[^(\w])`)
	for _, m := range regexp.MustCompile(`\bfor\s+(?:\w+\s*,\s*)?(\w+)\s+in\s+(?:enumerate\(\s*)?(?:\w+\.)*(?:\w+(?:\[["'][\w ]+["']\])*)?`+ref+`\s*[^.\w\[\s(]`).FindAllStringSubmatch(u.raw, -1) {
		take(`\b` + m[1] + `(?:\[["'](\w+)["']\]|\.(\w+)\b\s*[^(\w])`)
	}
	if len(found) > 0 {
		c.kind = records
		u.addFields(c, found, depth)
		return true
	}
	for _, m := range regexp.MustCompile(ref+`\[(\w+)\]`).FindAllStringSubmatch(u.raw, -1) {
		for _, l := range regexp.MustCompile(`\bfor\s+(?:\w+\s*,\s*)?`+m[1]+`\s+in\s+(?:enumerate\(\s*)?(\[|\(|\w+)`).FindAllStringSubmatchIndex(u.raw, -1) {
			v := u.tables[u.raw[l[2]:l[3]]]
			if v == nil {
				v = literalAt(u.raw, l[2])
			}
			for _, key := range scalars(v) {
				if s, ok := key.(string); ok && !slices.Contains(found, s) {
					found = append(found, s)
				}
			}
		}
	}
	if len(found) > 0 {
		c.kind = fields
		for _, f := range found {
			c.fields = append(c.fields, &column{name: f})
		}
	}
	return len(found) > 0
}

var labelNames = regexp.MustCompile(`(?i)^(?:label|letter)$`)

func (u uses) addFields(c *column, names []string, depth int) {
	for _, name := range names {
		f := u.columnAt(name, depth+1)
		if f.kind == index && labelNames.MatchString(name) { // those of options are letters
			f.kind = letter
		}
		c.fields = append(c.fields, f)
	}
}

// narrowed gives each column of listed values the first of them alone, and all but the last: a task may know fewer than
// its neighbours.
func (x *schema) narrowed() []*schema {
	var out []*schema
	for i, c := range all(x.columns) {
		if c.kind != listed || len(c.values) < 2 {
			continue
		}
		for _, n := range []int{len(c.values) - 1, 1} {
			y := x.clone()
			all(y.columns)[i].values = c.values[:n]
			out = append(out, y)
		}
	}
	return out
}

var docRead = regexp.MustCompile(`\bdoc(?:\[|\.get\()["'](\w[\w .-]*)["']`)

// read lists the columns that the text reads of a document by name.
func (u uses) read() []string {
	var out []string
	for _, m := range docRead.FindAllStringSubmatch(u.raw, 24) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

package rehearse

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// kind is what a made-up column holds.
type kind int

const (
	text       kind = iota // a sentence
	option                 // one of the options
	options                // four short texts
	letter                 // A, B, C or D
	index                  // 0 or 1
	numberText             // a whole number as text
	fields                 // a dictionary
	records                // a list of two dictionaries
	literal                // a Python list of the options as text
	word                   // a text that the task's functions hold
	truth                  // True or False
	float                  // a number with a fraction
	labels                 // 1, 0, 0, 0
	letters                // A, B, C, D as a list
	none                   // None
	nested                 // a list of lists of texts
	jsonText               // an object as JSON
	boxed                  // a worked solution as mathematics has them
	blank                  // a sentence with a blank to fill in
	indexText              // 0 or 1 as text
	count                  // a whole number that differs from row to row
	fixed                  // one text that the task's functions hold
	listed                 // values that the task's functions or templates list
	kinds                  // how many there are
)

// column is one column, or one field of a dictionary.
type column struct {
	name   string
	kind   kind
	fields []*column     // of fields and records
	word   string        // of fixed
	values []pyval.Value // of listed
}

// schema says what rows are made up.
type schema struct {
	columns []*column
	many    bool // more rows than a few
}

func (c *column) clone() *column {
	out := *c
	out.fields = nil
	for _, f := range c.fields {
		out.fields = append(out.fields, f.clone())
	}
	return &out
}

func (x *schema) clone() *schema {
	out := &schema{many: x.many}
	for _, c := range x.columns {
		out.columns = append(out.columns, c.clone())
	}
	return out
}

func (c *column) key() string {
	s := fmt.Sprintf("%q:%d%q", c.name, c.kind, c.word)
	if c.kind == listed {
		s += pyval.Repr(pyval.List(c.values))
	}
	for _, f := range c.fields {
		s += "(" + f.key() + ")"
	}
	return s
}

func (x *schema) key() string {
	var b strings.Builder
	for _, c := range x.columns {
		b.WriteString(c.key())
		b.WriteByte(' ')
	}
	return fmt.Sprint(b.String(), x.many)
}

// all lists the columns and fields, the last first.
func all(columns []*column) []*column {
	var out []*column
	for i := len(columns) - 1; i >= 0; i-- {
		out = append(append(out, all(columns[i].fields)...), columns[i])
	}
	return out
}

// rows makes rows up: a few, or enough for forty worked examples, or several for each word where a column holds words.
func (x *schema) rows(words []string) []*pyval.Dict {
	n := 10
	if x.many {
		n = 45
	}
	for _, c := range all(x.columns) {
		switch c.kind {
		case word:
			n = max(n, 3*len(words))
		case listed:
			n = max(n, min(2*len(c.values), 300))
		}
	}
	out := make([]*pyval.Dict, n)
	for i := range out {
		out[i] = dict(x.columns, i, words)
	}
	return out
}

func dict(columns []*column, i int, words []string) *pyval.Dict {
	d := new(pyval.Dict)
	for _, c := range columns {
		d.Set(c.name, c.value(i, words))
	}
	return d
}

var fourOptions = [...]string{"alpha", "beta", "gamma", "delta"}

func list[T any](items ...T) pyval.List {
	out := make(pyval.List, len(items))
	for i, v := range items {
		out[i] = v
	}
	return out
}

// value is what the column holds in row i.
func (c *column) value(i int, words []string) pyval.Value {
	switch c.kind {
	case option:
		return fourOptions[i%4]
	case options:
		return list(fourOptions[:]...)
	case letter:
		return string(rune('A' + i%4))
	case index:
		return int64(i % 2)
	case numberText:
		return strconv.Itoa(i%4 + 1)
	case fields:
		return dict(c.fields, i, words)
	case records:
		return list(dict(c.fields, i, words), dict(c.fields, i+1, words))
	case literal:
		return "['alpha', 'beta', 'gamma', 'delta']"
	case word:
		if len(words) > 0 {
			return words[i%len(words)]
		}
		return "word"
	case truth:
		return i%2 == 0
	case float:
		return float64(i) + 0.5
	case labels:
		return list[int64](1, 0, 0, 0)
	case letters:
		return list("A", "B", "C", "D")
	case none:
		return nil
	case nested:
		return list[pyval.Value](list("alpha", "beta"), list("gamma", "delta"))
	case jsonText:
		return fmt.Sprintf(`{"%s": "alpha", "n": %d}`, c.name, i)
	case boxed:
		return fmt.Sprintf(`We add, and find $\boxed{%d}$. #### %d`, i+1, i+1)
	case blank:
		return fmt.Sprintf("Row %d says that _ is here. (A) alpha (B) beta", i)
	case indexText:
		return strconv.Itoa(i % 2)
	case count:
		return int64(i + 1)
	case fixed:
		return c.word
	case listed:
		return c.values[i%len(c.values)]
	}
	return fmt.Sprintf("The %s of row %d is short. It ends here", c.name, i)
}

var missingNames = []*regexp.Regexp{
	regexp.MustCompile(`KeyError: ['"](.+?)['"]$`),
	regexp.MustCompile(`KeyError: 'Column (.+?) not in`),
	regexp.MustCompile(`the row lacks the column "(.+?)"`),
	regexp.MustCompile(`no row has the column "(.+?)"`),
	regexp.MustCompile(`object' has no attribute '(.+?)'`),
	regexp.MustCompile(`'(.+?)' is undefined`),
	regexp.MustCompile(`the column "(.+?)"`),
	regexp.MustCompile(`field "(.+?)" must be .*, not None$`),
	regexp.MustCompile(`needs a list of (\w+) in the document, not None`),
}

// missing gives the name of a column or field that an error misses; "" for another error, such as that of a made-up value
// which is no key.
func (x *schema) missing(err error) string {
	for _, re := range missingNames {
		m := re.FindStringSubmatch(err.Error())
		if m == nil {
			continue
		}
		if slices.ContainsFunc(all(x.columns), func(c *column) bool { return c.holds(m[1]) }) {
			return ""
		}
		return m[1]
	}
	return ""
}

// holds reports whether a row has the text in the column, or in a list there.
func (c *column) holds(text string) bool {
	if c.kind == word {
		return true
	}
	for i := range max(10, len(c.values)) {
		if within(c.value(i, nil), text) {
			return true
		}
	}
	return false
}

func within(v pyval.Value, text string) bool {
	if items, ok := pyval.Items(v); ok {
		return slices.ContainsFunc(items, func(item pyval.Value) bool { return within(item, text) })
	}
	s, ok := v.(string)
	return ok && s == text
}

// repairs lists changes that may mend an error, the likeliest first.
func (x *schema) repairs(err error, variables, words []string, u uses) []*schema {
	var out []*schema
	if name := x.missing(err); name != "" {
		out = append(out, x.with(name, u)...)
	} else {
		for _, name := range variables {
			if !x.has(name) {
				y := x.clone()
				y.columns = append(y.columns, u.column(name))
				out = append(out, y)
			}
		}
	}
	if text := err.Error(); strings.Contains(text, "has no rows") || strings.Contains(text, "rows of") || strings.Contains(text, "no sample has") {
		if !x.many {
			y := x.clone()
			y.many = true
			out = append(out, y)
		}
		out = append(out, x.changed(word)...)
		out = append(out, x.changed(numberText, count, truth, none, letter)...)
	}
	if name := x.refused(err); name != "" {
		out = append(out, x.instead(name, words)...)
	}
	out = append(out, x.narrowed()...)
	order := make([]kind, 0, kinds)
	for k := range kinds {
		if k != fields && k != records && k != fixed && k != listed {
			order = append(order, k)
		}
	}
	return slices.Concat(out, x.changed(order...), x.said(words), x.paired(words))
}

// paired makes each column a dictionary of two of the first words, as those of translations are.
func (x *schema) paired(words []string) []*schema {
	var out []*schema
	for i := range all(x.columns) {
		for _, w := range words[:min(len(words), 8)] {
			for _, other := range []string{"en", "fr"} {
				y := x.clone()
				c := all(y.columns)[i]
				c.kind, c.fields = fields, []*column{{name: other}, {name: w}}
				if w != other {
					out = append(out, y)
				}
			}
		}
	}
	return out
}

var madeText = regexp.MustCompile(`The (\w+) of row`)

var wrongField = regexp.MustCompile(`field "(.+?)" must be `)

var noKey = []*regexp.Regexp{regexp.MustCompile(`KeyError: ['"](.+?)['"]$`), regexp.MustCompile(`['"](.+?)['"] is not in list`), regexp.MustCompile(`"(.+?)" is none of the choices`)}

// refused gives the column whose value an error names as no key; "" where none is known.
func (x *schema) refused(err error) string {
	for _, re := range noKey {
		m := re.FindStringSubmatch(err.Error())
		if m == nil {
			continue
		}
		for _, c := range all(x.columns) {
			if c.kind != word && c.kind != options && c.kind != fields && c.kind != records && c.holds(m[1]) {
				return c.name
			}
		}
	}
	if m := wrongField.FindStringSubmatch(err.Error()); m != nil && x.has(m[1]) {
		return m[1]
	}
	if m := madeText.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return ""
}

// instead gives one column words and short values in place of a sentence that was no use.
func (x *schema) instead(name string, words []string) []*schema {
	var out []*schema
	for i, c := range all(x.columns) {
		if c.name != name {
			continue
		}
		for _, k := range []kind{letter, index, option, numberText, none, count, literal, jsonText, options} {
			y := x.clone()
			d := all(y.columns)[i]
			d.kind, d.fields = k, nil
			out = append(out, y)
		}
		for _, w := range words {
			y := x.clone()
			d := all(y.columns)[i]
			d.kind, d.fields, d.word = fixed, nil, w
			out = append(out, y)
		}
	}
	return out
}

// said gives each column each of the first words, as its one value.
func (x *schema) said(words []string) []*schema {
	var out []*schema
	for _, w := range words[:min(len(words), 24)] {
		for i := range all(x.columns) {
			y := x.clone()
			c := all(y.columns)[i]
			c.kind, c.fields, c.word = fixed, nil, w
			out = append(out, y)
		}
	}
	return out
}

// with adds a name: as a column, or as a field of a column that is a dictionary, or a list of them, or shall be.
func (x *schema) with(name string, u uses) []*schema {
	var out []*schema
	if !x.has(name) {
		y := x.clone()
		y.columns = append(y.columns, u.column(name))
		out = append(out, y)
	}
	n := len(all(x.columns))
	for _, k := range []kind{fields, records} {
		for i := range n {
			y := x.clone()
			c := all(y.columns)[i]
			if slices.ContainsFunc(c.fields, func(f *column) bool { return f.name == name }) || c.name == name && len(c.fields) == 0 && k == records {
				continue
			}
			c.kind = k
			c.fields = append(c.fields, u.column(name))
			out = append(out, y)
		}
	}
	return out
}

func (x *schema) has(name string) bool {
	return slices.ContainsFunc(x.columns, func(c *column) bool { return c.name == name })
}

// changed gives each column each of the kinds, those of the last columns first.
func (x *schema) changed(to ...kind) []*schema {
	var out []*schema
	n := len(all(x.columns))
	for _, k := range to {
		for i := range n {
			y := x.clone()
			c := all(y.columns)[i]
			if c.kind == k {
				continue
			}
			c.kind, c.fields, c.word = k, nil, ""
			out = append(out, y)
		}
	}
	return out
}

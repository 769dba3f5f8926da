package rehearse

import (
	"regexp"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// uses is the text of a task's templates and functions.
type uses struct {
	text string // in which doc["x"] stands as x
	raw  string // as it is
	// tables are the literal lists and dictionaries that have names; nil leaves out what columns are compared with.
	tables map[string]pyval.Value
}

var subscript = regexp.MustCompile(`\b(?:doc|row|x|example|item|sample|d|ex|instance|line|e|docs|eg|_?doc|data|entry|element)\[["'](\w[\w .-]*)["']\]`)

func usesOf(sources []string) uses {
	raw := strings.Join(sources, "\n")
	return uses{text: subscript.ReplaceAllString(raw, " $1"), raw: raw, tables: tablesOf(raw)}
}

// plain is the same without the values and lists that the text compares columns with.
func (u uses) plain() uses { return uses{text: u.text, raw: u.raw} }

func (u uses) schema(names []string) *schema {
	x := &schema{}
	for _, n := range names {
		if !x.has(n) {
			x.columns = append(x.columns, u.column(n))
		}
	}
	return x
}

// column guesses what a column holds: from the way it is used, else from its name.
func (u uses) column(name string) *column { return u.columnAt(name, 0) }

func (u uses) columnAt(name string, depth int) *column {
	c := &column{name: name, kind: guess(name)}
	n := regexp.QuoteMeta(name)
	has := func(expr string) []string {
		return regexp.MustCompile(strings.ReplaceAll(expr, "NAME", n)).FindStringSubmatch(u.text)
	}
	if u.tables != nil {
		n := u.named(n)
		if values := u.values(n); len(values) > 0 {
			c.kind, c.values = listed, values
			return c
		}
		if u.records(c, n, depth) {
			return c
		}
	}
	switch {
	case has(`(?:literal_eval|\beval)\(\s*NAME\b`) != nil:
		c.kind = literal
	case has(`json\.loads\(\s*NAME\b`) != nil:
		c.kind = jsonText
	case has(`\bNAME\s*(?:\|\s*int\s*)?\)?\s*-\s*1\b`) != nil: // counted from one
		c.kind, c.values = listed, list[pyval.Value](int64(1), int64(2))
	case has(`\w\s*\[\s*NAME\s*\]`) != nil, has(`\w\[[^\]\n]*:\s*NAME\s*\]`) != nil, has(`\w\[\s*NAME\s*:`) != nil,
		has(`chr\([^)\n]*\bNAME\b`) != nil:
		c.kind = index
	case has(`\bint\(\s*NAME\b`) != nil:
		c.kind = indexText
	case has(`\.index\(\s*NAME\b`) != nil:
		c.kind = option
	case has(`\bNAME(?:\.|\s*)(?:strip|lstrip|rstrip|split|replace|lower|upper|capitalize|startswith|endswith|rfind|find|removeprefix)\(`) != nil:
		c.kind = u.sentence(c)
	case u.inner(c, n, depth):
	case has(`\bNAME\s*\[\s*-?[0-9]`) != nil, has(`\bin\s+(?:enumerate\()?\s*NAME\b`) != nil, has(`\b(?:len|enumerate|zip|sorted)\(\s*NAME\b`) != nil, has(`\bNAME\.index\(`) != nil,
		has(`\bNAME(?:["']\])?\s*\|\s*(?:length|join)`) != nil,
		has(`\blen\([^()\n]*["']NAME["']\]\s*\)`) != nil, has(`\.join\(\s*NAME\b`) != nil:
		c.kind = options
	}
	return c
}

// sentence is the kind of a column that is a text for sure.
func (u uses) sentence(c *column) kind {
	if slices.Contains([]kind{option, boxed, letter}, c.kind) {
		return c.kind
	}
	return text
}

var fieldWords = []string{"items", "keys", "values", "get", "append", "index", "count", "format", "sort", "pop", "update", "extend", "copy", "encode", "join", "isdigit", "title"}

// inner finds the fields of a column that is a dictionary.
func (u uses) inner(c *column, n string, depth int) bool {
	if depth > 2 {
		return false
	}
	re := regexp.MustCompile(`\b` + n + `(?:\[["'](\w+)["']\]|\.(\w+)\b)`)
	for _, m := range re.FindAllStringSubmatchIndex(u.text, -1) {
		at := 2
		if m[2] < 0 {
			at = 4
		}
		field := u.text[m[at]:m[at+1]]
		called := at == 4 && m[1] < len(u.text) && u.text[m[1]] == '('
		if called || slices.Contains(fieldWords, field) || slices.ContainsFunc(c.fields, func(f *column) bool { return f.name == field }) {
			continue
		}
		c.kind = fields
		f := u.columnAt(field, depth+1)
		if f.kind == fields && field == c.name {
			f.kind, f.fields = text, nil
		}
		c.fields = append(c.fields, f)
	}
	return c.kind == fields
}

// guess is the kind that a column of a name most often has.
func guess(name string) kind {
	n := strings.ToLower(name)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(n, w) })
	}
	switch {
	case n == "id":
		return count
	case has("choices", "options", "endings", "candidates", "distractors", "entities", "classes", "mc_answer", "correct_answers"):
		return options
	case has("label", "gold", "idx", "index", "answer_id", "correct_", "start", "end"):
		return index
	case has("solution"):
		return boxed
	case has("answer", "target"):
		return option
	}
	return text
}

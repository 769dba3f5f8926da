package tasks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/pyval"
	"github.com/onset-eval/onset/tasks/template"
)

// expr is a value of doc_to_text, doc_to_target or doc_to_choice: what it gives depends on the document.
type expr struct {
	at       yamlfile.Field
	isSet    bool
	constant pyval.Value // used where tmpl is nil
	source   string
	tmpl     *template.Template
}

// columns are the names that a document may be asked for; nil stands for the document's own.
type columns map[string]bool

func (c columns) have(name string, doc *pyval.Dict) bool {
	if c == nil {
		_, ok := doc.Get(name)
		return ok
	}
	return c[name]
}

// readExpr reads a template or the name of a column; with constants, also a whole number or a list of texts.
func readExpr(f yamlfile.Field, constants bool) (expr, error) {
	e := expr{at: f, isSet: f.Set()}
	if !e.isSet {
		return e, nil
	}
	if constants {
		if n, err := f.Integer(-1 << 31); err == nil {
			e.constant = int64(n)
			return e, nil
		}
		if items, err := f.Items(); err == nil {
			list := make(pyval.List, len(items))
			for i, item := range items {
				if list[i], err = item.Name(); err != nil {
					return e, err
				}
			}
			e.constant = list
			return e, nil
		}
	}
	var err error
	if e.source, err = f.Text(); err != nil {
		return e, err
	}
	if e.tmpl, err = template.Compile(e.source); err != nil {
		return e, f.Errorf("%s: %v", f.Key, err)
	}
	return e, nil
}

// value gives the raw value of a column where the source is a column's name, a constant as it is, and
// else the rendered template.
func (e expr) value(doc *pyval.Dict, names columns) (pyval.Value, error) {
	if e.tmpl == nil {
		return e.constant, nil
	}
	if names.have(e.source, doc) {
		v, ok := doc.Get(e.source)
		if !ok {
			return nil, fmt.Errorf("%s: the row lacks the column %q", e.at.Key, e.source)
		}
		return v, nil
	}
	s, err := e.tmpl.Render(doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.at.Key, err)
	}
	return s, nil
}

// text gives a value that must be one text; numbers are written as Python writes them.
func (e expr) text(doc *pyval.Dict, names columns) (string, error) {
	v, err := e.value(doc, names)
	if err != nil {
		return "", err
	}
	return e.textOf(v)
}

func (e expr) textOf(v pyval.Value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64, float64, bool:
		return pyval.Str(v), nil
	}
	return "", fmt.Errorf("%s: text is expected, not %s", e.at.Key, pyval.Repr(v))
}

// choices gives the options of a document.
func (e expr) choices(doc *pyval.Dict, names columns) ([]string, error) {
	v, err := e.value(doc, names)
	if err != nil {
		return nil, err
	}
	if s, ok := v.(string); ok {
		if v, err = literal(s); err != nil {
			return nil, fmt.Errorf("%s: %w", e.at.Key, err)
		}
	}
	list, ok := v.(pyval.List)
	if !ok {
		return nil, fmt.Errorf("%s: a list is expected, not %s", e.at.Key, pyval.Repr(v))
	}
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = pyval.Str(c)
	}
	return out, nil
}

// target gives what doc_to_target means: a text, an index into the choices (int64), or a list of either.
func (e expr) target(doc *pyval.Dict, names columns, hasChoices bool) (pyval.Value, error) {
	v, err := e.value(doc, names)
	if err != nil {
		return nil, err
	}
	s, ok := v.(string)
	if !ok || names.have(e.source, doc) {
		return v, nil
	}
	if hasChoices && isDigits(s) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.at.Key, err)
		}
		return n, nil
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		if list, err := literal(s); err == nil {
			return list, nil
		}
	}
	return s, nil
}

func isDigits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

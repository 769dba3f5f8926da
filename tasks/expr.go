package tasks

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
	"github.com/onset-eval/onset/tasks/template"
)

// expr is a value of doc_to_text, doc_to_target or doc_to_choice: what it gives depends on the document.
type expr struct {
	at       yamlfile.Field
	isSet    bool
	constant pyval.Value // used where tmpl and hook are nil
	texts    []string    // the items of a constant list as the file writes them
	source   string
	tmpl     *template.Template
	hook     *hooks.Found
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

// readExpr reads a function, a template or the name of a column; with constants, also a whole number, a truth
// value, a list, or a mapping, which stands for the list of its values. null is not set.
func readExpr(d document, f yamlfile.Field, constants bool) (expr, error) {
	e := expr{at: f, isSet: f.Set() && !f.IsNull()}
	if !e.isSet {
		return e, nil
	}
	var err error
	if e.hook, err = d.hook(f, hooks.Doc); err != nil || e.hook != nil {
		return e, err
	}
	if constants {
		done, err := e.readConstant(f)
		if done || err != nil {
			return e, err
		}
	}
	if e.source, err = f.Text(); err != nil {
		return e, err
	}
	if e.tmpl, err = template.Compile(e.source); err != nil {
		return e, f.Errorf("%s: %v", f.Key, err)
	}
	return e, nil
}

func (e *expr) readConstant(f yamlfile.Field) (done bool, err error) {
	n := f.Value()
	switch n.Kind {
	case yaml.ScalarNode:
		switch v := scalar(n).(type) {
		case int64, bool:
			e.constant = v
			return true, nil
		}
		return false, nil
	case yaml.SequenceNode, yaml.MappingNode:
	default:
		return false, nil
	}
	v, err := pythonValue(f)
	if err != nil {
		return false, err
	}
	if dict, ok := v.(*pyval.Dict); ok {
		var list pyval.List
		for _, k := range dict.Keys() {
			item, _ := dict.Get(k)
			list = append(list, item)
		}
		e.constant = list
		return true, nil
	}
	e.constant = v
	for _, item := range n.Content {
		e.texts = append(e.texts, item.Value)
	}
	return true, nil
}

// value gives what a function makes of the document, the raw value of a column where the source is a column's
// name, a constant as it is, and else the rendered template. rendered tells of the last.
func (e expr) value(doc *pyval.Dict, names columns) (v pyval.Value, rendered bool, err error) {
	switch {
	case e.hook != nil:
		if v, err = e.hook.Func.Doc(doc); err != nil {
			return nil, false, fmt.Errorf("%s: %s: %w", e.at.Key, e.hook.Name(), err)
		}
		return v, false, nil
	case e.tmpl == nil:
		return e.constant, false, nil
	case names.have(e.source, doc):
		v, ok := doc.Get(e.source)
		if !ok {
			return nil, false, fmt.Errorf("%s: the row lacks the column %q", e.at.Key, e.source)
		}
		return v, false, nil
	}
	s, err := e.tmpl.Render(doc)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", e.at.Key, err)
	}
	return s, true, nil
}

// text gives a value that must be one text; numbers are written as Python writes them.
func (e expr) text(doc *pyval.Dict, names columns) (string, error) {
	v, _, err := e.value(doc, names)
	if err != nil {
		return "", err
	}
	return e.textOf(v)
}

func (e expr) textOf(v pyval.Value) (string, error) {
	if s, ok := pyval.TextOf(v); ok {
		return s, nil
	}
	switch v := v.(type) {
	case int64, float64, bool:
		return pyval.Str(v), nil
	}
	return "", fmt.Errorf("%s: text is expected, not %s", e.at.Key, pyval.Repr(v))
}

// question gives what doc_to_text means: a text, or the number of a choice where the question depends on it.
func (e expr) question(doc *pyval.Dict, names columns, hasChoices bool) (pyval.Value, error) {
	v, rendered, err := e.value(doc, names)
	if s, ok := v.(string); err == nil && rendered && ok && hasChoices && isDigits(s) {
		return e.literal(s)
	}
	return v, err
}

// choices gives the options of a document. In compat mode a column that holds text gives its characters, and the
// truth values of YAML 1.1 are no words.
func (e expr) choices(doc *pyval.Dict, names columns, compat bool) ([]pyval.Value, error) {
	v, rendered, err := e.value(doc, names)
	if err != nil {
		return nil, err
	}
	if s, ok := v.(string); ok {
		if compat && !rendered {
			var out []pyval.Value
			for _, r := range s {
				out = append(out, string(r))
			}
			return out, nil
		}
		if v, err = e.literal(s); err != nil {
			return nil, err
		}
	}
	list, ok := pyval.Items(v)
	if !ok {
		return nil, fmt.Errorf("%s: a list is expected, not %s", e.at.Key, pyval.Repr(v))
	}
	out := make([]pyval.Value, len(list))
	copy(out, list)
	for i := range e.texts {
		if _, isBool := out[i].(bool); isBool && !compat {
			out[i] = e.texts[i]
		}
	}
	return out, nil
}

// target gives what doc_to_target means: a text, an index into the choices, or a list of either.
func (e expr) target(doc *pyval.Dict, names columns, hasChoices bool) (pyval.Value, error) {
	v, rendered, err := e.value(doc, names)
	s, ok := v.(string)
	if err != nil || !ok || !rendered {
		return v, err
	}
	if hasChoices && isDigits(s) {
		return e.literal(s)
	}
	if len(s) >= 2 && strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		if list, err := literal(s); err == nil {
			return list, nil
		}
	}
	return s, nil
}

func (e expr) literal(s string) (pyval.Value, error) {
	v, err := literal(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.at.Key, err)
	}
	return v, nil
}

// isDigits is Python's str.isdigit.
func isDigits(s string) bool { return pyval.All(s, pyval.IsDigit) }

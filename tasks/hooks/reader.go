package hooks

import (
	"github.com/onset-eval/onset/tasks/pyval"
)

// reader reads the columns of a document for a hook and keeps the first error, as Python would raise it.
type reader struct {
	doc   *pyval.Dict
	err   error
	above *reader // of the document that this one lies in; it gets the error too
}

func (r *reader) fail(kind, format string, args ...any) {
	err := pyval.Errorf(kind, format, args...)
	for ; r != nil; r = r.above {
		if r.err == nil {
			r.err = err
		}
	}
}

// value gives a column.
func (r *reader) value(key string) pyval.Value {
	v, ok := r.doc.Get(key)
	if !ok {
		r.fail("KeyError", "%s", pyval.Repr(key))
	}
	return v
}

// text gives a column that must be text.
func (r *reader) text(key string) string { return r.textOf(r.value(key)) }

func (r *reader) textOf(v pyval.Value) string {
	s, ok := pyval.TextOf(v)
	if !ok {
		r.fail("TypeError", "text is expected, not %s", pyval.TypeName(v))
	}
	return s
}

// str gives a column as an f-string writes it.
func (r *reader) str(key string) string { return pyval.Str(r.value(key)) }

// list gives a column that must be a list.
func (r *reader) list(key string) []pyval.Value { return r.listOf(r.value(key)) }

func (r *reader) listOf(v pyval.Value) []pyval.Value {
	items, ok := pyval.Items(v)
	if !ok {
		r.fail("TypeError", "a list is expected, not %s", pyval.TypeName(v))
	}
	return items
}

// integer gives int(column).
func (r *reader) integer(key string) int64 { return r.integerOf(r.value(key)) }

func (r *reader) integerOf(v pyval.Value) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	case float64:
		return int64(v)
	case string:
		n, err := pyval.ParseInt(v, 10)
		if i, ok := n.(int64); ok && err == nil {
			return i
		}
	}
	r.fail("ValueError", "a whole number is expected, not %s", pyval.Repr(v))
	return 0
}

// index is choices.index(v).
func (r *reader) index(choices []string, v pyval.Value) int64 {
	for i, c := range choices {
		if c == v {
			return int64(i)
		}
	}
	r.fail("ValueError", "%s is not in list", pyval.Repr(v))
	return 0
}

// texts makes a Python list of texts.
func texts(items ...string) pyval.List {
	out := make(pyval.List, len(items))
	for i, s := range items {
		out[i] = s
	}
	return out
}

// field is one item of a dictionary.
type field struct {
	key   string
	value pyval.Value
}

func dict(fields ...field) *pyval.Dict {
	d := new(pyval.Dict)
	for _, f := range fields {
		d.Set(f.key, f.value)
	}
	return d
}

// mapRows is dataset.map: what f gives is added to each row and replaces its equals there.
func mapRows(f func(r *reader) *pyval.Dict) Func {
	return Func{Row: func(doc *pyval.Dict) (*pyval.Dict, error) {
		r := &reader{doc: doc}
		add := f(r)
		if r.err != nil {
			return nil, r.err
		}
		out := doc.Clone()
		out.Update(add)
		return out, nil
	}}
}

// keepRows is dataset.filter.
func keepRows(f func(r *reader) bool) Func {
	return Func{Row: func(doc *pyval.Dict) (*pyval.Dict, error) {
		r := &reader{doc: doc}
		keep := f(r)
		if r.err != nil || !keep {
			return nil, r.err
		}
		return doc, nil
	}}
}

// ofDoc is a function of one document.
func ofDoc(f func(r *reader) pyval.Value) Func {
	return Func{Doc: func(doc *pyval.Dict) (pyval.Value, error) {
		r := &reader{doc: doc}
		v := f(r)
		return v, r.err
	}}
}

// columnOf is doc[key].
func columnOf(key string) Func { return ofDoc(func(r *reader) pyval.Value { return r.value(key) }) }

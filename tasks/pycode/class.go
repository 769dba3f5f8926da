package pycode

import (
	"errors"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Class is a Python class: one that a source defines, a built-in type or a kind of exception.
type Class struct {
	thing
	name  string
	bases []*Class
	vars  map[string]pyval.Value
	make  func(c *Call) (pyval.Value, error) // of a built-in type; nil for a class of instances
	is    func(v pyval.Value) bool           // of a built-in type: whether v is one
	raise bool                               // a kind of exception
	// record lists the fields of a dataclass, in order; nil for another class.
	record []string
}

func (c *Class) TypeName() string      { return "type" }
func (c *Class) Text() (string, error) { return c.Repr() }
func (c *Class) Repr() (string, error) { return "<class '" + c.name + "'>", nil }

// lookup finds a name in the class and its bases.
func (c *Class) lookup(name string) (pyval.Value, *Class) {
	if v, ok := c.vars[name]; ok {
		return v, c
	}
	for _, b := range c.bases {
		if v, from := b.lookup(name); from != nil {
			return v, from
		}
	}
	return nil, nil
}

// within reports whether the class is other or derives from it.
func (c *Class) within(other *Class) bool {
	if c == other {
		return true
	}
	for _, b := range c.bases {
		if b.within(other) {
			return true
		}
	}
	return false
}

func (c *Class) raises() bool {
	if c.raise {
		return true
	}
	for _, b := range c.bases {
		if b.raises() {
			return true
		}
	}
	return false
}

// Instance is an object of a class.
type Instance struct {
	class *Class
	attrs *pyval.Dict
	in    *interp // for its methods that operators call
}

// TypeName is the class's name.
func (i *Instance) TypeName() string { return i.class.name }

// special calls a method such as __len__; ok is false where the class has none.
func (i *Instance) special(name string, args ...pyval.Value) (v pyval.Value, ok bool, err error) {
	m, from := i.class.lookup(name)
	if from == nil {
		return nil, false, nil
	}
	v, err = i.in.call(m, append([]pyval.Value{i}, args...)...)
	return v, true, err
}

// Truth is that of __bool__ or __len__.
func (i *Instance) Truth() (bool, error) {
	for _, name := range []string{"__bool__", "__len__"} {
		if v, ok, err := i.special(name); ok || err != nil {
			if err != nil {
				return false, err
			}
			return pyval.Truth(v)
		}
	}
	return true, nil
}

// Text is that of __str__ or __repr__, or an exception's message.
func (i *Instance) Text() (string, error) {
	if v, ok, err := i.special("__str__"); ok || err != nil {
		return pyval.Str(v), err
	}
	if i.class.raises() {
		return exceptionText(i), nil
	}
	return i.Repr()
}

// Repr is that of __repr__.
func (i *Instance) Repr() (string, error) {
	if v, ok, err := i.special("__repr__"); ok || err != nil {
		return pyval.Str(v), err
	}
	if i.class.raises() {
		args, _ := i.attrs.Get("args")
		items, _ := pyval.Items(args)
		if len(items) == 1 {
			return i.class.name + "(" + pyval.Repr(items[0]) + ")", nil
		}
		return i.class.name + pyval.Repr(args), nil
	}
	if i.class.record != nil {
		var parts []string
		for _, f := range i.class.record {
			v, _ := i.attrs.Get(f)
			parts = append(parts, f+"="+pyval.Repr(v))
		}
		return i.class.name + "(" + strings.Join(parts, ", ") + ")", nil
	}
	return "", unsupported("the text of a %s, which holds an address in memory,", i.class.name)
}

// Len is that of __len__.
func (i *Instance) Len() (int, error) {
	v, ok, err := i.special("__len__")
	if n, isInt := v.(int64); ok && isInt {
		return int(n), err
	}
	if err == nil {
		err = pyval.Errorf("TypeError", "object of type '%s' has no len()", i.class.name)
	}
	return 0, err
}

// Iter is that of __iter__.
func (i *Instance) Iter() (pyval.Next, error) {
	v, ok, err := i.special("__iter__")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, pyval.Errorf("TypeError", "'%s' object is not iterable", i.class.name)
	}
	return pyval.Iter(v)
}

// Equals is that of __eq__, of a dataclass's fields, or identity.
func (i *Instance) Equals(v pyval.Value) (bool, error) {
	if eq, ok, err := i.special("__eq__", v); ok || err != nil {
		if err != nil {
			return false, err
		}
		return pyval.Truth(eq)
	}
	o, ok := v.(*Instance)
	if ok && i.class.record != nil && o.class == i.class {
		return pyval.Equals(i.attrs, o.attrs)
	}
	return ok && i == o, nil
}

// Hash is identity; a class with __eq__ has none.
func (i *Instance) Hash() (any, error) {
	if _, from := i.class.lookup("__hash__"); from != nil {
		v, _, err := i.special("__hash__")
		return v, err
	}
	if _, from := i.class.lookup("__eq__"); from != nil {
		return nil, pyval.Errorf("TypeError", "unhashable type: '%s'", i.class.name)
	}
	return i, nil
}

// exception is a raised instance as an error.
type exception struct{ value *Instance }

func (e *exception) Error() string {
	text := exceptionText(e.value)
	if text == "" {
		return e.value.class.name
	}
	return e.value.class.name + ": " + text
}

// Unwrap gives the exception as package pyval has them.
func (e *exception) Unwrap() error {
	return &pyval.Error{Kind: e.value.class.name, Msg: exceptionText(e.value)}
}

func exceptionText(i *Instance) string {
	args, _ := i.attrs.Get("args")
	items, _ := pyval.Items(args)
	switch len(items) {
	case 0:
		return ""
	case 1:
		if i.class.name == "KeyError" {
			return pyval.Repr(items[0])
		}
		return pyval.Str(items[0])
	}
	return pyval.Str(args)
}

// raised gives the exception that an error is in Python; nil for an error that no except catches.
func (in *interp) raised(err error) *Instance {
	var e *exception
	if errors.As(err, &e) {
		return e.value
	}
	var unsupported *UnsupportedError
	var p *pyval.Error
	if errors.As(err, &unsupported) || !errors.As(err, &p) {
		return nil
	}
	if p.Kind == "MemoryError" || p.Kind == "NotImplementedError" && strings.Contains(p.Msg, "not supported") {
		return nil // limits of ours
	}
	class := classes[p.Kind]
	if class == nil {
		class = classes["Exception"]
	}
	args := pyval.Tuple{p.Msg}
	if p.Kind == "KeyError" { // the message is the key's repr
		if key, err := pyval.LiteralEval(p.Msg); err == nil {
			args = pyval.Tuple{key}
		}
	}
	return &Instance{class: class, attrs: attrsOf("args", args), in: in}
}

func attrsOf(name string, v pyval.Value) *pyval.Dict {
	d := new(pyval.Dict)
	d.Set(name, v)
	return d
}

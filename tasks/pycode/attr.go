package pycode

import (
	"github.com/onset-eval/onset/tasks/pyval"
	"github.com/onset-eval/onset/tasks/template"
)

// getAttr is v.name.
func (in *interp) getAttr(v pyval.Value, name string) (pyval.Value, error) {
	attr, ok, err := in.findAttr(v, name)
	if err != nil {
		return nil, err
	}
	if p, bad := attr.(*poison); bad {
		return nil, p.err
	}
	if ok {
		return attr, nil
	}
	switch o := v.(type) {
	case *Instance:
		return nil, pyval.Errorf("AttributeError", "'%s' object has no attribute '%s'", o.class.name, name)
	case nil:
		return nil, pyval.Errorf("AttributeError", "'NoneType' object has no attribute '%s'", name)
	case *Namespace:
		return nil, unsupported("%s.%s", o.kind, name)
	}
	if noSuchAttr(v, name) {
		return nil, pyval.Errorf("AttributeError", "'%s' object has no attribute '%s'", pyval.TypeName(v), name)
	}
	return nil, unsupported("the attribute %s of %s", name, pyval.TypeName(v))
}

// noSuchAttr reports whether Python's type has no attribute of that name: a method of another built-in type's is none of
// this one's.
func noSuchAttr(v pyval.Value, name string) bool {
	for _, other := range []pyval.Value{"", &pyval.Array{}, new(pyval.Dict), int64(0), 0.0} {
		if pyval.TypeName(other) != pyval.TypeName(v) && template.Method(other, name) != nil && template.Method(v, name) == nil {
			switch v.(type) {
			case string, *pyval.Array, *pyval.Dict, int64, float64, bool, pyval.Tuple:
				return true
			}
		}
	}
	return false
}

// findAttr is getattr; ok is false where there is none.
func (in *interp) findAttr(v pyval.Value, name string) (attr pyval.Value, ok bool, err error) {
	switch o := v.(type) {
	case *poison:
		return nil, false, o.err
	case *Instance:
		return in.instanceAttr(o, name)
	case *superObject:
		for _, b := range o.from.bases {
			if m, from := b.lookup(name); from != nil {
				return bind(o.self, m), true, nil
			}
		}
		if name == "__init__" {
			return nothing, true, nil
		}
		return nil, false, nil
	case *Class:
		if name == "__name__" || name == "__qualname__" {
			return o.name, true, nil
		}
		m, from := o.lookup(name)
		if w, isWrapped := m.(*wrapped); isWrapped {
			if w.kind == "classmethod" {
				return &bound{thing{"method"}, o, w.fn}, true, nil
			}
			return w.fn, true, nil
		}
		if from == nil && o.make != nil {
			return in.typeMethod(o, name)
		}
		return m, from != nil, nil
	case *Namespace:
		attr, ok = o.attr(name)
		return attr, ok, nil
	case *function:
		switch name {
		case "__name__", "__qualname__":
			return o.name, true, nil
		case "__doc__":
			return nil, true, nil
		}
		attr, ok = o.attrs[name]
		return attr, ok, nil
	case attributed:
		if attr, ok = o.getAttr(name); ok {
			return attr, true, nil
		}
	}
	return in.builtinAttr(v, name)
}

// attributed is a Go type with attributes of its own.
type attributed interface {
	getAttr(name string) (pyval.Value, bool)
}

var nothing = NewFunc("nothing", []string{"*args", "**kwargs"}, func(*Call, []pyval.Value) (pyval.Value, error) { return nil, nil })

func (in *interp) instanceAttr(o *Instance, name string) (pyval.Value, bool, error) {
	m, from := o.class.lookup(name)
	if w, ok := m.(*wrapped); ok && w.kind == "property" {
		v, err := in.call(w.fn, o)
		return v, true, err
	}
	if v, ok := o.attrs.Get(name); ok {
		return v, true, nil
	}
	switch {
	case from != nil:
		if w, ok := m.(*wrapped); ok && w.kind == "classmethod" {
			return &bound{thing{"method"}, o.class, w.fn}, true, nil
		}
		return bind(o, m), true, nil
	case name == "__class__":
		return o.class, true, nil
	case name == "__dict__":
		return o.attrs, true, nil
	}
	if get, from := o.class.lookup("__getattr__"); from != nil {
		v, err := in.call(get, o, name)
		return v, true, err
	}
	return nil, false, nil
}

// bind makes a method of what a class holds: functions get their object first.
func bind(self, m pyval.Value) pyval.Value {
	switch f := m.(type) {
	case *function, *Func:
		return &bound{thing{"method"}, self, f}
	case *wrapped:
		if f.kind == "staticmethod" {
			return f.fn
		}
		return &bound{thing{"method"}, self, f.fn}
	}
	return m
}

func setAttr(v pyval.Value, name string, to pyval.Value) error {
	switch o := v.(type) {
	case *Instance:
		o.attrs.Set(name, to)
		return nil
	case *Class:
		if o.make == nil {
			o.vars[name] = to
			return nil
		}
	case *function:
		if o.attrs == nil {
			o.attrs = make(map[string]pyval.Value)
		}
		o.attrs[name] = to
		return nil
	case *poison:
		return o.err
	}
	return unsupported("setting an attribute of a %s", pyval.TypeName(v))
}

// builtinAttr gives the methods of built-in types.
func (in *interp) builtinAttr(v pyval.Value, name string) (pyval.Value, bool, error) {
	if m := in.ownMethod(v, name); m != nil {
		return m, true, nil
	}
	if name == "__class__" {
		return typeOf(v), true, nil
	}
	if m := template.Method(v, name); m != nil {
		return method(name, m), true, nil
	}
	return nil, false, nil
}

func method(name string, m template.BoundMethod) *builtinMethod {
	return &builtinMethod{thing{"builtin_function_or_method"}, name, m}
}

type builtinMethod struct {
	thing
	name string
	fn   template.BoundMethod
}

func (m *builtinMethod) call(c *Call) (pyval.Value, error) { return m.fn(c.Pos, c.Names, c.Vals) }

// typeMethod gives a method of a built-in type without its object, as str.lower.
func (in *interp) typeMethod(c *Class, name string) (pyval.Value, bool, error) {
	if v, ok := c.vars[name]; ok {
		return v, true, nil
	}
	sample := map[string]pyval.Value{"str": "", "list": &pyval.Array{}, "dict": new(pyval.Dict), "int": int64(0), "float": 0.0, "tuple": pyval.Tuple{}}[c.name]
	if sample == nil {
		return nil, false, nil
	}
	if _, ok, err := in.builtinAttr(sample, name); !ok || err != nil {
		return nil, false, err
	}
	return NewFunc(c.name+"."+name, []string{"self", "*args", "**kwargs"}, func(k *Call, a []pyval.Value) (pyval.Value, error) {
		m, err := k.in.getAttr(a[0], name)
		if err != nil {
			return nil, err
		}
		named := a[2].(*pyval.Dict)
		inner := &Call{in: k.in, Pos: a[1].(pyval.Tuple), Names: named.Keys()}
		for _, n := range named.Keys() {
			v, _ := named.Get(n)
			inner.Vals = append(inner.Vals, v)
		}
		return k.in.apply(m, inner)
	}), true, nil
}

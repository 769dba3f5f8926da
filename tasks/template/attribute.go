package template

import (
	"math/big"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// methodFunc is a method of a built-in type.
type methodFunc func(r *run, self pyval.Value, a args) (pyval.Value, error)

// method gives the method of that name that v's type has, or nil.
func (r *run) method(v pyval.Value, name string) methodFunc {
	switch v := v.(type) {
	case string, pyval.Markup:
		return strMethod(name)
	case pyval.List, *pyval.Array:
		if r.t.opts.Immutable && isMutating(name) && listMethod(name) != nil {
			return nil
		}
		return listMethod(name)
	case pyval.Tuple, *pyval.Named:
		return tupleMethod(name)
	case *pyval.Dict:
		if r.t.opts.Immutable && isMutating(name) && dictMethod(name) != nil {
			return nil
		}
		return dictMethod(name)
	case int64, bool, *big.Int, float64:
		return numberMethod(v, name)
	case pyval.Range:
		return rangeMethod(name)
	case *cycler:
		return cyclerMethod(name)
	}
	return nil
}

// unsafeAttr stands for what the sandbox does not give: using it is an error.
func unsafeAttr(v pyval.Value, name string) pyval.Value {
	hint := "access to attribute " + pyval.Repr(name) + " of " + pyval.Repr(pyval.TypeName(v)) + " object is unsafe."
	return &undefined{name: name, obj: v, hint: hint, unsafe: true}
}

// isUnsafe says whether the sandbox hides an attribute that a value has.
func isUnsafe(v pyval.Value, name string) bool {
	switch v.(type) {
	case pyval.List, *pyval.Array:
		return isMutating(name) && listMethod(name) != nil
	case *pyval.Dict:
		return isMutating(name) && dictMethod(name) != nil
	case *undefined:
		return false
	}
	return strings.HasPrefix(name, "__")
}

// isMutating says whether a method of that name changes a list or dictionary.
func isMutating(name string) bool {
	switch name {
	case "append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort", "update", "setdefault", "popitem":
		return true
	}
	return false
}

// pythonAttr is getattr(v, name); ok is false where there is no such attribute.
func (r *run) pythonAttr(v pyval.Value, name string) (attr pyval.Value, ok bool, err error) {
	if r.t.opts.Immutable && isUnsafe(v, name) {
		return unsafeAttr(v, name), true, nil
	}
	if m := r.method(v, name); m != nil {
		return newBuiltin("builtin_function_or_method", func(r *run, a args) (pyval.Value, error) { return m(r, v, a) }), true, nil
	}
	if _, isUndefined := v.(*undefined); name == "__class__" && !isUndefined {
		return &typeObject{pyval.TypeName(v)}, true, nil
	}
	switch o := v.(type) {
	case *loop:
		attr, err = o.attr(name)
		return attr, attr != nil, err
	case *namespace:
		attr, ok = o.attrs.Get(name)
		return attr, ok, nil
	case *macro:
		return o.attr(name)
	case *cycler:
		if name == "current" {
			return o.items[o.pos], true, nil
		}
		return nil, false, nil
	case *typeObject:
		return o.name, name == "__name__" || name == "__qualname__", nil
	case *pyval.Named:
		if i := indexOf(o.Fields, name); i >= 0 {
			return o.Items[i], true, nil
		}
	case pyval.Range:
		switch name {
		case "start":
			return o.Start, true, nil
		case "stop":
			return o.Stop, true, nil
		case "step":
			return o.Step, true, nil
		}
	case int64, bool, *big.Int, float64:
		return numberAttr(v, name)
	}
	return nil, false, nil
}

// attr gives what jinja2 keeps about a macro.
func (m *macro) attr(name string) (pyval.Value, bool, error) {
	switch name {
	case "name":
		if m.code.name == "" {
			return nil, true, nil
		}
		return m.code.name, true, nil
	case "arguments":
		t := make(pyval.Tuple, len(m.code.params))
		for i, p := range m.code.params {
			t[i] = p
		}
		return t, true, nil
	case "catch_kwargs":
		return m.code.takesKwargs, true, nil
	case "catch_varargs":
		return m.code.takesVar, true, nil
	case "caller":
		return m.code.takesCaller, true, nil
	}
	return nil, false, nil
}

// getAttr is v.name: an attribute, or else the item of that name.
func (r *run) getAttr(v pyval.Value, name string) (pyval.Value, error) {
	if u, ok := v.(*undefined); ok {
		return nil, u.fail()
	}
	attr, ok, err := r.pythonAttr(v, name)
	if ok || err != nil {
		return attr, err
	}
	switch o := v.(type) {
	case *pyval.Dict:
		if item, ok := o.Get(name); ok {
			return item, nil
		}
	case *templateRef:
		if b := o.attr(r, name); b != nil {
			return b, nil
		}
		return nil, pyval.Errorf("KeyError", "%s", pyval.Repr(name))
	}
	return r.undefinedItem(v, name), nil
}

// getItem is v[key]: an item, or else the attribute of that name.
func (r *run) getItem(v, key pyval.Value) (pyval.Value, error) {
	if d, ok := v.(*pyval.Dict); ok { // the common case, without an error's making
		if item, ok, err := d.GetItem(key); ok {
			return item, nil
		} else if err != nil {
			return r.missingItem(v, key, err)
		}
	} else {
		if t, ok := v.(*templateRef); ok {
			if b := t.attr(r, pyval.Str(key)); b != nil {
				return b, nil
			}
		}
		item, err := pyval.Index(v, key)
		if err == nil {
			return item, nil
		}
		if !forgiven(err, "TypeError", "KeyError", "IndexError") {
			return nil, err
		}
	}
	return r.missingItem(v, key, nil)
}

func (r *run) missingItem(v, key pyval.Value, err error) (pyval.Value, error) {
	if err != nil && !forgiven(err, "TypeError") {
		return nil, err
	}
	if name, ok := pyval.TextOf(key); ok {
		if attr, ok, err := r.pythonAttr(v, name); ok || err != nil {
			return attr, err
		}
	}
	return r.undefinedItem(v, key), nil
}

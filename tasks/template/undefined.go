package template

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// undefined is what a name, attribute or item gives that does not exist.
type undefined struct {
	name   pyval.Value // what was asked for
	obj    pyval.Value // what was asked; missing where it is the template's names
	hint   string      // the message, where it is another
	strict bool
	unsafe bool // it exists, but the sandbox does not give it
}

var (
	_ pyval.Operand  = (*undefined)(nil)
	_ pyval.Iterable = (*undefined)(nil)
	_ pyval.Sized    = (*undefined)(nil)
	_ pyval.Comparer = (*undefined)(nil)
	_ pyval.Hasher   = (*undefined)(nil)
)

func (r *run) undefinedName(name string) pyval.Value {
	return &undefined{name: name, obj: missing, strict: !r.t.opts.Lenient}
}

func (r *run) undefinedItem(obj, name pyval.Value) pyval.Value {
	return &undefined{name: name, obj: obj, strict: !r.t.opts.Lenient}
}

func (r *run) undefinedHint(hint string) pyval.Value {
	return &undefined{obj: missing, hint: hint, strict: !r.t.opts.Lenient}
}

// typeRepr names a value's type in the message of an undefined attribute.
func typeRepr(v pyval.Value) string {
	if v == nil {
		return "None"
	}
	name := pyval.TypeName(v)
	switch v.(type) {
	case pyval.Markup:
		name = "markupsafe." + name
	case *loop, *macro:
		name = "jinja2.runtime." + name
	case *namespace, *cycler, *joiner:
		name = "jinja2.utils." + name
	}
	return name + " object"
}

func (u *undefined) fail() error {
	name, _ := u.name.(string)
	msg := u.hint
	switch {
	case msg != "":
	case u.obj == missing:
		msg = fmt.Sprintf("%s is undefined", pyval.Repr(u.name))
	case name == "":
		msg = fmt.Sprintf("%s has no element %s", typeRepr(u.obj), pyval.Repr(u.name))
	default:
		msg = fmt.Sprintf("%s has no attribute %s", pyval.Repr(typeRepr(u.obj)), pyval.Repr(u.name))
	}
	if u.unsafe {
		return &pyval.Error{Kind: "SecurityError", Msg: msg}
	}
	return &UndefinedError{Name: pyval.Str(u.name), Msg: msg}
}

// ifStrict fails in a strict environment.
func (u *undefined) ifStrict() error {
	if u.strict {
		return u.fail()
	}
	return nil
}

func (u *undefined) TypeName() string {
	if u.strict {
		return "StrictUndefined"
	}
	return "Undefined"
}

func (u *undefined) Truth() (bool, error)  { return false, u.ifStrict() }
func (u *undefined) Text() (string, error) { return "", u.ifStrict() }
func (u *undefined) Repr() (string, error) { return "Undefined", nil }
func (u *undefined) OperandError() error   { return u.fail() }
func (u *undefined) Len() (int, error)     { return 0, u.ifStrict() }

func (u *undefined) Iter() (pyval.Next, error) {
	return func() (pyval.Value, bool, error) { return nil, false, nil }, u.ifStrict()
}

// Hash is the same for all undefined values where these may be printed.
func (u *undefined) Hash() (any, error) { return undefinedHash{}, u.ifStrict() }

type undefinedHash struct{}

// Equals says that undefined values equal each other.
func (u *undefined) Equals(v pyval.Value) (bool, error) {
	o, ok := v.(*undefined)
	return ok && o.strict == u.strict, u.ifStrict()
}

package pycode

import (
	"github.com/onset-eval/onset/tasks/pyval"
)

// operators have the method that a class defines them by.
var operators = map[string][2]string{"+": {"__add__", "__radd__"}, "-": {"__sub__", "__rsub__"}, "*": {"__mul__", "__rmul__"},
	"/": {"__truediv__", "__rtruediv__"}, "//": {"__floordiv__", "__rfloordiv__"}, "%": {"__mod__", "__rmod__"}, "**": {"__pow__", "__rpow__"},
	"&": {"__and__", "__rand__"}, "|": {"__or__", "__ror__"}, "^": {"__xor__", "__rxor__"}}

// operate is left OP right.
func (in *interp) operate(op string, left, right pyval.Value) (pyval.Value, error) {
	if p, ok := left.(*poison); ok {
		return nil, p.err
	}
	if p, ok := right.(*poison); ok {
		return nil, p.err
	}
	if i, ok := left.(*Instance); ok {
		if v, ok, err := i.special(operators[op][0], right); ok || err != nil {
			return v, err
		}
	}
	if i, ok := right.(*Instance); ok {
		if v, ok, err := i.special(operators[op][1], left); ok || err != nil {
			return v, err
		}
	}
	if isArray(left) || isArray(right) {
		return in.broadcast(left, right, func(x, y pyval.Value) (pyval.Value, error) { return operateScalars(op, x, y) })
	}
	if s, ok := left.(*Set); ok {
		return setOperator(op, s, right)
	}
	if c, ok := left.(*pyval.Dict); ok {
		if d, ok := right.(*pyval.Dict); ok {
			return dictOperator(op, c, d)
		}
	}
	if a, ok := left.(Bytes); ok {
		if b, ok := right.(Bytes); ok && op == "+" {
			return a + b, nil
		}
	}
	if op == "|" && isType(left) && isType(right) {
		return pyval.Tuple{left, right}, nil // a union of types, for isinstance and annotations
	}
	return operateScalars(op, left, right)
}

func isType(v pyval.Value) bool {
	switch v := v.(type) {
	case *Class, nil:
		return true
	case pyval.Tuple:
		return len(v) > 0 && isType(v[0])
	}
	return false
}

func operateScalars(op string, x, y pyval.Value) (pyval.Value, error) {
	switch op {
	case "+":
		return pyval.Add(x, y)
	case "-":
		return pyval.Sub(x, y)
	case "*":
		return pyval.Mul(x, y)
	case "/":
		return pyval.Div(x, y)
	case "//":
		return pyval.FloorDiv(x, y)
	case "%":
		return pyval.Mod(x, y)
	case "**":
		return pyval.Pow(x, y)
	}
	if a, ok := x.(bool); ok {
		if b, ok := y.(bool); ok {
			switch op {
			case "&":
				return a && b, nil
			case "|":
				return a || b, nil
			case "^":
				return a != b, nil
			}
		}
	}
	a, aok := integer(x)
	b, bok := integer(y)
	if aok && bok {
		switch {
		case op == "&":
			return a & b, nil
		case op == "|":
			return a | b, nil
		case op == "^":
			return a ^ b, nil
		case op == "<<" && b >= 0 && b < 40 && a >= 0 && a < 1<<20:
			return a << b, nil
		case op == ">>" && b >= 0 && b < 64:
			return a >> b, nil
		}
	}
	if !aok || !bok {
		return nil, pyval.Errorf("TypeError", "unsupported operand type(s) for %s: '%s' and '%s'", op, pyval.TypeName(x), pyval.TypeName(y))
	}
	return nil, unsupported("%s of these numbers", op)
}

func integer(v pyval.Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// compare is left OP right for a comparison.
func (in *interp) compare(op string, left, right pyval.Value) (pyval.Value, error) {
	switch op {
	case "is":
		return same(left, right)
	case "is not":
		v, err := same(left, right)
		return v != true, err
	case "in", "not in":
		yes, err := contains(right, left)
		return yes == (op == "in"), err
	}
	if isArray(left) || isArray(right) {
		return in.broadcast(left, right, func(x, y pyval.Value) (pyval.Value, error) { return in.compare(op, x, y) })
	}
	switch op {
	case "==":
		return pyval.Equals(left, right)
	case "!=":
		eq, err := pyval.Equals(left, right)
		return !eq, err
	}
	if s, ok := left.(*Set); ok {
		return compareSets(op, s, right)
	}
	if i, ok := left.(*Instance); ok {
		name := map[string]string{"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}[op]
		if v, ok, err := i.special(name, right); ok || err != nil {
			return v, err
		}
	}
	return pyval.Compare(pyval.Op(op), left, right)
}

// same is identity. Numbers and texts are the same where they are equal and of one type, as those that sources
// compare with is are.
func same(a, b pyval.Value) (pyval.Value, error) {
	switch x := a.(type) {
	case *poison:
		return nil, x.err
	case nil:
		return b == nil, nil
	case bool:
		y, ok := b.(bool)
		return ok && x == y, nil
	case string, int64, float64:
		return a == b, nil
	case pyval.Tuple, pyval.List, pyval.Range, Bytes:
		return false, nil
	}
	switch b.(type) {
	case pyval.Tuple, pyval.List, pyval.Range:
		return false, nil
	}
	return a == b, nil
}

func contains(container, item pyval.Value) (bool, error) {
	switch c := container.(type) {
	case *Set:
		return c.has(item)
	case *Instance:
		if v, ok, err := c.special("__contains__", item); ok || err != nil {
			if err != nil {
				return false, err
			}
			return pyval.Truth(v)
		}
	}
	return pyval.Contains(container, item)
}

// getItem is of[key].
func (in *interp) getItem(of, key pyval.Value) (pyval.Value, error) {
	switch o := of.(type) {
	case *pyval.Dict:
		v, ok, err := o.GetItem(key)
		if ok || err != nil {
			return v, err
		}
		if made, ok, err := in.absent(o, key); ok || err != nil {
			return made, err
		}
	case *Instance:
		if v, ok, err := o.special("__getitem__", key); ok || err != nil {
			return v, err
		}
	case indexed:
		return o.getItem(in, key)
	case *Class:
		return o, nil // list[str], in annotations
	case Bytes:
		if n, ok := integer(key); ok && n >= 0 && n < int64(len(o)) {
			return int64(o[n]), nil
		}
	case *poison:
		return nil, o.err
	case *Namespace:
		if get, ok := o.attr("__getitem__"); ok {
			return in.call(get, key)
		}
		return nil, unsupported("an item of a %s", o.kind)
	}
	return pyval.Index(of, key)
}

// indexed is a Go type with items of its own.
type indexed interface {
	getItem(in *interp, key pyval.Value) (pyval.Value, error)
}

// sliced is a Go type with slices of its own.
type sliced interface {
	slice(start, stop, step pyval.Value) (pyval.Value, error)
}

func (in *interp) slice(of, start, stop, step pyval.Value) (pyval.Value, error) {
	if s, ok := of.(sliced); ok {
		return s.slice(start, stop, step)
	}
	if p, ok := of.(*poison); ok {
		return nil, p.err
	}
	return pyval.Slice(of, start, stop, step)
}

func (in *interp) setItem(of, key, v pyval.Value) error {
	switch o := of.(type) {
	case *pyval.Dict:
		return o.SetItem(key, v)
	case *pyval.Array:
		n, ok := integer(key)
		if !ok {
			return pyval.Errorf("TypeError", "list indices must be integers or slices, not %s", pyval.TypeName(key))
		}
		if n < 0 {
			n += int64(len(o.Items))
		}
		if n < 0 || n >= int64(len(o.Items)) {
			return pyval.Errorf("IndexError", "list assignment index out of range")
		}
		o.Items[n] = v
		return nil
	case *ndarray:
		return o.setItem(key, v)
	case *Instance:
		if _, ok, err := o.special("__setitem__", key, v); ok || err != nil {
			return err
		}
	case *poison:
		return o.err
	}
	return pyval.Errorf("TypeError", "'%s' object does not support item assignment", pyval.TypeName(of))
}

// setSlice is of[start:stop] = v.
func (f *frame) setSlice(of pyval.Value, s *sliceExpr, v pyval.Value) error {
	a, ok := of.(*pyval.Array)
	if !ok || s.step != nil {
		return unsupported("an assignment to this slice")
	}
	n := len(a.Items)
	bound := func(e expr, other int) (int, error) {
		if e == nil {
			return other, nil
		}
		v, err := e.eval(f)
		if err != nil || v == nil {
			return other, err
		}
		i, ok := integer(v)
		if !ok {
			return 0, pyval.Errorf("TypeError", "slice indices must be integers")
		}
		if i < 0 {
			i += int64(n)
		}
		return int(min(max(i, 0), int64(n))), nil
	}
	lo, err := bound(s.start, 0)
	if err != nil {
		return err
	}
	hi, err := bound(s.stop, n)
	if err != nil {
		return err
	}
	items, err := pyval.Collect(v)
	if err != nil {
		return err
	}
	tail := append([]pyval.Value(nil), a.Items[max(lo, hi):]...)
	a.Items = append(append(a.Items[:lo:lo], items...), tail...)
	return nil
}

func deleteItem(of, key pyval.Value) error {
	switch o := of.(type) {
	case *pyval.Dict:
		_, ok, err := o.Delete(key)
		if err == nil && !ok {
			err = pyval.Errorf("KeyError", "%s", pyval.Repr(key))
		}
		return err
	case *pyval.Array:
		n, ok := integer(key)
		if n < 0 {
			n += int64(len(o.Items))
		}
		if ok && n >= 0 && n < int64(len(o.Items)) {
			o.Items = append(o.Items[:n:n], o.Items[n+1:]...)
			return nil
		}
		return pyval.Errorf("IndexError", "list assignment index out of range")
	}
	return unsupported("del of an item of a %s", pyval.TypeName(of))
}

package template

import (
	"math"
	"math/big"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// tupleMethod gives a method that tuples and lists share, or nil.
func tupleMethod(name string) methodFunc {
	switch name {
	case "index":
		return seqIndex
	case "count":
		return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
			var v [1]pyval.Value
			if err := a.bind("count()", v[:], "value"); err != nil {
				return nil, err
			}
			items, _ := pyval.Items(self)
			n := int64(0)
			for _, item := range items {
				eq, err := pyval.Equals(item, v[0])
				if err != nil {
					return nil, err
				}
				if eq {
					n++
				}
			}
			return n, nil
		}
	}
	return nil
}

func seqIndex(_ *run, self pyval.Value, a args) (pyval.Value, error) {
	var v [3]pyval.Value
	if err := a.bind("index()", v[:], "value", "start?", "stop?"); err != nil {
		return nil, err
	}
	items, _ := pyval.Items(self)
	lo, err := intArg(v[1], 0)
	if err != nil {
		return nil, err
	}
	hi, err := intArg(v[2], len(items))
	if err != nil {
		return nil, err
	}
	if lo < 0 {
		lo = max(lo+len(items), 0)
	}
	if hi < 0 {
		hi += len(items)
	}
	for i := lo; i < min(hi, len(items)); i++ {
		eq, err := pyval.Equals(items[i], v[0])
		if err != nil {
			return nil, err
		}
		if eq {
			return int64(i), nil
		}
	}
	if _, ok := self.(pyval.Tuple); ok {
		return nil, pyval.Errorf("ValueError", "tuple.index(x): x not in tuple")
	}
	b, err := pyval.AppendRepr(nil, v[0])
	if err != nil {
		return nil, err
	}
	return nil, pyval.Errorf("ValueError", "%s is not in list", b)
}

// changing wraps a method that changes a list of the template's.
func changing(name string, f func(r *run, l *pyval.Array, v []pyval.Value) (pyval.Value, error), params ...string) methodFunc {
	return func(r *run, self pyval.Value, a args) (pyval.Value, error) {
		v := make([]pyval.Value, len(params))
		if err := a.bind(name+"()", v, params...); err != nil {
			return nil, err
		}
		l, ok := self.(*pyval.Array)
		if !ok {
			return nil, pyval.Errorf("TypeError", "this list cannot be changed by %s(): make a copy with |list", name)
		}
		out, err := f(r, l, v)
		if err == nil && len(l.Items) > pyval.MaxItems {
			err = &pyval.Error{Kind: "MemoryError", Msg: "a list would be too large"}
		}
		return out, err
	}
}

// listMethod gives a method of list, or nil.
func listMethod(name string) methodFunc {
	switch name {
	case "append":
		return changing(name, func(_ *run, l *pyval.Array, v []pyval.Value) (pyval.Value, error) {
			l.Items = append(l.Items, v[0])
			return nil, nil
		}, "object")
	case "extend":
		return changing(name, func(r *run, l *pyval.Array, v []pyval.Value) (pyval.Value, error) {
			more, err := pyval.Collect(v[0])
			if err == nil {
				err = r.charge(len(more) >> 4)
			}
			l.Items = append(l.Items, more...)
			return nil, err
		}, "iterable")
	case "insert":
		return changing(name, func(r *run, l *pyval.Array, v []pyval.Value) (pyval.Value, error) {
			i, err := intArg(v[0], 0)
			if i < 0 {
				i = max(i+len(l.Items), 0)
			}
			l.Items = slices.Insert(l.Items, min(i, len(l.Items)), v[1])
			if err == nil {
				err = r.charge(len(l.Items) >> 4)
			}
			return nil, err
		}, "index", "object")
	case "pop":
		return changing(name, listPop, "index?")
	case "remove":
		return changing(name, func(r *run, l *pyval.Array, v []pyval.Value) (pyval.Value, error) {
			for i, item := range l.Items {
				if eq, err := pyval.Equals(item, v[0]); err != nil || eq {
					l.Items = slices.Delete(l.Items, i, i+1)
					return nil, err
				}
			}
			return nil, pyval.Errorf("ValueError", "list.remove(x): x not in list")
		}, "value")
	case "clear":
		return changing(name, func(_ *run, l *pyval.Array, _ []pyval.Value) (pyval.Value, error) {
			l.Items = nil
			return nil, nil
		})
	case "reverse":
		return changing(name, func(_ *run, l *pyval.Array, _ []pyval.Value) (pyval.Value, error) {
			slices.Reverse(l.Items)
			return nil, nil
		})
	case "sort":
		return changing(name, func(r *run, l *pyval.Array, v []pyval.Value) (pyval.Value, error) {
			if or(v[0], nil) != nil {
				return nil, pyval.Errorf("NotImplementedError", "sort(key=…) is not supported: use |sort(attribute=…)")
			}
			reverse, err := boolArg(v[1], false)
			if err != nil {
				return nil, err
			}
			l.Items, err = sortBy(l.Items, func(v pyval.Value) (pyval.Value, error) { return v, nil }, reverse)
			return nil, err
		}, "key?", "reverse?")
	case "copy":
		return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
			items, err := pyval.Collect(self)
			if err == nil {
				err = a.none("copy()")
			}
			return &pyval.Array{Items: items}, err
		}
	}
	return tupleMethod(name)
}

func listPop(_ *run, l *pyval.Array, v []pyval.Value) (pyval.Value, error) {
	i, err := intArg(v[0], -1)
	if err != nil {
		return nil, err
	}
	if len(l.Items) == 0 {
		return nil, pyval.Errorf("IndexError", "pop from empty list")
	}
	if i < 0 {
		i += len(l.Items)
	}
	if i < 0 || i >= len(l.Items) {
		return nil, pyval.Errorf("IndexError", "pop index out of range")
	}
	item := l.Items[i]
	l.Items = slices.Delete(l.Items, i, i+1)
	return item, nil
}

// rangeMethod gives a method of range, or nil.
func rangeMethod(name string) methodFunc {
	if name != "index" && name != "count" {
		return nil
	}
	return func(r *run, self pyval.Value, a args) (pyval.Value, error) {
		items, err := pyval.Collect(self)
		if err != nil {
			return nil, err
		}
		return tupleMethod(name)(r, pyval.Tuple(items), a)
	}
}

// numberMethod gives a method of int, bool or float, or nil.
func numberMethod(v pyval.Value, name string) methodFunc {
	_, isFloat := v.(float64)
	plain := func(f func(v pyval.Value) (pyval.Value, error)) methodFunc {
		return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
			if err := a.none(name + "()"); err != nil {
				return nil, err
			}
			return f(self)
		}
	}
	switch {
	case name == "conjugate":
		return plain(pyval.Pos)
	case name == "is_integer" && isFloat:
		return plain(func(v pyval.Value) (pyval.Value, error) {
			f := v.(float64)
			return f == math.Trunc(f) && !math.IsInf(f, 0), nil
		})
	case name == "bit_length" && !isFloat:
		return plain(func(v pyval.Value) (pyval.Value, error) {
			n, err := pyval.Pos(v)
			if i, ok := n.(int64); ok {
				n = big.NewInt(i)
			}
			if err != nil {
				return nil, err
			}
			return int64(n.(*big.Int).BitLen()), nil
		})
	}
	return nil
}

func numberAttr(v pyval.Value, name string) (pyval.Value, bool, error) {
	_, isFloat := v.(float64)
	switch {
	case name == "real" || name == "numerator" && !isFloat:
		n, err := pyval.Pos(v)
		return n, true, err
	case name == "imag" && isFloat:
		return 0.0, true, nil
	case name == "imag":
		return int64(0), true, nil
	case name == "denominator" && !isFloat:
		return int64(1), true, nil
	}
	return nil, false, nil
}

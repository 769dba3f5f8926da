package pycode

import (
	"math"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// ndarray is a numpy array: its items are numbers, truth values, or arrays of one length for each further dimension.
type ndarray struct {
	thing
	items []pyval.Value
}

func newArray(items []pyval.Value) *ndarray { return &ndarray{thing{"ndarray"}, items} }

// toArray is numpy.array(v): a number stays one.
func toArray(v pyval.Value) (pyval.Value, error) {
	switch o := v.(type) {
	case *ndarray:
		return o, nil
	case int64, float64, bool, string, nil:
		return v, nil
	}
	items, err := pyval.Collect(v)
	if err != nil {
		return nil, err
	}
	floats := false
	for i, item := range items {
		if items[i], err = toArray(item); err != nil {
			return nil, err
		}
		if _, ok := items[i].(float64); ok {
			floats = true
		}
		if n, ok := items[i].(*ndarray); ok {
			if first, ok := items[0].(*ndarray); !ok || len(first.items) != len(n.items) {
				return nil, pyval.Errorf("ValueError", "setting an array element with a sequence: the shape is inhomogeneous")
			}
		}
	}
	if floats { // all numbers of an array are of one type
		for i, item := range items {
			if n, ok := integer(item); ok {
				items[i] = float64(n)
			}
		}
	}
	return newArray(items), nil
}

// Len counts the items of the first dimension.
func (a *ndarray) Len() (int, error) { return len(a.items), nil }

// Truth is that of the only item.
func (a *ndarray) Truth() (bool, error) {
	if len(a.items) == 1 {
		return pyval.Truth(a.items[0])
	}
	return false, pyval.Errorf("ValueError", "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()")
}

// Iter gives the items.
func (a *ndarray) Iter() (pyval.Next, error) { return pyval.Iter(pyval.List(a.items)) }

// Equals is refused: it gives an array, which compare makes.
func (a *ndarray) Equals(pyval.Value) (bool, error) {
	return false, unsupported("a comparison of arrays within another value")
}

func isArray(v pyval.Value) bool { _, ok := v.(*ndarray); return ok }

// apply makes an array of what fn makes of each number.
func (a *ndarray) apply(fn func(pyval.Value) (pyval.Value, error)) (pyval.Value, error) {
	return each(a, fn)
}

func each(v pyval.Value, fn func(pyval.Value) (pyval.Value, error)) (pyval.Value, error) {
	a, ok := v.(*ndarray)
	if !ok {
		return fn(v)
	}
	out := make([]pyval.Value, len(a.items))
	for i, item := range a.items {
		var err error
		if out[i], err = each(item, fn); err != nil {
			return nil, err
		}
	}
	return newArray(out), nil
}

func invert(v pyval.Value) (pyval.Value, error) {
	switch v := v.(type) {
	case bool:
		return !v, nil
	case int64:
		return ^v, nil
	}
	return nil, unsupported("~ of a %s", pyval.TypeName(v))
}

// broadcast makes an array of what fn makes of each pair of numbers.
func (in *interp) broadcast(x, y pyval.Value, fn func(x, y pyval.Value) (pyval.Value, error)) (pyval.Value, error) {
	var err error
	if x, err = toArray(x); err != nil {
		return nil, err
	}
	if y, err = toArray(y); err != nil {
		return nil, err
	}
	return pairwise(x, y, fn)
}

func pairwise(x, y pyval.Value, fn func(x, y pyval.Value) (pyval.Value, error)) (pyval.Value, error) {
	a, aok := x.(*ndarray)
	b, bok := y.(*ndarray)
	if !aok && !bok {
		v, err := fn(x, y)
		if pyval.KindOf(err) == "ZeroDivisionError" {
			return divided(x), nil
		}
		return v, err
	}
	n := 0
	switch {
	case aok && bok:
		if dims(a) != dims(b) || len(a.items) != len(b.items) {
			return nil, unsupported("an operation on arrays of different shapes")
		}
		n = len(a.items)
	case aok:
		n = len(a.items)
	default:
		n = len(b.items)
	}
	out := make([]pyval.Value, n)
	for i := range out {
		p, q := x, y
		if aok {
			p = a.items[i]
		}
		if bok {
			q = b.items[i]
		}
		var err error
		if out[i], err = pairwise(p, q, fn); err != nil {
			return nil, err
		}
	}
	return newArray(out), nil
}

// divided is a number divided by zero, as numpy has it.
func divided(x pyval.Value) pyval.Value {
	switch f := number(x); {
	case f > 0:
		return math.Inf(1)
	case f < 0:
		return math.Inf(-1)
	}
	return math.NaN()
}

func dims(a *ndarray) int {
	if len(a.items) > 0 {
		if inner, ok := a.items[0].(*ndarray); ok {
			return 1 + dims(inner)
		}
	}
	return 1
}

// number gives a number as a float; NaN for what is none.
func number(v pyval.Value) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	case bool:
		if v {
			return 1
		}
		return 0
	}
	return math.NaN()
}

// flat gives all numbers of an array.
func flat(v pyval.Value) []pyval.Value {
	a, ok := v.(*ndarray)
	if !ok {
		return []pyval.Value{v}
	}
	var out []pyval.Value
	for _, item := range a.items {
		out = append(out, flat(item)...)
	}
	return out
}

func (a *ndarray) getItem(_ *interp, key pyval.Value) (pyval.Value, error) {
	if mask, ok := key.(*ndarray); ok {
		return a.masked(mask)
	}
	if t, ok := key.(pyval.Tuple); ok {
		var v pyval.Value = a
		for _, k := range t {
			inner, ok := v.(*ndarray)
			if !ok {
				return nil, pyval.Errorf("IndexError", "too many indices for array")
			}
			var err error
			if v, err = inner.getItem(nil, k); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	n, ok := integer(key)
	if !ok {
		return nil, unsupported("an array's item by a %s", pyval.TypeName(key))
	}
	if n < 0 {
		n += int64(len(a.items))
	}
	if n < 0 || n >= int64(len(a.items)) {
		return nil, pyval.Errorf("IndexError", "index %s is out of bounds for axis 0 with size %d", pyval.Repr(key), len(a.items))
	}
	return a.items[n], nil
}

// masked gives the items where a mask is true, or those of a list of numbers.
func (a *ndarray) masked(mask *ndarray) (pyval.Value, error) {
	var out []pyval.Value
	for i, m := range mask.items {
		switch m := m.(type) {
		case bool:
			if len(mask.items) != len(a.items) {
				return nil, pyval.Errorf("IndexError", "boolean index did not match indexed array")
			}
			if m {
				out = append(out, a.items[i])
			}
		default:
			v, err := a.getItem(nil, m)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
	}
	return newArray(out), nil
}

func (a *ndarray) slice(start, stop, step pyval.Value) (pyval.Value, error) {
	v, err := pyval.Slice(pyval.List(a.items), start, stop, step)
	if err != nil {
		return nil, err
	}
	items, _ := pyval.Items(v)
	return newArray(items), nil
}

func (a *ndarray) setItem(key, v pyval.Value) error {
	n, ok := integer(key)
	if n < 0 {
		n += int64(len(a.items))
	}
	if !ok || n < 0 || n >= int64(len(a.items)) {
		return unsupported("setting these items of an array")
	}
	a.items[n] = v
	return nil
}

func (a *ndarray) getAttr(name string) (pyval.Value, bool) {
	switch name {
	case "shape":
		t := pyval.Tuple{}
		for v := pyval.Value(a); ; {
			inner, ok := v.(*ndarray)
			if !ok {
				break
			}
			t = append(t, int64(len(inner.items)))
			if len(inner.items) == 0 {
				break
			}
			v = inner.items[0]
		}
		return t, true
	case "size":
		return int64(len(flat(a))), true
	case "ndim":
		return int64(dims(a)), true
	case "tolist":
		return NewFunc(name, nil, func(*Call, []pyval.Value) (pyval.Value, error) { return a.list(), nil }), true
	case "astype":
		return NewFunc(name, []string{"dtype"}, func(c *Call, k []pyval.Value) (pyval.Value, error) {
			return a.apply(func(v pyval.Value) (pyval.Value, error) { return c.Apply(k[0], v) })
		}), true
	case "flatten", "ravel", "copy":
		return NewFunc(name, nil, func(*Call, []pyval.Value) (pyval.Value, error) {
			if name == "copy" {
				return newArray(slices.Clone(a.items)), nil
			}
			return newArray(flat(a)), nil
		}), true
	}
	if slices.Contains(arrayMethods, name) {
		fn := numpy().attrs[name]
		return &bound{thing{"method"}, a, fn}, true
	}
	return nil, false
}

var arrayMethods = []string{"mean", "sum", "max", "min", "argmax", "argmin", "std", "var", "prod", "any", "all", "round", "cumsum", "argsort"}

func (a *ndarray) list() pyval.Value {
	out := make([]pyval.Value, len(a.items))
	for i, item := range a.items {
		out[i] = item
		if inner, ok := item.(*ndarray); ok {
			out[i] = inner.list()
		}
	}
	return &pyval.Array{Items: out}
}

// sumFloats adds as numpy does: in pairs of halves, of which those of up to 128 numbers are added by eights.
func sumFloats(x []float64) float64 {
	switch n := len(x); {
	case n < 8:
		s := 0.0
		for _, v := range x {
			s += v
		}
		return s
	case n <= 128:
		var r [8]float64
		copy(r[:], x)
		i := 8
		for ; i < n-n%8; i += 8 {
			for j := range r {
				r[j] += x[i+j]
			}
		}
		s := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
		for ; i < n; i++ {
			s += x[i]
		}
		return s
	default:
		half := n / 2
		half -= half % 8
		return sumFloats(x[:half]) + sumFloats(x[half:])
	}
}

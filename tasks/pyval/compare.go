package pyval

import (
	"cmp"
	"math"
	"math/big"
	"strings"
)

// Equal is Python's ==, in which 1 == 1.0 == True and a NaN equals nothing. Values that refuse to be
// compared, such as an undefined name, equal nothing.
func Equal(a, b Value) bool {
	eq, err := Equals(a, b)
	return err == nil && eq
}

// Equals is Python's ==, with the error of values that refuse to be compared.
func Equals(a, b Value) (bool, error) { return equal(a, b, 0) }

func equal(a, b Value, depth int) (bool, error) {
	if depth > maxDepth {
		return false, errTooDeep()
	}
	if c, ok := a.(Comparer); ok {
		return c.Equals(b)
	}
	if c, ok := b.(Comparer); ok {
		return c.Equals(a)
	}
	if isNumber(a) {
		return isNumber(b) && compareNumbers(a, b) == equalTo, nil
	}
	if s, ok := TextOf(a); ok {
		t, ok := TextOf(b)
		return ok && s == t, nil
	}
	if x, ok := Items(a); ok {
		y, ok := Items(b)
		if !ok || len(x) != len(y) || isList(a) != isList(b) {
			return false, nil
		}
		for i := range x {
			if eq, err := equal(x[i], y[i], depth+1); err != nil || !eq {
				return false, err
			}
		}
		return true, nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case *Dict:
		b, ok := b.(*Dict)
		return equalDicts(a, b, ok, depth)
	case Range:
		b, ok := b.(Range)
		return ok && a.Len() == b.Len() && (a.Len() == 0 || a.Start == b.Start && (a.Len() == 1 || a.Step == b.Step)), nil
	}
	if _, ok := b.(Object); !ok {
		return false, nil
	}
	return a == b, nil // objects are pointers
}

func equalDicts(a, b *Dict, ok bool, depth int) (bool, error) {
	if !ok || a.Len() != b.Len() {
		return false, nil
	}
	for i := range a.Len() {
		k, x := a.At(i)
		y, ok, err := b.GetItem(k)
		if err != nil || !ok {
			return false, err
		}
		if eq, err := equal(x, y, depth+1); err != nil || !eq {
			return false, err
		}
	}
	return true, nil
}

// order is how two values compare.
type order int

const (
	lessThan order = iota - 1
	equalTo
	greaterThan
	unordered // a NaN is one of them
)

// Op is one of Python's comparisons of order.
type Op string

// The comparisons of order.
const (
	Lt Op = "<"
	Le Op = "<="
	Gt Op = ">"
	Ge Op = ">="
)

func (op Op) holds(o order) bool {
	switch op {
	case Lt:
		return o == lessThan
	case Le:
		return o == lessThan || o == equalTo
	case Gt:
		return o == greaterThan
	}
	return o == greaterThan || o == equalTo
}

// Compare is a < b, a <= b, a > b or a >= b.
func Compare(op Op, a, b Value) (bool, error) { return compare(op, a, b, 0) }

func compare(op Op, a, b Value, depth int) (bool, error) {
	if depth > maxDepth {
		return false, errTooDeep()
	}
	if isNumber(a) && isNumber(b) {
		return op.holds(compareNumbers(a, b)), nil
	}
	if s, ok := TextOf(a); ok {
		if t, ok := TextOf(b); ok {
			return op.holds(order(strings.Compare(s, t))), nil
		}
	}
	x, xok := Items(a)
	y, yok := Items(b)
	if xok && yok && isList(a) == isList(b) {
		for i := range min(len(x), len(y)) {
			eq, err := equal(x[i], y[i], depth+1)
			if err != nil {
				return false, err
			}
			if !eq {
				return compare(op, x[i], y[i], depth+1)
			}
		}
		return op.holds(order(cmp.Compare(len(x), len(y)))), nil
	}
	if err := operandError(a, b); err != nil {
		return false, err
	}
	return false, typeError("'%s' not supported between instances of '%s' and '%s'", op, TypeName(a), TypeName(b))
}

func isNumber(v Value) bool {
	switch v.(type) {
	case int64, float64, bool, *big.Int:
		return true
	}
	return false
}

// compareNumbers compares exactly, as Python does: an integer is not rounded to a float.
func compareNumbers(a, b Value) order {
	x, xok := asInt(a)
	y, yok := asInt(b)
	if xok && yok {
		return order(cmp.Compare(x, y))
	}
	f, fok := a.(float64)
	g, gok := b.(float64)
	if fok && gok {
		if math.IsNaN(f) || math.IsNaN(g) {
			return unordered
		}
		return order(cmp.Compare(f, g))
	}
	if fok {
		o := compareNumbers(b, a)
		if o == unordered {
			return o
		}
		return -o
	}
	if gok {
		switch {
		case math.IsNaN(g):
			return unordered
		case math.IsInf(g, 1):
			return lessThan
		case math.IsInf(g, -1):
			return greaterThan
		}
		return order(new(big.Float).SetInt(bigOf(a)).Cmp(big.NewFloat(g)))
	}
	return order(bigOf(a).Cmp(bigOf(b)))
}

// Contains is item in container.
func Contains(container, item Value) (bool, error) {
	if s, ok := TextOf(container); ok {
		t, ok := TextOf(item)
		if !ok {
			return false, typeError("'in <string>' requires string as left operand, not %s", TypeName(item))
		}
		return strings.Contains(s, t), nil
	}
	if items, ok := Items(container); ok {
		for _, e := range items {
			if eq, err := Equals(e, item); err != nil || eq {
				return eq, err
			}
		}
		return false, nil
	}
	switch c := container.(type) {
	case *Dict:
		_, ok, err := c.GetItem(item)
		return ok, err
	case Range:
		return c.contains(item), operandError(item)
	case *View:
		if c.kind == KeysView {
			_, ok, err := c.dict.GetItem(item)
			return ok, err
		}
	}
	next, err := Iter(container)
	if KindOf(err) == "TypeError" {
		return false, typeError("argument of type '%s' is not iterable", TypeName(container))
	}
	if err != nil {
		return false, err
	}
	for {
		v, ok, err := next()
		if err != nil || !ok {
			return false, err
		}
		if eq, err := Equals(v, item); err != nil || eq {
			return eq, err
		}
	}
}

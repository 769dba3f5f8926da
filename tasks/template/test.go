package template

import (
	"math/big"

	"github.com/onset-eval/onset/tasks/pyval"
)

// testFunc is a test, what follows "is".
type testFunc func(r *run, v pyval.Value, a args) (bool, error)

// testNamed gives a test, or nil where there is none of that name.
func testNamed(name string) testFunc {
	switch name {
	case "==", "eq", "equalto":
		return comparison("==")
	case "!=", "ne":
		return comparison("!=")
	case "<", "lt", "lessthan":
		return comparison("<")
	case "<=", "le":
		return comparison("<=")
	case ">", "gt", "greaterthan":
		return comparison(">")
	case ">=", "ge":
		return comparison(">=")
	case "in":
		return comparison("in")
	case "sameas":
		return func(_ *run, v pyval.Value, a args) (bool, error) {
			var p [1]pyval.Value
			if err := a.bind("sameas", p[:], "other"); err != nil {
				return false, err
			}
			return same(v, p[0]), nil
		}
	case "odd":
		return remainder(int64(2), int64(1))
	case "even":
		return remainder(int64(2), int64(0))
	case "divisibleby":
		return remainder(nil, int64(0))
	case "filter":
		return simple(func(r *run, v pyval.Value) (bool, error) {
			name, ok := pyval.TextOf(v)
			return ok && filterNamed(name, &r.t.opts) != nil, nil
		})
	case "test":
		return simple(func(_ *run, v pyval.Value) (bool, error) {
			name, ok := pyval.TextOf(v)
			return ok && testNamed(name) != nil, nil
		})
	case "lower", "upper":
		return simple(func(_ *run, v pyval.Value) (bool, error) {
			s, err := pyval.Text(v)
			return pyval.HasCase(s, name == "upper"), err
		})
	}
	if name == "iterable" {
		return simple(func(_ *run, v pyval.Value) (bool, error) {
			_, err := pyval.Iter(v)
			_, isLoop := v.(*loop)
			if isLoop || forgiven(err, "TypeError") {
				return isLoop, nil
			}
			return err == nil, err
		})
	}
	if is := typeTest(name); is != nil {
		return simple(func(_ *run, v pyval.Value) (bool, error) { return is(v), nil })
	}
	return nil
}

// simple makes a test without arguments.
func simple(is func(r *run, v pyval.Value) (bool, error)) testFunc {
	return func(r *run, v pyval.Value, a args) (bool, error) {
		if err := a.none("the test"); err != nil {
			return false, err
		}
		return is(r, v)
	}
}

func comparison(op string) testFunc {
	return func(_ *run, v pyval.Value, a args) (bool, error) {
		var p [1]pyval.Value
		if err := a.bind(op, p[:], "other"); err != nil {
			return false, err
		}
		return holds(op, v, p[0])
	}
}

// remainder tests v % by == want, where by is the test's argument if it is nil here.
func remainder(by, want pyval.Value) testFunc {
	return func(_ *run, v pyval.Value, a args) (bool, error) {
		p := [1]pyval.Value{by}
		if by == nil {
			if err := a.bind("divisibleby", p[:], "num"); err != nil {
				return false, err
			}
		} else if err := a.none("the test"); err != nil {
			return false, err
		}
		rest, err := pyval.Mod(v, p[0])
		if err != nil {
			return false, err
		}
		return pyval.Equals(rest, want)
	}
}

// same is Python's "is", as far as values without an address have an identity.
func same(a, b pyval.Value) bool {
	if pyval.TypeName(a) != pyval.TypeName(b) {
		return false
	}
	switch a.(type) {
	case pyval.List, pyval.Tuple:
		x, _ := pyval.Items(a)
		y, _ := pyval.Items(b)
		return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	case float64, pyval.Range, *big.Int:
		return false
	}
	return a == b
}

// typeTest gives the tests that only look at a value's type.
func typeTest(name string) func(v pyval.Value) bool {
	switch name {
	case "defined":
		return func(v pyval.Value) bool { _, ok := v.(*undefined); return !ok }
	case "undefined":
		return func(v pyval.Value) bool { _, ok := v.(*undefined); return ok }
	case "none":
		return func(v pyval.Value) bool { return v == nil }
	case "boolean":
		return func(v pyval.Value) bool { _, ok := v.(bool); return ok }
	case "true":
		return func(v pyval.Value) bool { b, ok := v.(bool); return ok && b }
	case "false":
		return func(v pyval.Value) bool { b, ok := v.(bool); return ok && !b }
	case "integer":
		return func(v pyval.Value) bool {
			switch v.(type) {
			case int64, *big.Int:
				return true
			}
			return false
		}
	case "float":
		return func(v pyval.Value) bool { _, ok := v.(float64); return ok }
	case "number":
		return isNumber
	case "string":
		return func(v pyval.Value) bool { _, ok := pyval.TextOf(v); return ok }
	case "mapping":
		return func(v pyval.Value) bool { _, ok := v.(*pyval.Dict); return ok }
	case "sequence":
		return isSequence
	case "callable":
		return func(v pyval.Value) bool {
			switch v.(type) {
			case callable, *undefined, *typeObject:
				return true
			}
			return false
		}
	case "escaped":
		return func(v pyval.Value) bool { _, ok := v.(pyval.Markup); return ok }
	}
	return nil
}

// isSequence says whether a value has a length and can be indexed.
func isSequence(v pyval.Value) bool {
	switch o := v.(type) {
	case string, pyval.Markup, *pyval.Dict, pyval.Range:
		return true
	case *undefined:
		return !o.strict
	}
	_, ok := pyval.Items(v)
	return ok
}

package pycode

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// builtinType makes a built-in type.
func builtinType(name string, is func(v pyval.Value) bool, params []string, fn func(c *Call, a []pyval.Value) (pyval.Value, error)) *Class {
	return &Class{thing: thing{"type"}, name: name, is: is, vars: make(map[string]pyval.Value),
		make: func(c *Call) (pyval.Value, error) {
			a, err := c.bind(name, params)
			if err != nil {
				return nil, err
			}
			return fn(c, a)
		}}
}

func types() []*Class {
	dict := builtinType("dict", func(v pyval.Value) bool { _, ok := v.(*pyval.Dict); return ok }, []string{"mapping?", "**kwargs"}, makeDict)
	dict.vars["fromkeys"] = NewFunc("fromkeys", []string{"keys", "value?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		keys, err := pyval.Collect(a[0])
		d := new(pyval.Dict)
		for _, k := range keys {
			if err == nil {
				err = d.SetItem(k, Or(a[1], nil))
			}
		}
		return d, err
	})
	str := builtinType("str", func(v pyval.Value) bool { _, ok := v.(string); return ok }, []string{"object?", "encoding?", "errors?"}, makeStr)
	str.vars["maketrans"] = NewFunc("maketrans", []string{"x", "y?", "z?"}, makeTrans)
	return []*Class{dict, str,
		builtinType("object", func(pyval.Value) bool { return true }, nil, func(*Call, []pyval.Value) (pyval.Value, error) {
			return &singleton{thing{"object"}, "object"}, nil
		}),
		builtinType("int", func(v pyval.Value) bool {
			switch v.(type) {
			case int64, bool, *big.Int:
				return true
			}
			return false
		}, []string{"x?", "base?"}, makeInt),
		builtinType("bool", func(v pyval.Value) bool { _, ok := v.(bool); return ok }, []string{"x?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			return pyval.Truth(Or(a[0], false))
		}),
		builtinType("float", func(v pyval.Value) bool { _, ok := v.(float64); return ok }, []string{"x?"}, makeFloat),
		builtinType("list", func(v pyval.Value) bool {
			switch v.(type) {
			case *pyval.Array, pyval.List:
				return true
			}
			return false
		}, []string{"iterable?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(Or(a[0], pyval.List{}))
			return &pyval.Array{Items: items}, err
		}),
		builtinType("tuple", func(v pyval.Value) bool { _, ok := v.(pyval.Tuple); return ok }, []string{"iterable?"},
			func(_ *Call, a []pyval.Value) (pyval.Value, error) {
				items, err := pyval.Collect(Or(a[0], pyval.List{}))
				return pyval.Tuple(items), err
			}),
		builtinType("set", func(v pyval.Value) bool { s, ok := v.(*Set); return ok && !s.frozen }, []string{"iterable?"}, makeSet(false)),
		builtinType("frozenset", func(v pyval.Value) bool { s, ok := v.(*Set); return ok && s.frozen }, []string{"iterable?"}, makeSet(true)),
		builtinType("range", func(v pyval.Value) bool { _, ok := v.(pyval.Range); return ok }, []string{"start", "stop?", "step?"}, makeRange),
		builtinType("slice", func(pyval.Value) bool { return false }, []string{"*args"}, func(*Call, []pyval.Value) (pyval.Value, error) {
			return nil, unsupported("slice()")
		}),
		builtinType("bytes", func(v pyval.Value) bool { _, ok := v.(Bytes); return ok }, []string{"source?", "encoding?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if s, ok := a[0].(string); ok {
				return Bytes(s), nil
			}
			return nil, unsupported("bytes of a %s", pyval.TypeName(a[0]))
		}),
		{thing: thing{"type"}, name: "type", is: func(v pyval.Value) bool { _, ok := v.(*Class); return ok }},
	}
}

// noneType is type(None).
var noneType = &Class{thing: thing{"type"}, name: "NoneType", is: func(v pyval.Value) bool { return v == nil }}

func typeOf(v pyval.Value) pyval.Value {
	if i, ok := v.(*Instance); ok {
		return i.class
	}
	if v == nil {
		return noneType
	}
	if c := classes[pyval.TypeName(v)]; c != nil {
		return c
	}
	return &Class{thing: thing{"type"}, name: pyval.TypeName(v)}
}

// isInstance is isinstance(v, class), of which class may be a tuple.
func isInstance(v, class pyval.Value) (bool, error) {
	switch c := class.(type) {
	case *poison:
		return false, c.err
	case nil:
		return v == nil, nil
	case pyval.Tuple:
		for _, one := range c {
			if yes, err := isInstance(v, one); err != nil || yes {
				return yes, err
			}
		}
		return false, nil
	case *Class:
		if i, ok := v.(*Instance); ok {
			return i.class.within(c) || c.name == "object", nil
		}
		if c.is != nil {
			return c.is(v), nil
		}
		return false, nil
	}
	return false, unsupported("isinstance with a %s", pyval.TypeName(class))
}

func makeDict(_ *Call, a []pyval.Value) (pyval.Value, error) {
	d := new(pyval.Dict)
	if err := fillDict(d, Or(a[0], nil)); err != nil {
		return nil, err
	}
	d.Update(a[1].(*pyval.Dict))
	return d, nil
}

// fillDict sets the items of a mapping or of pairs; nil for none.
func fillDict(d *pyval.Dict, from pyval.Value) error {
	switch o := from.(type) {
	case nil:
		return nil
	case *pyval.Dict:
		d.Update(o)
		return nil
	}
	next, err := pyval.Iter(from)
	if err != nil {
		return err
	}
	for {
		v, ok, err := next()
		if err != nil || !ok {
			return err
		}
		pair, err := pyval.Collect(v)
		if err != nil {
			return err
		}
		if len(pair) != 2 {
			return pyval.Errorf("ValueError", "dictionary update sequence element has length %d; 2 is required", len(pair))
		}
		if err := d.SetItem(pair[0], pair[1]); err != nil {
			return err
		}
	}
}

func makeStr(_ *Call, a []pyval.Value) (pyval.Value, error) {
	if b, ok := a[0].(Bytes); ok && a[1] != Missing {
		return string(b), nil
	}
	b, err := pyval.AppendStr(nil, Or(a[0], ""))
	return string(b), err
}

// makeTrans is str.maketrans: a dictionary from characters' numbers to what they become.
func makeTrans(_ *Call, a []pyval.Value) (pyval.Value, error) {
	d := new(pyval.Dict)
	if a[1] == Missing {
		from, ok := a[0].(*pyval.Dict)
		if !ok {
			return nil, pyval.Errorf("TypeError", "if you give only one argument to maketrans it must be a dict")
		}
		for i := range from.Len() {
			k, v := from.At(i)
			if s, ok := k.(string); ok {
				runes := []rune(s)
				if len(runes) != 1 {
					return nil, pyval.Errorf("ValueError", "string keys in translate table must be of length 1")
				}
				k = int64(runes[0])
			}
			if err := d.SetItem(k, v); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
	x, y := []rune(pyval.Str(a[0])), []rune(pyval.Str(a[1]))
	if len(x) != len(y) {
		return nil, pyval.Errorf("ValueError", "the first two maketrans arguments must have equal length")
	}
	for i := range x {
		if err := d.SetItem(int64(x[i]), int64(y[i])); err != nil {
			return nil, err
		}
	}
	for _, r := range pyval.Str(Or(a[2], "")) {
		if err := d.SetItem(int64(r), nil); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func makeInt(_ *Call, a []pyval.Value) (pyval.Value, error) {
	if a[1] != Missing {
		base, _ := integer(a[1])
		s, ok := a[0].(string)
		if !ok {
			return nil, pyval.Errorf("TypeError", "int() can't convert non-string with explicit base")
		}
		if base == 10 {
			return pyval.ParseInt(s, 10)
		}
		n, err := strconv.ParseInt(strings.TrimSpace(s), int(base), 64)
		if err != nil {
			return nil, pyval.Errorf("ValueError", "invalid literal for int() with base %d: %s", base, pyval.Repr(s))
		}
		return n, nil
	}
	switch v := a[0].(type) {
	case missingValue:
		return int64(0), nil
	case int64, *big.Int:
		return v, nil
	case bool:
		n, _ := integer(v)
		return n, nil
	case float64:
		switch {
		case math.IsNaN(v):
			return nil, pyval.Errorf("ValueError", "cannot convert float NaN to integer")
		case math.IsInf(v, 0):
			return nil, pyval.Errorf("OverflowError", "cannot convert float infinity to integer")
		case math.Abs(v) < 1<<62:
			return int64(v), nil
		}
		return nil, unsupported("int() of so large a float")
	case string:
		return pyval.ParseInt(v, 10)
	}
	return nil, pyval.Errorf("TypeError", "int() argument must be a string, a bytes-like object or a real number, not '%s'", pyval.TypeName(a[0]))
}

func makeFloat(_ *Call, a []pyval.Value) (pyval.Value, error) {
	switch v := a[0].(type) {
	case missingValue:
		return 0.0, nil
	case float64:
		return v, nil
	case string:
		return pyval.ParseFloat(v)
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f, nil
	}
	if n, ok := integer(a[0]); ok {
		return float64(n), nil
	}
	return nil, pyval.Errorf("TypeError", "float() argument must be a string or a real number, not '%s'", pyval.TypeName(a[0]))
}

func makeSet(frozen bool) func(*Call, []pyval.Value) (pyval.Value, error) {
	return func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		items, err := pyval.Collect(Or(a[0], pyval.List{}))
		if err != nil {
			return nil, err
		}
		s, err := NewSet(items)
		if err != nil {
			return nil, err
		}
		s.frozen = frozen
		return s, nil
	}
}

func makeRange(_ *Call, a []pyval.Value) (pyval.Value, error) {
	r := pyval.Range{Step: 1}
	var ok [3]bool
	if a[1] == Missing {
		r.Stop, ok[0] = integer(a[0])
		ok[1], ok[2] = true, true
	} else {
		r.Start, ok[0] = integer(a[0])
		r.Stop, ok[1] = integer(a[1])
		r.Step, ok[2] = integer(Or(a[2], int64(1)))
	}
	if slices.Contains(ok[:], false) {
		return nil, pyval.Errorf("TypeError", "'%s' object cannot be interpreted as an integer", pyval.TypeName(a[0]))
	}
	if r.Step == 0 {
		return nil, pyval.Errorf("ValueError", "range() arg 3 must not be zero")
	}
	return r, nil
}

// round is round(number, ndigits): halves to even, of a float by its exact value.
func round(_ *Call, a []pyval.Value) (pyval.Value, error) {
	digits, given := integer(Or(a[1], nil))
	if n, ok := integer(a[0]); ok && (!given || digits >= 0) {
		return n, nil
	}
	f, ok := a[0].(float64)
	if !ok {
		return nil, unsupported("round() of a %s", pyval.TypeName(a[0]))
	}
	if !given {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, pyval.Errorf("ValueError", "cannot convert float to integer")
		}
		return int64(math.RoundToEven(f)), nil
	}
	return roundDigits(f, int(digits)), nil
}

func roundDigits(f float64, digits int) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return f
	}
	if digits < 0 {
		scale := math.Pow(10, float64(-digits))
		return math.RoundToEven(f/scale) * scale
	}
	out, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
	if err != nil {
		return f
	}
	return out
}

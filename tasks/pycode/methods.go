package pycode

import (
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// ownMethod gives the methods that templates lack, or that call back; nil for none.
func (in *interp) ownMethod(v pyval.Value, name string) pyval.Value {
	switch o := v.(type) {
	case *pyval.Array:
		switch name {
		case "sort":
			return NewFunc("sort", []string{"key?", "reverse?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
				return nil, c.sort(o.Items, Or(a[0], nil), Or(a[1], false))
			})
		case "append": // the most called of all
			return NewFunc("append", []string{"object"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
				o.Items = append(o.Items, a[0])
				return nil, nil
			})
		}
	case string:
		return textMethod(o, name)
	case Bytes:
		if name == "decode" {
			return NewFunc("decode", []string{"encoding?", "errors?"}, func(*Call, []pyval.Value) (pyval.Value, error) { return string(o), nil })
		}
	case *Set:
		return setMethod(o, name)
	case *pyval.Dict:
		return dictMethod(o, name)
	}
	return nil
}

func textMethod(s, name string) pyval.Value {
	switch name {
	case "encode":
		return NewFunc("encode", []string{"encoding?", "errors?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if e := strings.ToLower(pyval.Str(Or(a[0], "utf-8"))); e != "utf-8" && e != "utf8" {
				return nil, unsupported("the encoding %s", e)
			}
			return Bytes(s), nil
		})
	case "translate":
		return NewFunc("translate", []string{"table"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			d, ok := a[0].(*pyval.Dict)
			if !ok {
				return nil, unsupported("translate with a %s", pyval.TypeName(a[0]))
			}
			var b strings.Builder
			for _, r := range s {
				v, found, err := d.GetItem(int64(r))
				if err != nil {
					return nil, err
				}
				if n, isInt := v.(int64); found && isInt {
					v = string(rune(n))
				}
				switch {
				case !found:
					b.WriteRune(r)
				case v != nil:
					b.WriteString(pyval.Str(v))
				}
			}
			return b.String(), nil
		})
	}
	return nil
}

// asSet makes a set of a value that is none.
func asSet(v pyval.Value) (*Set, error) {
	if s, ok := v.(*Set); ok {
		return s, nil
	}
	items, err := pyval.Collect(v)
	if err != nil {
		return nil, err
	}
	return NewSet(items)
}

var setOperations = map[string]string{"union": "|", "intersection": "&", "difference": "-", "symmetric_difference": "^"}

func setMethod(s *Set, name string) pyval.Value {
	if op, ok := setOperations[name]; ok {
		return NewFunc(name, []string{"*others"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			var out pyval.Value = s.copy()
			for _, o := range a[0].(pyval.Tuple) {
				other, err := asSet(o)
				if err != nil {
					return nil, err
				}
				if out, err = setOperator(op, out.(*Set), other); err != nil {
					return nil, err
				}
			}
			return out, nil
		})
	}
	one := func(fn func(v pyval.Value) (pyval.Value, error)) pyval.Value {
		return NewFunc(name, []string{"value"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return fn(a[0]) })
	}
	switch name {
	case "add":
		return one(func(v pyval.Value) (pyval.Value, error) { return nil, s.add(v) })
	case "discard", "remove":
		return one(func(v pyval.Value) (pyval.Value, error) {
			_, ok, err := s.items.Delete(v)
			if err == nil && !ok && name == "remove" {
				err = pyval.Errorf("KeyError", "%s", pyval.Repr(v))
			}
			return nil, err
		})
	case "update":
		return NewFunc(name, []string{"*others"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			for _, o := range a[0].(pyval.Tuple) {
				other, err := asSet(o)
				if err != nil {
					return nil, err
				}
				s.items.Update(other.items)
			}
			return nil, nil
		})
	case "issubset", "issuperset", "isdisjoint":
		return one(func(v pyval.Value) (pyval.Value, error) {
			o, err := asSet(v)
			switch {
			case err != nil:
				return nil, err
			case name == "issubset":
				return s.within(o)
			case name == "issuperset":
				return o.within(s)
			}
			both, err := setOperator("&", s, o)
			if err != nil {
				return nil, err
			}
			return both.(*Set).items.Len() == 0, nil
		})
	case "copy":
		return NewFunc(name, nil, func(*Call, []pyval.Value) (pyval.Value, error) { return s.copy(), nil })
	case "clear":
		return NewFunc(name, nil, func(*Call, []pyval.Value) (pyval.Value, error) { s.items.Clear(); return nil, nil })
	case "pop":
		return NewFunc(name, nil, func(*Call, []pyval.Value) (pyval.Value, error) {
			if s.items.Len() != 1 {
				return nil, unsupported("set.pop(), whose choice differs from run to run,")
			}
			k := s.items.Key(0)
			s.items.Clear()
			return k, nil
		})
	}
	return nil
}

func (s *Set) copy() *Set { return &Set{items: s.items.Clone(), frozen: s.frozen} }

// setOperator is s OP other.
func setOperator(op string, s *Set, v pyval.Value) (pyval.Value, error) {
	o, ok := v.(*Set)
	if !ok {
		if view, isView := v.(*pyval.View); isView {
			other, err := asSet(view)
			if err != nil {
				return nil, err
			}
			o, ok = other, true
		}
	}
	if !ok {
		return nil, pyval.Errorf("TypeError", "unsupported operand type(s) for %s: 'set' and '%s'", op, pyval.TypeName(v))
	}
	out := &Set{items: new(pyval.Dict), frozen: s.frozen}
	pick := func(from, other *Set, want bool) error {
		for _, item := range from.list() {
			in, err := other.has(item)
			if err != nil {
				return err
			}
			if in == want {
				if err := out.add(item); err != nil {
					return err
				}
			}
		}
		return nil
	}
	var err error
	switch op {
	case "|":
		out.items.Update(s.items)
		out.items.Update(o.items)
	case "&":
		err = pick(s, o, true)
	case "-":
		err = pick(s, o, false)
	case "^":
		if err = pick(s, o, false); err == nil {
			err = pick(o, s, false)
		}
	default:
		return nil, pyval.Errorf("TypeError", "unsupported operand type(s) for %s: 'set' and 'set'", op)
	}
	return out, err
}

func compareSets(op string, s *Set, v pyval.Value) (pyval.Value, error) {
	o, ok := v.(*Set)
	if !ok {
		return nil, pyval.Errorf("TypeError", "'%s' not supported between instances of 'set' and '%s'", op, pyval.TypeName(v))
	}
	if op == ">" || op == ">=" {
		s, o = o, s
	}
	yes, err := s.within(o)
	if len(op) == 1 && s.items.Len() == o.items.Len() {
		yes = false
	}
	return yes, err
}

// dictClass is what makes a dictionary a defaultdict or a Counter.
type dictClass struct {
	factory pyval.Value // of a defaultdict; nil for none
	counter bool
}

// absent gives the value of a key that a dictionary of a class lacks; ok is false where it is an error.
func (in *interp) absent(d *pyval.Dict, key pyval.Value) (v pyval.Value, ok bool, err error) {
	c, _ := d.Class().(*dictClass)
	switch {
	case c == nil:
		return nil, false, nil
	case c.counter:
		return int64(0), true, nil
	case c.factory == nil:
		return nil, false, nil
	}
	if v, err = in.call(c.factory); err != nil {
		return nil, false, err
	}
	return v, true, d.SetItem(key, v)
}

// dictMethod gives the methods of a Counter.
func dictMethod(d *pyval.Dict, name string) pyval.Value {
	c, _ := d.Class().(*dictClass)
	if c == nil || !c.counter {
		return nil
	}
	switch name {
	case "most_common":
		return NewFunc(name, []string{"n?"}, func(k *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(pyval.NewView(d, pyval.ItemsView))
			if err != nil {
				return nil, err
			}
			second := NewFunc("count", []string{"pair"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return a[0].(pyval.Tuple)[1], nil })
			if err := k.sort(items, second, true); err != nil {
				return nil, err
			}
			if n, ok := integer(Or(a[0], nil)); ok {
				items = items[:min(max(0, int(n)), len(items))]
			}
			return &pyval.Array{Items: items}, nil
		})
	case "update":
		return NewFunc(name, []string{"iterable?", "**kwargs"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			return nil, count(d, Or(a[0], nil))
		})
	case "elements":
		return NewFunc(name, nil, func(*Call, []pyval.Value) (pyval.Value, error) {
			var out []pyval.Value
			for i := range d.Len() {
				k, v := d.At(i)
				n, _ := integer(v)
				out = slices.Concat(out, slices.Repeat([]pyval.Value{k}, int(max(0, n))))
			}
			next, err := pyval.Iter(pyval.List(out))
			return &pyval.Iterator{Name: "chain", Next: next}, err
		})
	case "total":
		return NewFunc(name, nil, func(k *Call, _ []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(pyval.NewView(d, pyval.ValuesView))
			if err != nil {
				return nil, err
			}
			return k.in.sum(items, int64(0))
		})
	}
	return nil
}

// count adds the items of a value to a Counter; of a dictionary, its counts.
func count(d *pyval.Dict, from pyval.Value) error {
	if from == nil {
		return nil
	}
	add := func(key, n pyval.Value) error {
		old, ok, err := d.GetItem(key)
		if err != nil {
			return err
		}
		if ok {
			if n, err = pyval.Add(old, n); err != nil {
				return err
			}
		}
		return d.SetItem(key, n)
	}
	if o, ok := from.(*pyval.Dict); ok {
		for i := range o.Len() {
			k, v := o.At(i)
			if err := add(k, v); err != nil {
				return err
			}
		}
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
		if err := add(v, int64(1)); err != nil {
			return err
		}
	}
}

// dictOperator is c OP d of dictionaries: | of all, and the arithmetic of Counters.
func dictOperator(op string, x, y *pyval.Dict) (pyval.Value, error) {
	c, _ := x.Class().(*dictClass)
	out := new(pyval.Dict)
	if c == nil || !c.counter {
		if op != "|" {
			return nil, pyval.Errorf("TypeError", "unsupported operand type(s) for %s: 'dict' and 'dict'", op)
		}
		out.Update(x)
		out.Update(y)
		return out, nil
	}
	out.SetClass(c)
	for _, from := range []*pyval.Dict{x, y} {
		for i := range from.Len() {
			k := from.Key(i)
			if _, seen, err := out.GetItem(k); err != nil || seen {
				continue
			}
			a, _, _ := x.GetItem(k)
			b, _, _ := y.GetItem(k)
			n, m := orZero(a), orZero(b)
			var r int64
			switch op {
			case "+":
				r = n + m
			case "-":
				r = n - m
			case "&":
				r = min(n, m)
			case "|":
				r = max(n, m)
			default:
				return nil, unsupported("%s of Counters", op)
			}
			if r > 0 {
				if err := out.SetItem(k, r); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

func orZero(v pyval.Value) int64 {
	n, _ := integer(v)
	return n
}

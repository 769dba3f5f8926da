package pycode

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// builtins are the names that every source sees.
var builtins = makeBuiltins()

// others are built-in names that a source may use and that are not interpreted.
const others = " input eval exec compile globals locals vars dir id memoryview bytearray complex help breakpoint __import__ delattr "

func unknownBuiltin(name string) bool { return strings.Contains(others, " "+name+" ") }

// exceptions lists the kinds of exceptions, each behind what it derives from.
var exceptions = [][2]string{{"BaseException", ""}, {"Exception", "BaseException"}, {"KeyboardInterrupt", "BaseException"}, {"SystemExit", "BaseException"},
	{"ArithmeticError", "Exception"}, {"ZeroDivisionError", "ArithmeticError"}, {"OverflowError", "ArithmeticError"}, {"AssertionError", "Exception"},
	{"AttributeError", "Exception"}, {"ImportError", "Exception"}, {"ModuleNotFoundError", "ImportError"}, {"LookupError", "Exception"},
	{"IndexError", "LookupError"}, {"KeyError", "LookupError"}, {"NameError", "Exception"}, {"OSError", "Exception"}, {"FileNotFoundError", "OSError"},
	{"TimeoutError", "OSError"}, {"RuntimeError", "Exception"}, {"NotImplementedError", "RuntimeError"}, {"RecursionError", "RuntimeError"},
	{"StopIteration", "Exception"}, {"SyntaxError", "Exception"}, {"TypeError", "Exception"}, {"ValueError", "Exception"}, {"UnicodeError", "ValueError"},
	{"UnicodeDecodeError", "UnicodeError"}, {"UnicodeEncodeError", "UnicodeError"}, {"Warning", "Exception"}, {"UserWarning", "Warning"},
	{"DeprecationWarning", "Warning"}, {"RuntimeWarning", "Warning"}, {"FutureWarning", "Warning"}}

// classes are the built-in types and the kinds of exceptions.
var classes = makeClasses()

func makeClasses() map[string]*Class {
	out := make(map[string]*Class)
	for _, e := range exceptions {
		c := &Class{thing: thing{"type"}, name: e[0], raise: true}
		if base := out[e[1]]; base != nil {
			c.bases = []*Class{base}
		}
		out[e[0]] = c
	}
	for _, c := range types() {
		out[c.name] = c
	}
	return out
}

func makeBuiltins() map[string]pyval.Value {
	out := map[string]pyval.Value{"__name__": "__task__", "__debug__": true, "NotImplemented": &singleton{thing{"NotImplementedType"}, "NotImplemented"},
		"Ellipsis": ellipsis, "IOError": classes["OSError"], "EnvironmentError": classes["OSError"]}
	for name, c := range classes {
		out[name] = c
	}
	for _, f := range slices.Concat(iterationFuncs(), valueFuncs(), objectFuncs(), []*Func{NewFunc("open", []string{"file", "mode?", "encoding?"}, openFile)}) {
		out[f.name] = f
	}
	return out
}

// iterationFuncs go through items.
func iterationFuncs() []*Func {
	return []*Func{
		NewFunc("len", []string{"obj"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			n, err := pyval.Len(a[0])
			return int64(n), err
		}),
		NewFunc("enumerate", []string{"iterable", "start?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			next, err := pyval.Iter(a[0])
			i, _ := integer(Or(a[1], int64(0)))
			return &pyval.Iterator{Name: "enumerate", Next: func() (pyval.Value, bool, error) {
				v, ok, err := next()
				i++
				return pyval.Tuple{i - 1, v}, ok, err
			}}, err
		}),
		NewFunc("zip", []string{"*iterables", "**kwargs"}, zip),
		NewFunc("map", []string{"function", "*iterables"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			rows, err := zip(c, []pyval.Value{a[1], new(pyval.Dict)})
			if err != nil {
				return nil, err
			}
			next := rows.(*pyval.Iterator).Next
			return &pyval.Iterator{Name: "map", Next: func() (pyval.Value, bool, error) {
				row, ok, err := next()
				if err != nil || !ok {
					return nil, false, err
				}
				v, err := c.Apply(a[0], row.(pyval.Tuple)...)
				return v, err == nil, err
			}}, nil
		}),
		NewFunc("filter", []string{"function", "iterable"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			next, err := pyval.Iter(a[1])
			return &pyval.Iterator{Name: "filter", Next: func() (pyval.Value, bool, error) {
				for {
					v, ok, err := next()
					if err != nil || !ok {
						return nil, false, err
					}
					keep := v
					if a[0] != nil {
						if keep, err = c.Apply(a[0], v); err != nil {
							return nil, false, err
						}
					}
					if yes, err := pyval.Truth(keep); err != nil || yes {
						return v, err == nil, err
					}
				}
			}}, err
		}),
		NewFunc("iter", []string{"iterable"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			next, err := pyval.Iter(a[0])
			return &pyval.Iterator{Name: "iterator", Next: next}, err
		}),
		NewFunc("next", []string{"iterator", "default?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			it, ok := a[0].(*pyval.Iterator)
			if !ok {
				return nil, pyval.Errorf("TypeError", "'%s' object is not an iterator", pyval.TypeName(a[0]))
			}
			v, ok, err := it.Next()
			switch {
			case err != nil || ok:
				return v, err
			case a[1] != Missing:
				return a[1], nil
			}
			return nil, pyval.Errorf("StopIteration", "")
		}),
		NewFunc("reversed", []string{"sequence"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(a[0])
			slices.Reverse(items)
			if err != nil {
				return nil, err
			}
			next, err := pyval.Iter(pyval.List(items))
			return &pyval.Iterator{Name: "reversed", Next: next}, err
		}),
		NewFunc("sorted", []string{"iterable", "key?", "reverse?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(a[0])
			if err != nil {
				return nil, err
			}
			err = c.sort(items, Or(a[1], nil), Or(a[2], false))
			return &pyval.Array{Items: items}, err
		}),
		NewFunc("any", []string{"iterable"}, truths(true)),
		NewFunc("all", []string{"iterable"}, truths(false)),
		NewFunc("sum", []string{"iterable", "start?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(a[0])
			if err != nil {
				return nil, err
			}
			return c.in.sum(items, Or(a[1], int64(0)))
		}),
		NewFunc("min", []string{"*args", "key?", "default?"}, extreme("min", "<")),
		NewFunc("max", []string{"*args", "key?", "default?"}, extreme("max", ">")),
	}
}

func zip(_ *Call, a []pyval.Value) (pyval.Value, error) {
	var nexts []pyval.Next
	for _, v := range a[0].(pyval.Tuple) {
		next, err := pyval.Iter(v)
		if err != nil {
			return nil, err
		}
		nexts = append(nexts, next)
	}
	strict := false
	if named := a[1].(*pyval.Dict); named.Len() > 0 {
		v, ok := named.Get("strict")
		if !ok {
			return nil, unsupported("zip with the argument %s", named.Keys()[0])
		}
		strict = v == true
	}
	return &pyval.Iterator{Name: "zip", Next: func() (pyval.Value, bool, error) {
		row := make(pyval.Tuple, len(nexts))
		for i, next := range nexts {
			v, ok, err := next()
			if err != nil {
				return nil, false, err
			}
			if !ok {
				if strict && i > 0 {
					return nil, false, pyval.Errorf("ValueError", "zip() argument %d is shorter than argument 1", i+1)
				}
				for _, other := range nexts[1:] {
					if _, more, err := other(); strict && i == 0 && (more || err != nil) {
						return nil, false, pyval.Errorf("ValueError", "zip() argument is longer than argument 1")
					}
				}
				return nil, false, nil
			}
			row[i] = v
		}
		return row, len(nexts) > 0, nil
	}}, nil
}

// truths is any, or all where until is false.
func truths(until bool) func(*Call, []pyval.Value) (pyval.Value, error) {
	return func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		next, err := pyval.Iter(a[0])
		if err != nil {
			return nil, err
		}
		for {
			v, ok, err := next()
			if err != nil || !ok {
				return !until, err
			}
			if yes, err := pyval.Truth(v); err != nil || yes == until {
				return until, err
			}
		}
	}
}

// sum adds from left to right; of floats the lost low parts are kept, as Python does from 3.12 on.
func (in *interp) sum(items []pyval.Value, start pyval.Value) (pyval.Value, error) {
	total, lost := start, 0.0
	compensating := false
	for _, v := range items {
		x, xok := total.(float64)
		y, yok := v.(float64)
		if n, ok := v.(int64); ok {
			y, yok = float64(n), true
		}
		if xok && yok {
			t := x + y
			if abs(x) >= abs(y) {
				lost += (x - t) + y
			} else {
				lost += (y - t) + x
			}
			total, compensating = t, true
			continue
		}
		var err error
		if total, err = in.operate("+", total, v); err != nil {
			return nil, err
		}
	}
	if f, ok := total.(float64); ok && compensating && lost-lost == 0 {
		return f + lost, nil
	}
	return total, nil
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}

// extreme is min or max: the first of the items that no other goes before.
func extreme(name, op string) func(*Call, []pyval.Value) (pyval.Value, error) {
	return func(c *Call, a []pyval.Value) (pyval.Value, error) {
		items := []pyval.Value(a[0].(pyval.Tuple))
		if len(items) == 1 {
			var err error
			if items, err = pyval.Collect(items[0]); err != nil {
				return nil, err
			}
		}
		if len(items) == 0 {
			if a[2] != Missing {
				return a[2], nil
			}
			return nil, pyval.Errorf("ValueError", "%s() iterable argument is empty", name)
		}
		keys, err := c.keys(items, Or(a[1], nil))
		if err != nil {
			return nil, err
		}
		best := 0
		for i := range items {
			v, err := c.in.compare(op, keys[i], keys[best])
			if err != nil {
				return nil, err
			}
			if yes, err := pyval.Truth(v); err != nil {
				return nil, err
			} else if yes {
				best = i
			}
		}
		return items[best], nil
	}
}

func (c *Call) keys(items []pyval.Value, key pyval.Value) ([]pyval.Value, error) {
	if key == nil {
		return items, nil
	}
	out := make([]pyval.Value, len(items))
	for i, v := range items {
		var err error
		if out[i], err = c.Apply(key, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sort sorts in place, and equal items stay in order, in reverse too.
func (c *Call) sort(items []pyval.Value, key, reverse pyval.Value) error {
	keys, err := c.keys(items, key)
	if err != nil {
		return err
	}
	backwards, err := pyval.Truth(reverse)
	if err != nil {
		return err
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		less := func(x, y pyval.Value) bool {
			if err != nil {
				return false
			}
			var v pyval.Value
			if v, err = c.in.compare("<", x, y); err != nil {
				return false
			}
			return v == true
		}
		way := 1
		if backwards {
			way = -1
		}
		switch {
		case less(keys[i], keys[j]):
			return -way
		case less(keys[j], keys[i]):
			return way
		}
		return 0
	})
	sorted := make([]pyval.Value, len(items))
	for i, j := range order {
		sorted[i] = items[j]
	}
	copy(items, sorted)
	return err
}

// valueFuncs make numbers and texts of values.
func valueFuncs() []*Func {
	return []*Func{
		NewFunc("abs", []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if n, ok := a[0].(*ndarray); ok {
				return n.apply(absolute)
			}
			return absolute(a[0])
		}),
		NewFunc("round", []string{"number", "ndigits?"}, round),
		NewFunc("divmod", []string{"a", "b"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			q, err := pyval.FloorDiv(a[0], a[1])
			if err != nil {
				return nil, err
			}
			r, err := pyval.Mod(a[0], a[1])
			return pyval.Tuple{q, r}, err
		}),
		NewFunc("pow", []string{"a", "b"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return pyval.Pow(a[0], a[1]) }),
		NewFunc("ord", []string{"c"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			s, ok := pyval.TextOf(a[0])
			if r, n := utf8.DecodeRuneInString(s); ok && n > 0 && n == len(s) {
				return int64(r), nil
			}
			return nil, pyval.Errorf("TypeError", "ord() expected a character")
		}),
		NewFunc("chr", []string{"i"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			n, ok := integer(a[0])
			if !ok || n < 0 || n > utf8.MaxRune {
				return nil, pyval.Errorf("ValueError", "chr() arg not in range(0x110000)")
			}
			return string(rune(n)), nil
		}),
		NewFunc("repr", []string{"obj"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			b, err := pyval.AppendRepr(nil, a[0])
			return string(b), err
		}),
		NewFunc("format", []string{"value", "spec?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			return pyval.FormatValue(a[0], pyval.Str(Or(a[1], "")))
		}),
		NewFunc("print", []string{"*args", "**kwargs"}, func(*Call, []pyval.Value) (pyval.Value, error) { return nil, nil }),
		NewFunc("bin", []string{"n"}, inBase("b")),
		NewFunc("hex", []string{"n"}, inBase("x")),
		NewFunc("oct", []string{"n"}, inBase("o")),
	}
}

func inBase(base string) func(*Call, []pyval.Value) (pyval.Value, error) {
	return func(_ *Call, a []pyval.Value) (pyval.Value, error) { return pyval.FormatValue(a[0], "#"+base) }
}

func absolute(v pyval.Value) (pyval.Value, error) {
	less, err := pyval.Compare(pyval.Lt, v, int64(0))
	if err != nil {
		return nil, err
	}
	if f, ok := v.(float64); ok && f == 0 {
		return 0.0, nil
	}
	if less {
		return pyval.Neg(v)
	}
	return pyval.Pos(v)
}

// objectFuncs ask what objects are.
func objectFuncs() []*Func {
	return []*Func{
		NewFunc("isinstance", []string{"obj", "classinfo"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return isInstance(a[0], a[1]) }),
		NewFunc("issubclass", []string{"cls", "classinfo"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			x, xok := a[0].(*Class)
			y, yok := a[1].(*Class)
			if !xok || !yok {
				return nil, unsupported("issubclass of these")
			}
			return x.within(y), nil
		}),
		NewFunc("callable", []string{"obj"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if i, ok := a[0].(*Instance); ok {
				_, from := i.class.lookup("__call__")
				return from != nil, nil
			}
			_, ok := a[0].(callable)
			return ok, nil
		}),
		NewFunc("hasattr", []string{"obj", "name"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			_, ok, err := c.in.findAttr(a[0], pyval.Str(a[1]))
			return ok, err
		}),
		NewFunc("getattr", []string{"obj", "name", "default?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			v, ok, err := c.in.findAttr(a[0], pyval.Str(a[1]))
			if ok || err != nil {
				return v, err
			}
			if a[2] != Missing {
				return a[2], nil
			}
			return c.in.getAttr(a[0], pyval.Str(a[1]))
		}),
		NewFunc("setattr", []string{"obj", "name", "value"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			return nil, setAttr(a[0], pyval.Str(a[1]), a[2])
		}),
		NewFunc("hash", []string{"obj"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if n, ok := integer(a[0]); ok {
				return n, nil
			}
			return nil, unsupported("hash(), which differs from run to run,")
		}),
		NewFunc("staticmethod", []string{"function"}, wrap("staticmethod")),
		NewFunc("classmethod", []string{"function"}, wrap("classmethod")),
		NewFunc("property", []string{"function"}, wrap("property")),
	}
}

func wrap(kind string) func(*Call, []pyval.Value) (pyval.Value, error) {
	return func(_ *Call, a []pyval.Value) (pyval.Value, error) { return &wrapped{thing{kind}, a[0]}, nil }
}

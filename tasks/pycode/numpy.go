package pycode

import (
	"cmp"
	"math"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// numpy makes the module numpy, as far as functions of task files use it.
func numpy() *Namespace {
	m := map[string]pyval.Value{"nan": math.NaN(), "NaN": math.NaN(), "inf": math.Inf(1), "pi": math.Pi, "e": math.E,
		"float64": classes["float"], "float32": classes["float"], "int64": classes["int"], "int32": classes["int"], "bool_": classes["bool"],
		"ndarray": &Class{thing: thing{"type"}, name: "ndarray", is: isArray}}
	for _, f := range slices.Concat(numpyMakers(), numpyReductions()) {
		m[f.name] = f
	}
	m["absolute"] = m["abs"]
	m["asarray"] = m["array"]
	m["amax"], m["amin"] = m["max"], m["min"]
	for name, fn := range map[string]func(float64) float64{"exp": math.Exp, "log": logOf, "log2": math.Log2, "log10": math.Log10, "sqrt": math.Sqrt,
		"floor": math.Floor, "ceil": math.Ceil, "tanh": math.Tanh, "log1p": math.Log1p} {
		m[name] = NewFunc(name, []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			v, err := toArray(a[0])
			if err != nil {
				return nil, err
			}
			return each(v, func(x pyval.Value) (pyval.Value, error) { return fn(number(x)), nil })
		})
	}
	return NewNamespace("numpy", m)
}

func logOf(x float64) float64 {
	if x == 0 {
		return math.Inf(-1)
	}
	return math.Log(x)
}

func numpyMakers() []*Func {
	filled := func(name string, value float64) *Func {
		return NewFunc(name, []string{"shape", "dtype?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			n, ok := integer(a[0])
			if !ok || n < 0 || n > pyval.MaxItems {
				return nil, unsupported("numpy.%s of this shape", name)
			}
			v := pyval.Value(value)
			if dtype := Or(a[1], nil); dtype != nil {
				var err error
				if v, err = c.Apply(dtype, v); err != nil {
					return nil, err
				}
			}
			return newArray(slices.Repeat([]pyval.Value{v}, int(n))), nil
		})
	}
	return []*Func{
		NewFunc("array", []string{"object", "dtype?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			v, err := toArray(a[0])
			if dtype := Or(a[1], nil); err == nil && dtype != nil {
				return each(v, func(x pyval.Value) (pyval.Value, error) { return c.Apply(dtype, x) })
			}
			return v, err
		}),
		filled("zeros", 0), filled("ones", 1),
		NewFunc("arange", []string{"start", "stop?", "step?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			r, err := makeRange(c, a)
			if err != nil {
				return nil, err
			}
			return toArray(r)
		}),
		NewFunc("concatenate", []string{"arrays"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			parts, err := pyval.Collect(a[0])
			var out []pyval.Value
			for _, p := range parts {
				v, arrErr := toArray(p)
				if arrErr != nil {
					return nil, arrErr
				}
				if inner, ok := v.(*ndarray); ok {
					out = append(out, inner.items...)
				}
			}
			return newArray(out), err
		}),
		NewFunc("isnan", []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			v, err := toArray(a[0])
			if err != nil {
				return nil, err
			}
			return each(v, func(x pyval.Value) (pyval.Value, error) {
				switch x := x.(type) {
				case float64:
					return math.IsNaN(x), nil
				case int64, bool:
					return false, nil
				}
				return nil, pyval.Errorf("TypeError", "ufunc 'isnan' not supported for the input types")
			})
		}),
		NewFunc("abs", []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			v, err := toArray(a[0])
			if err != nil {
				return nil, err
			}
			return each(v, absolute)
		}),
		NewFunc("where", []string{"condition", "x", "y"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			cond, ok := a[0].(*ndarray)
			if !ok {
				return nil, unsupported("numpy.where of a %s", pyval.TypeName(a[0]))
			}
			yes, err := pairwise(cond, a[1], func(c, x pyval.Value) (pyval.Value, error) { return pyval.Tuple{c, x}, nil })
			if err != nil {
				return nil, err
			}
			return pairwise(yes, a[2], func(c, y pyval.Value) (pyval.Value, error) {
				pair := c.(pyval.Tuple)
				if t, err := pyval.Truth(pair[0]); err != nil || t {
					return pair[1], err
				}
				return y, nil
			})
		}),
		NewFunc("unique", []string{"ar"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			v, err := toArray(a[0])
			if err != nil {
				return nil, err
			}
			s, err := NewSet(flat(v))
			if err != nil {
				return nil, err
			}
			items := s.list()
			return newArray(items), c.sort(items, nil, false)
		}),
		NewFunc("round", []string{"a", "decimals?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			v, err := toArray(a[0])
			digits, _ := integer(Or(a[1], int64(0)))
			if err != nil {
				return nil, err
			}
			return each(v, func(x pyval.Value) (pyval.Value, error) {
				if n, ok := integer(x); ok {
					return n, nil
				}
				scale := math.Pow(10, float64(digits)) // numpy's way, which is not that of round()
				return math.RoundToEven(number(x)*scale) / scale, nil
			})
		}),
		NewFunc("argsort", []string{"a"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			v, err := toArray(a[0])
			if err != nil {
				return nil, err
			}
			x := floats(v)
			order := make([]pyval.Value, len(x))
			for i := range order {
				order[i] = int64(i)
			}
			slices.SortStableFunc(order, func(i, j pyval.Value) int { return cmp.Compare(x[i.(int64)], x[j.(int64)]) })
			return newArray(order), nil
		}),
		NewFunc("cumsum", []string{"a"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			v, err := toArray(a[0])
			if err != nil {
				return nil, err
			}
			var total pyval.Value = int64(0)
			var out []pyval.Value
			for _, x := range flat(v) {
				if total, err = pyval.Add(total, x); err != nil {
					return nil, err
				}
				out = append(out, total)
			}
			return newArray(out), nil
		}),
	}
}

func floats(v pyval.Value) []float64 {
	items := flat(v)
	out := make([]float64, len(items))
	for i, x := range items {
		out[i] = number(x)
	}
	return out
}

// reduce makes a function that gives one number of an array, or one for each part along an axis.
func reduce(name string, fn func(items []pyval.Value) (pyval.Value, error)) *Func {
	return NewFunc(name, []string{"a", "axis?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		v, err := toArray(a[0])
		if err != nil {
			return nil, err
		}
		axis := Or(a[1], nil)
		if axis == nil {
			return fn(flat(v))
		}
		n, _ := integer(axis)
		outer, ok := v.(*ndarray)
		if !ok || dims(outer) > 2 || n < -1 || n > 1 {
			return nil, unsupported("numpy.%s along this axis", name)
		}
		if dims(outer) == 1 {
			return fn(outer.items)
		}
		var out []pyval.Value
		width := len(outer.items[0].(*ndarray).items)
		if n == 0 {
			for j := range width {
				var column []pyval.Value
				for _, row := range outer.items {
					column = append(column, row.(*ndarray).items[j])
				}
				x, err := fn(column)
				if err != nil {
					return nil, err
				}
				out = append(out, x)
			}
			return newArray(out), nil
		}
		for _, row := range outer.items {
			x, err := fn(row.(*ndarray).items)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		return newArray(out), nil
	})
}

func sumOf(items []pyval.Value) pyval.Value {
	whole := true
	total := int64(0)
	x := make([]float64, len(items))
	for i, v := range items {
		n, ok := integer(v)
		whole = whole && ok
		total += n
		x[i] = number(v)
	}
	if whole && len(items) > 0 {
		return total
	}
	return sumFloats(x)
}

func meanOf(items []pyval.Value) float64 {
	if len(items) == 0 {
		return math.NaN()
	}
	x := make([]float64, len(items))
	for i, v := range items {
		x[i] = number(v)
	}
	return sumFloats(x) / float64(len(x))
}

func numpyReductions() []*Func {
	variance := func(items []pyval.Value) float64 {
		m := meanOf(items)
		x := make([]float64, len(items))
		for i, v := range items {
			d := number(v) - m
			x[i] = d * d
		}
		return sumFloats(x) / float64(len(x))
	}
	known := func(items []pyval.Value) []pyval.Value {
		var out []pyval.Value
		for _, v := range items {
			if !math.IsNaN(number(v)) {
				out = append(out, v)
			}
		}
		return out
	}
	extreme := func(name, op string, index, skip bool) *Func {
		return reduce(name, func(items []pyval.Value) (pyval.Value, error) {
			if skip {
				items = known(items)
				if len(items) == 0 {
					return math.NaN(), nil
				}
			}
			if len(items) == 0 {
				return nil, pyval.Errorf("ValueError", "zero-size array to reduction operation %s which has no identity", name)
			}
			best := 0
			for i, v := range items {
				if f := number(v); math.IsNaN(f) { // the first NaN wins
					best = i
					break
				}
				if better, err := pyval.Compare(pyval.Op(op), v, items[best]); err != nil {
					return nil, err
				} else if better {
					best = i
				}
			}
			if index {
				return int64(best), nil
			}
			return items[best], nil
		})
	}
	truth := func(name string, until bool) *Func {
		return reduce(name, func(items []pyval.Value) (pyval.Value, error) {
			for _, v := range items {
				if yes, err := pyval.Truth(v); err != nil || yes == until {
					return until, err
				}
			}
			return !until, nil
		})
	}
	return []*Func{
		reduce("sum", func(items []pyval.Value) (pyval.Value, error) { return sumOf(items), nil }),
		reduce("nansum", func(items []pyval.Value) (pyval.Value, error) { return sumOf(known(items)), nil }),
		reduce("mean", func(items []pyval.Value) (pyval.Value, error) { return meanOf(items), nil }),
		reduce("average", func(items []pyval.Value) (pyval.Value, error) { return meanOf(items), nil }),
		reduce("nanmean", func(items []pyval.Value) (pyval.Value, error) { return meanOf(known(items)), nil }),
		reduce("var", func(items []pyval.Value) (pyval.Value, error) { return variance(items), nil }),
		reduce("std", func(items []pyval.Value) (pyval.Value, error) { return math.Sqrt(variance(items)), nil }),
		reduce("prod", func(items []pyval.Value) (pyval.Value, error) {
			var out pyval.Value = int64(1)
			var err error
			for _, v := range items {
				if out, err = pyval.Mul(out, v); err != nil {
					return nil, err
				}
			}
			return out, nil
		}),
		reduce("median", func(items []pyval.Value) (pyval.Value, error) {
			x := make([]float64, len(items))
			for i, v := range items {
				x[i] = number(v)
			}
			slices.Sort(x)
			switch n := len(x); {
			case n == 0:
				return math.NaN(), nil
			case n%2 == 1:
				return x[n/2], nil
			default:
				return (x[n/2-1] + x[n/2]) / 2, nil
			}
		}),
		extreme("max", ">", false, false), extreme("min", "<", false, false), extreme("argmax", ">", true, false), extreme("argmin", "<", true, false),
		extreme("nanmax", ">", false, true), extreme("nanmin", "<", false, true),
		truth("any", true), truth("all", false),
	}
}

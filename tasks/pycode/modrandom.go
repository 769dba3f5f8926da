package pycode

import (
	"slices"

	"github.com/onset-eval/onset/tasks/pyrandom"
	"github.com/onset-eval/onset/tasks/pyval"
)

// randomModule is random. Its own generator has the seed 0 when the module is made, as the harness sets it before it
// loads tasks: a function that draws from it gives what it gives in a run of that task alone.
func randomModule() *Namespace {
	n := generator(pyrandom.New(0))
	n.kind = "random"
	n.attrs["Random"] = NewFunc("Random", []string{"seed?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		seed, ok := integer(Or(a[0], nil))
		if !ok {
			return nil, unsupported("random.Random of a %s", pyval.TypeName(Or(a[0], nil)))
		}
		return generator(pyrandom.New(seed)), nil
	})
	return n
}

// generator is a random.Random.
func generator(r *pyrandom.Random) *Namespace {
	between := func(lo, hi pyval.Value) (pyval.Value, error) {
		x, xok := integer(lo)
		y, yok := integer(hi)
		if !xok || !yok || y <= x {
			return nil, pyval.Errorf("ValueError", "empty range in randrange(%s, %s)", pyval.Repr(lo), pyval.Repr(hi))
		}
		return x + int64(r.Below(int(y-x))), nil
	}
	return moduleOf("Random", nil,
		NewFunc("seed", []string{"a?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			seed, ok := integer(Or(a[0], nil))
			if !ok {
				return nil, unsupported("random.seed of a %s", pyval.TypeName(Or(a[0], nil)))
			}
			*r = *pyrandom.New(seed)
			return nil, nil
		}),
		NewFunc("random", nil, func(*Call, []pyval.Value) (pyval.Value, error) { return r.Float64(), nil }),
		NewFunc("uniform", []string{"a", "b"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			x, y := number(a[0]), number(a[1])
			return x + (y-x)*r.Float64(), nil
		}),
		NewFunc("randint", []string{"a", "b"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			n, _ := integer(a[1])
			return between(a[0], n+1)
		}),
		NewFunc("randrange", []string{"start", "stop?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if a[1] == Missing {
				return between(int64(0), a[0])
			}
			return between(a[0], a[1])
		}),
		NewFunc("choice", []string{"seq"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			n, err := pyval.Len(a[0])
			if err != nil {
				return nil, err
			}
			if n == 0 {
				return nil, pyval.Errorf("IndexError", "Cannot choose from an empty sequence")
			}
			return c.in.getItem(a[0], int64(r.Below(n)))
		}),
		NewFunc("choices", []string{"population", "weights?", "k?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if err := refuse("random.choices", map[string]pyval.Value{"weights": a[1]}); err != nil {
				return nil, err
			}
			items, err := pyval.Collect(a[0])
			if err != nil {
				return nil, err
			}
			k, _ := integer(Or(a[2], int64(1)))
			if len(items) == 0 {
				return nil, pyval.Errorf("IndexError", "list index out of range")
			}
			at := make([]int32, k)
			r.Choices(at, len(items))
			out := make([]pyval.Value, k)
			for i, j := range at {
				out[i] = items[j]
			}
			return &pyval.Array{Items: out}, nil
		}),
		NewFunc("sample", []string{"population", "k"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(a[0])
			k, ok := integer(a[1])
			if err != nil {
				return nil, err
			}
			if _, set := a[0].(*Set); set || !ok || k < 0 || int(k) > len(items) {
				return nil, pyval.Errorf("ValueError", "Sample larger than population or is negative")
			}
			out := make([]pyval.Value, k)
			for i, j := range r.Sample(len(items), int(k)) {
				out[i] = items[j]
			}
			return &pyval.Array{Items: out}, nil
		}),
		NewFunc("shuffle", []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			l, ok := a[0].(*pyval.Array)
			if !ok {
				return nil, unsupported("random.shuffle of a %s", pyval.TypeName(a[0]))
			}
			r.Shuffle(len(l.Items), func(i, j int) { l.Items[i], l.Items[j] = l.Items[j], l.Items[i] })
			return nil, nil
		}))
}

func itertoolsModule() *Namespace {
	listed := func(items []pyval.Value, err error) (pyval.Value, error) {
		if err != nil {
			return nil, err
		}
		next, err := pyval.Iter(pyval.List(items))
		return &pyval.Iterator{Name: "itertools", Next: next}, err
	}
	flatten := func(v pyval.Value) ([]pyval.Value, error) {
		parts, err := pyval.Collect(v)
		var out []pyval.Value
		for _, p := range parts {
			items, itemsErr := pyval.Collect(p)
			if itemsErr != nil {
				return nil, itemsErr
			}
			out = append(out, items...)
		}
		return out, err
	}
	chain := moduleOf("chain", map[string]pyval.Value{
		"__call__":      NewFunc("chain", []string{"*iterables"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return listed(flatten(a[0])) }),
		"from_iterable": NewFunc("from_iterable", []string{"iterable"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return listed(flatten(a[0])) }),
	})
	picks := func(name string, fn func(n, k int) [][]int) *Func {
		return NewFunc(name, []string{"iterable", "r?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(a[0])
			k, ok := integer(Or(a[1], int64(len(items))))
			if err != nil || !ok || len(items) > 64 || k > 12 {
				return nil, unsupported("itertools.%s of these", name)
			}
			var out []pyval.Value
			for _, at := range fn(len(items), int(k)) {
				t := make(pyval.Tuple, len(at))
				for i, j := range at {
					t[i] = items[j]
				}
				out = append(out, t)
			}
			return listed(out, nil)
		})
	}
	return moduleOf("itertools", map[string]pyval.Value{"chain": chain},
		picks("combinations", combinations), picks("permutations", permutations),
		NewFunc("product", []string{"*iterables", "**kwargs"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			lists := []pyval.Value(a[0].(pyval.Tuple))
			if n, ok := a[1].(*pyval.Dict).Get("repeat"); ok {
				k, _ := integer(n)
				lists = slices.Repeat(lists, int(min(k, 16)))
			}
			rows := []pyval.Tuple{{}}
			for _, l := range lists {
				items, err := pyval.Collect(l)
				if err != nil {
					return nil, err
				}
				var longer []pyval.Tuple
				for _, row := range rows {
					for _, item := range items {
						longer = append(longer, append(slices.Clone(row), item))
					}
				}
				if rows = longer; len(rows) > pyval.MaxItems {
					return nil, unsupported("itertools.product of so many")
				}
			}
			out := make([]pyval.Value, len(rows))
			for i, r := range rows {
				out[i] = r
			}
			return listed(out, nil)
		}),
		NewFunc("islice", []string{"iterable", "start", "stop?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			lo, hi := int64(0), int64(0)
			if a[2] == Missing {
				hi, _ = integer(a[1])
			} else {
				lo, _ = integer(Or(a[1], int64(0)))
				hi, _ = integer(a[2])
			}
			next, err := pyval.Iter(a[0])
			if err != nil {
				return nil, err
			}
			var out []pyval.Value
			for i := int64(0); i < hi; i++ {
				v, ok, err := next()
				if err != nil {
					return nil, err
				}
				if !ok {
					break
				}
				if i >= lo {
					out = append(out, v)
				}
			}
			return listed(out, nil)
		}),
		NewFunc("groupby", []string{"iterable", "key?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(a[0])
			if err != nil {
				return nil, err
			}
			keys, err := c.keys(items, Or(a[1], nil))
			if err != nil {
				return nil, err
			}
			var out []pyval.Value
			for i := 0; i < len(items); {
				j := i + 1
				for j < len(items) && pyval.Equal(keys[i], keys[j]) {
					j++
				}
				group, err := listed(items[i:j:j], nil)
				if err != nil {
					return nil, err
				}
				out = append(out, pyval.Tuple{keys[i], group})
				i = j
			}
			return listed(out, nil)
		}))
}

// combinations gives the rising choices of k of n, in order.
func combinations(n, k int) [][]int {
	var out [][]int
	var grow func(from int, chosen []int)
	grow = func(from int, chosen []int) {
		if len(chosen) == k {
			out = append(out, slices.Clone(chosen))
			return
		}
		for i := from; i < n && len(out) < pyval.MaxItems; i++ {
			grow(i+1, append(chosen, i))
		}
	}
	grow(0, nil)
	return out
}

// permutations gives the orders of k of n, in order.
func permutations(n, k int) [][]int {
	var out [][]int
	var grow func(chosen []int)
	grow = func(chosen []int) {
		if len(chosen) == k {
			out = append(out, slices.Clone(chosen))
			return
		}
		for i := 0; i < n && len(out) < pyval.MaxItems; i++ {
			if !slices.Contains(chosen, i) {
				grow(append(chosen, i))
			}
		}
	}
	grow(nil)
	return out
}

package template

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

func sortFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [3]pyval.Value
	if err := a.bind("sort", p[:], "reverse?", "case_sensitive?", "attribute?"); err != nil {
		return nil, err
	}
	reverse, err := boolArg(p[0], false)
	if err != nil {
		return nil, err
	}
	sensitive, err := boolArg(p[1], false)
	if err != nil {
		return nil, err
	}
	items, err := pyval.Collect(v)
	if err != nil {
		return nil, err
	}
	var keys []key // several attributes with commas between make a list to sort by
	attribute := or(p[2], nil)
	if s, ok := pyval.TextOf(attribute); ok {
		for _, part := range strings.Split(s, ",") {
			keys = append(keys, folded(r.getter(part, nil), sensitive))
		}
	} else {
		keys = append(keys, folded(r.getter(attribute, nil), sensitive))
	}
	items, err = sortBy(items, func(v pyval.Value) (pyval.Value, error) {
		by := make(pyval.List, len(keys))
		for i, k := range keys {
			var err error
			if by[i], err = k(v); err != nil {
				return nil, err
			}
		}
		return by, nil
	}, reverse)
	return &pyval.Array{Items: items}, err
}

func uniqueFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [2]pyval.Value
	if err := a.bind("unique", p[:], "case_sensitive?", "attribute?"); err != nil {
		return nil, err
	}
	sensitive, err := boolArg(p[0], false)
	if err != nil {
		return nil, err
	}
	get := folded(r.getter(or(p[1], nil), nil), sensitive)
	seen := map[any]bool{}
	return r.lazily(v, func(item pyval.Value) (pyval.Value, bool, error) {
		k, err := get(item)
		if err != nil {
			return nil, false, err
		}
		h, err := pyval.Hashable(k)
		if err != nil || seen[h] {
			return nil, false, err
		}
		seen[h] = true
		return item, true, nil
	}), nil
}

// lazily gives a generator of what f makes of the items that it keeps. Like a Python generator it touches
// the iterable only when it is read itself.
func (r *run) lazily(v pyval.Value, f func(pyval.Value) (pyval.Value, bool, error)) pyval.Value {
	var next pyval.Next
	return pyval.Generator(func() (pyval.Value, bool, error) {
		if next == nil {
			var err error
			if next, err = pyval.Iter(v); err != nil {
				return nil, false, err
			}
		}
		for {
			item, ok, err := next()
			if err != nil || !ok {
				return nil, false, err
			}
			if err := r.charge(1); err != nil {
				return nil, false, err
			}
			if item, ok, err = f(item); err != nil || ok {
				return item, ok, err
			}
		}
	})
}

func extremeFilter(name string, op pyval.Op) filterFunc {
	return func(r *run, v pyval.Value, a args) (pyval.Value, error) {
		var p [2]pyval.Value
		if err := a.bind(name, p[:], "case_sensitive?", "attribute?"); err != nil {
			return nil, err
		}
		sensitive, err := boolArg(p[0], false)
		if err != nil {
			return nil, err
		}
		items, err := pyval.Collect(v)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return r.undefinedHint("No aggregated item, sequence was empty."), nil
		}
		get := folded(r.getter(or(p[1], nil), nil), sensitive)
		best := items[0]
		bestKey, err := get(best)
		if err != nil {
			return nil, err
		}
		for _, item := range items[1:] {
			k, err := get(item)
			if err != nil {
				return nil, err
			}
			better, err := pyval.Compare(op, k, bestKey)
			if err != nil {
				return nil, err
			}
			if better {
				best, bestKey = item, k
			}
		}
		return best, nil
	}
}

func sumFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [2]pyval.Value
	if err := a.bind("sum", p[:], "attribute?", "start?"); err != nil {
		return nil, err
	}
	total := or(p[1], int64(0))
	if _, ok := pyval.TextOf(total); ok {
		return nil, pyval.Errorf("TypeError", "sum() can't sum strings [use ''.join(seq) instead]")
	}
	next, err := pyval.Iter(v)
	if err != nil {
		return nil, err
	}
	get := r.getter(or(p[0], nil), nil)
	for {
		item, ok, err := next()
		if err != nil || !ok {
			return total, err
		}
		if item, err = get(item); err != nil {
			return nil, err
		}
		if total, err = r.made(pyval.Add(total, item)); err != nil {
			return nil, err
		}
	}
}

func itemsFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	if err := a.none("items"); err != nil {
		return nil, err
	}
	var pairs pyval.Value = pyval.List{}
	switch o := v.(type) {
	case *undefined:
	case *pyval.Dict:
		pairs = pyval.NewView(o, pyval.ItemsView)
	default:
		return pyval.Generator(func() (pyval.Value, bool, error) {
			return nil, false, pyval.Errorf("TypeError", "Can only get item pairs from a mapping.")
		}), nil
	}
	return r.lazily(pairs, func(v pyval.Value) (pyval.Value, bool, error) { return v, true, nil }), nil
}

func dictsortFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [3]pyval.Value
	if err := a.bind("dictsort", p[:], "case_sensitive?", "by?", "reverse?"); err != nil {
		return nil, err
	}
	sensitive, err := boolArg(p[0], false)
	if err != nil {
		return nil, err
	}
	reverse, err := boolArg(p[2], false)
	if err != nil {
		return nil, err
	}
	pos := 0
	switch or(p[1], "key") {
	case "key":
	case "value":
		pos = 1
	default:
		return nil, pyval.Errorf("FilterArgumentError", `You can only sort by either "key" or "value"`)
	}
	if u, ok := v.(*undefined); ok {
		return nil, u.fail()
	}
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, pyval.Errorf("AttributeError", "'%s' object has no attribute 'items'", pyval.TypeName(v))
	}
	items, err := pyval.Collect(pyval.NewView(d, pyval.ItemsView))
	if err != nil {
		return nil, err
	}
	items, err = sortBy(items, folded(func(v pyval.Value) (pyval.Value, error) { return v.(pyval.Tuple)[pos], nil }, sensitive), reverse)
	return &pyval.Array{Items: items}, err
}

func groupbyFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [3]pyval.Value
	if err := a.bind("groupby", p[:], "attribute", "default?", "case_sensitive?"); err != nil {
		return nil, err
	}
	sensitive, err := boolArg(p[2], false)
	if err != nil {
		return nil, err
	}
	items, err := pyval.Collect(v)
	if err != nil {
		return nil, err
	}
	raw := r.getter(p[0], or(p[1], nil))
	by := folded(raw, sensitive)
	if items, err = sortBy(items, by, false); err != nil {
		return nil, err
	}
	var groups []pyval.Value
	var current *pyval.Array
	var currentKey pyval.Value
	for _, item := range items {
		k, err := by(item)
		if err != nil {
			return nil, err
		}
		if current != nil {
			eq, err := pyval.Equals(k, currentKey)
			if err != nil {
				return nil, err
			}
			if eq {
				current.Items = append(current.Items, item)
				continue
			}
		}
		shown, err := raw(item)
		if err != nil {
			return nil, err
		}
		current, currentKey = &pyval.Array{Items: []pyval.Value{item}}, k
		groups = append(groups, &pyval.Named{Items: pyval.Tuple{shown, current}, Fields: []string{"grouper", "list"}})
	}
	return &pyval.Array{Items: groups}, nil
}

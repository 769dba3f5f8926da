package template

import (
	"sort"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// listFilter gives the filters of lists and other iterables.
func listFilter(name string) filterFunc {
	switch name {
	case "length", "count":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			n, err := pyval.Len(v)
			if err == nil {
				err = a.none("len()")
			}
			return int64(n), err
		}
	case "list":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			items, err := pyval.Collect(v)
			if err == nil {
				err = a.none("list")
			}
			return &pyval.Array{Items: items}, err
		}
	case "first":
		return firstFilter
	case "last":
		return lastFilter
	case "join":
		return joinFilter
	case "reverse":
		return reverseFilter
	case "sort":
		return sortFilter
	case "unique":
		return uniqueFilter
	case "min":
		return extremeFilter(name, pyval.Lt)
	case "max":
		return extremeFilter(name, pyval.Gt)
	case "sum":
		return sumFilter
	case "items":
		return itemsFilter
	case "dictsort":
		return dictsortFilter
	case "groupby":
		return groupbyFilter
	case "batch":
		return batchFilter
	case "slice":
		return sliceFilter
	case "map":
		return mapFilter
	case "select":
		return selectFilter(false, true)
	case "reject":
		return selectFilter(false, false)
	case "selectattr":
		return selectFilter(true, true)
	case "rejectattr":
		return selectFilter(true, false)
	}
	return nil
}

// key makes a value of an item by which items are compared.
type key func(v pyval.Value) (pyval.Value, error)

// attributePath reads "a.0.b" or a number as the way to a part of an item.
func attributePath(v pyval.Value) []pyval.Value {
	s, ok := pyval.TextOf(v)
	if !ok {
		if v == nil {
			return nil
		}
		return []pyval.Value{v}
	}
	var path []pyval.Value
	for _, part := range strings.Split(s, ".") {
		if n, err := strconv.ParseInt(part, 10, 64); err == nil && part[0] != '-' && part[0] != '+' {
			path = append(path, n)
		} else {
			path = append(path, part)
		}
	}
	return path
}

// getter gives the part of an item that an attribute names; def stands for parts that do not exist, unless
// it is nil.
func (r *run) getter(attribute, def pyval.Value) key {
	path := attributePath(attribute)
	return func(v pyval.Value) (pyval.Value, error) {
		for _, part := range path {
			var err error
			if v, err = r.getItem(v, part); err != nil {
				return nil, err
			}
			if _, ok := v.(*undefined); ok && def != nil {
				v = def
			}
		}
		return v, nil
	}
}

// folded makes texts lower case, unless case matters.
func folded(k key, caseSensitive bool) key {
	if caseSensitive {
		return k
	}
	return func(v pyval.Value) (pyval.Value, error) {
		v, err := k(v)
		if s, ok := pyval.TextOf(v); ok {
			return like(v, pyval.Lower(s)), err
		}
		return v, err
	}
}

// sortBy gives the items in the order of their keys, equal ones as they were.
func sortBy(items []pyval.Value, k key, reverse bool) ([]pyval.Value, error) {
	type pair struct{ key, item pyval.Value }
	pairs := make([]pair, len(items))
	for i, item := range items {
		by, err := k(item)
		if err != nil {
			return nil, err
		}
		pairs[i] = pair{by, item}
	}
	var failed error
	sort.SliceStable(pairs, func(i, j int) bool {
		if failed != nil {
			return false
		}
		if reverse {
			i, j = j, i
		}
		less, err := pyval.Compare(pyval.Lt, pairs[i].key, pairs[j].key)
		failed = err
		return less
	})
	out := make([]pyval.Value, len(items))
	for i, p := range pairs {
		out[i] = p.item
	}
	return out, failed
}

func firstFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	if err := a.none("first"); err != nil {
		return nil, err
	}
	next, err := pyval.Iter(v)
	if err != nil {
		return nil, err
	}
	item, ok, err := next()
	if err == nil && !ok {
		item = r.undefinedHint("No first item, sequence was empty.")
	}
	return item, err
}

func lastFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	if err := a.none("last"); err != nil {
		return nil, err
	}
	items, err := reversible(v)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return r.undefinedHint("No last item, sequence was empty."), nil
	}
	return items[len(items)-1], nil
}

// reversible gives the items of a value that reversed() takes.
func reversible(v pyval.Value) ([]pyval.Value, error) {
	switch o := v.(type) {
	case *undefined:
		if err := o.ifStrict(); err != nil {
			return nil, err
		}
		return nil, nil
	case *pyval.Iterator, *loop:
		return nil, pyval.Errorf("TypeError", "'%s' object is not reversible", pyval.TypeName(v))
	}
	if items, ok := pyval.Items(v); ok {
		return items, nil
	}
	items, err := pyval.Collect(v)
	if forgiven(err, "TypeError") {
		err = pyval.Errorf("TypeError", "'%s' object is not reversible", pyval.TypeName(v))
	}
	return items, err
}

func reverseFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	if err := a.none("reverse"); err != nil {
		return nil, err
	}
	if s, ok := pyval.TextOf(v); ok {
		runes := []rune(s)
		for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
			runes[i], runes[j] = runes[j], runes[i]
		}
		return like(v, string(runes)), nil
	}
	items, err := reversible(v)
	if err != nil {
		if items, err = pyval.Collect(v); forgiven(err, "TypeError") {
			return nil, pyval.Errorf("FilterArgumentError", "argument must be iterable")
		}
	}
	i := len(items)
	return &pyval.Iterator{Name: "list_reverseiterator", Next: func() (pyval.Value, bool, error) {
		if i == 0 {
			return nil, false, nil
		}
		i--
		return items[i], true, nil
	}}, err
}

func joinFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [2]pyval.Value
	if err := a.bind("join", p[:], "d?", "attribute?"); err != nil {
		return nil, err
	}
	items, err := pyval.Collect(v)
	if err != nil {
		return nil, err
	}
	if attribute := or(p[1], nil); attribute != nil {
		get := r.getter(attribute, nil)
		for i := range items {
			if items[i], err = get(items[i]); err != nil {
				return nil, err
			}
		}
	}
	sep := or(p[0], "")
	if r.autoescape {
		mixed := make([]pyval.Value, 0, 2*len(items))
		for i, item := range items {
			if i > 0 {
				mixed = append(mixed, sep)
			}
			mixed = append(mixed, item)
		}
		return joinSoft(mixed)
	}
	by, err := pyval.Text(sep)
	if err != nil {
		return nil, err
	}
	var b []byte
	for i, item := range items {
		if i > 0 {
			b = append(b, by...)
		}
		if b, err = pyval.AppendStr(b, item); err != nil {
			return nil, err
		}
		if len(b) > pyval.MaxText {
			return nil, &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
		}
	}
	return string(b), nil
}

package pyval

import (
	"fmt"
	"math/big"
)

// Next gives the next item of an iteration; ok is false at its end.
type Next func() (v Value, ok bool, err error)

// Iterator is a Python iterator or generator: it can be read once.
type Iterator struct {
	Name string // of its type, such as "generator"
	Next Next
}

// Generator makes an iterator of Python's type generator.
func Generator(next Next) *Iterator { return &Iterator{Name: "generator", Next: next} }

// TypeName gives the iterator's type.
func (it *Iterator) TypeName() string { return it.Name }

// Truth is true even where nothing is left.
func (it *Iterator) Truth() (bool, error) { return true, nil }

// Text fails: Python prints an address in memory, which differs from run to run.
func (it *Iterator) Text() (string, error) {
	return "", typeError("a %s would print as an address in memory: apply |list or |join first", it.Name)
}

// Repr fails as Text does.
func (it *Iterator) Repr() (string, error) { return it.Text() }

// Range is Python's range.
type Range struct{ Start, Stop, Step int64 }

// Len counts the numbers.
func (r Range) Len() int64 {
	lo, hi, step := r.Start, r.Stop, uint64(r.Step)
	if r.Step < 0 {
		lo, hi, step = r.Stop, r.Start, -uint64(r.Step)
	}
	if lo >= hi || step == 0 {
		return 0
	}
	n := (uint64(hi)-uint64(lo)-1)/step + 1
	return int64(min(n, 1<<63-1))
}

// At gives the i-th number.
func (r Range) At(i int64) int64 { return r.Start + i*r.Step }

func (r Range) String() string {
	if r.Step == 1 {
		return fmt.Sprintf("range(%d, %d)", r.Start, r.Stop)
	}
	return fmt.Sprintf("range(%d, %d, %d)", r.Start, r.Stop, r.Step)
}

func (r Range) contains(v Value) bool {
	n, ok := asInt(v)
	if f, isFloat := v.(float64); isFloat && f == float64(int64(f)) {
		n, ok = int64(f), true
	}
	if !ok || r.Step == 0 {
		return false
	}
	if r.Step > 0 && (n < r.Start || n >= r.Stop) || r.Step < 0 && (n > r.Start || n <= r.Stop) {
		return false
	}
	return (n-r.Start)%r.Step == 0
}

// Iter is iter(v).
func Iter(v Value) (Next, error) {
	if items, ok := Items(v); ok {
		if a, ok := v.(*Array); ok {
			return a.next(), nil
		}
		return overItems(items), nil
	}
	switch v := v.(type) {
	case string:
		return overText(v), nil
	case Markup:
		return overText(string(v)), nil
	case *Dict:
		return (&View{dict: v, kind: KeysView}).next(), nil
	case *View:
		return v.next(), nil
	case Range:
		i, n := int64(0), v.Len()
		return func() (Value, bool, error) {
			if i >= n {
				return nil, false, nil
			}
			i++
			return v.At(i - 1), true, nil
		}, nil
	case *Iterator:
		return v.Next, nil
	case Iterable:
		return v.Iter()
	}
	return nil, typeError("'%s' object is not iterable", TypeName(v))
}

func overItems(items []Value) Next {
	i := 0
	return func() (Value, bool, error) {
		if i >= len(items) {
			return nil, false, nil
		}
		i++
		return items[i-1], true, nil
	}
}

// next sees items that are appended while it runs, as Python does.
func (a *Array) next() Next {
	i := 0
	return func() (Value, bool, error) {
		if i >= len(a.Items) {
			return nil, false, nil
		}
		i++
		return a.Items[i-1], true, nil
	}
}

func overText(s string) Next {
	return func() (Value, bool, error) {
		if s == "" {
			return nil, false, nil
		}
		c := s[:firstLen(s)]
		s = s[len(c):]
		return c, true, nil
	}
}

// Collect is list(v), as a new slice.
func Collect(v Value) ([]Value, error) {
	if items, ok := Items(v); ok {
		return append([]Value(nil), items...), nil
	}
	next, err := Iter(v)
	if err != nil {
		return nil, err
	}
	return CollectNext(next)
}

// CollectNext reads an iteration to its end.
func CollectNext(next Next) ([]Value, error) {
	var out []Value
	for {
		v, ok, err := next()
		if err != nil || !ok {
			return out, err
		}
		if len(out) >= MaxItems {
			return nil, errTooLarge("a list")
		}
		out = append(out, v)
	}
}

// Len is len(v).
func Len(v Value) (int, error) {
	if items, ok := Items(v); ok {
		return len(items), nil
	}
	switch v := v.(type) {
	case string:
		return runeCount(v), nil
	case Markup:
		return runeCount(string(v)), nil
	case *Dict:
		return v.Len(), nil
	case *View:
		return v.dict.Len(), nil
	case Range:
		return int(v.Len()), nil
	case Sized:
		return v.Len()
	}
	return 0, typeError("object of type '%s' has no len()", TypeName(v))
}

// ViewKind tells the views of a dictionary apart.
type ViewKind int

// The views that dict.keys, dict.values and dict.items give.
const (
	KeysView ViewKind = iota
	ValuesView
	ItemsView
)

func (k ViewKind) typeName() string {
	return [...]string{"dict_keys", "dict_values", "dict_items"}[k]
}

// View is a view of a dictionary; it follows the dictionary's changes.
type View struct {
	dict *Dict
	kind ViewKind
}

// NewView makes a view of a dictionary.
func NewView(d *Dict, kind ViewKind) *View { return &View{dict: d, kind: kind} }

func (w *View) at(i int) Value {
	switch w.kind {
	case KeysView:
		return w.dict.Key(i)
	case ValuesView:
		return w.dict.values[i]
	}
	k, v := w.dict.At(i)
	return Tuple{k, v}
}

func (w *View) next() Next {
	i, n := 0, w.dict.Len()
	return func() (Value, bool, error) {
		if w.dict.Len() != n {
			return nil, false, Errorf("RuntimeError", "dictionary changed size during iteration")
		}
		if i >= n {
			return nil, false, nil
		}
		i++
		return w.at(i - 1), true, nil
	}
}

func (w *View) appendRepr(b []byte, depth int) ([]byte, error) {
	items, err := Collect(w)
	if err != nil {
		return b, err
	}
	b = append(append(b, w.kind.typeName()...), '(')
	b, err = appendItems(b, items, '[', ']', depth)
	return append(b, ')'), err
}

// asInt gives the number of an int64 or bool.
func asInt(v Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case *big.Int:
		return 0, false // normalised values that fit are int64
	}
	return 0, false
}

package pyval

import (
	"math"
	"math/big"
	"strings"
)

// Dict is a dictionary that keeps the order in which keys were first set. Keys are nearly always strings;
// GetItem and SetItem take the others too. The zero value is empty and ready to use.
type Dict struct {
	keys   []string
	values []Value
	others []Value        // what a key is where it is no string, else stringKey; nil while all are strings
	index  map[string]int // of string keys, from indexFrom keys on
	hashed map[any]int    // of the others
	class  any            // what makes it more than a dict; nil for nothing
}

// Class gives what SetClass set, nil for a plain dictionary.
func (d *Dict) Class() any { return d.class }

// SetClass marks a dictionary as one of a class derived from dict, for who runs Python; nothing here reads it.
func (d *Dict) SetClass(class any) { d.class = class }

// indexFrom is the number of keys from which on looking through all of them is slower than a map.
const indexFrom = 9

type stringKey struct{}

// Set sets key to v; a new key goes to the end.
func (d *Dict) Set(key string, v Value) {
	if i := d.find(key); i >= 0 {
		d.values[i] = v
		return
	}
	if d.others != nil {
		d.others = append(d.others, stringKey{})
	}
	d.append(key, v)
	if d.index != nil {
		d.index[key] = len(d.keys) - 1
	} else if len(d.keys) == indexFrom {
		d.reindex()
	}
}

func (d *Dict) append(key string, v Value) {
	d.keys = append(d.keys, key)
	d.values = append(d.values, v)
}

// reindex makes the maps anew.
func (d *Dict) reindex() {
	d.index, d.hashed = nil, nil
	if len(d.keys) >= indexFrom {
		d.index = make(map[string]int, 2*len(d.keys))
	}
	for i, k := range d.keys {
		if d.isString(i) {
			if d.index != nil {
				d.index[k] = i
			}
			continue
		}
		if d.hashed == nil {
			d.hashed = make(map[any]int)
		}
		h, _ := hashKey(d.others[i]) // it was hashed before
		d.hashed[h] = i
	}
}

func (d *Dict) isString(i int) bool {
	return d.others == nil || d.others[i] == Value(stringKey{})
}

func (d *Dict) find(key string) int {
	if d.index != nil {
		if i, ok := d.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range d.keys {
		if k == key && d.isString(i) {
			return i
		}
	}
	return -1
}

// Get gives the value at key, and whether it is there. It may be called on a nil Dict.
func (d *Dict) Get(key string) (Value, bool) {
	if d == nil {
		return nil, false
	}
	if i := d.find(key); i >= 0 {
		return d.values[i], true
	}
	return nil, false
}

// Keys gives the keys in order, those that are no strings by their repr. The slice belongs to the Dict.
func (d *Dict) Keys() []string {
	if d == nil {
		return nil
	}
	return d.keys
}

// Len counts the keys.
func (d *Dict) Len() int { return len(d.Keys()) }

// At gives the i-th key and its value.
func (d *Dict) At(i int) (key, value Value) {
	return d.Key(i), d.values[i]
}

// Key gives the i-th key.
func (d *Dict) Key(i int) Value {
	if d.isString(i) {
		return d.keys[i]
	}
	return d.others[i]
}

// SetItem is d[key] = v for a key of any type that can be hashed.
func (d *Dict) SetItem(key, v Value) error {
	if s, ok := TextOf(key); ok {
		d.Set(s, v)
		return nil
	}
	h, err := hashKey(key)
	if err != nil {
		return err
	}
	if i, ok := d.hashed[h]; ok {
		d.values[i] = v
		return nil
	}
	if d.others == nil {
		d.others = make([]Value, len(d.keys), len(d.keys)+1)
		for i := range d.others {
			d.others[i] = stringKey{}
		}
	}
	if d.hashed == nil {
		d.hashed = make(map[any]int)
	}
	d.others = append(d.others, key)
	d.hashed[h] = len(d.keys)
	d.append(Repr(key), v)
	if d.index == nil && len(d.keys) >= indexFrom {
		d.reindex()
	}
	return nil
}

// GetItem gives the value at a key of any type, and whether it is there.
func (d *Dict) GetItem(key Value) (Value, bool, error) {
	i, err := d.locate(key)
	if err != nil || i < 0 {
		return nil, false, err
	}
	return d.values[i], true, nil
}

func (d *Dict) locate(key Value) (int, error) {
	if s, ok := TextOf(key); ok {
		return d.find(s), nil
	}
	h, err := hashKey(key)
	if err != nil {
		return -1, err
	}
	if i, ok := d.hashed[h]; ok {
		return i, nil
	}
	return -1, nil
}

// Delete removes a key and gives its value, and whether it was there.
func (d *Dict) Delete(key Value) (Value, bool, error) {
	i, err := d.locate(key)
	if err != nil || i < 0 {
		return nil, false, err
	}
	v := d.values[i]
	d.keys = append(d.keys[:i:i], d.keys[i+1:]...)
	d.values = append(d.values[:i:i], d.values[i+1:]...)
	if d.others != nil {
		d.others = append(d.others[:i:i], d.others[i+1:]...)
	}
	d.reindex()
	return v, true, nil
}

// Clear removes all keys.
func (d *Dict) Clear() { *d = Dict{} }

// Clone copies the dictionary but not what its values refer to.
func (d *Dict) Clone() *Dict {
	out := new(Dict)
	out.Update(d)
	return out
}

// Update sets every key of other.
func (d *Dict) Update(other *Dict) {
	for i := range other.Len() {
		k, v := other.At(i)
		_ = d.SetItem(k, v) // a key of a dictionary can be hashed
	}
}

// hashKey gives a comparable Go value that is equal for values that are equal in Python.
func hashKey(v Value) (any, error) {
	switch v := v.(type) {
	case nil, string, int64, Range:
		return v, nil
	case Markup:
		return string(v), nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int64(v), nil
		}
		return v, nil
	case *big.Int:
		return "int:" + v.String(), nil
	case Tuple, *Named:
		return hashTuple(v)
	case List, *Array, *Dict:
		return nil, typeError("unhashable type: '%s'", TypeName(v))
	}
	if h, ok := v.(Hasher); ok {
		return h.Hash()
	}
	return v, nil
}

type tupleKey string

func hashTuple(v Value) (any, error) {
	items, _ := Items(v)
	var b strings.Builder
	for _, item := range items {
		h, err := hashKey(item)
		if err != nil {
			return nil, err
		}
		text := Repr(h)
		if k, ok := h.(tupleKey); ok {
			text = "(" + string(k) + ")"
		}
		b.WriteString(text)
		b.WriteByte(',')
	}
	return tupleKey(b.String()), nil
}

// Hashable gives an error where Python cannot hash v, and else a key that is comparable in Go and the same
// for equal values.
func Hashable(v Value) (any, error) { return hashKey(v) }

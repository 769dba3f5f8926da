package pyval

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

func runeCount(s string) int { return utf8.RuneCountInString(s) }

// firstLen counts the bytes of the first character.
func firstLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Add is a + b.
func Add(a, b Value) (Value, error) {
	if isNumber(a) && isNumber(b) {
		return addNumbers(a, b)
	}
	switch x := a.(type) {
	case string:
		switch y := b.(type) {
		case string:
			return joinTexts(x, y)
		case Markup:
			return Escape(x) + y, nil
		}
		if err := operandError(b); err != nil {
			return nil, err
		}
		return nil, typeError("can only concatenate str (not \"%s\") to str", TypeName(b))
	case Markup:
		switch y := b.(type) {
		case string:
			return x + Escape(y), nil
		case Markup:
			return x + y, nil
		}
		return nil, unsupported("+", a, b)
	}
	x, ok := Items(a)
	if !ok {
		return nil, unsupported("+", a, b)
	}
	y, ok := Items(b)
	if !ok || isList(a) != isList(b) {
		if err := operandError(b); err != nil {
			return nil, err
		}
		name := "tuple"
		if isList(a) {
			name = "list"
		}
		return nil, typeError("can only concatenate %s (not \"%s\") to %s", name, TypeName(b), name)
	}
	if len(x)+len(y) > MaxItems {
		return nil, errTooLarge("a list")
	}
	out := make([]Value, 0, len(x)+len(y))
	return likeList(a, append(append(out, x...), y...)), nil
}

func joinTexts(x, y string) (Value, error) {
	if len(x)+len(y) > MaxText {
		return nil, errTooLarge("a text")
	}
	return x + y, nil
}

// likeList makes a new list or tuple, whichever v is.
func likeList(v Value, items []Value) Value {
	if isList(v) {
		return &Array{Items: items}
	}
	return Tuple(items)
}

// Mul is a * b.
func Mul(a, b Value) (Value, error) {
	if isNumber(a) && isNumber(b) {
		return mulNumbers(a, b)
	}
	if isInt(a) {
		a, b = b, a
	}
	s, isText := TextOf(a)
	items, isItems := Items(a)
	if !isText && !isItems {
		return nil, unsupported("*", a, b)
	}
	if !isInt(b) {
		if err := operandError(b); err != nil {
			return nil, err
		}
		return nil, typeError("can't multiply sequence by non-int of type '%s'", TypeName(b))
	}
	n := int64(math.MaxInt32)
	if v, ok := asInt(b); ok {
		n = min(max(v, 0), n)
	} else if b.(*big.Int).Sign() < 0 {
		n = 0
	}
	if isText {
		if n*int64(len(s)) > MaxText {
			return nil, errTooLarge("a text")
		}
		return sameText(a, strings.Repeat(s, int(n))), nil
	}
	if n*int64(len(items)) > MaxItems {
		return nil, errTooLarge("a list")
	}
	out := make([]Value, 0, int(n)*len(items))
	for range n * int64(min(len(items), 1)) {
		out = append(out, items...)
	}
	return likeList(a, out), nil
}

// sameText makes a text of the type that like has.
func sameText(like Value, s string) Value {
	if _, ok := like.(Markup); ok {
		return Markup(s)
	}
	return s
}

func isInt(v Value) bool {
	switch v.(type) {
	case int64, bool, *big.Int:
		return true
	}
	return false
}

// Mod is a % b: of numbers the remainder, of a text its formatting.
func Mod(a, b Value) (Value, error) {
	if s, ok := TextOf(a); ok {
		return percent(a, s, b)
	}
	return modNumbers(a, b)
}

// Index is obj[key]. The errors are those that Python raises: KeyError, IndexError and TypeError.
func Index(obj, key Value) (Value, error) {
	if d, ok := obj.(*Dict); ok {
		v, ok, err := d.GetItem(key)
		if err == nil && !ok {
			err = Errorf("KeyError", "%s", Repr(key))
		}
		return v, err
	}
	n, ok := asInt(key)
	if err := operandError(obj); err != nil {
		return nil, err
	}
	items, isItems := Items(obj)
	if isItems {
		if !ok {
			return nil, typeError("list indices must be integers or slices, not %s", TypeName(key))
		}
		if n < 0 {
			n += int64(len(items))
		}
		if n < 0 || n >= int64(len(items)) {
			return nil, Errorf("IndexError", "list index out of range")
		}
		return items[n], nil
	}
	if s, isText := TextOf(obj); isText {
		if !ok {
			return nil, typeError("string indices must be integers, not '%s'", TypeName(key))
		}
		c, ok := charAt(s, n)
		if !ok {
			return nil, Errorf("IndexError", "string index out of range")
		}
		return sameText(obj, c), nil
	}
	if r, isRange := obj.(Range); isRange && ok {
		if n < 0 {
			n += r.Len()
		}
		if n < 0 || n >= r.Len() {
			return nil, Errorf("IndexError", "range object index out of range")
		}
		return r.At(n), nil
	}
	return nil, typeError("'%s' object is not subscriptable", TypeName(obj))
}

// charAt gives the n-th character, counted from the end where n is negative.
func charAt(s string, n int64) (string, bool) {
	if n < 0 {
		n += int64(runeCount(s))
	}
	if n < 0 || n >= int64(len(s)) {
		return "", false
	}
	for i, r := range s {
		if n == 0 {
			return s[i : i+firstLen(s[i:])], r >= 0
		}
		n--
	}
	return "", false
}

// Slice is obj[start:stop:step]; nil stands for what is left out.
func Slice(obj, start, stop, step Value) (Value, error) {
	if err := operandError(obj); err != nil {
		return nil, err
	}
	s, isText := TextOf(obj)
	items, isItems := Items(obj)
	r, isRange := obj.(Range)
	if !isText && !isItems && !isRange {
		if _, ok := obj.(*Dict); ok {
			return nil, typeError("unhashable type: 'slice'")
		}
		return nil, typeError("'%s' object is not subscriptable", TypeName(obj))
	}
	switch {
	case isText && isASCII(s):
		return sliceOf(len(s), start, stop, step,
			func(lo, hi int) Value { return sameText(obj, s[lo:hi]) },
			func(at []int) Value {
				b := make([]byte, len(at))
				for i, j := range at {
					b[i] = s[j]
				}
				return sameText(obj, string(b))
			})
	case isText:
		runes := []rune(s)
		return sliceOf(len(runes), start, stop, step,
			func(lo, hi int) Value { return sameText(obj, string(runes[lo:hi])) },
			func(at []int) Value { return sameText(obj, string(pick(runes, at))) })
	case isItems:
		return sliceOf(len(items), start, stop, step,
			func(lo, hi int) Value { return likeList(obj, append([]Value(nil), items[lo:hi]...)) },
			func(at []int) Value { return likeList(obj, pick(items, at)) })
	}
	return sliceRange(r, start, stop, step)
}

// Package pyval holds values as Python sees them, since datasets and templates are written for Python:
// their text and repr, operators, equality, JSON and literals.
//
// Documents are made of nil (None), bool, int64, float64, string, List and *Dict. Templates and literals add
// *big.Int (an integer beyond 64 bits), Tuple, *Array, *Named, Range, *View, *Iterator, Markup and Object.
package pyval

import (
	"errors"
	"fmt"
	"math/big"
)

// Value is one of the types that the package comment lists.
type Value = any

// List is a Python list that nobody changes, such as those of a document.
type List []Value

// Array is a Python list that can be changed, such as those that a template makes. It equals a List of the
// same items and prints like one.
type Array struct{ Items []Value }

// Tuple is a Python tuple.
type Tuple []Value

// Named is a tuple whose items have names, as collections.namedtuple makes; it prints as a tuple.
type Named struct {
	Items  Tuple
	Fields []string // as many as Items
}

// Markup is a text that is safe to put into HTML, markupsafe.Markup: adding a plain text to it escapes
// that text first.
type Markup string

// Object is a value that another package defines, such as an undefined name or a loop.
type Object interface {
	TypeName() string      // as Python's type(v).__name__ gives it
	Truth() (bool, error)  // bool(v)
	Text() (string, error) // str(v)
	Repr() (string, error) // repr(v)
}

// Operand is an Object that fails, or acts, where an operator meets it.
type Operand interface {
	Object
	OperandError() error // nil where the operator should treat it as any other value
}

// Iterable is an Object that can be iterated over.
type Iterable interface {
	Object
	Iter() (Next, error)
}

// Sized is an Object that has a length.
type Sized interface {
	Object
	Len() (int, error)
}

// Comparer is an Object that defines its own equality.
type Comparer interface {
	Object
	Equals(v Value) (bool, error)
}

// Hasher is an Object that defines its own hash, or refuses to have one.
type Hasher interface {
	Object
	Hash() (any, error) // a comparable value
}

// Error is a Python exception, by the name of its class.
type Error struct{ Kind, Msg string }

func (e *Error) Error() string { return e.Kind + ": " + e.Msg }

// KindOf names the exception that an error is or wraps, "" where it is none of Python's.
func KindOf(err error) string {
	var e *Error
	if err == nil || !errors.As(err, &e) {
		return ""
	}
	return e.Kind
}

// Errorf makes an Error of a kind.
func Errorf(kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

func typeError(format string, args ...any) *Error  { return Errorf("TypeError", format, args...) }
func valueError(format string, args ...any) *Error { return Errorf("ValueError", format, args...) }

// Limits on what one operation may make, so that a hostile template ends with an error.
const (
	MaxText  = 32 << 20 // bytes of one text
	MaxItems = 1 << 20  // items of one list
	maxBits  = 1 << 16  // bits of one integer
	maxDepth = 400      // nesting of lists and dictionaries
)

// errTooLarge is what Python gives only when the machine's memory is full.
func errTooLarge(what string) *Error { return Errorf("MemoryError", "%s would be too large", what) }

func errTooDeep() *Error {
	return Errorf("RecursionError", "lists or dictionaries are nested deeper than %d", maxDepth)
}

// TypeName is the name of v's class, type(v).__name__.
func TypeName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case Markup:
		return "Markup"
	case List, *Array:
		return "list"
	case Tuple:
		return "tuple"
	case *Named:
		return "_GroupTuple"
	case *Dict:
		return "dict"
	case Range:
		return "range"
	case *View:
		return v.kind.typeName()
	case *Iterator:
		return v.Name
	case Object:
		return v.TypeName()
	}
	return fmt.Sprintf("%T", v)
}

// Items gives the items of a list or tuple without copying them.
func Items(v Value) ([]Value, bool) {
	switch v := v.(type) {
	case List:
		return v, true
	case *Array:
		return v.Items, true
	case Tuple:
		return v, true
	case *Named:
		return v.Items, true
	}
	return nil, false
}

// isList tells lists from tuples.
func isList(v Value) bool {
	switch v.(type) {
	case List, *Array:
		return true
	}
	return false
}

// TextOf gives the text of a str or Markup, and whether v is one.
func TextOf(v Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case Markup:
		return string(v), true
	}
	return "", false
}

// Truth is bool(v).
func Truth(v Value) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	case *big.Int:
		return v.Sign() != 0, nil
	case float64:
		return v != 0, nil
	case string:
		return v != "", nil
	case Markup:
		return v != "", nil
	case *Dict:
		return v.Len() > 0, nil
	case Range:
		return v.Len() > 0, nil
	case *View:
		return v.dict.Len() > 0, nil
	case *Iterator:
		return true, nil
	case Object:
		return v.Truth()
	}
	items, _ := Items(v)
	return len(items) > 0, nil
}

// operandError gives the error of the first operand that fails by being one.
func operandError(values ...Value) error {
	for _, v := range values {
		if o, ok := v.(Operand); ok {
			if err := o.OperandError(); err != nil {
				return err
			}
		}
	}
	return nil
}

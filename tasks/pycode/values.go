package pycode

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// thing gives an object the texts of one that Python would print with an address in memory.
type thing struct{ kind string }

func (t *thing) TypeName() string     { return t.kind }
func (t *thing) Truth() (bool, error) { return true, nil }
func (t *thing) Text() (string, error) {
	return "", unsupported("the text of a %s, which holds an address in memory,", t.kind)
}
func (t *thing) Repr() (string, error) { return t.Text() }

// singleton is a value such as Ellipsis.
type singleton struct {
	thing
	name string
}

func (s *singleton) Text() (string, error) { return s.name, nil }
func (s *singleton) Repr() (string, error) { return s.name, nil }

var ellipsis = &singleton{thing{"ellipsis"}, "Ellipsis"}

// missingValue stands for an argument that was not given.
type missingValue struct{}

// Missing is an optional argument that was not given.
var Missing pyval.Value = missingValue{}

// Or gives v, or other where it is missing.
func Or(v, other pyval.Value) pyval.Value {
	if v == Missing {
		return other
	}
	return v
}

// Bytes is Python's bytes.
type Bytes string

// TypeName is bytes.
func (b Bytes) TypeName() string { return "bytes" }

// Truth is false for none.
func (b Bytes) Truth() (bool, error) { return b != "", nil }

// Text is the literal that makes them.
func (b Bytes) Text() (string, error) { return b.Repr() }

// Repr is the literal that makes them.
func (b Bytes) Repr() (string, error) {
	var out strings.Builder
	out.WriteString("b'")
	for i := range len(b) {
		switch c := b[i]; {
		case c == '\'' || c == '\\':
			out.WriteString("\\" + string(rune(c)))
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\r':
			out.WriteString(`\r`)
		case c == '\t':
			out.WriteString(`\t`)
		case c < 0x20 || c >= 0x7f:
			out.WriteString(`\x` + hex.EncodeToString([]byte{c}))
		default:
			out.WriteByte(c)
		}
	}
	return out.String() + "'", nil
}

// Len counts the bytes.
func (b Bytes) Len() (int, error) { return len(b), nil }

// Equals compares with bytes.
func (b Bytes) Equals(v pyval.Value) (bool, error) {
	o, ok := v.(Bytes)
	return ok && b == o, nil
}

// Set is Python's set. It is iterated in the order in which its items came; Python's order depends on hashes, and for
// texts differs from run to run.
type Set struct {
	items  *pyval.Dict
	frozen bool
}

// NewSet makes a set.
func NewSet(items []pyval.Value) (*Set, error) {
	s := &Set{items: new(pyval.Dict)}
	for _, v := range items {
		if err := s.add(v); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Set) add(v pyval.Value) error { return s.items.SetItem(v, true) }

func (s *Set) has(v pyval.Value) (bool, error) {
	_, ok, err := s.items.GetItem(v)
	return ok, err
}

func (s *Set) list() []pyval.Value {
	out := make([]pyval.Value, s.items.Len())
	for i := range out {
		out[i] = s.items.Key(i)
	}
	return out
}

// TypeName is set or frozenset.
func (s *Set) TypeName() string {
	if s.frozen {
		return "frozenset"
	}
	return "set"
}

// Truth is false for an empty set.
func (s *Set) Truth() (bool, error) { return s.items.Len() > 0, nil }

// Text is Repr.
func (s *Set) Text() (string, error) { return s.Repr() }

// Repr is refused for several texts, since their order differs from run to run in Python.
func (s *Set) Repr() (string, error) {
	items := s.list()
	if len(items) > 1 {
		return "", unsupported("the text of a set, whose order differs from run to run,")
	}
	if len(items) == 0 {
		return s.TypeName() + "()", nil
	}
	return "{" + pyval.Repr(items[0]) + "}", nil
}

// Len counts the items.
func (s *Set) Len() (int, error) { return s.items.Len(), nil }

// Iter gives the items.
func (s *Set) Iter() (pyval.Next, error) { return pyval.Iter(pyval.List(s.list())) }

// Equals compares with a set.
func (s *Set) Equals(v pyval.Value) (bool, error) {
	o, ok := v.(*Set)
	if !ok || o.items.Len() != s.items.Len() {
		return false, nil
	}
	return s.within(o)
}

// Hash is that of a frozenset; a set has none.
func (s *Set) Hash() (any, error) {
	if !s.frozen {
		return nil, pyval.Errorf("TypeError", "unhashable type: 'set'")
	}
	var keys []string
	for _, v := range s.list() {
		h, err := pyval.Hashable(v)
		if err != nil {
			return nil, err
		}
		keys = append(keys, fmt.Sprintf("%T:%v", h, h))
	}
	slices.Sort(keys)
	return "frozenset:" + strings.Join(keys, "\x00"), nil
}

// within reports whether all items are in o.
func (s *Set) within(o *Set) (bool, error) {
	for _, v := range s.list() {
		if ok, err := o.has(v); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// Namespace is a value with attributes that Go code makes: a module, or an object of one.
type Namespace struct {
	thing
	attrs map[string]pyval.Value
	// other gives the attributes that attrs lacks; nil for none.
	other func(name string) (pyval.Value, bool)
}

// NewNamespace makes a value of a kind with attributes.
func NewNamespace(kind string, attrs map[string]pyval.Value) *Namespace {
	return &Namespace{thing: thing{kind}, attrs: attrs}
}

func (n *Namespace) attr(name string) (pyval.Value, bool) {
	if v, ok := n.attrs[name]; ok {
		return v, true
	}
	if n.other != nil {
		return n.other(name)
	}
	return nil, false
}

// poison is the value of a name that could not be made: its use is an error, which nothing catches.
type poison struct {
	thing
	err error
}

func (p *poison) Truth() (bool, error)             { return false, p.err }
func (p *poison) Text() (string, error)            { return "", p.err }
func (p *poison) Repr() (string, error)            { return "", p.err }
func (p *poison) OperandError() error              { return p.err }
func (p *poison) Iter() (pyval.Next, error)        { return nil, p.err }
func (p *poison) Len() (int, error)                { return 0, p.err }
func (p *poison) Equals(pyval.Value) (bool, error) { return false, p.err }
func poisoned(err error) *poison                   { return &poison{thing{"unsupported"}, err} }

// UnsupportedError says that a function needs something of Python that is not interpreted here. No except catches it:
// what a function would do without is not what it does.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return e.What + " is not interpreted here" }

func unsupported(format string, args ...any) error {
	return &UnsupportedError{fmt.Sprintf(format, args...)}
}

// Unsupported makes an UnsupportedError.
func Unsupported(format string, args ...any) error { return unsupported(format, args...) }

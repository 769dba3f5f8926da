package template

import "github.com/onset-eval/onset/tasks/pyval"

// thing gives an object the texts of one that Python would print with an address in memory.
type thing struct{ kind string }

func (t *thing) TypeName() string     { return t.kind }
func (t *thing) Truth() (bool, error) { return true, nil }
func (t *thing) Text() (string, error) {
	return "", pyval.Errorf("TypeError", "a %s would print as an address in memory: perhaps it should be called", t.kind)
}
func (t *thing) Repr() (string, error) { return t.Text() }

// builtin is a global function or a method that was taken from its object.
type builtin struct {
	thing
	fn func(r *run, a args) (pyval.Value, error)
}

func (b *builtin) call(r *run, a args) (pyval.Value, error) { return b.fn(r, a) }

func newBuiltin(kind string, fn func(r *run, a args) (pyval.Value, error)) *builtin {
	return &builtin{thing{kind}, fn}
}

// namespace holds attributes that can be assigned within loops.
type namespace struct{ attrs *pyval.Dict }

func (n *namespace) TypeName() string      { return "Namespace" }
func (n *namespace) Truth() (bool, error)  { return true, nil }
func (n *namespace) Text() (string, error) { return n.Repr() }
func (n *namespace) Repr() (string, error) {
	b, err := pyval.AppendRepr([]byte("<Namespace "), n.attrs)
	return string(append(b, '>')), err
}

// cycler gives its items in turn.
type cycler struct {
	thing
	items []pyval.Value
	pos   int
}

// joiner gives nothing the first time that it is called, and its separator after.
type joiner struct {
	thing
	sep  pyval.Value
	used bool
}

func (j *joiner) call(_ *run, a args) (pyval.Value, error) {
	if err := a.none("joiner()"); err != nil {
		return nil, err
	}
	if !j.used {
		j.used = true
		return "", nil
	}
	return j.sep, nil
}

// typeObject is a value's class.
type typeObject struct{ name string }

func (t *typeObject) TypeName() string      { return "type" }
func (t *typeObject) Truth() (bool, error)  { return true, nil }
func (t *typeObject) Text() (string, error) { return t.Repr() }
func (t *typeObject) Repr() (string, error) { return "<class '" + t.name + "'>", nil }
func (t *typeObject) Equals(v pyval.Value) (bool, error) {
	o, ok := v.(*typeObject)
	return ok && o.name == t.name, nil
}

// templateRef is the variable self, whose items are the template's blocks.
type templateRef struct{}

func (*templateRef) TypeName() string        { return "TemplateReference" }
func (*templateRef) Truth() (bool, error)    { return true, nil }
func (t *templateRef) Text() (string, error) { return t.Repr() }
func (*templateRef) Repr() (string, error)   { return "<TemplateReference None>", nil }

// attr gives a block as a function.
func (t *templateRef) attr(r *run, name string) pyval.Value {
	if r.t.blocks[name] == nil {
		return nil
	}
	return newBuiltin("BlockReference", func(r *run, a args) (pyval.Value, error) {
		if err := a.none(name); err != nil {
			return nil, err
		}
		return r.capture([]step{func(r *run) error { return r.block(name) }})
	})
}

// loop is the variable of that name in a for loop.
type loop struct {
	r                      *run
	iterable               pyval.Value // nil where its length is not the loop's
	next                   pyval.Next
	index0                 int
	depth0                 int
	length                 int // -1 while it is not known
	before, current, after pyval.Value
	changed                pyval.Value // what loop.changed was called with last
	recurse                func(pyval.Value) (pyval.Value, error)
}

func newLoop(r *run, iterable pyval.Value, next pyval.Next, depth int) *loop {
	return &loop{r: r, iterable: iterable, next: next, index0: -1, depth0: depth, length: -1,
		before: missing, current: missing, after: missing, changed: missing}
}

func (l *loop) advance() (pyval.Value, bool, error) {
	v := l.after
	l.after = missing
	if v == missing {
		var ok bool
		var err error
		if v, ok, err = l.next(); err != nil || !ok {
			return nil, false, err
		}
	}
	l.index0++
	l.before, l.current = l.current, v
	return v, true, nil
}

// peek gives the next item, or missing at the end.
func (l *loop) peek() (pyval.Value, error) {
	if l.after == missing {
		v, ok, err := l.next()
		if err != nil || !ok {
			return missing, err
		}
		l.after = v
	}
	return l.after, nil
}

// Len counts the items; those of an iteration without a length are read ahead.
func (l *loop) Len() (int, error) {
	if l.length >= 0 {
		return l.length, nil
	}
	if l.iterable != nil {
		if n, err := pyval.Len(l.iterable); err == nil {
			l.length = n
			return n, nil
		}
	}
	rest, err := pyval.CollectNext(l.next)
	if err != nil {
		return 0, err
	}
	if l.next, err = pyval.Iter(pyval.List(rest)); err != nil {
		return 0, err
	}
	l.length = len(rest) + l.index0 + 1
	if l.after != missing {
		l.length++
	}
	return l.length, nil
}

func (l *loop) TypeName() string      { return "LoopContext" }
func (l *loop) Truth() (bool, error)  { n, err := l.Len(); return n > 0, err }
func (l *loop) Text() (string, error) { return l.Repr() }
func (l *loop) Repr() (string, error) {
	n, err := l.Len()
	return "<LoopContext " + pyval.Repr(int64(l.index0+1)) + "/" + pyval.Repr(int64(n)) + ">", err
}

// call renders a recursive loop over other items.
func (l *loop) call(_ *run, a args) (pyval.Value, error) {
	var v [1]pyval.Value
	if err := a.bind("loop()", v[:], "iterable"); err != nil {
		return nil, err
	}
	if l.recurse == nil {
		return nil, pyval.Errorf("TypeError", "The loop must have the 'recursive' marker to be called recursively.")
	}
	return l.recurse(v[0])
}

// attr gives an attribute of the loop, nil where there is none.
func (l *loop) attr(name string) (pyval.Value, error) {
	number := func(n int) (pyval.Value, error) { return int64(n), nil }
	switch name {
	case "index0":
		return number(l.index0)
	case "index":
		return number(l.index0 + 1)
	case "depth0":
		return number(l.depth0)
	case "depth":
		return number(l.depth0 + 1)
	case "first":
		return l.index0 == 0, nil
	case "length", "revindex", "revindex0":
		n, err := l.Len()
		switch name {
		case "revindex":
			n -= l.index0
		case "revindex0":
			n -= l.index0 + 1
		}
		return int64(n), err
	case "last":
		v, err := l.peek()
		return v == missing, err
	case "nextitem":
		v, err := l.peek()
		if v == missing {
			v = l.r.undefinedHint("there is no next item")
		}
		return v, err
	case "previtem":
		if l.index0 == 0 {
			return l.r.undefinedHint("there is no previous item"), nil
		}
		return l.before, nil
	case "cycle":
		return newBuiltin("method", func(_ *run, a args) (pyval.Value, error) {
			if len(a.pos) == 0 || len(a.names) > 0 {
				return nil, pyval.Errorf("TypeError", "no items for cycling given")
			}
			return a.pos[l.index0%len(a.pos)], nil
		}), nil
	case "changed":
		return newBuiltin("method", func(_ *run, a args) (pyval.Value, error) {
			now := pyval.Tuple(a.pos)
			if l.changed != missing {
				if eq, err := pyval.Equals(l.changed, now); err != nil || eq {
					return false, err
				}
			}
			l.changed = now
			return true, nil
		}), nil
	}
	return nil, nil
}

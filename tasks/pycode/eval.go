package pycode

import (
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

func (e constant) eval(*frame) (pyval.Value, error) { return e.value, nil }

func (e *nameExpr) eval(f *frame) (pyval.Value, error) {
	v, err := f.lookup(e.name)
	if p, ok := v.(*poison); ok {
		return nil, f.placed(e.at, p.err)
	}
	return v, f.placed(e.at, err)
}

func (e *attrExpr) eval(f *frame) (pyval.Value, error) {
	of, err := e.of.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := f.in.getAttr(of, e.name)
	return v, f.placed(e.at, err)
}

func (e *indexExpr) eval(f *frame) (pyval.Value, error) {
	of, err := e.of.eval(f)
	if err != nil {
		return nil, err
	}
	if s, ok := e.key.(*sliceExpr); ok {
		var part [3]pyval.Value
		for i, p := range [...]expr{s.start, s.stop, s.step} {
			if p != nil {
				if part[i], err = p.eval(f); err != nil {
					return nil, err
				}
			}
		}
		v, err := f.in.slice(of, part[0], part[1], part[2])
		return v, f.placed(e.at, err)
	}
	key, err := e.key.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := f.in.getItem(of, key)
	return v, f.placed(e.at, err)
}

func (e *sliceExpr) eval(*frame) (pyval.Value, error) {
	return nil, unsupported("a slice within a tuple of keys")
}

func (e *callExpr) eval(f *frame) (pyval.Value, error) {
	if n, ok := e.fn.(*nameExpr); ok && n.name == "super" && len(e.args) == 0 {
		return f.super()
	}
	fn, err := e.fn.eval(f)
	if err != nil {
		return nil, err
	}
	c := &Call{in: f.in}
	for _, a := range e.args {
		v, err := a.value.eval(f)
		if err != nil {
			return nil, err
		}
		switch {
		case a.stars == 1:
			items, err := pyval.Collect(v)
			if err != nil {
				return nil, f.placed(e.at, err)
			}
			c.Pos = append(c.Pos, items...)
		case a.stars == 2:
			d, ok := v.(*pyval.Dict)
			if !ok {
				return nil, f.placed(e.at, pyval.Errorf("TypeError", "argument after ** must be a mapping, not %s", pyval.TypeName(v)))
			}
			for i := range d.Len() {
				k, v := d.At(i)
				c.Names, c.Vals = append(c.Names, pyval.Str(k)), append(c.Vals, v)
			}
		case a.name != "":
			c.Names, c.Vals = append(c.Names, a.name), append(c.Vals, v)
		default:
			c.Pos = append(c.Pos, v)
		}
	}
	v, err := f.in.apply(fn, c)
	return v, f.placed(e.at, err)
}

func (e *unaryExpr) eval(f *frame) (pyval.Value, error) {
	v, err := e.value.eval(f)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "not":
		yes, err := pyval.Truth(v)
		return !yes, err
	case "-":
		if a, ok := v.(*ndarray); ok {
			return a.apply(pyval.Neg)
		}
		return pyval.Neg(v)
	case "+":
		return pyval.Pos(v)
	}
	if n, ok := v.(int64); ok {
		return ^n, nil
	}
	if a, ok := v.(*ndarray); ok {
		return a.apply(invert)
	}
	return nil, unsupported("~ of a %s", pyval.TypeName(v))
}

func (e *binaryExpr) eval(f *frame) (pyval.Value, error) {
	left, err := e.left.eval(f)
	if err != nil {
		return nil, err
	}
	right, err := e.right.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := f.in.operate(e.op, left, right)
	return v, f.placed(e.at, err)
}

func (e *boolExpr) eval(f *frame) (pyval.Value, error) {
	var v pyval.Value
	for _, part := range e.values {
		var err error
		if v, err = part.eval(f); err != nil {
			return nil, err
		}
		yes, err := pyval.Truth(v)
		if err != nil || yes != e.and {
			return v, err
		}
	}
	return v, nil
}

func (e *compareExpr) eval(f *frame) (pyval.Value, error) {
	left, err := e.first.eval(f)
	if err != nil {
		return nil, err
	}
	var v pyval.Value
	for i, op := range e.ops {
		right, err := e.rest[i].eval(f)
		if err != nil {
			return nil, err
		}
		if v, err = f.in.compare(op, left, right); err != nil {
			return nil, f.placed(e.at, err)
		}
		if i < len(e.ops)-1 {
			if yes, err := pyval.Truth(v); err != nil || !yes {
				return v, err
			}
		}
		left = right
	}
	return v, nil
}

func (e *condExpr) eval(f *frame) (pyval.Value, error) {
	yes, err := f.truth(e.cond)
	switch {
	case err != nil:
		return nil, err
	case yes:
		return e.yes.eval(f)
	}
	return e.no.eval(f)
}

func (e *listExpr) eval(f *frame) (pyval.Value, error) {
	items := make([]pyval.Value, 0, len(e.items))
	for _, item := range e.items {
		if s, ok := item.(starExpr); ok {
			v, err := s.value.eval(f)
			if err != nil {
				return nil, err
			}
			more, err := pyval.Collect(v)
			if err != nil {
				return nil, err
			}
			items = append(items, more...)
			continue
		}
		v, err := item.eval(f)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return made(e.kind, items)
}

func made(kind byte, items []pyval.Value) (pyval.Value, error) {
	switch kind {
	case '[':
		return &pyval.Array{Items: items}, nil
	case '{':
		return NewSet(items)
	}
	return pyval.Tuple(items), nil
}

func (e starExpr) eval(*frame) (pyval.Value, error) {
	return nil, pyval.Errorf("SyntaxError", "can't use starred expression here")
}

func (e *dictExpr) eval(f *frame) (pyval.Value, error) {
	d := new(pyval.Dict)
	for i, key := range e.keys {
		if key == nil {
			v, err := e.values[i].eval(f)
			if err != nil {
				return nil, err
			}
			other, ok := v.(*pyval.Dict)
			if !ok {
				return nil, pyval.Errorf("TypeError", "'%s' object is not a mapping", pyval.TypeName(v))
			}
			d.Update(other)
			continue
		}
		k, err := key.eval(f)
		if err != nil {
			return nil, err
		}
		v, err := e.values[i].eval(f)
		if err != nil {
			return nil, err
		}
		if err := d.SetItem(k, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// eval makes a list, set, dictionary or generator.
func (e *compExpr) eval(f *frame) (pyval.Value, error) {
	inner := &frame{in: f.in, module: f.module, outer: f, vars: make(map[string]pyval.Value), inner: true}
	var items []pyval.Value
	d := new(pyval.Dict)
	first, err := e.loops[0].over.eval(f)
	if err != nil {
		return nil, err
	}
	if e.kind == '(' {
		return e.generator(inner, first)
	}
	err = e.loop(inner, 0, first, func() error {
		v, err := e.value.eval(inner)
		if err != nil {
			return err
		}
		if e.kind != ':' {
			items = append(items, v)
			return nil
		}
		k, err := e.key.eval(inner)
		if err != nil {
			return err
		}
		return d.SetItem(k, v)
	})
	switch {
	case err != nil:
		return nil, err
	case e.kind == ':':
		return d, nil
	}
	return made(e.kind, items)
}

// loop runs one for of a comprehension, and those inside of it.
func (e *compExpr) loop(f *frame, i int, over pyval.Value, each func() error) error {
	next, err := pyval.Iter(over)
	if err != nil {
		return err
	}
	for {
		v, ok, err := next()
		if err != nil || !ok {
			return err
		}
		if err := e.item(f, i, v, each); err != nil {
			return err
		}
	}
}

// item runs one turn of a loop.
func (e *compExpr) item(f *frame, i int, v pyval.Value, each func() error) error {
	if err := f.in.step(); err != nil {
		return err
	}
	l := e.loops[i]
	if err := f.assign(l.target, v); err != nil {
		return err
	}
	for _, cond := range l.conds {
		if yes, err := f.truth(cond); err != nil || !yes {
			return err
		}
	}
	if i == len(e.loops)-1 {
		return each()
	}
	deeper, err := e.loops[i+1].over.eval(f)
	if err != nil {
		return err
	}
	return e.loop(f, i+1, deeper, each)
}

// generator gives its items as they are asked for, those of one turn of the outermost loop at a time.
func (e *compExpr) generator(f *frame, over pyval.Value) (pyval.Value, error) {
	next, err := pyval.Iter(over)
	if err != nil {
		return nil, err
	}
	var ready []pyval.Value
	return pyval.Generator(func() (pyval.Value, bool, error) {
		for len(ready) == 0 {
			v, ok, err := next()
			if err != nil || !ok {
				return nil, false, err
			}
			err = e.item(f, 0, v, func() error {
				v, err := e.value.eval(f)
				ready = append(ready, v)
				return err
			})
			if err != nil {
				return nil, false, err
			}
		}
		v := ready[0]
		ready = ready[1:]
		return v, true, nil
	}), nil
}

func (e *lambdaExpr) eval(f *frame) (pyval.Value, error) {
	defaults, err := f.defaults(e.params)
	return &function{thing: thing{"function"}, name: "<lambda>", params: e.params, defaults: defaults,
		body: []stmt{returnStmt{e.body}}, closure: f.closure(), module: f.module}, err
}

func (e *formatExpr) eval(f *frame) (pyval.Value, error) {
	var b strings.Builder
	for _, part := range e.parts {
		if part.value == nil {
			b.WriteString(part.text)
			continue
		}
		s, err := part.format(f)
		if err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (p formatPart) format(f *frame) (string, error) {
	v, err := p.value.eval(f)
	if err != nil {
		return "", err
	}
	switch p.conversion {
	case 'r':
		b, err := pyval.AppendRepr(nil, v)
		if err != nil {
			return "", err
		}
		v = string(b)
	case 's':
		b, err := pyval.AppendStr(nil, v)
		if err != nil {
			return "", err
		}
		v = string(b)
	case 'a':
		return "", unsupported("!a")
	}
	spec := ""
	if p.spec != nil {
		s, err := p.spec.eval(f)
		if err != nil {
			return "", err
		}
		spec = s.(string)
	}
	if spec == "" {
		b, err := pyval.AppendStr(nil, v)
		return string(b), err
	}
	return pyval.FormatValue(v, spec)
}

func (e *walrusExpr) eval(f *frame) (pyval.Value, error) {
	v, err := e.value.eval(f)
	if err != nil {
		return nil, err
	}
	to := f
	for to.inner {
		to = to.outer
	}
	to.set(e.name, v)
	return v, nil
}

// eval keeps what a generator gives: all of it is made before the first is read.
func (e *yieldExpr) eval(f *frame) (pyval.Value, error) {
	for f.inner {
		f = f.outer
	}
	if e.value == nil {
		f.yielded = append(f.yielded, nil)
		return nil, nil
	}
	v, err := e.value.eval(f)
	if err != nil {
		return nil, err
	}
	if !e.from {
		f.yielded = append(f.yielded, v)
		return nil, nil
	}
	items, err := pyval.Collect(v)
	f.yielded = slices.Concat(f.yielded, items)
	return nil, err
}

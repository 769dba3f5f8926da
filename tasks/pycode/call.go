package pycode

import (
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Call is one call of a function, with its arguments.
type Call struct {
	in    *interp
	Pos   []pyval.Value
	Names []string
	Vals  []pyval.Value
}

// Apply calls a Python value, as a key function.
func (c *Call) Apply(fn pyval.Value, args ...pyval.Value) (pyval.Value, error) {
	return c.in.call(fn, args...)
}

// callable is a value that can be called.
type callable interface {
	call(c *Call) (pyval.Value, error)
}

func (in *interp) call(fn pyval.Value, args ...pyval.Value) (pyval.Value, error) {
	return in.apply(fn, &Call{in: in, Pos: args})
}

func (in *interp) apply(fn pyval.Value, c *Call) (pyval.Value, error) {
	if err := in.step(); err != nil {
		return nil, err
	}
	if in.depth++; in.depth > maxDepth {
		return nil, pyval.Errorf("RecursionError", "maximum recursion depth exceeded")
	}
	defer func() { in.depth-- }()
	switch v := fn.(type) {
	case callable:
		return v.call(c)
	case *poison:
		return nil, v.err
	case *Namespace:
		if f, ok := v.attr("__call__"); ok {
			return in.apply(f, c)
		}
	case *Instance:
		if m, from := v.class.lookup("__call__"); from != nil {
			return in.apply(m, &Call{in: in, Pos: slices.Concat([]pyval.Value{v}, c.Pos), Names: c.Names, Vals: c.Vals})
		}
	}
	return nil, pyval.Errorf("TypeError", "'%s' object is not callable", pyval.TypeName(fn))
}

// Func is a function that Go code makes.
type Func struct {
	thing
	name   string
	params []string
	fn     func(c *Call, a []pyval.Value) (pyval.Value, error)
}

// NewFunc makes a function. A parameter NAME? may be left out, *NAME takes the other positional arguments as a Tuple and
// **NAME the other named ones as a Dict; the function gets a value for each.
func NewFunc(name string, params []string, fn func(c *Call, a []pyval.Value) (pyval.Value, error)) *Func {
	return &Func{thing{"builtin_function_or_method"}, name, params, fn}
}

// Name is the function's name.
func (f *Func) Name() string { return f.name }

func (f *Func) call(c *Call) (pyval.Value, error) {
	a, err := c.bind(f.name, f.params)
	if err != nil {
		return nil, err
	}
	return f.fn(c, a)
}

// bind puts the arguments in the order of the parameters.
func (c *Call) bind(fn string, names []string) ([]pyval.Value, error) {
	out := make([]pyval.Value, len(names))
	pos, used := 0, make([]bool, len(c.Names))
	for i, name := range names {
		switch {
		case name[0] == '*' && len(name) > 1 && name[1] == '*':
			continue
		case name[0] == '*':
			out[i] = pyval.Tuple(slices.Clone(c.Pos[min(pos, len(c.Pos)):]))
			pos = len(c.Pos)
			continue
		}
		plain, optional := name, false
		if name[len(name)-1] == '?' {
			plain, optional = name[:len(name)-1], true
		}
		out[i] = Missing
		if pos < len(c.Pos) {
			out[i] = c.Pos[pos]
			pos++
		}
		if at := slices.Index(c.Names, plain); at >= 0 {
			if out[i] != Missing {
				return nil, pyval.Errorf("TypeError", "%s() got multiple values for argument '%s'", fn, plain)
			}
			out[i], used[at] = c.Vals[at], true
		}
		if out[i] == Missing && !optional {
			return nil, pyval.Errorf("TypeError", "%s() missing required argument: '%s'", fn, plain)
		}
	}
	if pos < len(c.Pos) {
		return nil, pyval.Errorf("TypeError", "%s() takes at most %d arguments (%d given)", fn, len(names), len(c.Pos))
	}
	rest := new(pyval.Dict)
	for i, name := range c.Names {
		if !used[i] {
			rest.Set(name, c.Vals[i])
		}
	}
	if last := len(names) - 1; last >= 0 && len(names[last]) > 2 && names[last][:2] == "**" {
		out[last] = rest
	} else if rest.Len() > 0 {
		return nil, unsupported("the argument %s of %s", rest.Keys()[0], fn)
	}
	return out, nil
}

// function is a function of a source.
type function struct {
	thing
	name      string
	params    params
	defaults  []pyval.Value // one a parameter; Missing for none
	body      []stmt
	generator bool
	closure   *frame // the frame of the function around it; nil for one of the module
	module    *module
	class     *Class // that it was defined in, for super; nil for none
	attrs     map[string]pyval.Value
}

// closure gives the frame that functions defined here see: classes and modules have none.
func (f *frame) closure() *frame {
	if f.outer == nil && f.vars != nil && f.isModule() {
		return nil
	}
	return f
}

func (f *frame) isModule() bool { return f.module.frame == f }

func (f *frame) defaults(p params) ([]pyval.Value, error) {
	out := make([]pyval.Value, len(p.list))
	for i, one := range p.list {
		out[i] = Missing
		if one.value != nil {
			v, err := one.value.eval(f)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
	}
	return out, nil
}

func (fn *function) call(c *Call) (pyval.Value, error) {
	f := &frame{in: c.in, module: fn.module, outer: fn.closure, vars: make(map[string]pyval.Value)}
	if err := fn.bind(f, c); err != nil {
		return nil, err
	}
	if fn.class != nil {
		f.vars["__class__"] = fn.class
	}
	if _, err := f.run(fn.body); err != nil {
		return nil, err
	}
	if fn.generator {
		next, err := pyval.Iter(pyval.List(f.yielded))
		return pyval.Generator(next), err
	}
	return f.value, nil
}

func (fn *function) bind(f *frame, c *Call) error {
	p := fn.params
	pos := 0
	used := make([]bool, len(c.Names))
	for i, one := range p.list {
		v := Missing
		if !one.keyword && pos < len(c.Pos) {
			v = c.Pos[pos]
			pos++
		}
		if at := slices.Index(c.Names, one.name); at >= 0 {
			if v != Missing {
				return pyval.Errorf("TypeError", "%s() got multiple values for argument '%s'", fn.name, one.name)
			}
			v, used[at] = c.Vals[at], true
		}
		if v == Missing {
			v = fn.defaults[i]
		}
		if v == Missing {
			return pyval.Errorf("TypeError", "%s() missing 1 required positional argument: '%s'", fn.name, one.name)
		}
		f.vars[one.name] = v
	}
	if p.varargs != "" {
		f.vars[p.varargs] = pyval.Tuple(slices.Clone(c.Pos[pos:]))
	} else if pos < len(c.Pos) {
		return pyval.Errorf("TypeError", "%s() takes %d positional arguments but %d were given", fn.name, len(p.list), len(c.Pos))
	}
	rest := new(pyval.Dict)
	for i, name := range c.Names {
		if !used[i] {
			rest.Set(name, c.Vals[i])
		}
	}
	if p.keywords != "" {
		f.vars[p.keywords] = rest
	} else if rest.Len() > 0 {
		return pyval.Errorf("TypeError", "%s() got an unexpected keyword argument '%s'", fn.name, rest.Keys()[0])
	}
	return nil
}

func (s *defStmt) exec(f *frame) (flow, error) {
	defaults, err := f.defaults(s.params)
	if err != nil {
		return flowNext, f.placed(s.at, err)
	}
	fn := &function{thing: thing{"function"}, name: s.name, params: s.params, defaults: defaults, body: s.body, generator: s.generator,
		closure: f.closure(), module: f.module}
	v, err := f.decorate(fn, s.decorators)
	if err != nil {
		return flowNext, f.placed(s.at, err)
	}
	f.set(s.name, v)
	return flowNext, nil
}

func (f *frame) decorate(v pyval.Value, decorators []expr) (pyval.Value, error) {
	for i := len(decorators) - 1; i >= 0; i-- {
		d, err := decorators[i].eval(f)
		if err != nil {
			return nil, err
		}
		if v, err = f.in.call(d, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (s *classStmt) exec(f *frame) (flow, error) {
	c := &Class{thing: thing{"type"}, name: s.name, vars: make(map[string]pyval.Value)}
	for _, b := range s.bases {
		v, err := b.eval(f)
		if err != nil {
			return flowNext, f.placed(s.at, err)
		}
		base, ok := v.(*Class)
		if !ok {
			return flowNext, f.placed(s.at, unsupported("the base class %s", pyval.TypeName(v)))
		}
		if base.make != nil && !base.raise && base.name != "object" {
			return flowNext, f.placed(s.at, unsupported("a class derived from %s", base.name))
		}
		c.bases = append(c.bases, base)
	}
	// Functions of the class see the scope around it, not its own: the frame of the class is passed over.
	body := &frame{in: f.in, module: f.module, outer: f.outer, vars: c.vars}
	if !f.isModule() {
		body.outer = f
	}
	for _, inner := range s.body {
		if d, ok := inner.(*defStmt); ok {
			if err := body.method(d, c, f); err != nil {
				return flowNext, err
			}
			continue
		}
		if _, err := body.run([]stmt{inner}); err != nil {
			return flowNext, err
		}
	}
	v, err := f.decorate(c, s.decorators)
	if err != nil {
		return flowNext, f.placed(s.at, err)
	}
	f.set(s.name, v)
	return flowNext, nil
}

// method defines a function of a class.
func (f *frame) method(d *defStmt, c *Class, around *frame) error {
	defaults, err := f.defaults(d.params)
	if err != nil {
		return f.placed(d.at, err)
	}
	fn := &function{thing: thing{"function"}, name: d.name, params: d.params, defaults: defaults, body: d.body, generator: d.generator,
		closure: around.closure(), module: f.module, class: c}
	v, err := f.decorate(fn, d.decorators)
	if err != nil {
		return f.placed(d.at, err)
	}
	f.vars[d.name] = v
	return nil
}

func (c *Class) call(k *Call) (pyval.Value, error) {
	switch {
	case c.make != nil:
		return c.make(k)
	case c == classes["type"]:
		if len(k.Pos) != 1 {
			return nil, unsupported("type() of several arguments")
		}
		return typeOf(k.Pos[0]), nil
	case c.is != nil:
		return nil, unsupported("an object of %s", c.name)
	}
	i := &Instance{class: c, attrs: new(pyval.Dict), in: k.in}
	if c.raises() {
		i.attrs.Set("args", pyval.Tuple(slices.Clone(k.Pos)))
	}
	if m, from := c.lookup("__init__"); from != nil {
		_, err := k.in.apply(m, &Call{in: k.in, Pos: slices.Concat([]pyval.Value{i}, k.Pos), Names: k.Names, Vals: k.Vals})
		return i, err
	}
	if len(k.Pos)+len(k.Names) > 0 && !c.raises() {
		return nil, pyval.Errorf("TypeError", "%s() takes no arguments", c.name)
	}
	return i, nil
}

// bound is a method with its object.
type bound struct {
	thing
	self pyval.Value
	fn   pyval.Value
}

func (b *bound) call(c *Call) (pyval.Value, error) {
	return c.in.apply(b.fn, &Call{in: c.in, Pos: slices.Concat([]pyval.Value{b.self}, c.Pos), Names: c.Names, Vals: c.Vals})
}

// wrapped is a function under a decorator that changes how a class gives it.
type wrapped struct {
	thing
	fn pyval.Value
}

func (w *wrapped) call(c *Call) (pyval.Value, error) { return c.in.apply(w.fn, c) }

// superObject is what super() gives: the object, looked up in the bases of a class.
type superObject struct {
	thing
	self pyval.Value
	from *Class
}

func (f *frame) super() (pyval.Value, error) {
	for g := f; g != nil; g = g.outer {
		c, ok := g.vars["__class__"].(*Class)
		if !ok {
			continue
		}
		for _, name := range []string{"self", "cls"} {
			if self, ok := g.vars[name]; ok {
				return &superObject{thing{"super"}, self, c}, nil
			}
		}
	}
	return nil, unsupported("super() outside of a method of self")
}

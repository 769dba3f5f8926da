package template

import "github.com/onset-eval/onset/tasks/pyval"

// argCode evaluates the arguments of a call.
type argCode struct {
	pos            []expr
	names          []string
	vals           []expr
	star, starstar expr
}

func (c *compiler) args(a *callArgs, s scope) *argCode {
	code := &argCode{pos: c.exprs(a.args, s), names: a.keys, vals: c.exprs(a.values, s)}
	if a.star != nil {
		code.star = c.expr(a.star, s)
	}
	if a.starstar != nil {
		code.starstar = c.expr(a.starstar, s)
	}
	return code
}

func (c *argCode) eval(r *run) (a args, err error) {
	if a.pos, err = r.eval(c.pos); err != nil {
		return a, err
	}
	if a.vals, err = r.eval(c.vals); err != nil {
		return a, err
	}
	a.names = c.names
	if c.star != nil {
		v, err := c.star(r)
		if err != nil {
			return a, err
		}
		more, err := pyval.Collect(v)
		if err != nil {
			return a, err
		}
		a.pos = append(a.pos, more...)
	}
	if c.starstar != nil {
		v, err := c.starstar(r)
		if err != nil {
			return a, err
		}
		d, ok := v.(*pyval.Dict)
		if !ok {
			return a, pyval.Errorf("TypeError", "argument after ** must be a mapping, not %s", pyval.TypeName(v))
		}
		return a, a.spread(d)
	}
	return a, nil
}

// spread adds the items of a dictionary as keyword arguments.
func (a *args) spread(d *pyval.Dict) error {
	names := append([]string(nil), a.names...)
	for i := range d.Len() {
		k, v := d.At(i)
		name, ok := k.(string)
		if !ok {
			return pyval.Errorf("TypeError", "keywords must be strings")
		}
		if contains(names, name) {
			return pyval.Errorf("TypeError", "got multiple values for keyword argument '%s'", name)
		}
		names = append(names, name)
		a.vals = append(a.vals, v)
	}
	a.names = names
	return nil
}

// withCaller adds the body of a call block.
func (a *args) withCaller(caller *macro) {
	if caller != nil {
		a.names = append(a.names[:len(a.names):len(a.names)], "caller")
		a.vals = append(a.vals, caller)
	}
}

// call compiles a call; the compiled one is given the body of a call block, or nil. A method is called
// without making a value of it first.
func (c *compiler) call(n *callNode, s scope) func(*run, *macro) (pyval.Value, error) {
	code := c.args(&n.args, s)
	if attr, ok := n.fn.(*attrNode); ok {
		obj, name := c.expr(attr.obj, s), attr.name
		c.noteMethod(name)
		return func(r *run, caller *macro) (pyval.Value, error) {
			o, err := obj(r)
			if err != nil {
				return nil, err
			}
			m := r.method(o, name)
			var fn pyval.Value
			if m == nil {
				if fn, err = r.getAttr(o, name); err != nil {
					return nil, err
				}
			}
			a, err := code.eval(r)
			if err != nil {
				return nil, err
			}
			if a.withCaller(caller); m != nil {
				if err := r.charge(1); err != nil {
					return nil, err
				}
				if err := r.weigh(o); err != nil {
					return nil, err
				}
				return r.made(m(r, o, a))
			}
			return r.call(fn, a)
		}
	}
	fn := c.expr(n.fn, s)
	return func(r *run, caller *macro) (pyval.Value, error) {
		f, err := fn(r)
		if err != nil {
			return nil, err
		}
		a, err := code.eval(r)
		if err != nil {
			return nil, err
		}
		a.withCaller(caller)
		return r.call(f, a)
	}
}

// callable is a value that can be called.
type callable interface {
	pyval.Object
	call(r *run, a args) (pyval.Value, error)
}

func (r *run) call(f pyval.Value, a args) (pyval.Value, error) {
	if err := r.charge(1); err != nil {
		return nil, err
	}
	if c, ok := f.(callable); ok {
		return r.made(c.call(r, a))
	}
	if u, ok := f.(*undefined); ok {
		return nil, u.fail()
	}
	return nil, pyval.Errorf("TypeError", "'%s' object is not callable", pyval.TypeName(f))
}

// filter compiles a filter that is applied to an expression.
func (c *compiler) filter(n *filterNode, s scope) expr {
	obj, apply := c.expr(n.obj, s), c.blockFilter(n, s)
	return func(r *run) (pyval.Value, error) {
		v, err := obj(r)
		if err != nil {
			return nil, err
		}
		return apply(r, v)
	}
}

// blockFilter compiles a filter, or for a block a chain of them whose first takes the block's text.
func (c *compiler) blockFilter(n *filterNode, s scope) func(*run, pyval.Value) (pyval.Value, error) {
	f, code, name := filterNamed(n.name, c.opts), c.args(&n.args, s), n.name
	if f == nil && !s.soft {
		c.fail(n.lineNo(), "No filter named %s.", pyval.Repr(name))
	}
	apply := func(r *run, v pyval.Value) (pyval.Value, error) {
		a, err := code.eval(r)
		if err != nil {
			return nil, err
		}
		if f == nil {
			return nil, pyval.Errorf("TemplateRuntimeError", "No filter named %s found.", pyval.Repr(name))
		}
		if err := r.charge(1); err != nil {
			return nil, err
		}
		if err := r.weigh(v); err != nil {
			return nil, err
		}
		return r.made(f(r, v, a))
	}
	inner, ok := n.obj.(*filterNode)
	if !ok || !inner.ofBlock() {
		return apply
	}
	first := c.blockFilter(inner, s)
	return func(r *run, v pyval.Value) (pyval.Value, error) {
		v, err := first(r, v)
		if err != nil {
			return nil, err
		}
		return apply(r, v)
	}
}

// ofBlock says whether a chain of filters begins with a block's text.
func (n *filterNode) ofBlock() bool {
	for n.obj != nil {
		inner, ok := n.obj.(*filterNode)
		if !ok {
			return false
		}
		n = inner
	}
	return true
}

func (c *compiler) test(n *testNode, s scope) expr {
	obj, code, name := c.expr(n.obj, s), c.args(&n.args, s), n.name
	f := testNamed(name)
	if f == nil && !s.soft {
		c.fail(n.lineNo(), "No test named %s.", pyval.Repr(name))
	}
	return func(r *run) (pyval.Value, error) {
		v, err := obj(r)
		if err != nil {
			return nil, err
		}
		a, err := code.eval(r)
		if err != nil {
			return nil, err
		}
		if f == nil {
			return nil, pyval.Errorf("TemplateRuntimeError", "No test named %s found.", pyval.Repr(name))
		}
		if err := r.charge(1); err != nil {
			return nil, err
		}
		ok, err := f(r, v, a)
		return ok, err
	}
}

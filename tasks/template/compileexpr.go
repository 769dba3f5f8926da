package template

import (
	"github.com/onset-eval/onset/tasks/pyval"
)

func (c *compiler) expr(n node, s scope) expr {
	switch n := n.(type) {
	case *constNode:
		v := n.value
		return func(*run) (pyval.Value, error) { return v, nil }
	case *nameNode:
		return c.name(n, s)
	case *tupleNode:
		items := c.exprs(n.items, s)
		return func(r *run) (pyval.Value, error) {
			v, err := r.eval(items)
			return pyval.Tuple(v), err
		}
	case *listNode:
		items := c.exprs(n.items, s)
		return func(r *run) (pyval.Value, error) {
			v, err := r.eval(items)
			return &pyval.Array{Items: v}, err
		}
	case *dictNode:
		return c.dict(n, s)
	case *attrNode:
		return c.attribute(n, s)
	case *itemNode:
		obj, key := c.expr(n.obj, s), c.expr(n.key, s)
		return func(r *run) (pyval.Value, error) {
			o, err := obj(r)
			if err != nil {
				return nil, err
			}
			k, err := key(r)
			if err != nil {
				return nil, err
			}
			return r.getItem(o, k)
		}
	case *sliceNode:
		return c.slice(n, s)
	case *sliceKey:
		return func(*run) (pyval.Value, error) {
			return nil, pyval.Errorf("TypeError", "a slice among several indices is no index of Python's own types")
		}
	case *callNode:
		call := c.call(n, s)
		return func(r *run) (pyval.Value, error) { return call(r, nil) }
	case *filterNode:
		return c.filter(n, s)
	case *testNode:
		return c.test(n, s)
	case *unaryNode:
		return c.unary(n, s)
	case *binaryNode:
		return c.binary(n, s)
	case *concatNode:
		return c.concat(n, s)
	case *compareNode:
		return c.compare(n, s)
	case *condNode:
		return c.cond(n, s)
	}
	panic("template: unknown expression")
}

func (c *compiler) exprs(list []node, s scope) []expr {
	out := make([]expr, len(list))
	for i, n := range list {
		out[i] = c.expr(n, s)
	}
	return out
}

// eval evaluates expressions in order.
func (r *run) eval(list []expr) ([]pyval.Value, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]pyval.Value, len(list))
	for i, e := range list {
		var err error
		if out[i], err = e(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *compiler) name(n *nameNode, s scope) expr {
	v, ok := s.syms.find(n.name)
	if !ok { // in a place that jinja2 does not track names in
		s.syms.load(n.name)
		name := n.name
		return func(r *run) (pyval.Value, error) {
			if v := r.resolve(name); v != missing {
				return v, nil
			}
			return r.undefinedName(name), nil
		}
	}
	a, name := c.access(s, v), n.name
	if a.hops == 0 {
		return func(r *run) (pyval.Value, error) {
			if v := r.f.slots[a.slot]; v != missing {
				return v, nil
			}
			return r.undefinedName(name), nil
		}
	}
	return func(r *run) (pyval.Value, error) {
		if v := a.get(r); v != missing {
			return v, nil
		}
		return r.undefinedName(name), nil
	}
}

func (c *compiler) dict(n *dictNode, s scope) expr {
	keys, values := c.exprs(n.keys, s), c.exprs(n.values, s)
	return func(r *run) (pyval.Value, error) {
		d := new(pyval.Dict)
		for i := range keys {
			k, err := keys[i](r)
			if err != nil {
				return nil, err
			}
			v, err := values[i](r)
			if err != nil {
				return nil, err
			}
			if err := d.SetItem(k, v); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
}

func (c *compiler) attribute(n *attrNode, s scope) expr {
	obj, name := c.expr(n.obj, s), n.name
	c.noteMethod(name)
	return func(r *run) (pyval.Value, error) {
		o, err := obj(r)
		if err != nil {
			return nil, err
		}
		return r.getAttr(o, name)
	}
}

// noteMethod notices that the template may change lists or dictionaries.
func (c *compiler) noteMethod(name string) {
	if isMutating(name) && !c.opts.Immutable {
		c.t.mutates = true
	}
}

func (c *compiler) slice(n *sliceNode, s scope) expr {
	obj := c.expr(n.obj, s)
	var parts [3]expr
	for i, p := range []node{n.start, n.stop, n.step} {
		if p != nil {
			parts[i] = c.expr(p, s)
		}
	}
	return func(r *run) (pyval.Value, error) {
		o, err := obj(r)
		if err != nil {
			return nil, err
		}
		var v [3]pyval.Value
		for i, p := range parts {
			if p == nil {
				continue
			}
			if v[i], err = p(r); err != nil {
				return nil, err
			}
		}
		return r.made(pyval.Slice(o, v[0], v[1], v[2]))
	}
}

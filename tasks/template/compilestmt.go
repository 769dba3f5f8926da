package template

import "github.com/onset-eval/onset/tasks/pyval"

func (c *compiler) stmt(st stmt, s scope) []step {
	line := st.lineNo()
	switch st := st.(type) {
	case *outputNode:
		return c.output(st, s)
	case *ifNode:
		return []step{c.ifChain(st, s)}
	case *forNode:
		return []step{c.forLoop(st, s)}
	case *setNode:
		value, set := c.expr(st.value, s), c.assign(st.target, s)
		return append(c.checkNamespaces(st.target, s), func(r *run) error {
			v, err := value(r)
			if err == nil {
				err = set(r, v)
			}
			return atLine(line, err)
		})
	case *setBlockNode:
		return []step{c.setBlock(st, s)}
	case *macroNode:
		return []step{c.macro(st, s)}
	case *callBlockNode:
		return []step{c.callBlock(st, s)}
	case *filterBlockNode:
		return []step{c.filterBlock(st, s)}
	case *withNode:
		return []step{c.with(st, s)}
	case *autoescapeNode:
		return []step{c.autoescape(st, s)}
	case *blockNode:
		return []step{c.block(st, s)}
	case *loadNode:
		return []step{c.load(st, s)}
	case *jumpNode:
		j := jumpBreak
		if st.again {
			j = jumpContinue
		}
		return []step{func(*run) error { return j }}
	}
	panic("template: unknown statement")
}

func (c *compiler) ifChain(n *ifNode, s scope) step {
	s = s.softly()
	type branch struct {
		test expr
		body []step
		line int
	}
	var branches []branch
	for _, b := range append([]*ifNode{n}, n.elifs...) {
		branches = append(branches, branch{c.expr(b.test, s), c.stmts(b.body, s), b.lineNo()})
	}
	otherwise := c.stmts(n.otherwise, s)
	return func(r *run) error {
		for i := range branches {
			b := &branches[i]
			v, err := b.test(r)
			if err != nil {
				return atLine(b.line, err)
			}
			ok, err := pyval.Truth(v)
			if err != nil {
				return atLine(b.line, err)
			}
			if ok {
				return r.all(b.body)
			}
		}
		return r.all(otherwise)
	}
}

func (c *compiler) setBlock(n *setBlockNode, s scope) step {
	in := s.inner()
	in.syms.stmts(n.body)
	if n.filter != nil {
		in.syms.node(n.filter)
	}
	enter, body, leave := c.enter(in), c.stmts(n.body, in), c.leave(in)
	set := c.assign(n.target, s)
	var filter func(*run, pyval.Value) (pyval.Value, error)
	if n.filter != nil {
		filter = c.blockFilter(n.filter, in)
	}
	line := n.lineNo()
	return func(r *run) error {
		if err := r.all(enter); err != nil {
			return err
		}
		v, err := r.capture(body)
		if err != nil {
			return err
		}
		if filter != nil {
			if v, err = filter(r, v); err != nil {
				return atLine(line, err)
			}
		}
		if err := set(r, v); err != nil {
			return atLine(line, err)
		}
		return leave(r)
	}
}

func (c *compiler) filterBlock(n *filterBlockNode, s scope) step {
	in := s.inner()
	in.syms.stmts(n.body)
	in.syms.node(n.filter)
	enter, body, leave := c.enter(in), c.stmts(n.body, in), c.leave(in)
	filter, line := c.blockFilter(n.filter, in), n.lineNo()
	return func(r *run) error {
		if err := r.all(enter); err != nil {
			return err
		}
		v, err := r.capture(body)
		if err != nil {
			return err
		}
		if v, err = filter(r, v); err != nil {
			return atLine(line, err)
		}
		text, err := pyval.Text(v)
		if err == nil {
			err = r.write(text)
		}
		if err != nil {
			return atLine(line, err)
		}
		return leave(r)
	}
}

// with evaluates all values outside the scope that it opens.
func (c *compiler) with(n *withNode, s scope) step {
	in := s.inner()
	for _, t := range n.targets {
		in.syms.target(t, true)
	}
	in.syms.stmts(n.body)
	var sets []step
	for i, t := range n.targets {
		set, value, line := c.assign(t, in), c.expr(n.values[i], s), n.values[i].lineNo()
		sets = append(sets, func(r *run) error {
			v, err := value(r)
			if err == nil {
				err = set(r, v)
			}
			return atLine(line, err)
		})
	}
	steps := append(append(c.enter(in), sets...), c.stmts(n.body, in)...)
	steps = append(steps, c.leave(in))
	return func(r *run) error { return r.all(steps) }
}

func (c *compiler) autoescape(n *autoescapeNode, s scope) step {
	in := s.inner()
	in.syms.node(n.value)
	in.syms.stmts(n.body)
	enter, value, body, leave := c.enter(in), c.expr(n.value, in), c.stmts(n.body, in), c.leave(in)
	line := n.lineNo()
	return func(r *run) error {
		if err := r.all(enter); err != nil {
			return err
		}
		v, err := value(r)
		if err != nil {
			return atLine(line, err)
		}
		on, err := pyval.Truth(v)
		if err != nil {
			return atLine(line, err)
		}
		was := r.autoescape
		r.autoescape = on
		err = r.all(body)
		if r.autoescape = was; err != nil {
			return err
		}
		return leave(r)
	}
}

// block renders a block where it stands, since a template that nothing is loaded from has no children. A
// scoped block sees the names around it.
func (c *compiler) block(n *blockNode, s scope) step {
	type local struct {
		name string
		a    access
	}
	var locals []local
	if n.scoped {
		for _, name := range s.syms.visible() {
			v, _ := s.syms.find(name)
			locals = append(locals, local{name, c.access(s, v)})
		}
	}
	name, line := n.name, n.lineNo()
	required := n.required
	return func(r *run) error {
		if required {
			return atLine(line, &pyval.Error{Kind: "TemplateRuntimeError", Msg: "Required block '" + name + "' not found"})
		}
		outer := r.exports
		if len(locals) > 0 {
			r.exports = make(map[string]pyval.Value, len(outer)+len(locals))
			for k, v := range outer {
				r.exports[k] = v
			}
			for _, l := range locals {
				if v := l.a.get(r); v != missing {
					r.exports[l.name] = v
				}
			}
		}
		err := r.block(name)
		r.exports = outer
		return atLine(line, err)
	}
}

// block runs a block's function.
func (r *run) block(name string) error {
	was := r.f
	err := r.enter(r.t.blocks[name], nil)
	if err == nil {
		err = r.function(r.t.blocks[name])
	}
	r.f = was
	r.depth--
	return err
}

// load fails when it is run, as it does under lm-eval, whose loader has no templates.
func (c *compiler) load(n *loadNode, s scope) step {
	name, line := c.expr(n.name, s), n.lineNo()
	return func(r *run) error {
		v, err := name(r)
		if err != nil {
			return atLine(line, err)
		}
		text, err := pyval.Text(v)
		if err != nil {
			return atLine(line, err)
		}
		if r.t.opts.Chat {
			return atLine(line, pyval.Errorf("TypeError", "no loader for this environment specified"))
		}
		if n.ignore {
			return nil
		}
		return atLine(line, &pyval.Error{Kind: "TemplateNotFound", Msg: text})
	}
}

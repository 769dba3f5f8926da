package template

import (
	"errors"

	"github.com/onset-eval/onset/tasks/pyval"
)

// forCode is a compiled for statement.
type forCode struct {
	line      int
	loopSlot  int // of the variable loop, -1 where the body does not use it
	set       func(*run, pyval.Value) error
	enter     []step
	body      []step
	leave     step
	testEnter []step // nil test stands for no condition
	testSet   func(*run, pyval.Value) error
	test      expr
	otherwise []step
	fn        *function // of a recursive loop
}

func (c *compiler) forLoop(n *forNode, s scope) step {
	c.checkLoopName(n)
	code := &forCode{line: n.lineNo(), loopSlot: -1}
	in := s.inner()
	if n.recursive {
		in = s.within()
		code.fn = in.fn
	}
	if n.recursive || mentions(n.body, "loop") || hasScopedBlock(n) {
		code.loopSlot = in.syms.parameter("loop").slot
	}
	in.syms.target(n.target, true)
	in.syms.stmts(n.body)
	if n.test != nil {
		c.loopTest(n, scope{syms: newSymbols(s.syms, in.fn), fn: in.fn}, code)
	}
	iter := c.expr(n.iter, s)
	code.set = c.assign(n.target, in)
	code.enter, code.body, code.leave = c.enter(in), c.stmts(n.body, in), c.leave(in)
	if n.otherwise != nil {
		other := scope{syms: newSymbols(s.syms, in.fn), fn: in.fn}
		other.syms.prefix += "else"
		other.syms.stmts(n.otherwise)
		code.otherwise = append(append(c.enter(other), c.stmts(n.otherwise, other)...), c.leave(other))
	}
	return func(r *run) error {
		v, err := iter(r)
		if err != nil {
			return atLine(code.line, err)
		}
		if code.fn == nil {
			return code.run(r, v, nil, 0)
		}
		text, err := code.recurse(r, r.f, v, 0)
		if err == nil {
			err = r.print(text)
		}
		return atLine(code.line, err)
	}
}

// loopTest compiles the condition of a loop, which has its own copies of the loop's variables: it may run
// ahead of the body.
func (c *compiler) loopTest(n *forNode, s scope, code *forCode) {
	s.syms.prefix += "test"
	s.syms.target(n.target, true)
	s.syms.node(n.test)
	code.testEnter, code.testSet, code.test = c.enter(s), c.assign(n.target, s), c.expr(n.test, s)
}

// checkLoopName refuses a loop within which something is stored in the name loop.
func (c *compiler) checkLoopName(n *forNode) {
	var target func(node)
	target = func(t node) {
		switch t := t.(type) {
		case *nameNode:
			if t.name == "loop" {
				c.fail(t.lineNo(), "Can't assign to special loop variable in for-loop target")
			}
		case *tupleNode:
			for _, item := range t.items {
				target(item)
			}
		}
	}
	var onStmt func(stmt)
	onStmt = func(s stmt) {
		switch s := s.(type) {
		case *forNode:
			target(s.target)
		case *setNode:
			target(s.target)
		case *setBlockNode:
			target(s.target)
		}
		walkStmt(s, func(node) {}, onStmt)
	}
	onStmt(n)
}

func hasScopedBlock(n *forNode) bool {
	found := false
	var onStmt func(stmt)
	onStmt = func(s stmt) {
		if b, ok := s.(*blockNode); ok && b.scoped {
			found = true
		}
		walkStmt(s, func(node) {}, onStmt)
	}
	onStmt(n)
	return found
}

// recurse runs a recursive loop in a frame of its own and gives its text.
func (f *forCode) recurse(r *run, outer *frame, iterable pyval.Value, depth int) (pyval.Value, error) {
	was := r.f
	defer func() {
		r.f = was
		r.depth--
	}()
	if err := r.enter(f.fn, outer); err != nil {
		return nil, err
	}
	recurse := func(v pyval.Value) (pyval.Value, error) { return f.recurse(r, outer, v, depth+1) }
	return r.capture([]step{func(r *run) error { return f.run(r, iterable, recurse, depth) }})
}

func (f *forCode) run(r *run, iterable pyval.Value, recurse func(pyval.Value) (pyval.Value, error), depth int) error {
	next, err := pyval.Iter(iterable)
	if err != nil {
		return atLine(f.line, err)
	}
	if f.test != nil {
		if next, err = f.filter(r, next); err != nil {
			return err
		}
		iterable = nil // its length is not that of what remains
	}
	var lp *loop
	if f.loopSlot >= 0 {
		lp = newLoop(r, iterable, next, depth)
		lp.recurse = recurse
	}
	completed := false
	for {
		var v pyval.Value
		var ok bool
		if lp != nil {
			v, ok, err = lp.advance()
		} else {
			v, ok, err = next()
		}
		if err == nil && ok {
			err = r.charge(1)
		}
		if err != nil {
			return atLine(f.line, err)
		}
		if !ok {
			break
		}
		if err := f.set(r, v); err != nil {
			return atLine(f.line, err)
		}
		if lp != nil {
			r.f.slots[f.loopSlot] = lp
		}
		if err = r.all(f.enter); err == nil {
			err = r.all(f.body)
		}
		if err == nil {
			completed = true
			continue
		}
		if errors.Is(err, jumpBreak) {
			break
		}
		if !errors.Is(err, jumpContinue) {
			return err
		}
	}
	if err := f.leave(r); err != nil || completed {
		return err
	}
	return r.all(f.otherwise) // jinja2 runs it too where every pass ended by a jump
}

// filter gives the items for which the loop's condition holds.
func (f *forCode) filter(r *run, next pyval.Next) (pyval.Next, error) {
	home := r.f
	if err := r.all(f.testEnter); err != nil {
		return nil, err
	}
	return func() (pyval.Value, bool, error) {
		was := r.f
		r.f = home
		defer func() { r.f = was }()
		for {
			v, ok, err := next()
			if err != nil || !ok {
				return nil, false, err
			}
			if err := r.charge(1); err != nil {
				return nil, false, err
			}
			if err := f.testSet(r, v); err != nil {
				return nil, false, err
			}
			t, err := f.test(r)
			if err != nil {
				return nil, false, err
			}
			if ok, err = pyval.Truth(t); err != nil || ok {
				return v, ok, err
			}
		}
	}, nil
}

package template

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// compiler turns statements into steps.
type compiler struct {
	t         *Template
	opts      *Options
	blockList []*blockNode
}

// scope is where a statement or expression stands.
type scope struct {
	syms     *symbols
	fn       *function
	topLevel bool // in no loop, macro or other scope
	soft     bool // a filter that does not exist fails only when it is run
}

// inner opens a scope within the same function.
func (s scope) inner() scope {
	return scope{syms: newSymbols(s.syms, s.fn), fn: s.fn}
}

// within opens a scope in a function of its own.
func (s scope) within() scope {
	fn := &function{parent: s.fn, slots: map[string]int{}}
	return scope{syms: newSymbols(s.syms, fn), fn: fn}
}

func (s scope) softly() scope {
	s.soft = true
	return s
}

// template compiles the whole template, and then its blocks, which see names through the context alone.
func (c *compiler) template(body []stmt) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case syntaxPanic:
			err = p.err
		default:
			panic(p)
		}
	}()
	c.findBlocks(body)
	c.t.root = c.rootFunction(body, true)
	c.t.blocks = map[string]*function{}
	for _, b := range c.blockList {
		if c.t.blocks[b.name] != nil {
			c.fail(b.lineNo(), "block '%s' defined twice", b.name)
		}
		c.t.blocks[b.name] = c.rootFunction(b.body, false)
	}
	return nil
}

func (c *compiler) fail(line int, format string, args ...any) {
	panic(syntaxPanic{&Error{Line: line, Kind: "TemplateAssertionError", Err: textError(fmt.Sprintf(format, args...))}})
}

func (c *compiler) rootFunction(body []stmt, topLevel bool) *function {
	fn := &function{slots: map[string]int{}}
	s := scope{syms: newSymbols(nil, fn), fn: fn, topLevel: topLevel}
	var self []step
	if mentions(body, "self") {
		slot := s.syms.parameter("self").slot
		self = append(self, func(r *run) error {
			r.f.slots[slot] = &templateRef{}
			return nil
		})
	}
	s.syms.stmts(body)
	fn.body = append(append(self, c.enter(s)...), c.stmts(body, s)...)
	return fn
}

func (c *compiler) findBlocks(body []stmt) {
	var onStmt func(stmt)
	onStmt = func(s stmt) {
		if b, ok := s.(*blockNode); ok {
			c.blockList = append(c.blockList, b)
		}
		walkStmt(s, func(node) {}, onStmt)
	}
	for _, s := range body {
		onStmt(s)
	}
}

// access reads and writes a variable through the frames between.
type access struct {
	hops, slot int
}

func (c *compiler) access(s scope, r ref) access {
	hops := 0
	for fn := s.fn; fn != r.fn && fn != nil; fn = fn.parent {
		hops++
	}
	return access{hops, r.slot}
}

func (a access) frame(r *run) *frame {
	f := r.f
	for range a.hops {
		f = f.parent
	}
	return f
}

func (a access) get(r *run) pyval.Value { return a.frame(r).slots[a.slot] }

func (a access) set(r *run, v pyval.Value) { a.frame(r).slots[a.slot] = v }

// enter gives the steps that set a scope's variables when it is entered.
func (c *compiler) enter(s scope) []step {
	loads := make([]*load, len(s.fn.slots))
	for r, l := range s.syms.loads {
		if r.fn == s.fn {
			loads[r.slot] = &l
		}
	}
	var steps []step
	for slot, l := range loads {
		if l == nil {
			continue
		}
		switch l.kind {
		case loadResolve:
			name := l.name
			steps = append(steps, func(r *run) error {
				r.f.slots[slot] = r.resolve(name)
				return nil
			})
		case loadAlias:
			outer := c.access(s, l.outer)
			steps = append(steps, func(r *run) error {
				r.f.slots[slot] = outer.get(r)
				return nil
			})
		case loadUndefined:
			steps = append(steps, func(r *run) error {
				r.f.slots[slot] = missing
				return nil
			})
		}
	}
	return steps
}

// leave gives the step that forgets a scope's variables.
func (c *compiler) leave(s scope) step {
	var slots []int
	for r := range s.syms.loads {
		if r.fn == s.fn {
			slots = append(slots, r.slot)
		}
	}
	return func(r *run) error {
		for _, slot := range slots {
			r.f.slots[slot] = missing
		}
		return nil
	}
}

func (c *compiler) stmts(body []stmt, s scope) []step {
	var steps []step
	for _, st := range body {
		steps = append(steps, c.stmt(st, s)...)
	}
	return steps
}

// output gives a step for each part of text between statements.
func (c *compiler) output(o *outputNode, s scope) []step {
	steps := make([]step, 0, len(o.parts))
	for _, part := range o.parts {
		switch n := part.(type) {
		case *textNode:
			text := n.text
			c.t.size += len(text)
			steps = append(steps, func(r *run) error { return r.write(text) })
		default:
			e, line := c.expr(part, s), part.lineNo()
			steps = append(steps, func(r *run) error {
				v, err := e(r)
				if err == nil {
					err = r.print(v)
				}
				if err != nil {
					return atLine(line, err)
				}
				return nil
			})
		}
	}
	return steps
}

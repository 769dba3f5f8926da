package template

import "sort"

// function is one run-time scope of slots: the template, a block, a macro's body or a recursive loop's.
// jinja2 compiles each to a Python function, whose variables inner functions see.
type function struct {
	parent *function
	slots  map[string]int // by a name that is unique within the function
	body   []step
	params []int // slots that a macro's arguments go to
}

// ref is where a variable lives.
type ref struct {
	fn   *function
	slot int
}

// loadKind is where a variable's value comes from when its scope is entered.
type loadKind int

const (
	loadParameter loadKind = iota // from whoever enters the scope
	loadResolve                   // from the document or the globals
	loadAlias                     // from the variable of that name outside
	loadUndefined                 // from nowhere yet
)

type load struct {
	kind  loadKind
	name  string
	outer ref
}

// symbols are the names of one scope, tracked as jinja2's idtracking does: which of them the scope stores
// decides at compile time what a name means in all of the scope.
type symbols struct {
	parent *symbols
	fn     *function
	prefix string // of the scope's slots: unlike scopes at one depth share theirs
	refs   map[string]ref
	loads  map[ref]load
	stores map[string]bool
}

func newSymbols(parent *symbols, fn *function) *symbols {
	s := &symbols{parent: parent, fn: fn, prefix: "."}
	if parent != nil {
		s.prefix = parent.prefix + "."
	}
	s.refs, s.loads, s.stores = map[string]ref{}, map[ref]load{}, map[string]bool{}
	return s
}

func (s *symbols) copy() *symbols {
	c := newSymbols(s.parent, s.fn)
	c.prefix = s.prefix
	c.merge(s)
	return c
}

func (s *symbols) merge(o *symbols) {
	for k, v := range o.refs {
		s.refs[k] = v
	}
	for k, v := range o.loads {
		s.loads[k] = v
	}
	for k := range o.stores {
		s.stores[k] = true
	}
}

func (s *symbols) define(name string, l load) ref {
	key := s.prefix + name
	slot, ok := s.fn.slots[key]
	if !ok {
		slot = len(s.fn.slots)
		s.fn.slots[key] = slot
	}
	r := ref{s.fn, slot}
	s.refs[name] = r
	s.loads[r] = l
	return r
}

func (s *symbols) find(name string) (ref, bool) {
	for ; s != nil; s = s.parent {
		if r, ok := s.refs[name]; ok {
			return r, true
		}
	}
	return ref{}, false
}

func (s *symbols) store(name string) {
	s.stores[name] = true
	if _, ok := s.refs[name]; ok {
		return
	}
	if outer, ok := s.parent.find(name); ok {
		s.define(name, load{kind: loadAlias, outer: outer})
		return
	}
	s.define(name, load{kind: loadUndefined})
}

func (s *symbols) parameter(name string) ref {
	s.stores[name] = true
	return s.define(name, load{kind: loadParameter})
}

func (s *symbols) load(name string) {
	if _, ok := s.find(name); !ok {
		s.define(name, load{kind: loadResolve, name: name})
	}
}

// branches takes in the names of an if's branches: one that only some of them store has its outer value
// where they are not taken.
func (s *symbols) branches(list ...*symbols) {
	stored := map[string]bool{}
	for _, b := range list {
		for name := range b.stores {
			if !s.stores[name] {
				stored[name] = true
			}
		}
	}
	for _, b := range list {
		s.merge(b)
	}
	for name := range stored {
		r, _ := s.find(name)
		if outer, ok := s.parent.find(name); ok {
			s.loads[r] = load{kind: loadAlias, outer: outer}
		} else {
			s.loads[r] = load{kind: loadResolve, name: name}
		}
	}
}

// visible gives every stored name from here outwards, innermost first, in a fixed order.
func (s *symbols) visible() []string {
	var names []string
	seen := map[string]bool{}
	for n := s; n != nil; n = n.parent {
		var own []string
		for name := range n.stores {
			if !seen[name] {
				seen[name] = true
				own = append(own, name)
			}
		}
		sort.Strings(own)
		names = append(names, own...)
	}
	return names
}

// node tracks the names that an expression or a target uses.
func (s *symbols) node(n node) {
	switch n := n.(type) {
	case nil:
	case *nameNode:
		s.load(n.name)
	case *nsRefNode:
		s.load(n.name)
	default:
		walk(n, s.node)
	}
}

// target tracks names that are stored, as parameters of the scope where param is set.
func (s *symbols) target(n node, param bool) {
	switch n := n.(type) {
	case *nameNode:
		if param {
			s.parameter(n.name)
		} else {
			s.store(n.name)
		}
	case *nsRefNode:
		s.load(n.name)
	case *tupleNode:
		for _, item := range n.items {
			s.target(item, param)
		}
	}
}

// stmts tracks the names of statements, but not of those that open a scope of their own.
func (s *symbols) stmts(body []stmt) {
	for _, st := range body {
		s.stmt(st)
	}
}

func (s *symbols) stmt(st stmt) {
	switch st := st.(type) {
	case *ifNode:
		s.node(st.test)
		then, elifs, otherwise := s.copy(), s.copy(), s.copy()
		then.stmts(st.body)
		for _, e := range st.elifs {
			elifs.stmt(e)
		}
		otherwise.stmts(st.otherwise)
		s.branches(then, elifs, otherwise)
	case *macroNode:
		s.store(st.name)
	case *setNode:
		s.node(st.value)
		s.target(st.target, false)
	case *forNode:
		s.node(st.iter)
	case *callBlockNode:
		if st.call != nil {
			s.node(st.call)
		}
	case *filterBlockNode:
		s.node(st.filter)
	case *withNode:
		for _, v := range st.values {
			s.node(v)
		}
	case *setBlockNode:
		s.target(st.target, false)
	case *loadNode:
		s.node(st.name)
		for _, name := range st.targets {
			s.store(name)
		}
	case *outputNode:
		for _, n := range st.parts {
			s.node(n)
		}
	}
}

// mentions says whether a name is used free within statements, at any depth.
func mentions(body []stmt, name string) bool {
	found := false
	var onNode func(node)
	onNode = func(n node) {
		if v, ok := n.(*nameNode); ok && v.name == name {
			found = true
		}
		if !found {
			walk(n, onNode)
		}
	}
	var onStmt func(stmt)
	onStmt = func(s stmt) {
		if b, ok := s.(*blockNode); ok && b != nil {
			return // a block is a template of its own
		}
		if !found {
			walkStmt(s, onNode, onStmt)
		}
	}
	for _, s := range body {
		onStmt(s)
	}
	return found
}

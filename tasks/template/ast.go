package template

import "github.com/onset-eval/onset/tasks/pyval"

// node is an expression; each knows the template's line that it begins on.
type node interface{ lineNo() int }

// at is the line of a node, counted from 1.
type at int

func (l at) lineNo() int { return int(l) }

type (
	constNode struct {
		at
		value pyval.Value
	}
	textNode struct { // text between tags
		at
		text string
	}
	nameNode struct {
		at
		name string
	}
	nsRefNode struct { // namespace.attr as a target
		at
		name, attr string
	}
	tupleNode struct {
		at
		items []node
	}
	listNode struct {
		at
		items []node
	}
	dictNode struct {
		at
		keys, values []node
	}
	attrNode struct {
		at
		obj  node
		name string
	}
	itemNode struct {
		at
		obj, key node
	}
	sliceNode struct { // obj[start:stop:step]; what is left out is nil
		at
		obj, start, stop, step node
	}
	sliceKey struct { // a slice within a[1:2, 3], which nothing in Python's own types takes
		at
		start, stop, step node
	}
	callNode struct {
		at
		fn   node
		args callArgs
	}
	filterNode struct {
		at
		obj  node // nil where the filter takes a block's text
		name string
		args callArgs
	}
	testNode struct {
		at
		obj  node
		name string
		args callArgs
	}
	unaryNode struct { // not, - and +
		at
		op  string
		obj node
	}
	binaryNode struct { // + - * / // % ** and, or
		at
		op          string
		left, right node
	}
	concatNode struct { // ~
		at
		items []node
	}
	compareNode struct {
		at
		first node
		ops   []string // == != < <= > >= in notin
		rest  []node
	}
	condNode struct {
		at
		test, then, otherwise node // otherwise is nil where there is no else
	}
)

// callArgs are the arguments of a call, filter or test.
type callArgs struct {
	args     []node
	keys     []string
	values   []node // of keys
	star     node   // *args, or nil
	starstar node   // **kwargs, or nil
}

// stmt is a statement.
type stmt interface{ lineNo() int }

type (
	outputNode struct {
		at
		parts []node
	}
	ifNode struct {
		at
		test      node
		body      []stmt
		elifs     []*ifNode
		otherwise []stmt
	}
	forNode struct {
		at
		target          node
		iter            node
		test            node // nil where every item counts
		body, otherwise []stmt
		recursive       bool
	}
	setNode struct {
		at
		target, value node
	}
	setBlockNode struct {
		at
		target node
		filter *filterNode // may be nil
		body   []stmt
	}
	macroNode struct { // also the body of a call block, which has no name
		at
		name     string
		params   []*nameNode
		defaults []node // of the last of them
		body     []stmt
	}
	callBlockNode struct {
		at
		call  *callNode // nil for {% generation %}
		macro *macroNode
	}
	filterBlockNode struct {
		at
		filter *filterNode
		body   []stmt
	}
	withNode struct {
		at
		targets, values []node
		body            []stmt
	}
	autoescapeNode struct {
		at
		value node
		body  []stmt
	}
	blockNode struct {
		at
		name             string
		scoped, required bool
		body             []stmt
	}
	loadNode struct { // include, extends, import and from: there is nothing to load from
		at
		what    string
		name    node
		targets []string
		ignore  bool
	}
	jumpNode struct { // break and continue
		at
		again bool
	}
)

// walk calls visit with the nodes that n refers to, those of an expression in the order of evaluation.
func walk(n node, visit func(node)) {
	each := func(nodes ...node) {
		for _, c := range nodes {
			if c != nil {
				visit(c)
			}
		}
	}
	args := func(a *callArgs) {
		each(a.args...)
		each(a.values...)
		each(a.star, a.starstar)
	}
	switch n := n.(type) {
	case *tupleNode:
		each(n.items...)
	case *listNode:
		each(n.items...)
	case *dictNode:
		for i := range n.keys {
			each(n.keys[i], n.values[i])
		}
	case *attrNode:
		each(n.obj)
	case *itemNode:
		each(n.obj, n.key)
	case *sliceNode:
		each(n.obj, n.start, n.stop, n.step)
	case *sliceKey:
		each(n.start, n.stop, n.step)
	case *callNode:
		each(n.fn)
		args(&n.args)
	case *filterNode:
		each(n.obj)
		args(&n.args)
	case *testNode:
		each(n.obj)
		args(&n.args)
	case *unaryNode:
		each(n.obj)
	case *binaryNode:
		each(n.left, n.right)
	case *concatNode:
		each(n.items...)
	case *compareNode:
		each(n.first)
		each(n.rest...)
	case *condNode:
		each(n.test, n.then, n.otherwise)
	}
}

// walkStmt calls onNode with the expressions of a statement, targets left out, and onStmt with the
// statements within.
func walkStmt(s stmt, onNode func(node), onStmt func(stmt)) {
	nodes := func(list ...node) {
		for _, n := range list {
			if n != nil {
				onNode(n)
			}
		}
	}
	stmts := func(list []stmt) {
		for _, s := range list {
			onStmt(s)
		}
	}
	switch s := s.(type) {
	case *outputNode:
		nodes(s.parts...)
	case *ifNode:
		nodes(s.test)
		stmts(s.body)
		for _, e := range s.elifs {
			onStmt(e)
		}
		stmts(s.otherwise)
	case *forNode:
		nodes(s.iter, s.test)
		stmts(s.body)
		stmts(s.otherwise)
	case *setNode:
		nodes(s.value)
	case *setBlockNode:
		if s.filter != nil {
			nodes(s.filter)
		}
		stmts(s.body)
	case *macroNode:
		nodes(s.defaults...)
		stmts(s.body)
	case *callBlockNode:
		if s.call != nil {
			nodes(s.call)
		}
		onStmt(s.macro)
	case *filterBlockNode:
		nodes(s.filter)
		stmts(s.body)
	case *withNode:
		nodes(s.values...)
		stmts(s.body)
	case *autoescapeNode:
		nodes(s.value)
		stmts(s.body)
	case *blockNode:
		stmts(s.body)
	case *loadNode:
		nodes(s.name)
	}
}

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

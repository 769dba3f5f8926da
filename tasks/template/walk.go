package template

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

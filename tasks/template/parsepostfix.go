package template

// postfix reads attributes, subscripts and calls.
func (p *parser) postfix(n node) node {
	for {
		t := p.cur()
		switch {
		case p.isOp("."):
			n = p.attribute(n)
		case p.isOp("["):
			n = p.subscript(n)
		case p.isOp("("):
			n = &callNode{at(t.line), n, p.callArgs()}
		default:
			return n
		}
	}
}

func (p *parser) attribute(n node) node {
	line := at(p.next().line)
	switch t := p.next(); t.kind {
	case kindName:
		return &attrNode{line, n, t.text}
	case kindInteger:
		return &itemNode{line, n, &constNode{at(t.line), t.value}}
	default:
		p.fail(t.line, "expected name or number")
		return nil
	}
}

func (p *parser) subscript(n node) node {
	line := at(p.next().line)
	var keys []node
	for !p.isOp("]") {
		if len(keys) > 0 {
			p.expectOp(",")
		}
		keys = append(keys, p.subscribed())
	}
	p.expectOp("]")
	if len(keys) != 1 {
		return &itemNode{line, n, &tupleNode{line, keys}}
	}
	if s, ok := keys[0].(*sliceKey); ok {
		return &sliceNode{line, n, s.start, s.stop, s.step}
	}
	return &itemNode{line, n, keys[0]}
}

// subscribed reads an index or a slice.
func (p *parser) subscribed() node {
	s := &sliceKey{at: at(p.cur().line)}
	if !p.isOp(":") {
		n := p.expression(true)
		if !p.isOp(":") {
			return n
		}
		s.start = n
	}
	p.expectOp(":")
	ends := func() bool { return p.isOp(":") || p.isOp("]") || p.isOp(",") }
	if !ends() {
		s.stop = p.expression(true)
	}
	if p.skipOp(":") && !p.isOp("]") && !p.isOp(",") {
		s.step = p.expression(true)
	}
	return s
}

func (p *parser) callArgs() callArgs {
	line := p.expectOp("(").line
	var a callArgs
	ensure := func(ok bool) {
		if !ok {
			p.fail(line, "invalid syntax for function call expression")
		}
	}
	for n := 0; !p.isOp(")"); n++ {
		if n > 0 {
			p.expectOp(",")
			if p.isOp(")") {
				break
			}
		}
		switch {
		case p.skipOp("*"):
			ensure(a.star == nil && a.starstar == nil)
			a.star = p.expression(true)
		case p.skipOp("**"):
			ensure(a.starstar == nil)
			a.starstar = p.expression(true)
		case p.cur().kind == kindName && p.look().is(kindOp, "="):
			ensure(a.starstar == nil)
			key := p.next().text
			if contains(a.keys, key) {
				p.failAs("SyntaxError", line, "keyword argument repeated: %s", key)
			}
			a.keys = append(a.keys, key)
			p.next()
			a.values = append(a.values, p.expression(true))
		default:
			ensure(a.star == nil && a.starstar == nil && len(a.keys) == 0)
			a.args = append(a.args, p.expression(true))
		}
	}
	p.expectOp(")")
	return a
}

// filters reads filters, tests and calls.
func (p *parser) filters(n node) node {
	for {
		t := p.cur()
		switch {
		case p.isOp("|"):
			n = p.filter(n, false)
		case p.isName("is"):
			n = p.test(n)
		case p.isOp("("):
			n = &callNode{at(t.line), n, p.callArgs()}
		default:
			return n
		}
	}
}

func (p *parser) dottedName() string {
	name := p.expectKind(kindName, "name").text
	for p.skipOp(".") {
		name += "." + p.expectKind(kindName, "name").text
	}
	return name
}

// filter reads a chain of filters, the first without its bar where inline is set. It gives n where there
// is none.
func (p *parser) filter(n node, inline bool) node {
	for inline || p.isOp("|") {
		if !inline {
			p.next()
		}
		inline = false
		f := &filterNode{at: at(p.cur().line), obj: n}
		f.name = p.dottedName()
		if p.isOp("(") {
			f.args = p.callArgs()
		}
		n = f
	}
	return n
}

func (p *parser) test(n node) node {
	line := at(p.next().line)
	negated := p.skipName("not")
	t := &testNode{at: line, obj: n, name: p.dottedName()}
	switch c := p.cur(); {
	case p.isOp("("):
		t.args = p.callArgs()
	case c.kind == kindString, c.kind == kindInteger, c.kind == kindFloat, p.isOp("["), p.isOp("{"),
		c.kind == kindName && c.text != "else" && c.text != "or" && c.text != "and":
		if p.isName("is") {
			p.fail(c.line, "You cannot chain multiple tests with is")
		}
		t.args.args = []node{p.postfix(p.primary(false))}
	}
	if negated {
		return &unaryNode{line, "not", t}
	}
	return t
}

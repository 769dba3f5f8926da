package template

// statement reads one tag and what belongs to it, up to the end of its last tag.
func (p *parser) statement() stmt {
	t := p.cur()
	if t.kind != kindName {
		p.fail(t.line, "tag name expected")
	}
	p.open = append(p.open, t.text)
	s := p.tagStatement(t)
	p.open = p.open[:len(p.open)-1]
	return s
}

func (p *parser) tagStatement(t token) stmt {
	p.next()
	line := at(t.line)
	switch t.text {
	case "for":
		return p.forLoop(line)
	case "if":
		return p.ifChain(line)
	case "set":
		return p.set(line)
	case "with":
		return p.with(line)
	case "macro":
		name := p.nameTarget()
		m := &macroNode{at: line, name: name.name}
		p.signature(m)
		m.body = p.macroBody("endmacro")
		return m
	case "call":
		return p.callBlock(line)
	case "filter":
		f := p.filter(nil, true)
		return &filterBlockNode{at: line, filter: f.(*filterNode), body: p.closed("endfilter")}
	case "print":
		out := &outputNode{at: line}
		for p.cur().kind != kindBlockEnd {
			if len(out.parts) > 0 {
				p.expectOp(",")
			}
			out.parts = append(out.parts, p.expression(true))
		}
		return out
	case "autoescape":
		value := p.expression(true)
		return &autoescapeNode{at: line, value: value, body: p.closed("endautoescape")}
	case "block":
		return p.namedBlock(line)
	case "include", "extends", "import", "from":
		return p.load(line, t.text)
	case "generation":
		if p.opts.Generation {
			return &callBlockNode{at: line, macro: &macroNode{at: line, body: p.macroBody("endgeneration")}}
		}
	case "break", "continue":
		if p.opts.LoopControls {
			if p.loops == 0 {
				p.failAs("SyntaxError", t.line, "'%s' outside loop", t.text)
			}
			return &jumpNode{at: line, again: t.text == "continue"}
		}
	}
	p.open = p.open[:len(p.open)-1]
	p.unknownTag(t.text, t.line)
	return nil
}

// macroBody reads the body of what jinja2 compiles to a function, out of which no loop can be left.
func (p *parser) macroBody(end string) []stmt {
	loops := p.loops
	p.loops = 0
	body := p.closed(end)
	p.loops = loops
	return body
}

func (p *parser) forLoop(line at) stmt {
	f := &forNode{at: line, target: p.target(false, "in")}
	p.expectName("in")
	f.iter = p.tuple(tupleRules{end: "recursive"})
	if p.skipName("if") {
		f.test = p.expression(true)
	}
	f.recursive = p.skipName("recursive")
	outer := p.loops
	p.loops++
	f.body = p.body("endfor", "else")
	if p.loops = outer; f.recursive {
		p.loops = 0
	}
	if p.next().text == "else" {
		f.otherwise = p.closed("endfor")
	}
	p.loops = outer
	return f
}

func (p *parser) ifChain(line at) stmt {
	result := &ifNode{at: line}
	for part := result; ; {
		part.test = p.tuple(tupleRules{})
		part.body = p.body("elif", "else", "endif")
		switch p.next().text {
		case "elif":
			part = &ifNode{at: at(p.cur().line)}
			result.elifs = append(result.elifs, part)
			continue
		case "else":
			result.otherwise = p.closed("endif")
		}
		return result
	}
}

func (p *parser) set(line at) stmt {
	target := p.target(true, "")
	if p.skipOp("=") {
		return &setNode{at: line, target: target, value: p.tuple(tupleRules{conditional: true})}
	}
	b := &setBlockNode{at: line, target: target}
	if f := p.filter(nil, false); f != nil {
		b.filter = f.(*filterNode)
	}
	b.body = p.closed("endset")
	return b
}

func (p *parser) with(line at) stmt {
	w := &withNode{at: line}
	for p.cur().kind != kindBlockEnd {
		if len(w.targets) > 0 {
			p.expectOp(",")
		}
		w.targets = append(w.targets, p.target(false, ""))
		p.expectOp("=")
		w.values = append(w.values, p.expression(true))
	}
	w.body = p.closed("endwith")
	return w
}

func (p *parser) callBlock(line at) stmt {
	m := &macroNode{at: line}
	if p.isOp("(") {
		p.signature(m)
	}
	call, ok := p.expression(true).(*callNode)
	if !ok {
		p.fail(int(line), "expected call")
	}
	m.body = p.macroBody("endcall")
	return &callBlockNode{at: line, call: call, macro: m}
}

func (p *parser) signature(m *macroNode) {
	p.expectOp("(")
	for !p.isOp(")") {
		if len(m.params) > 0 {
			p.expectOp(",")
		}
		param := p.nameTarget()
		if p.skipOp("=") {
			m.defaults = append(m.defaults, p.expression(true))
		} else if len(m.defaults) > 0 {
			p.fail(p.cur().line, "non-default argument follows default argument")
		}
		for _, other := range m.params {
			if other.name == param.name {
				p.failAs("SyntaxError", int(param.at), "duplicate argument '%s' in function definition", param.name)
			}
		}
		m.params = append(m.params, param)
	}
	p.expectOp(")")
}

func (p *parser) namedBlock(line at) stmt {
	b := &blockNode{at: line, name: p.expectKind(kindName, "name").text}
	b.scoped = p.skipName("scoped")
	b.required = p.skipName("required")
	if p.isOp("-") {
		p.fail(p.cur().line, "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.")
	}
	b.body = p.macroBody("endblock")
	p.skipName(b.name)
	return b
}

// load reads include, extends, import and from.
func (p *parser) load(line at, what string) stmt {
	l := &loadNode{at: line, what: what, name: p.expression(true)}
	switch what {
	case "include":
		if p.isName("ignore") && p.look().is(kindName, "missing") {
			p.next()
			p.next()
			l.ignore = true
		}
		p.importContext()
	case "import":
		p.expectName("as")
		l.targets = []string{p.nameTarget().name}
		p.importContext()
	case "from":
		p.expectName("import")
		for n := 0; ; n++ {
			if n > 0 {
				p.expectOp(",")
			}
			if p.importContext() {
				break
			}
			target := p.nameTarget()
			if p.skipName("as") {
				target = p.nameTarget()
			}
			l.targets = append(l.targets, target.name)
			if p.importContext() || !p.isOp(",") {
				break
			}
		}
	}
	return l
}

func (p *parser) importContext() bool {
	if (p.isName("with") || p.isName("without")) && p.look().is(kindName, "context") {
		p.next()
		p.next()
		return true
	}
	return false
}

// nameTarget reads a name that something is stored in.
func (p *parser) nameTarget() *nameNode {
	t := p.expectKind(kindName, "name")
	switch t.text {
	case "true", "false", "none", "True", "False", "None":
		p.fail(t.line, "can't assign to 'name'")
	}
	return &nameNode{at(t.line), t.text}
}

// target reads what is assigned to: a name, a tuple of them, or with namespaces also namespace.attr.
func (p *parser) target(namespaces bool, end string) node {
	t := p.tuple(tupleRules{simple: true, namespaces: namespaces, end: end})
	p.checkTarget(t)
	return t
}

func (p *parser) checkTarget(t node) {
	switch t := t.(type) {
	case *nameNode, *nsRefNode:
	case *tupleNode:
		for _, item := range t.items {
			p.checkTarget(item)
		}
	default:
		p.fail(t.lineNo(), "can't assign to this: a name or a tuple of names is expected")
	}
}

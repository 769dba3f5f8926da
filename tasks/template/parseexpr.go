package template

import "strings"

// expression reads one expression; conditional allows a trailing "if".
func (p *parser) expression(conditional bool) node {
	p.enter()
	defer p.leave()
	if !conditional {
		return p.or()
	}
	line := at(p.cur().line)
	e := p.or()
	for p.skipName("if") {
		c := &condNode{at: line, then: e, test: p.or()}
		if p.skipName("else") {
			c.otherwise = p.expression(true)
		}
		e = c
		line = at(p.cur().line)
	}
	return e
}

func (p *parser) or() node {
	line := at(p.cur().line)
	left := p.and()
	for p.skipName("or") {
		left = &binaryNode{line, "or", left, p.and()}
	}
	return left
}

func (p *parser) and() node {
	line := at(p.cur().line)
	left := p.not()
	for p.skipName("and") {
		left = &binaryNode{line, "and", left, p.not()}
	}
	return left
}

func (p *parser) not() node {
	if p.isName("not") {
		p.enter()
		defer p.leave()
		line := at(p.next().line)
		return &unaryNode{line, "not", p.not()}
	}
	return p.compare()
}

func (p *parser) compare() node {
	line := at(p.cur().line)
	first := p.sum()
	c := &compareNode{at: line, first: first}
	for {
		t := p.cur()
		switch {
		case t.kind == kindOp && (t.text == "==" || t.text == "!=" || t.text == "<" || t.text == "<=" || t.text == ">" || t.text == ">="):
			p.next()
			c.ops = append(c.ops, t.text)
		case p.skipName("in"):
			c.ops = append(c.ops, "in")
		case p.isName("not") && p.look().is(kindName, "in"):
			p.next()
			p.next()
			c.ops = append(c.ops, "notin")
		case len(c.ops) == 0:
			return first
		default:
			return c
		}
		c.rest = append(c.rest, p.sum())
	}
}

// binary reads operands that are joined by some operators, grouped from the left.
func (p *parser) binary(operand func() node, ops ...string) node {
	line := at(p.cur().line)
	left := operand()
	for {
		t := p.cur()
		if t.kind != kindOp || !contains(ops, t.text) {
			return left
		}
		p.next()
		left = &binaryNode{line, t.text, left, operand()}
	}
}

func (p *parser) sum() node { return p.binary(p.concat, "+", "-") }

func (p *parser) concat() node {
	line := at(p.cur().line)
	first := p.product()
	if !p.isOp("~") {
		return first
	}
	c := &concatNode{line, []node{first}}
	for p.skipOp("~") {
		c.items = append(c.items, p.product())
	}
	return c
}

func (p *parser) product() node { return p.binary(p.power, "*", "/", "//", "%") }

// power groups from the left, unlike Python's.
func (p *parser) power() node {
	return p.binary(func() node { return p.unary(true) }, "**")
}

func (p *parser) unary(filters bool) node {
	t := p.cur()
	var n node
	if t.kind == kindOp && (t.text == "-" || t.text == "+") {
		p.next()
		p.enter()
		n = &unaryNode{at(t.line), t.text, p.unary(false)}
		p.leave()
	} else {
		n = p.primary(false)
	}
	n = p.postfix(n)
	if filters {
		n = p.filters(n)
	}
	return n
}

func (p *parser) primary(namespaces bool) node {
	t := p.next()
	line := at(t.line)
	switch t.kind {
	case kindName:
		switch t.text {
		case "true", "True":
			return &constNode{line, true}
		case "false", "False":
			return &constNode{line, false}
		case "none", "None":
			return &constNode{line, nil}
		}
		if namespaces && p.skipOp(".") {
			return &nsRefNode{line, t.text, p.expectKind(kindName, "name").text}
		}
		return &nameNode{line, t.text}
	case kindString:
		parts := []string{t.text}
		for p.cur().kind == kindString {
			parts = append(parts, p.next().text)
		}
		return &constNode{line, strings.Join(parts, "")}
	case kindInteger, kindFloat:
		return &constNode{line, t.value}
	case kindOp:
		switch t.text {
		case "(":
			n := p.tuple(tupleRules{conditional: true, parentheses: true})
			p.expectOp(")")
			return n
		case "[":
			return &listNode{line, p.items("]")}
		case "{":
			return p.dict(line)
		}
	}
	p.fail(t.line, "unexpected '%s'", t.describe())
	return nil
}

// items reads expressions up to a closing bracket, a last comma allowed.
func (p *parser) items(end string) []node {
	var items []node
	for !p.isOp(end) {
		if len(items) > 0 {
			p.expectOp(",")
		}
		if p.isOp(end) {
			break
		}
		items = append(items, p.expression(true))
	}
	p.expectOp(end)
	return items
}

func (p *parser) dict(line at) node {
	d := &dictNode{at: line}
	for !p.isOp("}") {
		if len(d.keys) > 0 {
			p.expectOp(",")
		}
		if p.isOp("}") {
			break
		}
		d.keys = append(d.keys, p.expression(true))
		p.expectOp(":")
		d.values = append(d.values, p.expression(true))
	}
	p.expectOp("}")
	return d
}

// tupleRules say how a list of expressions without brackets is read.
type tupleRules struct {
	simple      bool // names and literals only
	namespaces  bool // with namespace.attr
	conditional bool // expressions may end in "if"
	parentheses bool // an empty tuple is allowed
	end         string
}

// tuple reads an expression, or a tuple where commas follow.
func (p *parser) tuple(r tupleRules) node {
	line := at(p.cur().line)
	var items []node
	many := false
	for {
		if len(items) > 0 {
			p.expectOp(",")
		}
		if t := p.cur(); t.kind == kindVariableEnd || t.kind == kindBlockEnd || p.isOp(")") || r.end != "" && p.isName(r.end) {
			break
		}
		if r.simple {
			items = append(items, p.primary(r.namespaces))
		} else {
			items = append(items, p.expression(r.conditional))
		}
		if !p.isOp(",") {
			break
		}
		many = true
		line = at(p.cur().line)
	}
	if !many {
		if len(items) > 0 {
			return items[0]
		}
		if !r.parentheses {
			p.fail(p.cur().line, "Expected an expression, got '%s'", p.cur().describe())
		}
	}
	return &tupleNode{line, items}
}

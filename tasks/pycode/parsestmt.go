package pycode

import (
	"fmt"
	"slices"
	"strings"
)

type parser struct {
	tokens []token
	pos    int
	yields *bool // set where the function that is being read yields
}

// parse reads a whole source.
func parse(source string) ([]stmt, error) {
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, yields: new(bool)}
	var out []stmt
	for p.peek().kind != tokEnd {
		if err := p.statement(&out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokEnd {
		p.pos++
	}
	return t
}

func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == tokSymbol || t.kind == tokName) && t.text == text
}

func (p *parser) accept(text string) bool {
	if p.is(text) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{p.peek().line, fmt.Sprintf(format, args...)}
}

func (p *parser) expect(text string) error {
	if !p.accept(text) {
		return p.fail("%q is expected, not %q", text, p.peek().text)
	}
	return nil
}

func (p *parser) expectKind(k kind) (token, error) {
	if p.peek().kind != k {
		return token{}, p.fail("unexpected %q", p.peek().text)
	}
	return p.next(), nil
}

// block reads an indented block, or statements on the same line.
func (p *parser) block() ([]stmt, error) {
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	var out []stmt
	if p.peek().kind != tokNewline {
		return out, p.statement(&out)
	}
	p.next()
	if _, err := p.expectKind(tokIndent); err != nil {
		return nil, err
	}
	for p.peek().kind != tokDedent && p.peek().kind != tokEnd {
		if err := p.statement(&out); err != nil {
			return nil, err
		}
	}
	p.next()
	return out, nil
}

// statement reads one compound statement, or the simple ones of a line.
func (p *parser) statement(out *[]stmt) error {
	t := p.peek()
	compound := map[string]func() (stmt, error){"if": p.ifStmt, "for": p.forStmt, "while": p.whileStmt, "try": p.tryStmt, "with": p.withStmt,
		"def": p.decorated, "class": p.decorated, "@": p.decorated, "async": p.asyncStmt}
	if read := compound[t.text]; read != nil && (t.kind == tokName || t.text == "@") {
		s, err := read()
		if err == nil {
			*out = append(*out, s)
		}
		return err
	}
	for {
		s, err := p.simple()
		if err != nil {
			return err
		}
		*out = append(*out, s)
		if !p.accept(";") || p.peek().kind == tokNewline {
			break
		}
	}
	_, err := p.expectKind(tokNewline)
	return err
}

func (p *parser) asyncStmt() (stmt, error) { return nil, p.fail("async is not interpreted") }

func (p *parser) ifStmt() (stmt, error) {
	p.next()
	s := new(ifStmt)
	var err error
	if s.cond, err = p.expression(); err != nil {
		return nil, err
	}
	if s.yes, err = p.block(); err != nil {
		return nil, err
	}
	switch {
	case p.is("elif"):
		var inner stmt
		if inner, err = p.ifStmt(); err == nil {
			s.no = []stmt{inner}
		}
	default:
		s.no, err = p.elseBlock()
	}
	return s, err
}

func (p *parser) elseBlock() ([]stmt, error) {
	if !p.accept("else") {
		return nil, nil
	}
	return p.block()
}

func (p *parser) forStmt() (stmt, error) {
	s := &forStmt{at: at{p.next().line}}
	var err error
	if s.target, err = p.targets(); err != nil {
		return nil, err
	}
	if err = p.expect("in"); err != nil {
		return nil, err
	}
	if s.over, err = p.expressions(); err != nil {
		return nil, err
	}
	if s.body, err = p.block(); err != nil {
		return nil, err
	}
	s.other, err = p.elseBlock()
	return s, err
}

func (p *parser) whileStmt() (stmt, error) {
	p.next()
	s := new(whileStmt)
	var err error
	if s.cond, err = p.expression(); err != nil {
		return nil, err
	}
	if s.body, err = p.block(); err != nil {
		return nil, err
	}
	s.other, err = p.elseBlock()
	return s, err
}

func (p *parser) tryStmt() (stmt, error) {
	p.next()
	s := new(tryStmt)
	var err error
	if s.body, err = p.block(); err != nil {
		return nil, err
	}
	for p.accept("except") {
		var h handler
		if !p.is(":") {
			if h.class, err = p.expression(); err != nil {
				return nil, err
			}
			if p.accept("as") {
				h.name = p.next().text
			}
		}
		if h.body, err = p.block(); err != nil {
			return nil, err
		}
		s.handlers = append(s.handlers, h)
	}
	if s.other, err = p.elseBlock(); err != nil {
		return nil, err
	}
	if p.accept("finally") {
		s.finally, err = p.block()
	}
	return s, err
}

func (p *parser) withStmt() (stmt, error) {
	s := &withStmt{at: at{p.next().line}}
	brackets := p.is("(") && p.bracketsHoldAs()
	if brackets {
		p.next()
	}
	for !brackets || !p.is(")") {
		var item withItem
		var err error
		if item.value, err = p.expression(); err != nil {
			return nil, err
		}
		if p.accept("as") {
			if item.target, err = p.primary(); err != nil {
				return nil, err
			}
		}
		s.items = append(s.items, item)
		if !p.accept(",") {
			break
		}
	}
	if brackets {
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	var err error
	s.body, err = p.block()
	return s, err
}

// bracketsHoldAs looks ahead: whether the brackets that open here hold an "as" of a with, and are no expression.
func (p *parser) bracketsHoldAs() bool {
	depth := 0
	for _, t := range p.tokens[p.pos:] {
		switch {
		case t.kind == tokSymbol && slices.Contains([]string{"(", "[", "{"}, t.text):
			depth++
		case t.kind == tokSymbol && slices.Contains([]string{")", "]", "}"}, t.text):
			if depth--; depth == 0 {
				return false
			}
		case t.kind == tokName && t.text == "as" && depth == 1:
			return true
		case t.kind == tokNewline:
			return false
		}
	}
	return false
}

// decorated reads a function or class with its decorators.
func (p *parser) decorated() (stmt, error) {
	var decorators []expr
	for p.accept("@") {
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		decorators = append(decorators, e)
		if _, err := p.expectKind(tokNewline); err != nil {
			return nil, err
		}
	}
	line := p.peek().line
	switch {
	case p.accept("def"):
		return p.function(line, decorators)
	case p.accept("class"):
		return p.class(line, decorators)
	}
	return nil, p.fail("a function or class is expected")
}

func (p *parser) function(line int, decorators []expr) (stmt, error) {
	name, err := p.expectKind(tokName)
	if err != nil {
		return nil, err
	}
	s := &defStmt{at: at{line}, name: name.text, decorators: decorators}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if s.params, err = p.params(")", true); err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	if p.accept("->") {
		if _, err := p.expression(); err != nil {
			return nil, err
		}
	}
	outer := p.yields
	p.yields = &s.generator
	s.body, err = p.block()
	p.yields = outer
	return s, err
}

func (p *parser) class(line int, decorators []expr) (stmt, error) {
	name, err := p.expectKind(tokName)
	if err != nil {
		return nil, err
	}
	s := &classStmt{at: at{line}, name: name.text, decorators: decorators}
	if p.accept("(") {
		args, err := p.arguments()
		if err != nil {
			return nil, err
		}
		for _, a := range args {
			if a.name == "" {
				s.bases = append(s.bases, a.value)
			}
		}
	}
	s.body, err = p.block()
	return s, err
}

// params reads parameters up to the closing sign, with annotations where they may be.
func (p *parser) params(end string, annotated bool) (params, error) {
	var out params
	keyword := false
	for !p.is(end) {
		switch {
		case p.accept("**"):
			out.keywords = p.next().text
		case p.accept("*"):
			keyword = true
			if p.peek().kind == tokName {
				out.varargs = p.next().text
			}
		case p.accept("/"):
		default:
			t, err := p.expectKind(tokName)
			if err != nil {
				return out, err
			}
			out.list = append(out.list, param{name: t.text, keyword: keyword})
		}
		if annotated && p.accept(":") {
			if _, err := p.expression(); err != nil {
				return out, err
			}
		}
		if p.accept("=") {
			value, err := p.expression()
			if err != nil {
				return out, err
			}
			out.list[len(out.list)-1].value = value
		}
		if !p.accept(",") {
			break
		}
	}
	return out, nil
}

// simple reads one simple statement.
func (p *parser) simple() (stmt, error) {
	t := p.peek()
	if t.kind == tokName {
		if known, s, err := p.keyword(t); known {
			return s, err
		}
	}
	first, err := p.expressions()
	if err != nil {
		return nil, err
	}
	if p.accept(":") { // an annotation
		if _, err := p.expression(); err != nil {
			return nil, err
		}
		if !p.is("=") {
			return flowStmt{flowNext}, nil
		}
	}
	if next := p.peek(); next.kind == tokSymbol && len(next.text) > 1 && strings.HasSuffix(next.text, "=") &&
		!slices.Contains([]string{"==", "!=", "<=", ">="}, next.text) {
		p.next()
		value, err := p.expressions()
		return &augmentStmt{at{t.line}, first, strings.TrimSuffix(next.text, "="), value}, err
	}
	if !p.is("=") {
		return exprStmt{first}, nil
	}
	s := &assignStmt{at: at{t.line}}
	for p.accept("=") {
		s.targets = append(s.targets, first)
		if first, err = p.expressions(); err != nil {
			return nil, err
		}
	}
	s.value = first
	return s, nil
}

// keyword reads a statement that begins with a keyword; false for any other.
func (p *parser) keyword(t token) (bool, stmt, error) {
	switch t.text {
	case "pass":
		p.next()
		return true, flowStmt{flowNext}, nil
	case "break":
		p.next()
		return true, flowStmt{flowBreak}, nil
	case "continue":
		p.next()
		return true, flowStmt{flowContinue}, nil
	case "return":
		p.next()
		e, err := p.optional()
		return true, returnStmt{e}, err
	case "raise":
		p.next()
		e, err := p.optional()
		if err == nil && p.accept("from") {
			_, err = p.expression()
		}
		return true, &raiseStmt{at{t.line}, e}, err
	case "assert":
		p.next()
		s := &assertStmt{at: at{t.line}}
		var err error
		if s.cond, err = p.expression(); err == nil && p.accept(",") {
			s.msg, err = p.expression()
		}
		return true, s, err
	case "global", "nonlocal":
		p.next()
		s := scopeStmt{nonlocal: t.text == "nonlocal"}
		for {
			s.names = append(s.names, p.next().text)
			if !p.accept(",") {
				return true, s, nil
			}
		}
	case "del":
		p.next()
		e, err := p.expressions()
		s := &deleteStmt{at: at{t.line}, targets: []expr{e}}
		if list, ok := e.(*listExpr); ok {
			s.targets = list.items
		}
		return true, s, err
	case "import", "from":
		s, err := p.imports()
		return true, s, err
	}
	return false, nil, nil
}

// optional reads expressions where the line goes on.
func (p *parser) optional() (expr, error) {
	if p.peek().kind == tokNewline || p.is(";") {
		return nil, nil
	}
	return p.expressions()
}

func (p *parser) dotted() string {
	name := p.next().text
	for p.accept(".") {
		name += "." + p.next().text
	}
	return name
}

func (p *parser) imports() (stmt, error) {
	s := &importStmt{at: at{p.peek().line}}
	plain := p.next().text == "import"
	if !plain {
		for p.is(".") || p.is("...") {
			s.level += len(p.next().text)
		}
		if !p.is("import") {
			s.from = p.dotted()
		}
		if err := p.expect("import"); err != nil {
			return nil, err
		}
	}
	brackets := p.accept("(")
	for {
		n := importName{}
		if n.name = "*"; !p.accept("*") {
			n.name = p.dotted()
		}
		if p.accept("as") {
			n.as = p.next().text
		}
		s.names = append(s.names, n)
		if !p.accept(",") || p.is(")") {
			break
		}
	}
	if brackets {
		return s, p.expect(")")
	}
	if plain && s.level > 0 {
		return nil, p.fail("an import is malformed")
	}
	return s, nil
}

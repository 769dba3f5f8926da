package pycode

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// keywords are no names.
var keywords = []string{"and", "or", "not", "in", "is", "if", "else", "for", "lambda", "from", "import", "as", "with", "while", "return", "raise",
	"try", "except", "finally", "def", "class", "del", "global", "nonlocal", "assert", "pass", "break", "continue", "yield", "elif", "async", "await"}

// expressions reads one expression, or a tuple of several without brackets.
func (p *parser) expressions() (expr, error) { return p.list(p.starred) }

// targets reads what a for loop assigns to.
func (p *parser) targets() (expr, error) {
	return p.list(func() (expr, error) { return p.starredBy(p.bitwise) })
}

// list reads expressions up to one without a comma behind it.
func (p *parser) list(read func() (expr, error)) (expr, error) {
	first, err := read()
	if err != nil || !p.is(",") {
		return first, err
	}
	out := &listExpr{kind: '(', items: []expr{first}}
	for p.accept(",") {
		if t := p.peek(); t.kind == tokNewline || t.kind == tokEnd || t.kind == tokSymbol && slices.Contains([]string{"=", ")", "]", "}", ":", ";"}, t.text) || t.text == "in" && t.kind == tokName {
			break
		}
		e, err := read()
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, e)
	}
	return out, nil
}

func (p *parser) starred() (expr, error) { return p.starredBy(p.expression) }

func (p *parser) starredBy(read func() (expr, error)) (expr, error) {
	if p.accept("*") {
		e, err := p.bitwise()
		return starExpr{e}, err
	}
	return read()
}

// expression reads one expression: a lambda, a choice, or less.
func (p *parser) expression() (expr, error) {
	switch {
	case p.is("lambda"):
		return p.lambda()
	case p.is("yield"):
		return p.yield()
	}
	if t := p.peek(); t.kind == tokName && p.tokens[p.pos+1].text == ":=" && p.tokens[p.pos+1].kind == tokSymbol {
		p.pos += 2
		value, err := p.expression()
		return &walrusExpr{t.text, value}, err
	}
	yes, err := p.or()
	if err != nil || !p.accept("if") {
		return yes, err
	}
	cond, err := p.or()
	if err != nil {
		return nil, err
	}
	if err := p.expect("else"); err != nil {
		return nil, err
	}
	no, err := p.expression()
	return &condExpr{cond, yes, no}, err
}

func (p *parser) lambda() (expr, error) {
	p.next()
	params, err := p.params(":", false)
	if err != nil {
		return nil, err
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	body, err := p.expression()
	return &lambdaExpr{params, body}, err
}

func (p *parser) yield() (expr, error) {
	p.next()
	*p.yields = true
	y := &yieldExpr{from: p.accept("from")}
	var err error
	if t := p.peek(); t.kind != tokNewline && t.text != ")" {
		y.value, err = p.expressions()
	}
	return y, err
}

func (p *parser) or() (expr, error) { return p.logic("or", p.and) }

func (p *parser) and() (expr, error) { return p.logic("and", p.not) }

func (p *parser) logic(word string, read func() (expr, error)) (expr, error) {
	first, err := read()
	if err != nil || !p.is(word) {
		return first, err
	}
	out := &boolExpr{and: word == "and", values: []expr{first}}
	for p.accept(word) {
		e, err := read()
		if err != nil {
			return nil, err
		}
		out.values = append(out.values, e)
	}
	return out, nil
}

func (p *parser) not() (expr, error) {
	if p.accept("not") {
		e, err := p.not()
		return &unaryExpr{"not", e}, err
	}
	return p.comparison()
}

func (p *parser) comparison() (expr, error) {
	first, err := p.bitwise()
	if err != nil {
		return nil, err
	}
	c := &compareExpr{at: at{p.peek().line}, first: first}
	for {
		op := p.comparator()
		if op == "" {
			break
		}
		e, err := p.bitwise()
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, e)
	}
	if c.ops == nil {
		return first, nil
	}
	return c, nil
}

func (p *parser) comparator() string {
	t := p.peek()
	switch {
	case t.kind == tokSymbol && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text):
		return p.next().text
	case p.accept("in"):
		return "in"
	case p.is("not") && p.tokens[p.pos+1].text == "in":
		p.pos += 2
		return "not in"
	case p.accept("is"):
		if p.accept("not") {
			return "is not"
		}
		return "is"
	}
	return ""
}

// levels are the operators of two sides, from the weakest on.
var levels = [][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%", "@"}}

func (p *parser) bitwise() (expr, error) { return p.binary(0) }

func (p *parser) binary(level int) (expr, error) {
	if level == len(levels) {
		return p.factor()
	}
	left, err := p.binary(level + 1)
	if err != nil {
		return nil, err
	}
	for p.peek().kind == tokSymbol && slices.Contains(levels[level], p.peek().text) {
		op := p.next()
		right, err := p.binary(level + 1)
		if err != nil {
			return nil, err
		}
		left = &binaryExpr{at{op.line}, op.text, left, right}
	}
	return left, nil
}

func (p *parser) factor() (expr, error) {
	if t := p.peek(); t.kind == tokSymbol && (t.text == "-" || t.text == "+" || t.text == "~") {
		p.next()
		e, err := p.factor()
		return &unaryExpr{t.text, e}, err
	}
	base, err := p.primary()
	if err != nil || !p.is("**") {
		return base, err
	}
	line := p.next().line
	e, err := p.factor()
	return &binaryExpr{at{line}, "**", base, e}, err
}

// primary reads an atom with its attributes, items and calls.
func (p *parser) primary() (expr, error) {
	e, err := p.atom()
	for err == nil {
		t := p.peek()
		switch {
		case p.accept("."):
			e = &attrExpr{at{t.line}, e, p.next().text}
		case p.accept("("):
			var args []argument
			args, err = p.arguments()
			e = &callExpr{at{t.line}, e, args}
		case p.accept("["):
			var key expr
			if key, err = p.list(p.subscript); err == nil {
				err = p.expect("]")
			}
			e = &indexExpr{at{t.line}, e, key}
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) subscript() (expr, error) {
	var parts [3]expr
	n := 0
	for ; n < 3; n++ {
		if !p.is(":") && !p.is("]") && !p.is(",") {
			var err error
			if parts[n], err = p.starred(); err != nil {
				return nil, err
			}
		}
		if n == 2 || !p.accept(":") {
			break
		}
	}
	if n == 0 {
		return parts[0], nil
	}
	return &sliceExpr{parts[0], parts[1], parts[2]}, nil
}

// arguments reads a call's arguments and the closing bracket.
func (p *parser) arguments() ([]argument, error) {
	var out []argument
	for !p.is(")") {
		var a argument
		var err error
		switch t := p.peek(); {
		case p.accept("**"):
			a.stars = 2
		case p.accept("*"):
			a.stars = 1
		case t.kind == tokName && p.tokens[p.pos+1].kind == tokSymbol && p.tokens[p.pos+1].text == "=":
			a.name = t.text
			p.pos += 2
		}
		if a.value, err = p.expression(); err != nil {
			return nil, err
		}
		if p.is("for") || p.is("async") {
			c := &compExpr{kind: '(', value: a.value}
			if c.loops, err = p.loops(); err != nil {
				return nil, err
			}
			a.value = c
		}
		out = append(out, a)
		if !p.accept(",") {
			break
		}
	}
	return out, p.expect(")")
}

// loops reads the for and if parts of a comprehension.
func (p *parser) loops() ([]compLoop, error) {
	var out []compLoop
	for p.accept("for") {
		var l compLoop
		var err error
		if l.target, err = p.targets(); err != nil {
			return nil, err
		}
		if err = p.expect("in"); err != nil {
			return nil, err
		}
		if l.over, err = p.or(); err != nil {
			return nil, err
		}
		for p.accept("if") {
			cond, err := p.condition()
			if err != nil {
				return nil, err
			}
			l.conds = append(l.conds, cond)
		}
		out = append(out, l)
	}
	return out, nil
}

// condition reads what follows the if of a comprehension: no choice without brackets.
func (p *parser) condition() (expr, error) {
	if t := p.peek(); t.kind == tokName && p.tokens[p.pos+1].text == ":=" {
		return p.expression()
	}
	return p.or()
}

func (p *parser) atom() (expr, error) {
	t := p.next()
	switch t.kind {
	case tokName:
		switch t.text {
		case "None":
			return constant{nil}, nil
		case "True":
			return constant{true}, nil
		case "False":
			return constant{false}, nil
		}
		if !slices.Contains(keywords, t.text) {
			return &nameExpr{at{t.line}, t.text}, nil
		}
	case tokNumber:
		return p.number(t)
	case tokText:
		return p.texts(t)
	case tokSymbol:
		switch t.text {
		case "(":
			return p.brackets()
		case "[":
			return p.square()
		case "{":
			return p.braces()
		case "...":
			return constant{ellipsis}, nil
		}
	}
	p.pos--
	return nil, p.fail("unexpected %q", t.text)
}

func (p *parser) number(t token) (expr, error) {
	s := strings.ToLower(t.text)
	if strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0b") || strings.HasPrefix(s, "0o") {
		n, ok := new(big.Int).SetString(s, 0)
		if !ok || !n.IsInt64() {
			return nil, p.fail("the number %s is not interpreted", t.text)
		}
		return constant{n.Int64()}, nil
	}
	if strings.ContainsAny(s, ".e") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, p.fail("malformed number %s", t.text)
		}
		return constant{f}, nil
	}
	v, err := pyval.ParseInt(s, 10)
	if err != nil {
		return nil, p.fail("malformed number %s", t.text)
	}
	return constant{v}, nil
}

// brackets reads what stands in round brackets, behind the first.
func (p *parser) brackets() (expr, error) {
	if p.accept(")") {
		return &listExpr{kind: '('}, nil
	}
	first, err := p.starred()
	if err != nil {
		return nil, err
	}
	if p.is("for") {
		loops, err := p.loops()
		if err != nil {
			return nil, err
		}
		return &compExpr{kind: '(', value: first, loops: loops}, p.expect(")")
	}
	if _, star := first.(starExpr); !star && p.accept(")") {
		return first, nil
	}
	items, err := p.items(first, ")")
	return &listExpr{kind: '(', items: items}, err
}

// items reads the rest of a list behind its first item, and the closing bracket.
func (p *parser) items(first expr, end string) ([]expr, error) {
	out := []expr{first}
	for p.accept(",") && !p.is(end) {
		e, err := p.starred()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, p.expect(end)
}

func (p *parser) square() (expr, error) {
	if p.accept("]") {
		return &listExpr{kind: '['}, nil
	}
	first, err := p.starred()
	if err != nil {
		return nil, err
	}
	if p.is("for") {
		loops, err := p.loops()
		if err != nil {
			return nil, err
		}
		return &compExpr{kind: '[', value: first, loops: loops}, p.expect("]")
	}
	items, err := p.items(first, "]")
	return &listExpr{kind: '[', items: items}, err
}

// braces reads a dictionary or set.
func (p *parser) braces() (expr, error) {
	if p.accept("}") {
		return &dictExpr{}, nil
	}
	if !p.is("**") {
		first, err := p.starred()
		if err != nil {
			return nil, err
		}
		if !p.is(":") {
			if p.is("for") {
				loops, err := p.loops()
				if err != nil {
					return nil, err
				}
				return &compExpr{kind: '{', value: first, loops: loops}, p.expect("}")
			}
			items, err := p.items(first, "}")
			return &listExpr{kind: '{', items: items}, err
		}
		return p.dict(first)
	}
	return p.dict(nil)
}

// dict reads a dictionary whose first key is read, or none.
func (p *parser) dict(key expr) (expr, error) {
	d := &dictExpr{}
	for {
		var value expr
		var err error
		switch {
		case key == nil && p.accept("**"):
			if value, err = p.bitwise(); err != nil {
				return nil, err
			}
		default:
			if key == nil {
				if key, err = p.expression(); err != nil {
					return nil, err
				}
			}
			if err = p.expect(":"); err != nil {
				return nil, err
			}
			if value, err = p.expression(); err != nil {
				return nil, err
			}
			if p.is("for") {
				loops, err := p.loops()
				if err != nil {
					return nil, err
				}
				return &compExpr{kind: ':', key: key, value: value, loops: loops}, p.expect("}")
			}
		}
		d.keys, d.values = append(d.keys, key), append(d.values, value)
		key = nil
		if !p.accept(",") || p.is("}") {
			return d, p.expect("}")
		}
	}
}

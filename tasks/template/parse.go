package template

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// parser reads tokens into statements and expressions, by jinja2's grammar.
type parser struct {
	tokens []token
	pos    int
	opts   *Options
	depth  int
	ends   [][]string // names of the tags that would close what is open
	open   []string   // tags that are open
	loops  int        // loops that break and continue may mean
}

// maxNesting bounds how deep brackets and blocks nest: CPython's compiler gives up at less.
const maxNesting = 150

type syntaxPanic struct{ err *Error }

func parse(src string, opts *Options) (body []stmt, err error) {
	tokens, err := lex(src, opts)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, opts: opts}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case syntaxPanic:
			body, err = nil, r.err
		default:
			panic(r)
		}
	}()
	return p.block(nil), nil
}

// fail ends the parse; parse turns it into an error.
func (p *parser) fail(line int, format string, args ...any) {
	p.failAs("TemplateSyntaxError", line, format, args...)
}

// failAs fails as another exception: what jinja2's own parser takes, CPython's may not.
func (p *parser) failAs(kind string, line int, format string, args ...any) {
	panic(syntaxPanic{&Error{Line: line, Kind: kind, Err: textError(fmt.Sprintf(format, args...))}})
}

func (p *parser) cur() token { return p.tokens[p.pos] }

func (p *parser) look() token { return p.tokens[min(p.pos+1, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != kindEOF {
		p.pos++
	}
	return t
}

func (p *parser) isOp(op string) bool { return p.cur().is(kindOp, op) }

func (p *parser) isName(name string) bool { return p.cur().is(kindName, name) }

func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.pos++
		return true
	}
	return false
}

// describe names a token as jinja2's messages do.
func (t token) describe() string {
	switch t.kind {
	case kindEOF:
		return "end of template"
	case kindData:
		return "template data / text"
	case kindVariableBegin:
		return "begin of print statement"
	case kindVariableEnd:
		return "end of print statement"
	case kindBlockBegin:
		return "begin of statement block"
	case kindBlockEnd:
		return "end of statement block"
	}
	return t.text
}

func (p *parser) expectKind(k kind, what string) token {
	t := p.cur()
	if t.kind != k {
		if t.kind == kindEOF {
			p.fail(t.line, "unexpected end of template, expected '%s'.", what)
		}
		p.fail(t.line, "expected token '%s', got '%s'", what, t.describe())
	}
	return p.next()
}

func (p *parser) expectOp(op string) token {
	if !p.isOp(op) {
		return p.expectKind(kindNone, op)
	}
	return p.next()
}

func (p *parser) expectName(name string) {
	if !p.isName(name) {
		p.expectKind(kindNone, name)
	}
	p.next()
}

func (p *parser) enter() {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.cur().line, "tags or brackets are nested deeper than %d", maxNesting)
	}
}

func (p *parser) leave() { p.depth-- }

// block reads statements up to one of the tags that end it, which it leaves; nil ends stand for the
// template's end.
func (p *parser) block(ends []string) []stmt {
	p.enter()
	defer p.leave()
	if ends != nil {
		p.ends = append(p.ends, ends)
		defer func() { p.ends = p.ends[:len(p.ends)-1] }()
	}
	var body []stmt
	var out *outputNode
	add := func(n node) {
		if out == nil {
			out = &outputNode{at: at(n.lineNo())}
			body = append(body, out)
		}
		out.parts = append(out.parts, n)
	}
	for {
		switch t := p.next(); t.kind {
		case kindEOF:
			if ends != nil {
				p.unknownTag("", t.line)
			}
			return body
		case kindData:
			add(&textNode{at(t.line), t.text})
		case kindVariableBegin:
			add(p.tuple(tupleRules{conditional: true}))
			p.expectKind(kindVariableEnd, "}}")
		case kindBlockBegin:
			out = nil
			if p.cur().kind == kindName && contains(ends, p.cur().text) {
				return body
			}
			body = append(body, p.statement())
			p.expectKind(kindBlockEnd, "%}")
		}
	}
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// body reads the rest of a tag, and statements up to one of ends, which it leaves.
func (p *parser) body(ends ...string) []stmt {
	p.skipOp(":")
	p.expectKind(kindBlockEnd, "%}")
	return p.block(ends)
}

// closed reads a body and the tag that ends it.
func (p *parser) closed(end string) []stmt {
	body := p.body(end)
	p.next()
	return body
}

// unknownTag fails with what was looked for; an empty name stands for the end of the template.
func (p *parser) unknownTag(name string, line int) {
	msg := "Unexpected end of template."
	if name != "" {
		msg = "Encountered unknown tag " + pyval.Repr(name) + "."
	}
	if n := len(p.ends); n > 0 {
		looking := "'" + strings.Join(p.ends[n-1], "' or '") + "'"
		nested := false
		for _, ends := range p.ends {
			nested = nested || contains(ends, name)
		}
		if name != "" && nested {
			msg += " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for " + looking + "."
		} else {
			msg += " Jinja was looking for the following tags: " + looking + "."
		}
	}
	if n := len(p.open); n > 0 {
		msg += " The innermost block that needs to be closed is '" + p.open[n-1] + "'."
	}
	p.fail(line, "%s", msg)
}

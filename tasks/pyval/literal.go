package pyval

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LiteralEval reads a Python literal, as ast.literal_eval does: numbers, strings, lists, tuples,
// dictionaries, True, False and None. What is valid in Python but has no place in a task file (sets, bytes,
// complex numbers, Ellipsis) is refused by name. Errors are of kind SyntaxError or ValueError, or TypeError
// for a key that cannot be hashed.
func LiteralEval(s string) (Value, error) {
	if strings.ContainsRune(s, 0) {
		return nil, syntaxError("source code string cannot contain null bytes")
	}
	if strings.ContainsRune(s, '\r') {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	p := &literalParser{rest: strings.TrimLeft(s, " \t")}
	if err := p.skipBlankLines(); err != nil {
		return nil, err
	}
	v, err := p.tuple(0)
	if err != nil {
		return nil, err
	}
	p.depth = 1 // only blank lines may follow
	if p.skip(); p.rest != "" {
		return nil, p.unexpected()
	}
	return v, nil
}

// literalParser reads from the front of rest.
type literalParser struct {
	rest  string
	depth int // of brackets: within them a line end is white space
}

// maxBrackets is how deep CPython's tokenizer lets brackets nest.
const maxBrackets = 200

// skipBlankLines skips lines that hold nothing or a comment; the literal then begins its line.
func (p *literalParser) skipBlankLines() error {
	for {
		line, rest, more := strings.Cut(p.rest, "\n")
		text := strings.TrimLeft(line, " \t\f")
		if !more || text != "" && text[0] != '#' {
			if line != "" && (line[0] == ' ' || line[0] == '\t') && text != "" {
				return Errorf("IndentationError", "unexpected indent")
			}
			return nil
		}
		p.rest = rest
	}
}

// skip skips white space, comments and continued lines.
func (p *literalParser) skip() {
	for p.rest != "" {
		switch c := p.rest[0]; {
		case c == ' ' || c == '\t' || c == '\f' || c == '\n' && p.depth > 0:
			p.rest = p.rest[1:]
		case c == '#':
			i := strings.IndexByte(p.rest, '\n')
			if i < 0 {
				i = len(p.rest)
			}
			p.rest = p.rest[i:]
		case strings.HasPrefix(p.rest, "\\\n") && len(p.rest) > 2:
			p.rest = p.rest[2:]
		default:
			return
		}
	}
}

func (p *literalParser) unexpected() error {
	if p.rest == "" {
		return syntaxError("unexpected end of the literal")
	}
	if p.rest[0] == '\n' {
		return syntaxError("the literal ends at its line's end")
	}
	r, _ := utf8.DecodeRuneInString(p.rest)
	if r == '_' || unicode.IsLetter(r) || strings.ContainsRune(".+-*/%@&|^<>=!~:", r) {
		return valueError("malformed literal at %s: only numbers, strings, lists, tuples, dictionaries, True, False and None are allowed", p.near())
	}
	return syntaxError("invalid syntax at %s", p.near())
}

func (p *literalParser) near() string {
	s := p.rest
	if runeCount(s) > 20 {
		s = string([]rune(s[:min(len(s), 100)])[:20]) + "…"
	}
	return strconv.Quote(s)
}

func (p *literalParser) take(c byte) bool {
	p.skip()
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// tuple reads a value, or several with commas between them; end is the bracket that closes them, or 0.
func (p *literalParser) tuple(end byte) (Value, error) {
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	items := Tuple{v}
	many := false
	for p.take(',') {
		many = true
		p.skip()
		if p.rest == "" || p.rest[0] == end || p.rest[0] == '\n' {
			break
		}
		if v, err = p.value(); err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	if !many {
		return v, nil
	}
	return items, nil
}

func (p *literalParser) value() (Value, error) {
	p.skip()
	if p.rest == "" {
		return nil, p.unexpected()
	}
	switch c := p.rest[0]; {
	case c == '(' || c == '[' || c == '{':
		if p.depth++; p.depth > maxBrackets {
			return nil, syntaxError("too many nested parentheses")
		}
		p.rest = p.rest[1:]
		v, err := p.brackets(c)
		if err != nil {
			return nil, err
		}
		if p.depth--; p.depth == 0 {
			p.rest = strings.TrimLeft(p.rest, " \t\f")
		}
		return v, nil
	case c == '+' || c == '-':
		p.rest = p.rest[1:]
		return p.signed(c)
	case c >= '0' && c <= '9' || c == '.':
		return p.number()
	case c == '\'' || c == '"':
		return p.strings()
	}
	return p.word()
}

func (p *literalParser) signed(sign byte) (Value, error) {
	before := p.depth
	for p.take('(') {
		p.depth++
	}
	if p.rest == "" || p.rest[0] != '.' && (p.rest[0] < '0' || p.rest[0] > '9') {
		return nil, valueError("malformed literal: a sign must stand before a number, not %s", p.near())
	}
	v, err := p.number()
	for err == nil && p.depth > before {
		if !p.take(')') {
			err = p.unexpected()
		}
		p.depth--
	}
	if err != nil || sign == '+' {
		return v, err
	}
	return Neg(v)
}

// brackets reads what follows an opening bracket, and the closing one.
func (p *literalParser) brackets(open byte) (Value, error) {
	switch open {
	case '(':
		if p.take(')') {
			return Tuple{}, nil
		}
		v, err := p.tuple(')')
		if err == nil && !p.take(')') {
			err = p.unexpected()
		}
		return v, err
	case '{':
		return p.dict()
	}
	list := List{}
	for !p.take(']') {
		if len(list) > 0 {
			if !p.take(',') {
				return nil, p.unexpected()
			}
			if p.take(']') {
				break
			}
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (p *literalParser) dict() (Value, error) {
	dict := new(Dict)
	for n := 0; !p.take('}'); n++ {
		if n > 0 {
			if !p.take(',') {
				return nil, p.unexpected()
			}
			if p.take('}') {
				break
			}
		}
		key, err := p.value()
		if err != nil {
			return nil, err
		}
		if !p.take(':') {
			if p.skip(); p.rest != "" && (p.rest[0] == ',' || p.rest[0] == '}') {
				return nil, valueError("a set is not supported: write a list")
			}
			return nil, p.unexpected()
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		if err := dict.SetItem(key, v); err != nil {
			return nil, err
		}
	}
	return dict, nil
}

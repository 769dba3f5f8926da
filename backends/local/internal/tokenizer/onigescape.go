package tokenizer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// escape reads a backslash and what it means outside of a class.
func (p *onig) escape(f flags) (bool, error) {
	if p.at+1 >= len(p.in) {
		return false, errors.New("it ends with a backslash")
	}
	switch next := p.in[p.at+1]; next {
	case 'A', 'z':
		p.at += 2
		p.out.WriteString(`\` + string(next))
		return false, nil
	case 'Z':
		p.at += 2
		p.out.WriteString(`(?=\n?\z)`)
		p.fancy = true
		return false, nil
	case 'b', 'B':
		p.at += 2
		p.boundary(next == 'b')
		return false, nil
	case 'R':
		p.at += 2
		p.fancy = true
		p.out.WriteString("(?>\r\n|[\\n-\\r\u0085\u2028\u2029])")
		return true, nil
	}
	c, r, err := p.escaped()
	if err != nil {
		return false, err
	}
	if c == nil {
		p.literal(r, f)
		return true, nil
	}
	if f.fold {
		c = c.fold()
	}
	c.write(&p.out)
	return true, nil
}

// boundary writes a word boundary as assertions, since engines differ on what a word is.
func (p *onig) boundary(is bool) {
	p.fancy = true
	var w strings.Builder
	named("onigw").write(&w)
	form := "(?:(?<=%s)(?!%s)|(?<!%s)(?=%s))"
	if !is {
		form = "(?:(?<=%s)(?=%s)|(?<!%s)(?!%s))"
	}
	s := w.String()
	fmt.Fprintf(&p.out, form, s, s, s, s)
}

// escaped reads a backslash and what it means in a class and outside: a set, or a character where the set is nil.
func (p *onig) escaped() (charset, rune, error) {
	p.at++
	if !p.more() {
		return nil, 0, errors.New("it ends with a backslash")
	}
	r := p.char()
	if c, ok := escapeSet(r); ok {
		return c, 0, nil
	}
	switch r {
	case 'n':
		return nil, '\n', nil
	case 't':
		return nil, '\t', nil
	case 'r':
		return nil, '\r', nil
	case 'f':
		return nil, '\f', nil
	case 'v':
		return nil, '\v', nil
	case 'a':
		return nil, '\a', nil
	case 'e':
		return nil, 0x1b, nil
	case '0':
		return nil, 0, nil
	case 'x', 'u':
		code, err := p.code(r)
		return nil, code, err
	case 'p', 'P':
		c, err := p.property(r == 'P')
		return c, 0, err
	}
	if r >= '1' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return nil, 0, fmt.Errorf(`\%c is not supported`, r)
	}
	return nil, r, nil
}

// code reads the digits of \xHH, \x{H} or \uHHHH.
func (p *onig) code(kind rune) (rune, error) {
	digits, size := "", 2
	if kind == 'u' {
		size = 4
	}
	if kind == 'x' && p.takes("{") {
		end := strings.IndexByte(p.in[p.at:], '}')
		if end < 0 {
			return 0, errors.New("a brace is not closed")
		}
		digits = p.in[p.at : p.at+end]
		p.at += end + 1
	} else {
		if p.at+size > len(p.in) {
			return 0, errors.New("a character's code is cut off")
		}
		digits = p.in[p.at : p.at+size]
		p.at += size
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || n > 0x10ffff || n >= 0xd800 && n < 0xe000 {
		return 0, fmt.Errorf("%q is no character's code", digits)
	}
	if kind == 'x' && size == 2 && n >= 0x80 && len(digits) == 2 {
		return 0, errors.New("bytes of a character are not supported")
	}
	return rune(n), nil
}

// property reads {Name} or {^Name}.
func (p *onig) property(not bool) (charset, error) {
	end := strings.IndexByte(p.in[p.at:], '}')
	if !p.takes("{") || end < 0 {
		return nil, errors.New("a property's name is missing")
	}
	name := p.in[p.at : p.at+end-1]
	p.at += end
	if rest, ok := strings.CutPrefix(name, "^"); ok {
		not, name = !not, rest
	}
	c, err := propertySet(name)
	if err != nil {
		return nil, err
	}
	if not {
		c = c.not()
	}
	return c, nil
}

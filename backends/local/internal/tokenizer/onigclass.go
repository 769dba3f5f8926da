package tokenizer

import (
	"errors"
	"fmt"
	"strings"
)

// class reads a bracket expression, with others in it and && between sets.
func (p *onig) class(f flags) (charset, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, errors.New("classes nest too deeply")
	}
	defer func() { p.depth-- }()
	p.at++
	not := p.takes("^")
	var set, both charset
	have := false // both holds what stands before an &&
	for first := true; ; first = false {
		switch {
		case !p.more():
			return nil, errors.New("a bracket is not closed")
		case p.sees("]") && !first:
			p.at++
			if set = set.normal(); have {
				set = set.and(both)
			}
			if f.fold {
				set = set.fold()
			}
			if not {
				set = set.not()
			}
			return set, nil
		case p.takes("&&"):
			if set = set.normal(); have {
				set = set.and(both)
			}
			both, set, have = set, nil, true
		default:
			c, err := p.classItem(f)
			if err != nil {
				return nil, err
			}
			set = append(set, c...)
		}
	}
}

// classItem reads a character, a range, a set or a class in a class.
func (p *onig) classItem(f flags) (charset, error) {
	if p.sees("[:") {
		return p.posix()
	}
	if p.sees("[") {
		return p.class(f)
	}
	lo, c, err := p.classChar()
	if err != nil || c != nil {
		return c, err
	}
	if !p.sees("-") || p.sees("-]") || p.sees("-[") {
		return charset{{lo, lo}}, nil
	}
	p.at++
	hi, c, err := p.classChar()
	switch {
	case err != nil:
		return nil, err
	case c != nil:
		return append(c, span{lo, lo}, span{'-', '-'}), nil
	case hi < lo:
		return nil, fmt.Errorf("the range %c-%c is empty", lo, hi)
	}
	return charset{{lo, hi}}, nil
}

// classChar reads a character of a class, or a set that a backslash names.
func (p *onig) classChar() (rune, charset, error) {
	if !p.more() {
		return 0, nil, errors.New("a bracket is not closed")
	}
	if !p.sees(`\`) {
		return p.char(), nil, nil
	}
	switch {
	case p.takes(`\b`):
		return '\b', nil, nil
	case p.takes(`\w`):
		return 0, named("classw"), nil
	case p.takes(`\W`):
		return 0, named("classw").not(), nil
	}
	c, r, err := p.escaped()
	return r, c, err
}

// posix reads a class such as [:space:] or [:^digit:].
func (p *onig) posix() (charset, error) {
	end := strings.Index(p.in[p.at:], ":]")
	if end < 0 {
		return nil, errors.New("a bracket is not closed")
	}
	name, not := strings.CutPrefix(p.in[p.at+2:p.at+end], "^")
	p.at += end + 2
	var c charset
	switch name {
	case "word":
		c = named("classw")
	case "space":
		c = named("space")
	case "digit":
		c = named("onigNd")
	case "alpha", "upper", "lower", "punct":
		c = named("posix" + name)
	case "alnum":
		c = named("posixalpha", "onigNd")
	case "xdigit":
		c, _ = escapeSet('h')
	default:
		return nil, fmt.Errorf("[:%s:] is not supported", name)
	}
	if not {
		c = c.not()
	}
	return c, nil
}

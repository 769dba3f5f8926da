package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The bounds of a pattern from a file.
const (
	maxPattern = 1 << 14 // bytes
	// maxTranslated is of what a pattern is translated to, in which a class such as \p{L} takes 5,000 bytes.
	maxTranslated = 1 << 18
	maxNesting    = 50
	maxRepeat     = 1000
)

// onig translates a pattern from the syntax of Oniguruma, which tokenizer.json files use, to one that Go's regexp and
// regexp2 understand alike. Character classes are written out with the reference's tables, and ignoring case is done by
// adding the other cases, so that what is left has no meaning in which engines differ. (Syntax: Oniguruma, doc/RE,
// as Ruby has it.) Case folding that changes the number of characters, as of ß to ss, is not done.
type onig struct {
	in    string
	at    int
	out   strings.Builder
	depth int
	// fancy says that the pattern looks around or forbids going back, which Go's regexp does not know.
	fancy bool
}

// flags are the options in force in a part of a pattern.
type flags struct{ fold, dotAll bool }

func translate(in string) (out string, fancy bool, err error) {
	if len(in) > maxPattern {
		return "", false, fmt.Errorf("the pattern has %d bytes, more than %d", len(in), maxPattern)
	}
	p := &onig{in: in}
	if err := p.alternatives(flags{}); err != nil {
		return "", false, fmt.Errorf("pattern %q: %w", in, err)
	}
	if p.at < len(in) {
		return "", false, fmt.Errorf("pattern %q: a parenthesis too much at byte %d", in, p.at)
	}
	return p.out.String(), p.fancy, nil
}

func (p *onig) more() bool             { return p.at < len(p.in) }
func (p *onig) sees(s string) bool     { return strings.HasPrefix(p.in[p.at:], s) }
func (p *onig) takes(s string) bool    { ok := p.sees(s); p.at += len(s) * btoi(ok); return ok }
func (p *onig) unknown(s string) error { return fmt.Errorf("%s at byte %d is not supported", s, p.at) }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *onig) char() rune {
	r, size := utf8.DecodeRuneInString(p.in[p.at:])
	p.at += size
	return r
}

// alternatives reads up to the end of the pattern or of the group.
func (p *onig) alternatives(f flags) error {
	if p.depth++; p.depth > maxNesting {
		return errors.New("groups nest too deeply")
	}
	defer func() { p.depth-- }()
	for p.more() && !p.sees(")") {
		if p.takes("|") {
			p.out.WriteByte('|')
			continue
		}
		start := p.out.Len()
		atom, err := p.atom(&f)
		if err != nil {
			return err
		}
		if err := p.quantifiers(start, atom); err != nil {
			return err
		}
		if p.out.Len() > maxTranslated {
			return errors.New("it is too large with its classes written out")
		}
	}
	return nil
}

// atom reads what a quantifier may follow; it is false for an assertion or option that none may follow.
func (p *onig) atom(f *flags) (bool, error) {
	switch {
	case p.sees("("):
		return p.group(f)
	case p.sees("["):
		c, err := p.class(*f)
		if err == nil {
			c.write(&p.out)
		}
		return true, err
	case p.takes("^"):
		p.out.WriteString(`(?m:^)`)
		return false, nil
	case p.takes("$"):
		p.out.WriteString(`(?m:$)`)
		return false, nil
	case p.takes("."):
		if f.dotAll {
			charset(nil).not().write(&p.out)
		} else {
			charset{{'\n', '\n'}}.not().write(&p.out)
		}
		return true, nil
	case p.sees(`\`):
		return p.escape(*f)
	case strings.ContainsRune("*+?", rune(p.in[p.at])):
		return false, fmt.Errorf("nothing to repeat at byte %d", p.at)
	}
	p.literal(p.char(), *f)
	return true, nil
}

func (p *onig) literal(r rune, f flags) {
	if c := (charset{{r, r}}); f.fold && len(c.fold()) > 1 {
		c.fold().write(&p.out)
		return
	}
	writeChar(&p.out, r)
}

// group reads a group, of which capturing ones are written as ones that are not: only the match counts.
func (p *onig) group(f *flags) (bool, error) {
	inner := *f
	quantifiable := true
	switch {
	case p.takes("(?:"):
		p.out.WriteString("(?:")
	case p.takes("(?="), p.takes("(?!"), p.takes("(?<="), p.takes("(?<!"), p.takes("(?>"):
		open := p.in[strings.LastIndexByte(p.in[:p.at], '('):p.at]
		p.out.WriteString(open)
		p.fancy = true
		quantifiable = open == "(?>"
	case p.takes("(?<"), p.takes("(?P<"):
		end := strings.IndexByte(p.in[p.at:], '>')
		if end < 0 {
			return false, p.unknown("this group")
		}
		p.at += end + 1
		p.out.WriteString("(?:")
	case p.takes("(?"):
		if err := p.options(&inner); err != nil {
			return false, err
		}
		if p.takes(")") {
			// The options hold to the end of the group around.
			*f = inner
			return false, nil
		}
		if !p.takes(":") {
			return false, p.unknown("this group")
		}
		p.out.WriteString("(?:")
	default:
		p.at++
		p.out.WriteString("(?:")
	}
	if err := p.alternatives(inner); err != nil {
		return false, err
	}
	if !p.takes(")") {
		return false, errors.New("a parenthesis is not closed")
	}
	p.out.WriteByte(')')
	return quantifiable, nil
}

// options reads letters such as i and -m.
func (p *onig) options(f *flags) error {
	on := true
	for ; p.more(); p.at++ {
		switch p.in[p.at] {
		case '-':
			on = false
		case 'i':
			f.fold = on
		case 'm':
			f.dotAll = on
		case ':', ')':
			return nil
		default:
			return p.unknown("this option")
		}
	}
	return nil
}

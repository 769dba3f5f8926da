package tokenizer

import (
	"fmt"
	"strings"
)

// quantifiers reads what repeats the atom written from start on. A plus after * + or ? forbids going back, as Oniguruma
// has it; after braces it repeats.
func (p *onig) quantifiers(start int, atom bool) error {
	for p.more() {
		var q string
		braces := false
		switch {
		case p.takes("*"):
			q = "*"
		case p.takes("+"):
			q = "+"
		case p.takes("?"):
			q = "?"
		case p.sees("{"):
			var err error
			if q, err = p.braces(); err != nil {
				return err
			}
			braces = q != ""
			if !braces {
				return nil
			}
		default:
			return nil
		}
		if !atom {
			return p.unknown("repeating an assertion")
		}
		whole := p.out.String()
		p.out.Reset()
		p.out.WriteString(whole[:start])
		switch {
		case !braces && p.takes("+"):
			p.fancy = true
			p.out.WriteString("(?>" + whole[start:] + q + ")")
		case p.takes("?"):
			if braces && !strings.Contains(q, ",") {
				return p.unknown("a question mark after a number of repeats")
			}
			p.out.WriteString("(?:" + whole[start:] + q + "?)")
		default:
			p.out.WriteString("(?:" + whole[start:] + q + ")")
		}
	}
	return nil
}

// braces reads {n}, {n,}, {,m} or {n,m}; it gives "" where the brace is a character like others.
func (p *onig) braces() (string, error) {
	end := strings.IndexByte(p.in[p.at:], '}')
	if end < 0 {
		return "", nil
	}
	low, high, isRange := strings.Cut(p.in[p.at+1:p.at+end], ",")
	n, ok1 := number(low)
	m, ok2 := number(high)
	if !ok1 || !ok2 || low == "" && high == "" {
		return "", nil
	}
	if high == "" {
		m = n
	}
	if m < n || m > maxRepeat {
		return "", p.unknown("this number of repeats")
	}
	p.at += end + 1
	switch {
	case !isRange:
		return fmt.Sprintf("{%d}", n), nil
	case high == "":
		return fmt.Sprintf("{%d,}", n), nil
	}
	return fmt.Sprintf("{%d,%d}", n, m), nil
}

// number reads digits, of which there may be none; a number past any bound is given as one past maxRepeat.
func number(s string) (int, bool) {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(10*n+int(c-'0'), maxRepeat+1)
	}
	return n, true
}

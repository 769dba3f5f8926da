package tokenizer

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// matchTimeout bounds the time that a pattern which goes back and forth may take for one piece of text.
const matchTimeout = 5 * time.Second

// compile makes the pattern of a Split or Replace: a scanner where it is well known, Go's regexp where that knows all
// that it uses, and regexp2 else.
func compile(expr string) (pattern, error) {
	if s, ok := scanners[expr]; ok {
		return s, nil
	}
	return compileEngine(expr)
}

func compileEngine(expr string) (pattern, error) {
	out, fancy, err := translate(expr)
	if err != nil {
		return nil, err
	}
	if !fancy {
		re, err := regexp.Compile(out)
		if err == nil {
			return (*linear)(re), nil
		}
		return nil, fmt.Errorf("pattern %q: %w", expr, err)
	}
	re, err := regexp2.Compile(out, regexp2.OptionMaxBacktrackingStackSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", expr, err)
	}
	p := &backtracking{re: re, expr: expr}
	p.setTimeout(matchTimeout)
	return p, nil
}

// linear is a pattern whose time is bounded by the length of the text.
type linear regexp.Regexp

func (l *linear) matches(dst []bounds, s string) ([]bounds, error) {
	for _, m := range (*regexp.Regexp)(l).FindAllStringIndex(s, -1) {
		dst = append(dst, bounds{m[0], m[1]})
	}
	return dst, nil
}

// backtracking is a pattern with assertions.
type backtracking struct {
	re   *regexp2.Regexp
	expr string
	all  time.Duration
}

// setTimeout bounds the time for all matches in a text.
func (p *backtracking) setTimeout(d time.Duration) { p.re.MatchTimeout, p.all = d, d }

var errSlow = errors.New("it takes too long")

func (p *backtracking) matches(dst []bounds, s string) ([]bounds, error) {
	runes := []rune(s)
	start, count := time.Now(), 0
	at, passed := 0, 0 // the byte of a character, and which that is
	end := -1          // of the last match
	slow := false
	err := p.re.FindRunesMatches(runes, 0, func(m regexp2.MatchView) bool {
		lo, n, _ := m.GroupRange(0)
		if n == 0 && lo == end {
			return true // an empty match behind a match counts for nothing
		}
		end = lo + n
		for ; passed < lo; passed++ {
			at += runeLen(runes[passed])
		}
		from := at
		for ; passed < end; passed++ {
			at += runeLen(runes[passed])
		}
		dst = append(dst, bounds{from, at})
		if count++; count%256 == 0 {
			slow = time.Since(start) > p.all
		}
		return !slow
	})
	if slow {
		err = errSlow
	}
	if err != nil {
		return dst, fmt.Errorf("match pattern %q: %w", p.expr, err)
	}
	return dst, nil
}

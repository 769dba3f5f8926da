package tokenizer

import (
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
	re.MatchTimeout = matchTimeout
	return &backtracking{re: re, expr: expr}, nil
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
}

func (p *backtracking) matches(dst []bounds, s string) ([]bounds, error) {
	found, err := p.re.FindAllStringIndex(s, -1)
	if err != nil {
		return dst, fmt.Errorf("match pattern %q: %w", p.expr, err)
	}
	for _, m := range found {
		dst = append(dst, bounds{m[0], m[1]})
	}
	return dst, nil
}

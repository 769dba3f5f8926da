package instruct

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Arguments are those of one instruction. The first thing that is wrong with them stays in err.
type Arguments struct {
	values *pyval.Dict
	err    error
}

func (a *Arguments) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(format, args...)
	}
}

// count reads a number that is positive.
func (a *Arguments) count(key string) int {
	v, _ := a.values.Get(key)
	switch n := v.(type) {
	case int64:
		if n > 0 {
			return int(n)
		}
	case float64: // columns with missing values hold floats
		if n >= 1 && n == float64(int(n)) {
			return int(n)
		}
	}
	a.fail("argument %s must be a positive integer, not %s", key, pyval.Repr(v))
	return 0
}

func (a *Arguments) text(key string) string {
	v, _ := a.values.Get(key)
	s, ok := v.(string)
	if !ok || s == "" {
		a.fail("argument %s must be text, not %s", key, pyval.Repr(v))
	}
	return s
}

func (a *Arguments) texts(key string) []string {
	v, _ := a.values.Get(key)
	list, _ := v.(pyval.List)
	out := make([]string, len(list))
	ok := len(list) > 0
	for i, e := range list {
		s, isText := e.(string)
		out[i], ok = s, ok && isText
	}
	if !ok {
		a.fail("argument %s must be a list of texts, not %s", key, pyval.Repr(v))
	}
	return out
}

// compare reports whether n stands in the relation to the threshold: "less than" or "at least".
func (a *Arguments) compare(n int, relation, threshold string) bool {
	limit := a.count(threshold)
	switch r := a.text(relation); r {
	case "less than":
		return n < limit
	case "at least":
		return n >= limit
	default:
		a.fail(`argument %s must be "less than" or "at least", not %q`, relation, r)
		return false
	}
}

// matches finds a pattern that is given as an argument; it does not heed case where fold is true.
func (a *Arguments) matches(pattern, text string, fold bool) int {
	compile := pyre.Compile
	if fold {
		compile = pyre.CompileFold
	}
	re, err := compile(pattern)
	if err != nil {
		a.fail("%w", err)
		return 0
	}
	found, err := re.FindAll(text)
	if err != nil {
		a.fail("%w", err)
	}
	return len(found)
}

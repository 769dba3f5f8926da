package hooks

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// mathematics are the hooks of tasks with mathematical answers.
var mathematics = []Hook{
	{Kind: Docs, Files: []string{"hendrycks_math/utils.py"}, Name: "process_docs", Digests: []string{"9e390c1f8fdd8580"},
		Func: mapRows(func(r *reader) *pyval.Dict {
			return dict(field{"problem", r.value("problem")}, field{"solution", r.value("solution")}, field{"answer", r.boxed("solution")})
		})},
	{Kind: Docs, Files: []string{"minerva_math/utils.py"}, Name: "process_docs", Digests: []string{"dc0a4bb7240e5e44"},
		Func: mapRows(func(r *reader) *pyval.Dict {
			return dict(field{"problem", r.value("problem")}, field{"solution", r.value("solution")}, field{"answer", r.minerva(pyval.Str(r.boxed("solution")))})
		})},
}

// boxed gives what the last \boxed of a column holds.
func (r *reader) boxed(key string) pyval.Value {
	last, ok := lastBoxed(r.text(key))
	if !ok {
		r.fail("TypeError", "argument of type 'NoneType' is not iterable")
		return nil
	}
	inner, ok := unbox(last)
	if !ok {
		r.fail("AssertionError", "")
	}
	return inner
}

// lastBoxed gives the last \boxed{...} or \fbox{...} of a text, with its braces; of a text with "\boxed " what
// follows it up to a dollar sign.
func lastBoxed(s string) (string, bool) {
	if i := strings.LastIndex(s, `\boxed `); i >= 0 {
		inner, _, _ := strings.Cut(s[i+len(`\boxed `):], "$")
		return `\boxed ` + inner, true
	}
	start := strings.LastIndex(s, `\boxed`)
	if start < 0 {
		start = strings.LastIndex(s, `\fbox`)
	}
	if start < 0 {
		return "", false
	}
	depth := 0
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[start : i+1], true
			}
		}
	}
	return "", false
}

// unbox gives what a box holds; false where it is none.
func unbox(s string) (string, bool) {
	if strings.Contains(s, `\boxed `) {
		return strings.CutPrefix(s, `\boxed `)
	}
	inner, ok := strings.CutPrefix(s, `\boxed{`)
	if !ok || !strings.HasSuffix(inner, "}") {
		return "", false
	}
	return inner[:len(inner)-1], true
}

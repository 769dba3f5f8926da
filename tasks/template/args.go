package template

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// args are the arguments of one call.
type args struct {
	pos   []pyval.Value
	names []string // of keyword arguments
	vals  []pyval.Value
}

// bind puts the arguments of fn into out, one for each name; a name that ends in ? may be left out and is
// missing then.
func (a args) bind(fn string, out []pyval.Value, names ...string) error {
	if len(a.pos) > len(names) {
		return pyval.Errorf("TypeError", "%s takes at most %d arguments (%d given)", fn, len(names), len(a.pos))
	}
	n := copy(out, a.pos)
	for i := n; i < len(names); i++ {
		out[i] = missing
	}
	for i, key := range a.names {
		at := -1
		for j, name := range names {
			if strings.TrimSuffix(name, "?") == key {
				at = j
			}
		}
		if at < 0 {
			return pyval.Errorf("TypeError", "%s got an unexpected keyword argument '%s'", fn, key)
		}
		if at < n {
			return pyval.Errorf("TypeError", "%s got multiple values for argument '%s'", fn, key)
		}
		out[at] = a.vals[i]
	}
	for i, name := range names {
		if out[i] == missing && !strings.HasSuffix(name, "?") {
			return pyval.Errorf("TypeError", "%s missing required argument '%s'", fn, name)
		}
	}
	return nil
}

// none fails where there are arguments.
func (a args) none(fn string) error { return a.bind(fn, nil) }

// or gives v, or def where it is missing.
func or(v, def pyval.Value) pyval.Value {
	if v == missing {
		return def
	}
	return v
}

// intArg gives an argument that must be a whole number.
func intArg(v pyval.Value, def int) (int, error) {
	switch n := v.(type) {
	case missingValue:
		return def, nil
	case bool:
		if n {
			return 1, nil
		}
		return 0, nil
	case int64:
		return int(min(max(n, -1<<40), 1<<40)), nil
	case *undefined:
		return 0, n.fail()
	}
	return 0, pyval.Errorf("TypeError", "'%s' object cannot be interpreted as an integer", pyval.TypeName(v))
}

// boolArg gives the truth of an argument.
func boolArg(v pyval.Value, def bool) (bool, error) {
	if v == missing {
		return def, nil
	}
	return pyval.Truth(v)
}

// strArg gives an argument that must be a text.
func strArg(v pyval.Value) (string, error) {
	if s, ok := pyval.TextOf(v); ok {
		return s, nil
	}
	return "", pyval.Errorf("TypeError", "argument must be str, not %s", pyval.TypeName(v))
}

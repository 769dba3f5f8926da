package template

import "github.com/onset-eval/onset/tasks/pyval"

// BoundMethod is a method of a value, called with positional and named arguments.
type BoundMethod func(pos []pyval.Value, names []string, vals []pyval.Value) (pyval.Value, error)

// Method gives the method of that name which Python's str, list, tuple, dict, int, float or range has, for who runs
// Python outside of a template; nil where there is none. A list that shall be changed must be a *pyval.Array.
func Method(v pyval.Value, name string) BoundMethod {
	r := &run{t: &Template{}}
	m := r.method(v, name)
	if m == nil {
		return nil
	}
	return func(pos []pyval.Value, names []string, vals []pyval.Value) (pyval.Value, error) {
		return m(r, v, args{pos: pos, names: names, vals: vals})
	}
}

package template

import "github.com/onset-eval/onset/tasks/pyval"

func pprint(v pyval.Value) (pyval.Value, error) { return pyval.Repr(v), nil }
func wordwrapFilter(*run, pyval.Value, args) (pyval.Value, error) {
	return nil, pyval.Errorf("NotImplementedError", "wordwrap")
}
func regexReplace(*run, pyval.Value, args) (pyval.Value, error) {
	return nil, pyval.Errorf("NotImplementedError", "regex")
}

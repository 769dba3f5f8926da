package harness

import (
	"slices"
	"strings"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/hooks"
)

// native finds the function of lmeval that stands for one that a task file names, among n of some names: that which was
// written against the same source, wherever a copy of it lies, or, where the Python file is not there, the one of the same
// file and function. One whose source is not known is refused, since it may mean something else.
func native(found *hooks.Found, n int, name func(i int) string) (int, error) {
	changed := false
	for i := range n {
		if found.Digest != "" && slices.Contains(lmeval.Digests(name(i)), found.Digest) {
			return i, nil
		}
	}
	full := strings.TrimSuffix(found.File, ".py") + "." + found.Function
	for i := range n {
		if !stands(name(i), full) {
			continue
		}
		if found.Digest == "" {
			return i, nil
		}
		changed = true
	}
	return 0, &hooks.MissingError{Kind: found.Kind, File: found.File, Name: found.Function, Digest: found.Digest, Changed: changed}
}

// stands says whether a name of lmeval's is that of a function, full being FILE.FUNCTION with the file's path.
func stands(name, full string) bool {
	if !strings.Contains(name, "/") {
		return full[strings.LastIndex(full, ".")+1:] == name
	}
	if inner, whole := hooks.WithinTree(full); whole {
		return inner == name
	}
	return full == name || strings.HasSuffix(full, "/"+name)
}

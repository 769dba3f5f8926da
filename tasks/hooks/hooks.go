// Package hooks holds native equivalents of the Python functions that task files of lm-evaluation-harness name
// with !function, so that such tasks run without Python.
//
// A hook is a value in an explicit list: what it stands for (the end of the Python file's path, the function's name,
// and digests of the source that it was written against) and a Go function over Python values. A source of another
// digest is refused, since it may mean something else.
package hooks

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Kind says what a function is called for.
type Kind string

// The kinds of hooks.
const (
	Docs      Kind = "process_docs"    // changes the documents of a split
	Doc       Kind = "doc_to"          // gives a question, a target, choices of one document
	Samples   Kind = "samples"         // gives worked examples
	Results   Kind = "process_results" // scores one document's responses
	Aggregate Kind = "aggregation"     // makes one number of the scores of all documents
	Metric    Kind = "metric"          // scores one answer
	Filter    Kind = "filter"          // turns responses into answers
	Data      Kind = "custom_dataset"  // gives the rows of all splits
)

// Scores reports whether functions of the kind judge answers: package evaluators/lmeval has their equivalents.
func (k Kind) Scores() bool { return k == Results || k == Aggregate || k == Metric || k == Filter }

// Func is a hook's function: exactly one field is set, that of its kind, but for Docs, which has two forms.
type Func struct {
	// Row gives what becomes of one document; nil drops it. It must not change doc.
	Row func(doc *pyval.Dict) (*pyval.Dict, error)
	// All gives what becomes of a split's documents, where they depend on one another.
	All func(docs []*pyval.Dict) ([]*pyval.Dict, error)
	// Doc gives the value of doc_to_text, doc_to_target or doc_to_choice.
	Doc func(doc *pyval.Dict) (pyval.Value, error)
	// Leaves gives the document as the Python function leaves it, where Doc changes it there; nil where it does not.
	Leaves func(doc *pyval.Dict) *pyval.Dict
	// Samples gives the worked examples.
	Samples func() ([]*pyval.Dict, error)
	// Data gives the rows of each split, a list each, for named arguments.
	Data func(options *pyval.Dict) (*pyval.Dict, error)
}

// Call is one mention of a function in a task file.
type Call struct {
	// File is the path of the Python file, with slashes; Name the function's.
	File, Name string
	// Module is the Python file; nil where it is not there.
	Module *Module
	// Read gives another Python file by its path relative to File; nil where it is not there. It may be nil.
	Read func(name string) *Module
	// Base is the function that Name stands for, and Args are the arguments that it has then: those of
	// NAME = partial(BASE, ...). Args is nil where the source does not say so.
	Base string
	Args *pyval.Dict
	// Path is the file on disk, and Python an interpreter that may run it; "" and nil where there is none.
	Path   string
	Python *Python
	// Code interprets the function's source, which it knows as the file Source; nil where nothing may.
	Code   *pycode.Loader
	Source string
}

// argument gives a text argument of a partial function, or else what follows the prefix of its name.
func (c Call) argument(name, prefix string) string {
	if v, ok := c.Args.Get(name); ok {
		return pyval.Str(v)
	}
	return strings.TrimPrefix(c.Name, prefix)
}

// Hook is a native equivalent of Python functions.
type Hook struct {
	Kind Kind
	// Files match the ends of paths of Python files: hellaswag/utils.py, mmlu_prox/*/utils.py.
	Files []string
	// Name is the function's name; a * stands for any part of it.
	Name string
	// Partials matches names that stand for the function with some of its arguments.
	Partials string
	// Digests are those of the sources that it stands for, see Module.Digest.
	Digests []string
	// Func is the function, where it does not depend on the call.
	Func Func
	// Make makes the function of a call; nil where Func is used.
	Make func(Call) (Func, error)
}

// MissingError says that a function has no native equivalent.
type MissingError struct {
	Kind       Kind
	File, Name string
	Digest     string // of its source; "" where the file is not there
	Changed    bool   // there is an equivalent of another source
	Err        error  // why there is none; may be nil
}

func (e *MissingError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("the function %s of %s: %v", e.Name, e.File, e.Err)
	case e.Changed:
		return fmt.Sprintf("the function %s of %s changed upstream: no native equivalent stands for its digest %s", e.Name, e.File, e.Digest)
	}
	return fmt.Sprintf("the function %s of %s has no native equivalent yet", e.Name, e.File)
}

func (e *MissingError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *MissingError) Hint() string {
	if e.Changed {
		return "use the task tree of lm_eval 0.4.13, or a later onset"
	}
	return "leave the task out, or write the key without a function"
}

// Found is a function that a task file names, with what stands for it.
type Found struct {
	Kind Kind
	// File is the path of the Python file, with slashes and as many folders as are known; Function its name.
	File, Function string
	// Digest is that of the Python source; "" where the file is not there, and the equivalent is trusted.
	Digest string
	// Func is the equivalent; empty for a kind that scores.
	Func Func
	// Remote is the function in Python, for a kind that scores; nil where none may run it. Code is it as package pycode
	// interprets it; nil without its source. Outside chooses.
	Remote, Code *Remote
	// Interpreted says that Func is the source, interpreted, and no native equivalent.
	Interpreted bool
}

// Name gives the file and the function, for messages.
func (f *Found) Name() string { return f.File + ":" + f.Function }

// findNative gives the native equivalent of a function in the lists of this package.
func findNative(kind Kind, c Call) (*Found, error) {
	missing := &MissingError{Kind: kind, File: c.File, Name: c.Name}
	c.Base = c.Name
	if c.Module != nil {
		if base, args, ok := c.Module.Partial(c.Name); ok {
			c.Base, c.Args = base, args
		}
		digest, err := c.Module.Digest(c.Base)
		if err != nil {
			missing.Err = err
			return nil, missing
		}
		missing.Digest = digest
	}
	found := &Found{Kind: kind, File: c.File, Function: c.Name, Digest: missing.Digest}
	if kind.Scores() {
		return found, nil
	}
	if docs, ok := written(kind, c); ok {
		found.Func.Samples = func() ([]*pyval.Dict, error) { return docs, nil }
		return found, nil
	}
	var chosen *Hook
	for _, group := range all {
		for i := range group {
			h := &group[i]
			if h.Kind != kind || !matchName(h.Name, c.Base) && !matchName(h.Partials, c.Name) {
				continue
			}
			known := missing.Digest != "" && slices.Contains(h.Digests, missing.Digest)
			if missing.Digest == "" {
				known = h.stands(c.File)
			}
			if !known {
				missing.Changed = missing.Changed || h.stands(c.File)
				continue
			}
			if chosen != nil && missing.Digest == "" {
				missing.Err = errors.New("its source is not there, and versions of it differ")
				return nil, missing
			}
			chosen = h
		}
	}
	if chosen == nil {
		return nil, missing
	}
	found.Func = chosen.Func
	if chosen.Make != nil {
		var err error
		if found.Func, err = chosen.Make(c); err != nil {
			missing.Err = err
			return nil, missing
		}
	}
	return found, nil
}

// written gives the worked examples of a function that does nothing but return them: its source says all.
func written(kind Kind, c Call) ([]*pyval.Dict, bool) {
	if kind != Samples {
		return nil, false
	}
	v, ok := c.Module.Returned(c.Base)
	items, isList := pyval.Items(v)
	if !ok || !isList {
		return nil, false
	}
	docs := make([]*pyval.Dict, len(items))
	for i, item := range items {
		if docs[i], ok = item.(*pyval.Dict); !ok {
			return nil, false
		}
	}
	return docs, true
}

// stands reports whether the hook is for a file of this path.
func (h *Hook) stands(file string) bool {
	inner, whole := WithinTree(file)
	parts := strings.Split(inner, "/")
	return slices.ContainsFunc(h.Files, func(pattern string) bool {
		n := strings.Count(pattern, "/") + 1
		if len(parts) < n || whole && len(parts) != n {
			return false
		}
		ok, _ := path.Match(pattern, strings.Join(parts[len(parts)-n:], "/"))
		return ok
	})
}

// WithinTree gives a path within the harness's folder of tasks, and whether file is one; else file itself, of which the
// beginning is not known.
func WithinTree(file string) (inner string, whole bool) {
	const root = "lm_eval/tasks/"
	if i := strings.LastIndex("/"+file, "/"+root); i >= 0 {
		return file[i+len(root):], true
	}
	return file, false
}

func matchName(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}

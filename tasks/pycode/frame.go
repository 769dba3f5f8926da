package pycode

import (
	"errors"
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// interp is one call from Go into Python.
type interp struct {
	loader *Loader
	steps  int64 // left
	depth  int
}

// The bounds of one call, so that no function stops a run.
const (
	maxSteps = 40_000_000
	rowSteps = 200_000 // more for each document of a split
	maxDepth = 300
)

var errSteps = errors.New("the function takes too many steps: it may not end")

func (in *interp) step() error {
	if in.steps--; in.steps < 0 {
		return errSteps
	}
	return nil
}

// frame is the scope of a module, a class, a function's call or a comprehension.
type frame struct {
	in      *interp
	module  *module
	outer   *frame // of the function around it; nil for a module's own
	vars    map[string]pyval.Value
	inner   bool              // a comprehension, whose walrus assigns outside
	scopes  map[string]*frame // names that global and nonlocal lead elsewhere
	value   pyval.Value       // what return gives
	yielded []pyval.Value
	caught  *Instance // the exception that is being handled, for a bare raise
}

func (f *frame) lookup(name string) (pyval.Value, error) {
	if s := f.scopes[name]; s != nil {
		if v, ok := s.vars[name]; ok {
			return v, nil
		}
	}
	for s := f; s != nil; s = s.outer {
		if v, ok := s.vars[name]; ok {
			return v, nil
		}
	}
	if v, ok := f.module.vars[name]; ok {
		return v, nil
	}
	if v, ok := builtins[name]; ok {
		return v, nil
	}
	if unknownBuiltin(name) {
		return nil, unsupported("the built-in %s", name)
	}
	return nil, pyval.Errorf("NameError", "name '%s' is not defined", name)
}

func (f *frame) set(name string, v pyval.Value) {
	if s := f.scopes[name]; s != nil {
		s.vars[name] = v
		return
	}
	f.vars[name] = v
}

// declare leads names elsewhere.
func (f *frame) declare(s scopeStmt) error {
	if f.scopes == nil {
		f.scopes = make(map[string]*frame)
	}
	for _, name := range s.names {
		if !s.nonlocal {
			f.scopes[name] = &frame{in: f.in, module: f.module, vars: f.module.vars}
			continue
		}
		for o := f.outer; o != nil; o = o.outer {
			if _, ok := o.vars[name]; ok {
				f.scopes[name] = o
				break
			}
		}
		if f.scopes[name] == nil {
			return pyval.Errorf("SyntaxError", "no binding for nonlocal '%s' found", name)
		}
	}
	return nil
}

// placed adds the place in the source to an error, once.
func (f *frame) placed(a at, err error) error {
	var p *placeError
	if err == nil || errors.As(err, &p) {
		return err
	}
	return &placeError{f.module.file, a.line, err}
}

// placeError is an error with the line of the source that it came from.
type placeError struct {
	file string
	line int
	err  error
}

func (e *placeError) Error() string { return fmt.Sprintf("%s:%d: %v", e.file, e.line, e.err) }
func (e *placeError) Unwrap() error { return e.err }

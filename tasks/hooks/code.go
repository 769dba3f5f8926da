package hooks

import (
	"errors"
	"fmt"

	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// interpreted makes a function of a call from its source, by package pycode; false where there is no source to read.
func (c Call) interpreted(kind Kind) (Func, bool, error) {
	if c.Code == nil || c.Module == nil {
		return Func{}, false, nil
	}
	if !c.Module.Defines(c.Name) { // a name that the file makes while it runs; to run every file would take long
		if err := c.Code.Defines(c.Source, c.Name); err != nil {
			return Func{}, true, err
		}
	}
	switch kind {
	case Docs:
		return Func{All: func(docs []*pyval.Dict) ([]*pyval.Dict, error) { return c.Code.Process(c.Source, c.Name, docs) }}, true, nil
	case Data:
		return Func{Data: func(options *pyval.Dict) (*pyval.Dict, error) {
			v, err := c.Code.Call(c.Source, c.Name, nil, options)
			if err != nil {
				return nil, err
			}
			return splits(v)
		}}, true, nil
	case Samples:
		return Func{Samples: func() ([]*pyval.Dict, error) {
			v, err := c.Code.Call(c.Source, c.Name, nil, nil)
			if err != nil {
				return nil, err
			}
			return dicts(v)
		}}, true, nil
	}
	return Func{
		Doc: func(doc *pyval.Dict) (pyval.Value, error) {
			v, _, err := c.Code.CallOn(c.Source, c.Name, doc)
			return v, err
		},
		Leaves: func(doc *pyval.Dict) *pyval.Dict {
			_, left, err := c.Code.CallOn(c.Source, c.Name, doc)
			if err != nil || pyval.Equal(left, doc) {
				return doc
			}
			return left
		},
	}, true, nil
}

// code gives a function that scores, as package pycode runs it; nil without its source.
func (c Call) code() *Remote {
	if c.Code == nil || c.Module == nil {
		return nil
	}
	return &Remote{caller: codeCaller{c.Code}, path: c.Source, name: c.Name}
}

// caller calls functions of Python files.
type caller interface {
	call(file, name string, args []pyval.Value, named *pyval.Dict) (pyval.Value, error)
	filter(file, name string, responses []pyval.Value, docs []*pyval.Dict, options *pyval.Dict) (pyval.Value, error)
	check(file, name string) error
}

// codeCaller calls by package pycode.
type codeCaller struct{ loader *pycode.Loader }

func (c codeCaller) call(file, name string, args []pyval.Value, named *pyval.Dict) (pyval.Value, error) {
	return c.loader.Call(file, name, args, named)
}

func (c codeCaller) filter(file, name string, responses []pyval.Value, docs []*pyval.Dict, options *pyval.Dict) (pyval.Value, error) {
	return c.loader.Filter(file, name, responses, docs, options)
}

func (c codeCaller) check(file, name string) error { return c.loader.Defines(file, name) }

// Outside gives what runs a function that scores and has no native equivalent: Python where the user asked for it, else
// package pycode. missing is the error without either; it stays where the function changed upstream.
func (f *Found) Outside(missing error) (*Remote, error) {
	if f.Remote != nil {
		return f.Remote, nil
	}
	var m *MissingError
	if f.Code == nil || errors.As(missing, &m) && m.Changed {
		return nil, missing
	}
	if err := f.Code.caller.check(f.Code.path, f.Code.name); err != nil {
		return nil, &MissingError{Kind: f.Kind, File: f.File, Name: f.Function, Digest: f.Digest, Err: err}
	}
	return f.Code, nil
}

// splits gives what a function gave as the rows of splits.
func splits(v pyval.Value) (*pyval.Dict, error) {
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, fmt.Errorf("a dictionary of splits is expected, not %s", pyval.TypeName(v))
	}
	return d, nil
}

package tasks

import (
	"errors"
	"maps"
	"path"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/hooks"
)

// document is a task file with what it includes: its top-level keys, each with its own file and place.
type document struct {
	file     string
	tree     *tree
	includes []string // all files included, directly or not
	entries  map[string]yamlfile.Pair
	uses     *[]Function // collects the functions that are named, instead of an error for the first without an equivalent
}

// field gives the value of a key; it is not set where the file does not have the key.
func (d document) field(key string) yamlfile.Field { return d.entries[key].Field }

// with gives a copy with some keys replaced.
func (d document) with(over []yamlfile.Pair) document {
	d.entries = maps.Clone(d.entries)
	if d.entries == nil {
		d.entries = make(map[string]yamlfile.Pair)
	}
	for _, p := range over {
		d.entries[p.Key] = p
	}
	return d
}

// functionTag marks a reference to a Python function.
const functionTag = "!function"

func isFunction(f yamlfile.Field) bool { return f.Set() && f.Value().Tag == functionTag }

// call resolves a reference: a.b.f is the function f of a/b.py beside the file that states it.
func (d document) call(f yamlfile.Field) hooks.Call {
	module, name := "", strings.TrimSpace(f.Value().Value)
	if i := strings.LastIndex(name, "."); i >= 0 {
		module, name = name[:i], name[i+1:]
	}
	c := hooks.Call{File: join(f.File, strings.ReplaceAll(module, ".", "/")+".py"), Name: name}
	if d.tree != nil {
		if rest, ok := strings.CutPrefix(module, "lm_eval.tasks."); ok && d.tree.module(c.File) == nil {
			c.File = strings.ReplaceAll(rest, ".", "/") + ".py" // a module of the harness, from the folder of tasks
			for _, place := range d.tree.places(c.File) {
				if d.tree.module(place) != nil {
					c.File = place
					break
				}
			}
		}
		file := c.File
		c.Module = d.tree.module(file)
		if c.Python = d.tree.python; c.Python != nil && d.tree.source.dir != "" {
			c.Path = d.tree.onDisk(file)
		}
		c.Code, c.Source = d.tree.code, file
		c.Read = func(name string) *hooks.Module { return d.tree.module(join(file, name)) }
		if !path.IsAbs(c.File) && d.tree.source.dir != "" {
			// What stands above the folder of tasks tells hooks apart too.
			c.File = path.Join(lastFolders(d.tree.source.dir), c.File)
		}
	}
	return c
}

// lastFolders gives up to three folders at the end of a path on disk.
func lastFolders(dir string) string {
	parts := strings.Split(strings.Trim(strings.ReplaceAll(dir, "\\", "/"), "/"), "/")
	return strings.Join(parts[max(0, len(parts)-3):], "/")
}

// Function is a Python function that a task file names.
type Function struct {
	Kind hooks.Kind
	// File is the path of the Python file, Name the function, and Digest that of its source; "" where the file is
	// not there.
	File, Name, Digest string
	// Missing is an error, a *hooks.MissingError, where the function has no native equivalent. Those of functions
	// that score are for package evaluators to know.
	Missing error
}

// hook finds the native equivalent of a function; nil where f is no reference to one.
func (d document) hook(f yamlfile.Field, kind hooks.Kind) (*hooks.Found, error) {
	if !isFunction(f) {
		return nil, nil
	}
	found, err := hooks.Find(kind, d.call(f))
	if d.uses != nil {
		use := Function{Kind: kind, Missing: err}
		var missing *hooks.MissingError
		if errors.As(err, &missing) {
			use.File, use.Name, use.Digest = missing.File, missing.Name, missing.Digest
			found, err = new(hooks.Found), nil
		} else if found != nil {
			use.File, use.Name, use.Digest = found.File, found.Function, found.Digest
		}
		*d.uses = append(*d.uses, use)
	}
	if err != nil {
		hint := ""
		if h, ok := err.(interface{ Hint() string }); ok {
			hint = h.Hint()
		}
		return nil, &yamlfile.Error{File: f.File, Line: f.Node.Line, Column: f.Node.Column, Msg: f.Key + ": " + err.Error(), Advice: hint, Err: err}
	}
	return found, nil
}

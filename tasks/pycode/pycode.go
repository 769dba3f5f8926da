// Package pycode interprets the part of Python that the functions of task files are written in, so that they run
// without Python on the machine.
//
// It runs the source as it stands, over the values of package pyval. Nothing outside of the values that a function is
// called with can be reached: no files but the Python files of the folder of tasks, no network, no processes, no clock.
// Libraries are those that Go code here, or a caller, gives under their names. What is missing, of the language or of a
// library, is an *UnsupportedError where it is used and not before, and no except of the source catches it. So a
// function gives what Python's would give, or an error.
//
// Known differences, each without effect on a function that gives the same in every run of Python: sets are iterated
// in the order in which their items came; numbers of numpy are plain ones; print and logging do nothing.
package pycode

import (
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Loader runs the Python files of one folder of tasks. It may be used concurrently; calls take turns.
type Loader struct {
	// Read gives a Python file by its path, with slashes; false where it is not there.
	Read func(file string) (string, bool)
	// Places gives the paths under which a file of the harness's folder of tasks may lie; nil gives its own.
	Places func(file string) []string
	// Libraries are modules that sources import beside those of this package, by name.
	Libraries map[string]Library
	// Dataset gives the rows of a data set, split by split, for datasets.load_dataset; nil where there is none.
	Dataset func(path, name string, options *pyval.Dict) (splits []string, rows map[string][]*pyval.Dict, err error)

	mu      sync.Mutex
	modules map[string]*module
	made    map[string]*Namespace // libraries
}

// Library makes a module of a name.
type Library func() *Namespace

// module is a Python file that was run.
type module struct {
	file  string
	vars  map[string]pyval.Value
	frame *frame
	err   error // why it is no Python
}

// Call calls a function of a file. Lists and dictionaries among the arguments are copied, so that the function may
// change them, and what it gives is made of the types of documents.
func (l *Loader) Call(file, name string, args []pyval.Value, named *pyval.Dict) (pyval.Value, error) {
	for i, a := range args {
		args[i] = thaw(a)
	}
	return l.use(file, 0, func(in *interp, m *module) (pyval.Value, error) {
		v, err := in.member(m, name)
		if err != nil {
			return nil, err
		}
		c := &Call{in: in, Pos: args}
		for i := range named.Len() {
			k, v := named.At(i)
			c.Names, c.Vals = append(c.Names, pyval.Str(k)), append(c.Vals, thaw(v))
		}
		if v, err = in.apply(v, c); err != nil {
			return nil, err
		}
		return freeze(v)
	})
}

// CallOn calls a function of one document, and gives the document as the function leaves it too.
func (l *Loader) CallOn(file, name string, doc *pyval.Dict) (v pyval.Value, left *pyval.Dict, err error) {
	own := thaw(doc)
	v, err = l.use(file, 0, func(in *interp, m *module) (pyval.Value, error) {
		fn, err := in.member(m, name)
		if err != nil {
			return nil, err
		}
		out, err := in.call(fn, own)
		if err != nil {
			return nil, err
		}
		return freeze(out)
	})
	if err != nil {
		return nil, nil, err
	}
	after, err := freeze(own)
	if err != nil {
		return nil, nil, err
	}
	return v, after.(*pyval.Dict), nil
}

// Process calls a function of a split's documents, as process_docs.
func (l *Loader) Process(file, name string, docs []*pyval.Dict) ([]*pyval.Dict, error) {
	v, err := l.use(file, len(docs), func(in *interp, m *module) (pyval.Value, error) {
		fn, err := in.member(m, name)
		if err != nil {
			return nil, err
		}
		return in.call(fn, newDataset(docs))
	})
	if err != nil {
		return nil, err
	}
	return rowsOf(v)
}

// Filter makes a filter of a class and applies it to all documents' responses, or calls a function with them.
func (l *Loader) Filter(file, name string, responses []pyval.Value, docs []*pyval.Dict, options *pyval.Dict) (pyval.Value, error) {
	return l.use(file, len(docs), func(in *interp, m *module) (pyval.Value, error) {
		class, err := in.member(m, name)
		if err != nil {
			return nil, err
		}
		c := &Call{in: in}
		for i := range options.Len() {
			k, v := options.At(i)
			c.Names, c.Vals = append(c.Names, pyval.Str(k)), append(c.Vals, thaw(v))
		}
		all := make([]pyval.Value, len(docs))
		for i, d := range docs {
			all[i] = thaw(d)
		}
		apply := class // a function, as filter_fn names one
		if _, ok := class.(*Class); ok {
			filter, err := in.apply(class, c)
			if err != nil {
				return nil, err
			}
			if apply, err = in.getAttr(filter, "apply"); err != nil {
				return nil, err
			}
		}
		v, err := in.call(apply, thaw(pyval.List(responses)), &pyval.Array{Items: all})
		if err != nil {
			return nil, err
		}
		items, err := pyval.Collect(v)
		if err != nil {
			return nil, err
		}
		return freeze(&pyval.Array{Items: items})
	})
}

// Defines gives an error where a file is no Python that is read here, or lacks the name.
func (l *Loader) Defines(file, name string) error {
	_, err := l.use(file, 0, func(in *interp, m *module) (pyval.Value, error) { return in.member(m, name) })
	return err
}

// use runs what fn does with a file's module; rows is the number of documents that it goes through.
func (l *Loader) use(file string, rows int, fn func(*interp, *module) (pyval.Value, error)) (pyval.Value, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := &interp{loader: l, steps: maxSteps}
	m, err := in.load(file)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fmt.Errorf("there is no file %s", file)
	}
	in.steps = maxSteps + int64(rows)*rowSteps
	return fn(in, m)
}

// member gives a name of a module.
func (in *interp) member(m *module, name string) (pyval.Value, error) {
	v, ok := m.vars[name]
	if !ok {
		return nil, fmt.Errorf("the file does not define it")
	}
	if p, bad := v.(*poison); bad {
		return nil, p.err
	}
	return v, nil
}

// load runs a file, once; nil where it is not there.
func (in *interp) load(file string) (*module, error) {
	l := in.loader
	if m, ok := l.modules[file]; ok {
		if m == nil {
			return nil, nil
		}
		return m, m.err
	}
	if l.modules == nil {
		l.modules = make(map[string]*module)
	}
	source, ok := l.Read(file)
	if !ok {
		l.modules[file] = nil
		return nil, nil
	}
	m := &module{file: file, vars: make(map[string]pyval.Value)}
	l.modules[file] = m
	body, err := parse(source)
	if err != nil {
		m.err = fmt.Errorf("%s: %w", file, err)
		return m, m.err
	}
	own := &interp{loader: l, steps: maxSteps, depth: in.depth}
	m.frame = &frame{in: own, module: m, vars: m.vars}
	m.vars["__file__"], m.vars["__doc__"] = file, nil
	for _, s := range body {
		if _, err := m.frame.run([]stmt{s}); err != nil {
			m.spoil(s, err)
		}
	}
	return m, nil
}

// spoil makes every use of what a statement would have bound an error: a module's other functions can do without.
func (m *module) spoil(s stmt, err error) {
	for _, name := range binds(s) {
		m.vars[name] = poisoned(err)
	}
}

// binds lists the names that a statement binds.
func binds(s stmt) []string {
	var out []string
	block := func(body []stmt) {
		for _, inner := range body {
			out = append(out, binds(inner)...)
		}
	}
	switch s := s.(type) {
	case *assignStmt:
		for _, t := range s.targets {
			out = append(out, targetNames(t)...)
		}
	case *defStmt:
		out = append(out, s.name)
	case *classStmt:
		out = append(out, s.name)
	case *importStmt:
		for _, n := range s.names {
			out = append(out, n.bound(s.from == "" && s.level == 0))
		}
	case *ifStmt:
		block(s.yes)
		block(s.no)
	case *forStmt:
		out = append(out, targetNames(s.target)...)
		block(s.body)
	case *whileStmt:
		block(s.body)
	case *withStmt:
		block(s.body)
	case *tryStmt:
		block(s.body)
		block(s.other)
		block(s.finally)
		for _, h := range s.handlers {
			block(h.body)
		}
	}
	return out
}

func targetNames(t expr) []string {
	switch t := t.(type) {
	case *nameExpr:
		return []string{t.name}
	case starExpr:
		return targetNames(t.value)
	case *listExpr:
		var out []string
		for _, item := range t.items {
			out = append(out, targetNames(item)...)
		}
		return out
	}
	return nil
}

// bound is the name that an import binds.
func (n importName) bound(plain bool) string {
	switch {
	case n.as != "":
		return n.as
	case plain:
		first, _, _ := strings.Cut(n.name, ".")
		return first
	}
	return n.name
}

func (s *importStmt) exec(f *frame) (flow, error) {
	for _, n := range s.names {
		if s.from == "" && s.level == 0 {
			name := n.name
			if n.as == "" {
				name, _, _ = strings.Cut(name, ".")
			}
			f.set(n.bound(true), f.in.library(f.module, name, 0))
			continue
		}
		s.take(f, n)
	}
	return flowNext, nil
}

// take binds one name of a module.
func (s *importStmt) take(f *frame, n importName) {
	switch m := f.in.library(f.module, s.from, s.level).(type) {
	case *poison:
		v := f.in.library(f.module, s.from+"."+n.name, s.level) // a folder without __init__.py
		if _, none := v.(*poison); none {
			v = m
		}
		f.set(n.bound(false), v)
		return
	case *Namespace:
		if n.name == "*" {
			for name, v := range m.attrs {
				f.set(name, v)
			}
			return
		}
		v, ok := m.attr(n.name)
		if !ok {
			v = f.in.library(f.module, s.from+"."+n.name, s.level)
			if p, bad := v.(*poison); bad {
				v = &poison{p.thing, unsupported("%s of the module %s", n.name, s.from)}
			}
		}
		f.set(n.bound(false), v)
	}
}

// library gives a module: one that Go code makes, or a Python file of the folder of tasks. Any other is poison.
func (in *interp) library(from *module, name string, level int) pyval.Value {
	if level == 0 {
		if n := in.loader.library(name); n != nil {
			return n
		}
	}
	for _, file := range in.loader.moduleFiles(from.file, name, level) {
		m, err := in.load(file)
		if err != nil {
			return poisoned(err)
		}
		if m != nil {
			return &Namespace{thing: thing{"module"}, attrs: m.vars}
		}
	}
	return poisoned(unsupported("the module %s", name))
}

// library gives a module that Go code makes, the same each time; nil where there is none of the name.
func (l *Loader) library(name string) *Namespace {
	if n, ok := l.made[name]; ok {
		return n
	}
	fn := l.Libraries[name]
	if fn == nil {
		fn = ownLibrary(name)
	}
	if fn == nil {
		return nil
	}
	if l.made == nil {
		l.made = make(map[string]*Namespace)
	}
	l.made[name] = fn()
	return l.made[name]
}

// moduleFiles lists where the source of a module may lie.
func (l *Loader) moduleFiles(from, name string, level int) []string {
	dir := path.Dir(from)
	for range level - 1 {
		dir = path.Join(dir, "..")
	}
	rest := strings.ReplaceAll(name, ".", "/")
	var out []string
	if rest = strings.TrimPrefix(rest, "/"); rest == "" {
		return nil
	}
	if inner, ok := strings.CutPrefix(rest, "lm_eval/tasks/"); ok && level == 0 {
		for _, file := range []string{inner + ".py", inner + "/__init__.py"} {
			if l.Places == nil {
				out = append(out, file)
			} else {
				out = append(out, l.Places(file)...)
			}
		}
	}
	if level > 0 || !strings.HasPrefix(rest, "lm_eval/") {
		out = append(out, path.Join(dir, rest+".py"), path.Join(dir, rest, "__init__.py"))
	}
	return out
}

// thaw copies a document's value, with lists that can be changed.
func thaw(v pyval.Value) pyval.Value {
	switch o := v.(type) {
	case pyval.List:
		items := make([]pyval.Value, len(o))
		for i, item := range o {
			items[i] = thaw(item)
		}
		return &pyval.Array{Items: items}
	case *pyval.Array:
		return thaw(pyval.List(o.Items))
	case pyval.Tuple:
		items := make(pyval.Tuple, len(o))
		for i, item := range o {
			items[i] = thaw(item)
		}
		return items
	case *pyval.Dict:
		out := new(pyval.Dict)
		for i := range o.Len() {
			k, item := o.At(i)
			_ = out.SetItem(k, thaw(item)) // a key of a dictionary can be hashed
		}
		return out
	}
	return v
}

// freeze makes a value of the types of documents.
func freeze(v pyval.Value) (pyval.Value, error) {
	list := func(items []pyval.Value) (pyval.Value, error) {
		out := make(pyval.List, len(items))
		for i, item := range items {
			var err error
			if out[i], err = freeze(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch o := v.(type) {
	case *pyval.Array:
		return list(o.Items)
	case pyval.List:
		return list(o)
	case *ndarray:
		return list(o.items)
	case *Set:
		return list(o.list())
	case pyval.Tuple:
		items, err := list(o)
		if err != nil {
			return nil, err
		}
		return pyval.Tuple(items.(pyval.List)), nil
	case *pyval.Iterator, *pyval.View, pyval.Range:
		items, err := pyval.Collect(o)
		if err != nil {
			return nil, err
		}
		return list(items)
	case *pyval.Dict:
		out := new(pyval.Dict)
		for i := range o.Len() {
			k, item := o.At(i)
			frozen, err := freeze(item)
			if err != nil {
				return nil, err
			}
			if err := out.SetItem(k, frozen); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *poison:
		return nil, o.err
	case *dataset:
		rows, err := rowsOf(o)
		items := make([]pyval.Value, len(rows))
		for i, r := range rows {
			items[i] = r
		}
		return pyval.List(items), err
	case pyval.Object:
		return nil, unsupported("a %s that is given back", o.TypeName())
	}
	return v, nil
}

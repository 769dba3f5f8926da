package tasks

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pycode"
)

// Source is a folder of task files.
type Source struct {
	// Name stands before the file names in messages; empty for none.
	Name string
	FS   fs.FS
	// Only is the path of the one file to take tasks from; empty for every .yaml and .yml file.
	Only string

	dir string // the folder on disk that FS reads, which includes may leave; "" for none
}

// PathSource makes a source of a folder, or of one task file, which may include what its relative paths reach and
// read the data that lies in its folder and below.
func PathSource(name string) (Source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Source{}, fmt.Errorf("read tasks: %w", err)
	}
	dir, file := name, ""
	if !info.IsDir() {
		dir, file = filepath.Split(name)
		dir = filepath.Clean(dir)
		name = dir
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Source{}, fmt.Errorf("read tasks: %w", err)
	}
	return Source{Name: name, FS: os.DirFS(dir), Only: file, dir: abs}, nil
}

// Provider finds the data of a task whose dataset_path names no local files: the files of each split of the
// dataset of this path and configuration. name is "" where the task states none.
type Provider func(path, name string, kwargs Options) (map[string][]dataset.File, error)

// IndexOptions say how tasks are found. The zero value keeps no index file and knows local data alone.
type IndexOptions struct {
	// Cache is a file that keeps what was found, by path, size and time of change of the task files, so that the
	// next index reads only those that changed; "" for none. A file that cannot be used is made anew.
	Cache string
	// Data finds data that is not beside the task files; nil knows none.
	Data Provider
	// Python runs functions of task files that have no native equivalent: code of the folder of tasks. nil runs none.
	Python *hooks.Python
	// Libraries are Python modules that functions of task files import and that package pycode lacks: those that score.
	Libraries map[string]pycode.Library
	// Sandboxed says that Libraries run programs that models write where they can do no harm: without it, tasks that
	// say unsafe_code are not for judging.
	Sandboxed bool
}

// Index finds tasks by name. It may be used concurrently.
type Index struct {
	options  IndexOptions
	tasks    map[string]*indexed
	groups   map[string]*indexed
	python   map[string]*indexed // tasks that are Python classes
	tags     map[string][]string
	broken   []error // what is wrong with files of folders
	warnings []error
	trees    []*tree
}

// indexed is a name of the index: a task, which is loaded at its first use, or a group.
type indexed struct {
	tree  *tree
	file  string
	place *yamlfile.Error
	load  func() (*Task, error)
}

// NewIndex finds the tasks of the sources with the zero options.
func NewIndex(sources ...Source) (*Index, error) { return OpenIndex(IndexOptions{}, sources...) }

// OpenIndex finds the tasks, groups and tags of the sources. A name in a later source hides that of an earlier
// one; of equal names in one source the first counts, in the order of their paths, and Warnings tells of the
// others. Data is not read yet, and a task file's keys are checked when the task is asked for. A file of a folder
// that cannot be read hides no other: Broken tells of it.
func OpenIndex(o IndexOptions, sources ...Source) (*Index, error) {
	x := &Index{options: o, tasks: make(map[string]*indexed), groups: make(map[string]*indexed),
		python: make(map[string]*indexed), tags: make(map[string][]string)}
	cache := readIndexFile(o.Cache)
	for _, s := range sources {
		if err := x.add(s, cache); err != nil {
			return nil, err
		}
	}
	for tag, names := range x.tags {
		slices.Sort(names)
		x.tags[tag] = slices.Compact(names)
	}
	return x, cache.save()
}

// add files the entries of a source under their names.
func (x *Index) add(s Source, cache *indexFile) error {
	t := newTree(s)
	t.python = x.options.Python
	t.code.Libraries = x.options.Libraries
	t.sandboxed = x.options.Sandboxed
	t.code.Dataset = rowsFrom(x.options.Data)
	x.trees = append(x.trees, t)
	entries, err := t.scan(cache)
	if err != nil {
		return fmt.Errorf("read tasks of %s: %w", s.Name, err)
	}
	found := make(map[string]*indexed) // tasks and groups share their names
	for _, e := range entries {
		if e.err != nil {
			if s.Only != "" {
				return s.wrap(e.err)
			}
			x.broken = append(x.broken, s.wrap(e.err))
			continue
		}
		if e.kind == "" {
			continue
		}
		entry := &indexed{tree: t, file: e.file, place: &yamlfile.Error{File: e.file, Line: e.line, Column: e.column}}
		if other := found[e.name]; other != nil {
			x.warnings = append(x.warnings, fmt.Errorf("%q is defined more than once: %s counts, %s does not",
				e.name, s.at(other.place), s.at(entry.place)))
			continue
		}
		found[e.name] = entry
		for _, names := range []map[string]*indexed{x.tasks, x.groups, x.python} {
			delete(names, e.name)
		}
		switch e.kind {
		case kindTask:
			entry.load = sync.OnceValues(func() (*Task, error) { return x.loadNamed(entry, e.name, nil) })
			x.tasks[e.name] = entry
		case kindGroup:
			x.groups[e.name] = entry
			continue
		case kindPython:
			x.python[e.name] = entry
		}
		for _, tag := range e.tags {
			x.tags[tag] = append(x.tags[tag], e.name)
		}
	}
	return nil
}

// loadNamed reads a task of the index with some keys replaced, and its data.
func (x *Index) loadNamed(e *indexed, name string, over []yamlfile.Pair) (*Task, error) {
	t, err := x.readNamed(e, name, over)
	if err == nil {
		err = t.readData(x.options.Data)
	}
	if err != nil {
		return nil, e.tree.source.wrap(err)
	}
	t.source = e.tree.source.Name
	return t, nil
}

// readNamed reads a task's keys and not its data.
func (x *Index) readNamed(e *indexed, name string, over []yamlfile.Pair) (*Task, error) {
	d, err := e.tree.document(e.file, nil)
	if err != nil {
		return nil, err
	}
	return readTask(d.with(over), name)
}

// wrap puts the source's name before the files that an error names.
func (s Source) wrap(err error) error {
	if err == nil || s.Name == "" {
		return err
	}
	return locate(err, s.Name)
}

func (s Source) at(e *yamlfile.Error) string {
	return strings.TrimSuffix(s.wrap(e).Error(), ": ")
}

// Names lists the tasks, sorted, without those that are Python classes.
func (x *Index) Names() []string { return slices.Sorted(maps.Keys(x.tasks)) }

// Broken lists what is wrong with files that may hold tasks and could not be read.
func (x *Index) Broken() []error { return slices.Clone(x.broken) }

// Warnings lists what is odd about the task files so far: names and keys that stand more than once.
func (x *Index) Warnings() []error {
	out := slices.Clone(x.warnings)
	for _, t := range x.trees {
		t.mu.Lock()
		out = append(out, t.warnings...)
		t.mu.Unlock()
	}
	return out
}

// Tags lists the tags, sorted.
func (x *Index) Tags() []string { return slices.Sorted(maps.Keys(x.tags)) }

// Tagged lists the tasks with a tag, sorted.
func (x *Index) Tagged(tag string) []string { return slices.Clone(x.tags[tag]) }

// PythonTasks lists the tasks that are Python classes, sorted; they cannot be run.
func (x *Index) PythonTasks() []string { return slices.Sorted(maps.Keys(x.python)) }

// Check reads the keys of a task and reports what is wrong with them. It reads no data.
func (x *Index) Check(name string) error {
	found := x.tasks[name]
	if found == nil {
		return x.unknown(name)
	}
	_, err := x.readNamed(found, name, nil)
	return found.tree.source.wrap(err)
}

// CheckAll reads the keys of all tasks, on all processors, and counts those with which nothing is wrong.
func (x *Index) CheckAll() int {
	names := x.Names()
	var n atomic.Int64
	each(len(names), func(i int) {
		if x.Check(names[i]) == nil {
			n.Add(1)
		}
	})
	return int(n.Load())
}

// Functions lists the functions that a task names, each once for each mention, in no particular order. The error is
// what else is wrong with its keys. It reads no data.
func (x *Index) Functions(name string) ([]Function, error) {
	found := x.tasks[name]
	if found == nil {
		return nil, x.unknown(name)
	}
	d, err := found.tree.document(found.file, nil)
	if err != nil {
		return nil, found.tree.source.wrap(err)
	}
	var uses []Function
	d.uses = &uses
	_, err = readTask(d, name)
	return uses, found.tree.source.wrap(err)
}

// Task gives the task of a name. The first call loads it and reads its data once. An unknown name is an
// *UnknownTaskError.
func (x *Index) Task(name string) (*Task, error) {
	if found := x.tasks[name]; found != nil {
		return found.load()
	}
	return nil, x.unknown(name)
}

func (x *Index) unknown(name string) error {
	if x.groups[name] != nil || x.python[name] != nil {
		return &UnknownTaskError{Name: name, Group: x.groups[name] != nil, Python: x.python[name] != nil}
	}
	e := &UnknownTaskError{Name: name, Near: yamlfile.Nearest(name, slices.Concat(x.Names(), x.Tags(), x.Groups()))}
	if len(x.broken) > 0 {
		e.Err = fmt.Errorf("%d task files could not be read, the first: %w", len(x.broken), x.broken[0])
	}
	return e
}

// UnknownTaskError says that no task has a name.
type UnknownTaskError struct {
	Name   string
	Near   string // a known name that is spelt nearly so; "" for none
	Group  bool   // the name is that of a group
	Python bool   // the name is that of a Python class
	Err    error  // why it may be missing: files that could not be read; nil for none
}

func (e *UnknownTaskError) Error() string {
	switch {
	case e.Group:
		return fmt.Sprintf("%q is a group of tasks", e.Name)
	case e.Python:
		return fmt.Sprintf("the task %q is a Python class, which cannot be run here", e.Name)
	case e.Err != nil:
		return fmt.Sprintf("no task is called %q; %v", e.Name, e.Err)
	}
	return fmt.Sprintf("no task is called %q", e.Name)
}

func (e *UnknownTaskError) Unwrap() error { return e.Err }

// Hint says what to type instead.
func (e *UnknownTaskError) Hint() string {
	switch {
	case e.Group:
		return "a suite may name it, and then means its tasks"
	case e.Python:
		return "leave it out"
	case e.Near != "":
		return fmt.Sprintf("did you mean %q?", e.Near)
	}
	return "onset list tasks shows the tasks there are"
}

package tasks

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// Source is a folder of task files.
type Source struct {
	// Name stands before the file names in messages; empty for none.
	Name string
	FS   fs.FS
	// Only is the path of the one file to take tasks from; empty for every .yaml and .yml file.
	Only string
}

// PathSource makes a source of a folder, or of one task file, which may include and read what lies in its
// folder and below.
func PathSource(name string) (Source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Source{}, fmt.Errorf("read tasks: %w", err)
	}
	if info.IsDir() {
		return Source{Name: name, FS: os.DirFS(name)}, nil
	}
	dir, file := filepath.Split(name)
	if dir == "" {
		dir = "."
	}
	return Source{Name: filepath.Clean(dir), FS: os.DirFS(dir), Only: file}, nil
}

// Index finds tasks by name. It may be used concurrently.
type Index struct {
	tasks  map[string]*indexed
	tags   map[string][]string
	groups map[string]bool // known and not supported yet
	broken []error         // what is wrong with files of folders
}

// indexed is a task that is loaded at its first use.
type indexed struct {
	places []string // more than one where a source defines the name twice
	load   func() (*Task, error)
}

// NewIndex finds the tasks of the sources. A name in a later source hides that of an earlier one. Data is
// not read yet, and a task file's keys are checked when the task is asked for. A file of a folder that
// cannot be read hides no other: Broken tells of it.
func NewIndex(sources ...Source) (*Index, error) {
	x := &Index{tasks: make(map[string]*indexed), tags: make(map[string][]string), groups: make(map[string]bool)}
	for _, s := range sources {
		if err := x.add(s); err != nil {
			return nil, err
		}
	}
	for tag, names := range x.tags {
		slices.Sort(names)
		x.tags[tag] = slices.Compact(names)
	}
	return x, nil
}

func (x *Index) add(s Source) error {
	files := []string{s.Only}
	if s.Only == "" {
		var err error
		if files, err = taskFiles(s.FS); err != nil {
			return fmt.Errorf("read tasks of %s: %w", s.Name, err)
		}
	}
	found := make(map[string]*indexed)
	for _, file := range files {
		err := x.addFile(s, file, found)
		switch {
		case err != nil && s.Only != "":
			return s.wrap(err)
		case err != nil:
			x.broken = append(x.broken, s.wrap(err))
		}
	}
	maps.Copy(x.tasks, found)
	return nil
}

func taskFiles(fsys fs.FS) ([]string, error) {
	var out []string
	err := fs.WalkDir(fsys, ".", func(file string, e fs.DirEntry, err error) error {
		if ext := path.Ext(file); err == nil && !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			out = append(out, file)
		}
		return err
	})
	return out, err
}

// addFile files a task under its name. Files that name no task are there to be included.
func (x *Index) addFile(s Source, file string, found map[string]*indexed) error {
	d, err := readDocument(s.FS, file, nil)
	if err != nil {
		return err
	}
	if g := d.field("group"); g.Set() {
		if name, err := g.Name(); err == nil {
			x.groups[name] = true
		}
		return nil
	}
	f := d.field("task")
	if !f.Set() && s.Only == "" {
		return nil
	}
	if !f.Set() {
		return &yamlfile.Error{File: file, Msg: "the key \"task\" is missing", Advice: "write task: NAME"}
	}
	name, err := f.Name()
	if err != nil {
		return err
	}
	place := &yamlfile.Error{File: file, Line: f.Node.Line, Column: f.Node.Column}
	if other := found[name]; other != nil {
		other.places = append(other.places, s.at(place))
		return nil
	}
	found[name] = &indexed{places: []string{s.at(place)}, load: sync.OnceValues(func() (*Task, error) {
		t, err := loadTask(s.FS, file, name)
		if err != nil {
			return nil, s.wrap(err)
		}
		t.source = s.Name
		return t, nil
	})}
	if f := d.field("tag"); f.Set() {
		tags, err := f.Texts()
		if err != nil {
			return err
		}
		for _, tag := range tags {
			x.tags[tag] = append(x.tags[tag], name)
		}
	}
	return nil
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

// Names lists the tasks, sorted.
func (x *Index) Names() []string { return slices.Sorted(maps.Keys(x.tasks)) }

// Broken lists what is wrong with files that may hold tasks and could not be read.
func (x *Index) Broken() []error { return slices.Clone(x.broken) }

// Tags lists the tags, sorted.
func (x *Index) Tags() []string { return slices.Sorted(maps.Keys(x.tags)) }

// Tagged lists the tasks with a tag, sorted.
func (x *Index) Tagged(tag string) []string { return slices.Clone(x.tags[tag]) }

// Task gives the task of a name. The first call loads it and reads its data once. An unknown name is an
// *UnknownTaskError.
func (x *Index) Task(name string) (*Task, error) {
	found := x.tasks[name]
	switch {
	case found != nil && len(found.places) > 1:
		return nil, fmt.Errorf("the task %q is defined more than once: %s", name, strings.Join(found.places, ", "))
	case found != nil:
		return found.load()
	case x.groups[name]:
		return nil, &UnknownTaskError{Name: name, Group: true}
	}
	e := &UnknownTaskError{Name: name, Near: yamlfile.Nearest(name, slices.Concat(x.Names(), x.Tags()))}
	if len(x.broken) > 0 {
		e.Err = fmt.Errorf("%d task files could not be read, the first: %w", len(x.broken), x.broken[0])
	}
	return nil, e
}

// UnknownTaskError says that no task has a name.
type UnknownTaskError struct {
	Name  string
	Near  string // a known name that is spelt nearly so; "" for none
	Group bool   // the name is that of a group, which is not supported yet
	Err   error  // why it may be missing: files that could not be read; nil for none
}

func (e *UnknownTaskError) Error() string {
	if e.Group {
		return fmt.Sprintf("%q is a group of tasks, which is not supported yet", e.Name)
	}
	if e.Err != nil {
		return fmt.Sprintf("no task is called %q; %v", e.Name, e.Err)
	}
	return fmt.Sprintf("no task is called %q", e.Name)
}

func (e *UnknownTaskError) Unwrap() error { return e.Err }

// Hint says what to type instead.
func (e *UnknownTaskError) Hint() string {
	switch {
	case e.Group:
		return "name its tasks one by one"
	case e.Near != "":
		return fmt.Sprintf("did you mean %q?", e.Near)
	}
	return "onset list tasks shows the tasks there are"
}

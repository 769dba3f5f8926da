package tasks

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pycode"
)

// tree reads the task files of one source, with what they include and the Python files that they name. It
// keeps what several task files share. It may be used concurrently.
type tree struct {
	source Source
	python *hooks.Python  // for functions without an equivalent; nil for none
	code   *pycode.Loader // for the same, from their sources
	// sandboxed says that programs which models write may be run.
	sandboxed bool

	mu       sync.Mutex
	bases    map[string]*included
	modules  map[string]*hooks.Module // nil where there is no such file
	warnings []error
}

// included is a file that others include, with what it includes itself.
type included struct {
	doc document
	err error
}

func newTree(s Source) *tree {
	t := &tree{source: s, bases: make(map[string]*included), modules: make(map[string]*hooks.Module)}
	t.code = &pycode.Loader{Read: func(file string) (string, bool) {
		data, err := t.read(file)
		return string(data), err == nil
	}, Places: t.places}
	return t
}

// places lists where a file of the harness's folder of tasks may lie: at its path, and where this tree is a folder of that
// one, or a copy of such a folder by its name, seen from there.
func (t *tree) places(file string) []string {
	out := []string{file}
	dir := filepath.ToSlash(t.source.dir)
	if dir == "" {
		return out
	}
	if inner, ok := strings.CutPrefix(file, path.Base(dir)+"/"); ok {
		out = append(out, inner)
	}
	if inner, whole := hooks.WithinTree(dir); whole && inner != "" {
		out = append(out, path.Join(strings.Repeat("../", strings.Count(inner, "/")+1), file))
	}
	return out
}

// errOutside marks a path that leaves the folder of tasks where that is not a folder on disk.
var errOutside = errors.New("the path is outside of the folder of tasks")

// read reads a file. A path may leave the source's folder where that is one on disk.
func (t *tree) read(name string) ([]byte, error) {
	if fs.ValidPath(name) {
		return fs.ReadFile(t.source.FS, name)
	}
	if t.source.dir == "" {
		return nil, errOutside
	}
	return os.ReadFile(t.onDisk(name))
}

func (t *tree) onDisk(name string) string {
	if path.IsAbs(name) {
		return filepath.FromSlash(name)
	}
	return filepath.Join(t.source.dir, filepath.FromSlash(name))
}

// join resolves a path that a file states, relative to that file.
func join(file, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(path.Dir(file), name)
}

// document reads a task file and its includes. Later includes overwrite earlier ones and the file's own keys
// overwrite both, key by key, without merging inside a value.
func (t *tree) document(file string, chain []string) (document, error) {
	doc := document{file: file, tree: t, entries: make(map[string]yamlfile.Pair)}
	data, err := t.read(file)
	if err != nil {
		return doc, err
	}
	root, err := yamlfile.Parse(file, data)
	if err != nil {
		return doc, err
	}
	own, err := t.pairs(root)
	if err != nil {
		return doc, err
	}
	for _, p := range own {
		if p.Key != "include" {
			continue
		}
		if err := t.include(&doc, p.Field, append(chain, file)); err != nil {
			return doc, err
		}
	}
	for _, p := range own {
		if p.Key != "include" {
			doc.entries[p.Key] = p
		}
	}
	return doc, nil
}

// pairs reads the outermost keys. Of a key that stands twice the last counts, as PyYAML has it, with a warning; but
// what names the task must not.
func (t *tree) pairs(root yamlfile.Field) ([]yamlfile.Pair, error) {
	pairs, err := root.Pairs()
	if err == nil {
		return pairs, nil
	}
	seen := make(map[string]bool)
	for i, n := 0, root.Value(); i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if seen[key] && slices.Contains([]string{"task", "group", "include"}, key) {
			return nil, err
		}
		seen[key] = true
	}
	pairs, again := lastPairs(root)
	if again == nil {
		t.warn(err)
	}
	return pairs, again
}

func (t *tree) warn(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.warnings = append(t.warnings, t.source.wrap(err))
}

// maxIncludes bounds the depth of includes.
const maxIncludes = 64

func (t *tree) include(d *document, f yamlfile.Field, chain []string) error {
	names, err := f.Texts()
	if err != nil {
		return err
	}
	for _, name := range names {
		at := join(d.file, name)
		switch {
		case slices.Contains(chain, at):
			return f.Errorf("include: %s includes itself, by way of %s", at, strings.Join(chain, ", "))
		case len(chain) > maxIncludes:
			return f.Errorf("include: more than %d files include one another", maxIncludes)
		}
		base, err := t.base(at, chain)
		switch {
		case errors.Is(err, errOutside):
			return f.Errorf("include: %s is outside of the folder of tasks", name)
		case errors.Is(err, fs.ErrNotExist):
			return f.Hintf("the path is relative to this file", "include: there is no file %s", at)
		case err != nil:
			return err
		}
		d.includes = append(append(d.includes, at), base.includes...)
		maps.Copy(d.entries, base.entries)
		delete(d.entries, "task_list") // it names tasks of that file alone
	}
	return nil
}

// base reads a file that is included, once.
func (t *tree) base(at string, chain []string) (document, error) {
	t.mu.Lock()
	known := t.bases[at]
	t.mu.Unlock()
	if known != nil {
		return known.doc, known.err
	}
	known = new(included)
	known.doc, known.err = t.document(at, chain)
	if known.err == nil { // an error may be that of the chain
		t.mu.Lock()
		t.bases[at] = known
		t.mu.Unlock()
	}
	return known.doc, known.err
}

// module reads a Python file; nil where it is not there.
func (t *tree) module(file string) *hooks.Module {
	t.mu.Lock()
	m, ok := t.modules[file]
	t.mu.Unlock()
	if ok {
		return m
	}
	if data, err := t.read(file); err == nil {
		m = hooks.ParseModule(string(data))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.modules[file] = m
	return m
}

package tasks

import (
	"cmp"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// entryKind says what a task file defines; "" is nothing, since it is there to be included.
type entryKind string

const (
	kindTask   entryKind = "task"
	kindGroup  entryKind = "group"
	kindPython entryKind = "class"
)

// fileEntry is what the index knows of one task file.
type fileEntry struct {
	file         string
	size, time   int64 // bytes; nanoseconds since 1970
	includes     []string
	kind         entryKind
	name         string
	tags         []string
	line, column int // of the name
	err          error
}

// scan gives the entries of the source's task files, in the order of their paths. Files that the cache knows and
// that did not change are not read.
func (t *tree) scan(cache *indexFile) ([]*fileEntry, error) {
	if t.source.Only != "" {
		return []*fileEntry{t.entry(t.source.Only, true)}, nil
	}
	files, err := taskFiles(t.source.FS)
	if err != nil {
		return nil, err
	}
	known := cache.of(t)
	out := make([]*fileEntry, len(files))
	each(len(files), func(i int) {
		f := files[i]
		if e := known.fresh(f); e != nil {
			out[i] = e
			return
		}
		e := t.entry(f.file, false)
		e.size, e.time = f.size, f.time
		out[i] = e
	})
	cache.put(t, out)
	return out, nil
}

// each calls f for 0 to n-1, on all processors, in runs of neighbours.
func each(n int, f func(i int)) {
	const run = 32
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), (n+run-1)/run) {
		wg.Go(func() {
			for from := range next {
				for i := from; i < min(from+run, n); i++ {
					f(i)
				}
			}
		})
	}
	for from := 0; from < n; from += run {
		next <- from
	}
	close(next)
	wg.Wait()
}

// taskFiles finds the task files of a folder, sorted as Python sorts their paths, with their sizes and times.
// Folders are read side by side.
func taskFiles(fsys fs.FS) ([]*fileEntry, error) {
	var (
		mu      sync.Mutex
		out     []*fileEntry
		failure error
		wg      sync.WaitGroup
	)
	slots := make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	var walk func(dir string)
	walk = func(dir string) {
		defer wg.Done()
		slots <- struct{}{}
		defer func() { <-slots }()
		entries, err := fs.ReadDir(fsys, dir)
		var found []*fileEntry
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			switch ext := path.Ext(e.Name()); {
			case e.IsDir() && e.Name() != "__pycache__" && e.Name() != ".ipynb_checkpoints":
				wg.Add(1)
				go walk(name)
			case !e.IsDir() && (ext == ".yaml" || ext == ".yml"):
				f := &fileEntry{file: name}
				if info, err := e.Info(); err == nil {
					f.size, f.time = info.Size(), info.ModTime().UnixNano()
				}
				found = append(found, f)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		out = append(out, found...)
		if failure == nil {
			failure = err
		}
	}
	wg.Add(1)
	walk(".")
	wg.Wait()
	slices.SortFunc(out, func(a, b *fileEntry) int { return cmp.Compare(a.file, b.file) })
	return out, failure
}

// entry reads what a task file defines. Files that name no task are there to be included; must asks for a task.
func (t *tree) entry(file string, must bool) *fileEntry {
	e := &fileEntry{file: file}
	e.err = e.read(t, must)
	return e
}

func (e *fileEntry) read(t *tree, must bool) error {
	d, err := t.document(e.file, nil)
	if err != nil {
		return err
	}
	e.includes = d.includes
	f := d.field("task")
	switch {
	case d.field("class").Set():
		e.kind = kindPython
	case d.field("group").Set():
		e.kind, f = kindGroup, d.field("group")
	case f.Set():
		e.kind = kindTask
	case must:
		return &yamlfile.Error{File: e.file, Msg: "the key \"task\" is missing", Advice: "write task: NAME"}
	default:
		return nil
	}
	if !f.Set() {
		return &yamlfile.Error{File: e.file, Msg: "the key \"task\" is missing", Advice: "write task: NAME"}
	}
	if e.name, err = f.Name(); err != nil {
		return err
	}
	e.line, e.column = f.Node.Line, f.Node.Column
	if f := d.field("tag"); f.Set() && !f.IsNull() && e.kind != kindGroup {
		e.tags, err = f.Texts()
	}
	return err
}

package tasks

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// indexFormat is the first line of an index file; another one makes the file anew.
const indexFormat = "onset task index 1"

// indexFile keeps what scans found. Its lines hold a task file each, in fields that a tab parts: size, time, kind,
// line, column, name, path, the number of tags, the tags, and the files included with size and time each; a line
// "= SOURCE" comes before the files of a source. nil keeps nothing.
type indexFile struct {
	path    string
	sources map[string]map[string]*cachedEntry
	stale   bool // something changed since it was read
}

type cachedEntry struct {
	fileEntry
	deps []dep
}

// dep is an included file as it was when the entry was made.
type dep struct {
	file       string
	size, time int64
}

// readIndexFile reads an index file. One that is missing, torn or foreign is empty.
func readIndexFile(name string) *indexFile {
	if name == "" {
		return nil
	}
	x := &indexFile{path: name, sources: make(map[string]map[string]*cachedEntry)}
	data, err := os.ReadFile(name)
	if err != nil {
		return x
	}
	first, rest, _ := strings.Cut(string(data), "\n")
	if first != indexFormat {
		return x
	}
	var current map[string]*cachedEntry
	for line := range strings.Lines(rest) {
		whole := strings.HasSuffix(line, "\n")
		line = strings.TrimSuffix(line, "\n")
		if source, ok := strings.CutPrefix(line, "= "); ok && whole {
			current = make(map[string]*cachedEntry)
			x.sources[source] = current
			continue
		}
		if e := parseEntry(line); whole && current != nil && e != nil {
			current[e.file] = e
		}
	}
	return x
}

func parseEntry(line string) *cachedEntry {
	fields := strings.Split(line, "\t")
	if len(fields) < 8 {
		return nil
	}
	var numbers [6]int64
	for i, at := range [...]int{0, 1, 3, 4, 7} {
		n, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			return nil
		}
		numbers[i] = n
	}
	e := &cachedEntry{fileEntry: fileEntry{size: numbers[0], time: numbers[1], kind: entryKind(fields[2]),
		line: int(numbers[2]), column: int(numbers[3]), name: fields[5], file: fields[6]}}
	rest := fields[8:]
	if numbers[4] < 0 || int(numbers[4]) > len(rest) || (len(rest)-int(numbers[4]))%3 != 0 {
		return nil
	}
	if numbers[4] > 0 {
		e.tags = rest[:numbers[4]]
	}
	for rest = rest[numbers[4]:]; len(rest) > 0; rest = rest[3:] {
		size, err1 := strconv.ParseInt(rest[1], 10, 64)
		time, err2 := strconv.ParseInt(rest[2], 10, 64)
		if err1 != nil || err2 != nil {
			return nil
		}
		e.deps = append(e.deps, dep{rest[0], size, time})
		e.includes = append(e.includes, rest[0])
	}
	return e
}

// cachedSource is the part of an index file that tells of one source.
type cachedSource struct {
	tree    *tree
	entries map[string]*cachedEntry

	mu    sync.Mutex
	stats map[string]dep
}

// of gives what the file knows of a source on disk; of others nothing is kept.
func (x *indexFile) of(t *tree) *cachedSource {
	if x == nil || t.source.dir == "" {
		return nil
	}
	return &cachedSource{tree: t, entries: x.sources[t.source.dir], stats: make(map[string]dep)}
}

// fresh gives the entry of a file that, with all that it includes, is as it was; else nil.
func (c *cachedSource) fresh(f *fileEntry) *fileEntry {
	if c == nil {
		return nil
	}
	e := c.entries[f.file]
	if e == nil || e.size != f.size || e.time != f.time {
		return nil
	}
	for _, d := range e.deps {
		if c.stat(d.file) != d {
			return nil
		}
	}
	return &e.fileEntry
}

func (c *cachedSource) stat(file string) dep {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.stats[file]
	if !ok {
		d = c.tree.stat(file)
		c.stats[file] = d
	}
	return d
}

// stat gives a file's size and time; a size of -1 where there is no such file.
func (t *tree) stat(file string) dep {
	var info fs.FileInfo
	var err error
	if fs.ValidPath(file) {
		info, err = fs.Stat(t.source.FS, file)
	} else {
		info, err = os.Stat(t.onDisk(file))
	}
	if err != nil {
		return dep{file, -1, 0}
	}
	return dep{file, info.Size(), info.ModTime().UnixNano()}
}

// put replaces what the file knows of a source.
func (x *indexFile) put(t *tree, entries []*fileEntry) {
	if x == nil || t.source.dir == "" {
		return
	}
	old := x.sources[t.source.dir]
	now := make(map[string]*cachedEntry, len(entries))
	stats := make(map[string]dep)
	for _, e := range entries {
		if e.err != nil {
			continue
		}
		if was := old[e.file]; was != nil && &was.fileEntry == e {
			now[e.file] = was
			continue
		}
		x.stale = true
		c := &cachedEntry{fileEntry: *e}
		for _, file := range e.includes {
			d, ok := stats[file]
			if !ok {
				d = t.stat(file)
				stats[file] = d
			}
			c.deps = append(c.deps, d)
		}
		now[e.file] = c
	}
	x.stale = x.stale || len(now) != len(old)
	x.sources[t.source.dir] = now
}

// save writes the file where something changed: whole, under another name first.
func (x *indexFile) save() error {
	if x == nil || !x.stale {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintln(&b, indexFormat)
	for source, entries := range x.sources {
		fmt.Fprintf(&b, "= %s\n", source)
		for _, e := range entries {
			e.write(&b)
		}
	}
	if err := os.MkdirAll(filepath.Dir(x.path), 0o777); err != nil {
		return fmt.Errorf("keep the task index: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(x.path), filepath.Base(x.path)+".*")
	if err != nil {
		return fmt.Errorf("keep the task index: %w", err)
	}
	_, err = f.Write(b.Bytes())
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), x.path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error counts
		return fmt.Errorf("keep the task index: %w", err)
	}
	return nil
}

// write adds the entry's line; an entry with a tab or a line's end in a name is left out, and read each time.
func (e *cachedEntry) write(b *bytes.Buffer) {
	fields := []string{strconv.FormatInt(e.size, 10), strconv.FormatInt(e.time, 10), string(e.kind), strconv.Itoa(e.line),
		strconv.Itoa(e.column), e.name, e.file, strconv.Itoa(len(e.tags))}
	fields = append(fields, e.tags...)
	for _, d := range e.deps {
		fields = append(fields, d.file, strconv.FormatInt(d.size, 10), strconv.FormatInt(d.time, 10))
	}
	for _, f := range fields {
		if strings.ContainsAny(f, "\t\n") {
			return
		}
	}
	b.WriteString(strings.Join(fields, "\t"))
	b.WriteByte('\n')
}

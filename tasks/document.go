package tasks

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// document is a task file with what it includes: its top-level keys, each with its own file and place.
type document struct {
	file    string
	entries map[string]pair
}

// maxIncludes bounds the depth of includes.
const maxIncludes = 64

// readDocument reads the file and its includes. Later includes overwrite earlier ones and the file's own
// keys overwrite both, key by key, without merging inside a value.
func readDocument(fsys fs.FS, file string, chain []string) (document, error) {
	doc := document{file: file, entries: make(map[string]pair)}
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return doc, err
	}
	root, err := parseYAML(file, data)
	if err != nil {
		return doc, err
	}
	own, err := root.pairs()
	if err != nil {
		return doc, err
	}
	for _, p := range own {
		if p.key != "include" {
			continue
		}
		if err := doc.include(fsys, p.field, append(chain, file)); err != nil {
			return doc, err
		}
	}
	for _, p := range own {
		if p.key != "include" {
			doc.entries[p.key] = p
		}
	}
	return doc, nil
}

func (d *document) include(fsys fs.FS, f field, chain []string) error {
	names, err := f.texts()
	if err != nil {
		return err
	}
	for _, name := range names {
		at := path.Join(path.Dir(d.file), name)
		switch {
		case !fs.ValidPath(at):
			return f.errorf("include: %s is outside of the folder of tasks", name)
		case slices.Contains(chain, at):
			return f.errorf("include: %s includes itself, by way of %s", at, strings.Join(chain, ", "))
		case len(chain) > maxIncludes:
			return f.errorf("include: more than %d files include one another", maxIncludes)
		}
		base, err := readDocument(fsys, at, chain)
		if errors.Is(err, fs.ErrNotExist) {
			return f.hintf("the path is relative to this file", "include: there is no file %s", at)
		}
		if err != nil {
			return err
		}
		for key, p := range base.entries {
			d.entries[key] = p
		}
	}
	return nil
}

// field gives the value of a key; it is not set where the file does not have the key.
func (d document) field(key string) field { return d.entries[key].field }

// with gives a copy with some keys replaced.
func (d document) with(over []pair) document {
	out := document{file: d.file, entries: make(map[string]pair, len(d.entries))}
	for k, p := range d.entries {
		out.entries[k] = p
	}
	for _, p := range over {
		out.entries[p.key] = p
	}
	return out
}

package tasks

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// document is a task file with what it includes: its top-level keys, each with its own file and place.
type document struct {
	file    string
	entries map[string]yamlfile.Pair
}

// maxIncludes bounds the depth of includes.
const maxIncludes = 64

// readDocument reads the file and its includes. Later includes overwrite earlier ones and the file's own
// keys overwrite both, key by key, without merging inside a value.
func readDocument(fsys fs.FS, file string, chain []string) (document, error) {
	doc := document{file: file, entries: make(map[string]yamlfile.Pair)}
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return doc, err
	}
	root, err := yamlfile.Parse(file, data)
	if err != nil {
		return doc, err
	}
	own, err := root.Pairs()
	if err != nil {
		return doc, err
	}
	for _, p := range own {
		if p.Key != "include" {
			continue
		}
		if err := doc.include(fsys, p.Field, append(chain, file)); err != nil {
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

func (d *document) include(fsys fs.FS, f yamlfile.Field, chain []string) error {
	names, err := f.Texts()
	if err != nil {
		return err
	}
	for _, name := range names {
		at := path.Join(path.Dir(d.file), name)
		switch {
		case !fs.ValidPath(at):
			return f.Errorf("include: %s is outside of the folder of tasks", name)
		case slices.Contains(chain, at):
			return f.Errorf("include: %s includes itself, by way of %s", at, strings.Join(chain, ", "))
		case len(chain) > maxIncludes:
			return f.Errorf("include: more than %d files include one another", maxIncludes)
		}
		base, err := readDocument(fsys, at, chain)
		if errors.Is(err, fs.ErrNotExist) {
			return f.Hintf("the path is relative to this file", "include: there is no file %s", at)
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
func (d document) field(key string) yamlfile.Field { return d.entries[key].Field }

// with gives a copy with some keys replaced.
func (d document) with(over []yamlfile.Pair) document {
	out := document{file: d.file, entries: make(map[string]yamlfile.Pair, len(d.entries))}
	for k, p := range d.entries {
		out.entries[k] = p
	}
	for _, p := range over {
		out.entries[p.Key] = p
	}
	return out
}

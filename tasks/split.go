package tasks

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/dataset"
)

// readSplits finds the data files of each split: dataset_path names their format and
// dataset_kwargs.data_files the files, relative to the file that states them. Without split names there
// is one split, train.
// Other data is the provider's to find.
func readSplits(d document, data Provider) (map[string][]dataset.File, error) {
	fsys := d.tree.source.FS
	f := d.field("dataset_path")
	if !f.Set() {
		return nil, &yamlfile.Error{File: d.file, Msg: "the key \"dataset_path\" is missing", Advice: "write dataset_path: json"}
	}
	format, err := f.Text()
	if err != nil {
		return nil, err
	}
	if data != nil && !localData(d, format) {
		return provided(d, format, data)
	}
	if format != string(dataset.JSON) && format != string(dataset.CSV) {
		return nil, f.Hintf("use json or csv, with dataset_kwargs.data_files", "dataset_path: %q is not supported yet", format)
	}
	if f := d.field("dataset_name"); f.Set() && !f.IsNull() {
		if _, err := f.Name(); err != nil {
			return nil, err
		}
	}
	f = d.field("dataset_kwargs")
	if !f.Set() {
		return nil, &yamlfile.Error{File: d.file, Msg: "the key \"dataset_kwargs\" is missing",
			Advice: "write dataset_kwargs: {data_files: {test: FILE}}"}
	}
	pairs, err := f.Pairs()
	if err != nil {
		return nil, err
	}
	var files yamlfile.Field
	for _, p := range pairs {
		if p.Key != "data_files" {
			return nil, p.Unknown([]string{"data_files"})
		}
		files = p.Field
	}
	if !files.Set() {
		return nil, f.Errorf("dataset_kwargs: the key \"data_files\" is missing")
	}
	return dataFiles(fsys, files, dataset.Format(format))
}

func dataFiles(fsys fs.FS, f yamlfile.Field, format dataset.Format) (map[string][]dataset.File, error) {
	pairs, err := f.Pairs()
	if err != nil {
		files, err := findFiles(f, fsys, format)
		return map[string][]dataset.File{"train": files}, err
	}
	splits := make(map[string][]dataset.File)
	for _, p := range pairs {
		if splits[p.Key], err = findFiles(p.Field, fsys, format); err != nil {
			return nil, err
		}
	}
	return splits, nil
}

// findFiles resolves names and patterns (* ? [a-z]); every one must find a file.
func findFiles(f yamlfile.Field, fsys fs.FS, format dataset.Format) ([]dataset.File, error) {
	names, err := f.Texts()
	if err != nil {
		return nil, err
	}
	var out []dataset.File
	for _, name := range names {
		if strings.Contains(name, "://") {
			return nil, f.Errorf("data_files: %s: only local files are supported yet", name)
		}
		at := path.Join(path.Dir(f.File), name)
		if !fs.ValidPath(at) || path.IsAbs(name) {
			return nil, f.Hintf("put the data beside the task file", "data_files: %s is outside of the folder of tasks", name)
		}
		found, err := fs.Glob(fsys, at)
		if err != nil {
			return nil, f.Errorf("data_files: %s: %v", name, err)
		}
		if len(found) == 0 {
			return nil, f.Hintf("the path is relative to this file", "data_files: there is no file %s", at)
		}
		slices.Sort(found)
		for _, p := range found {
			out = append(out, dataset.File{FS: fsys, Path: p, Format: format})
		}
	}
	return out, nil
}

// splitNamed gives the name in the first of the keys that is set.
func splitNamed(d document, splits map[string][]dataset.File, keys ...string) (string, error) {
	for _, key := range keys {
		f := d.field(key)
		if !f.Set() || f.IsNull() {
			continue
		}
		name, err := f.Name()
		if err != nil {
			return "", err
		}
		return name, checkSplit(f, name, splits)
	}
	return "", &yamlfile.Error{File: d.file, Msg: "the task names no split: \"" + strings.Join(keys, "\" or \"") + "\" is missing"}
}

func checkSplit(f yamlfile.Field, name string, splits map[string][]dataset.File) error {
	if splits[name] != nil {
		return nil
	}
	known := make([]string, 0, len(splits))
	for k := range splits {
		known = append(known, k)
	}
	slices.Sort(known)
	return unknownWord(f, name, known)
}

// localData reports whether dataset_path names a format, and data_files names files beside the task file.
func localData(d document, format string) bool {
	if format != string(dataset.JSON) && format != string(dataset.CSV) {
		return false
	}
	f := d.field("dataset_kwargs")
	if !f.Set() {
		return true
	}
	v, err := f.Plain(0)
	if err != nil {
		return true
	}
	kwargs, _ := v.(map[string]any)
	var remote func(v any) bool
	remote = func(v any) bool {
		switch v := v.(type) {
		case string:
			return strings.Contains(v, "://") || path.IsAbs(v)
		case []any:
			return slices.ContainsFunc(v, remote)
		case map[string]any:
			for _, e := range v {
				if remote(e) {
					return true
				}
			}
		}
		return false
	}
	return !remote(kwargs["data_files"]) && kwargs["data_files"] != nil
}

// provided asks the provider for the data of a task.
func provided(d document, path string, data Provider) (map[string][]dataset.File, error) {
	f := d.field("dataset_path")
	name, kwargs := "", Options(nil)
	if f := d.field("dataset_name"); f.Set() && !f.IsNull() {
		var err error
		if name, err = f.Name(); err != nil {
			return nil, err
		}
	}
	if f := d.field("dataset_kwargs"); f.Set() && !f.IsNull() {
		v, err := f.Plain(0)
		if err != nil {
			return nil, err
		}
		kwargs, _ = v.(map[string]any)
	}
	splits, err := data(path, name, kwargs)
	if err != nil {
		advice := ""
		var h interface{ Hint() string }
		if errors.As(err, &h) {
			advice = h.Hint()
		}
		return nil, &yamlfile.Error{File: f.File, Line: f.Node.Line, Column: f.Node.Column, Msg: "dataset_path: " + err.Error(), Advice: advice, Err: err}
	}
	return splits, nil
}

package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/onset-eval/onset/tasks/dataset/hub"
)

// located is a file that is on this machine.
type located struct {
	fs   fs.FS
	path string
}

// disk opens names as the operating system has them, so that errors show what the user wrote.
type disk struct{}

func (disk) Open(name string) (fs.File, error) { return os.Open(filepath.FromSlash(name)) }

// newSplit says how files are read: by the format, or "" for what their names tell.
func newSplit(name string, files []located, format Format, o Options) (*Split, error) {
	s := &Split{Name: name}
	typed := false
	for _, f := range files {
		own := o
		ext := extension(f.path)
		is := format
		if is == "" {
			if is = formatOf(ext); is == "" {
				return nil, fmt.Errorf("%s: the name tells no format that is read here (parquet, jsonl, json, csv, tsv, arrow, txt)", f.path)
			}
		}
		if is == CSV {
			c := CSVOptions{}
			if o.CSV != nil {
				c = *o.CSV
			}
			if ext == "tsv" && c.Comma == 0 && format == "" {
				c.Comma = '\t'
			}
			own.CSV = &c
		}
		typed = typed || is == CSV || is == JSON
		s.Files = append(s.Files, File{FS: f.fs, Path: f.path, Format: is, Options: &own})
	}
	if typed {
		all := &shape{}
		for i := range s.Files {
			s.Files[i].Options.shape = all
		}
		all.files = s.Files
	}
	return s, nil
}

// openFiles reads data_files with a builder.
func openFiles(ctx context.Context, ref Ref, src Sources) (*Dataset, error) {
	if len(ref.DataFiles) == 0 {
		return nil, errors.New("the files are not named: write dataset_kwargs: {data_files: {test: FILE}}")
	}
	d := &Dataset{From: "data_files"}
	for _, s := range ref.DataFiles {
		var files []located
		for _, pattern := range s.Patterns {
			found, err := find(ctx, pattern, ref, src)
			if err != nil {
				return nil, fmt.Errorf("data_files: %w", err)
			}
			files = append(files, found...)
		}
		split, err := newSplit(s.Split, files, Format(ref.Path), ref.Options)
		if err != nil {
			return nil, err
		}
		d.Splits = append(d.Splits, split)
	}
	return d, nil
}

// find resolves one entry of data_files.
func find(ctx context.Context, pattern string, ref Ref, src Sources) ([]located, error) {
	if at, ok := hubAddress(pattern, src.Hub); ok {
		return at.find(ctx, src)
	}
	switch scheme, _, ok := strings.Cut(pattern, "://"); {
	case ok && (scheme == "http" || scheme == "https"):
		name, err := src.Hub.FetchURL(ctx, pattern)
		if err != nil {
			return nil, err
		}
		return []located{{disk{}, filepath.ToSlash(name)}}, nil
	case ok:
		return nil, fmt.Errorf("%s: the scheme %s is not supported: use a local name, hf://, http:// or https://", pattern, scheme)
	}
	if ref.DataDir != "" && !filepath.IsAbs(pattern) {
		pattern = path.Join(ref.DataDir, pattern)
	}
	return findLocal(filepath.ToSlash(src.local(pattern)))
}

func findLocal(pattern string) ([]located, error) {
	if !hasMagic(pattern) {
		info, err := os.Stat(filepath.FromSlash(pattern))
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, fmt.Errorf("%s is a folder: name files, such as %s/*.jsonl", pattern, pattern)
		}
		return []located{{disk{}, pattern}}, nil
	}
	parts := strings.Split(pattern, "/")
	fixed := 0
	for fixed < len(parts) && !hasMagic(parts[fixed]) {
		fixed++
	}
	dir := strings.Join(parts[:fixed], "/")
	switch {
	case fixed == 0:
		dir = "."
	case dir == "":
		dir = "/"
	}
	names, err := folder(filepath.FromSlash(dir)).list()
	if err == nil {
		names, err = globFiles(names, strings.Join(parts[fixed:], "/"))
	}
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no file matches %s", pattern)
	}
	out := make([]located, len(names))
	for i, n := range names {
		out[i] = located{disk{}, path.Join(dir, n)}
	}
	return out, nil
}

// address is a file or pattern in a repository of the hub.
type address struct{ repo, revision, pattern string }

// hubAddress reads hf://datasets/ORG/NAME[@REVISION]/PATH and the hub's own https addresses.
func hubAddress(s string, client hub.Client) (address, bool) {
	if rest, ok := strings.CutPrefix(s, "hf://datasets/"); ok {
		parts := strings.SplitN(rest, "/", 3)
		if len(parts) < 3 {
			return address{}, false
		}
		name, revision, _ := strings.Cut(parts[1], "@")
		pattern := parts[2]
		// A revision such as refs/convert/parquet holds slashes of its own.
		if tail, ok := strings.CutPrefix(pattern, "convert/parquet/"); ok && revision == "refs" {
			revision, pattern = converted, tail
		}
		return address{parts[0] + "/" + name, strings.ReplaceAll(revision, "%2F", "/"), pattern}, true
	}
	base := strings.TrimRight(client.URL, "/")
	if base == "" {
		base = hub.DefaultURL
	}
	rest, ok := strings.CutPrefix(s, base+"/datasets/")
	if !ok {
		return address{}, false
	}
	parts := strings.SplitN(rest, "/", 5)
	if len(parts) < 5 || parts[2] != "resolve" && parts[2] != "raw" {
		return address{}, false
	}
	pattern, _, _ := strings.Cut(parts[4], "?")
	return address{parts[0] + "/" + parts[1], strings.ReplaceAll(parts[3], "%2F", "/"), pattern}, true
}

// find takes the files from a folder, the cache or the hub.
func (a address) find(ctx context.Context, src Sources) ([]located, error) {
	for _, d := range src.Dirs {
		if dir := filepath.Join(d, filepath.FromSlash(a.repo)); isDir(dir) {
			return a.in(ctx, folder(dir))
		}
	}
	ref := Ref{Path: a.repo, Revision: a.revision}
	if sha, ok := src.Hub.Cached(a.repo, ref.revision()); ok && !src.Refresh {
		quiet := src.Hub
		quiet.Offline = true
		r := repository(folder(quiet.Snapshot(a.repo, sha)))
		if entries, ok := quiet.CachedTree(a.repo, sha); ok {
			r = commit{&quiet, a.repo, sha, entries}
		}
		if found, err := a.in(ctx, r); err == nil {
			return found, nil
		}
	}
	if src.Hub.Offline {
		return nil, offlineError(ref, src)
	}
	if src.HubCache == "" {
		return nil, errors.New("no folder is named that fetched data may go to")
	}
	sha, entries, err := listing(ctx, a.repo, ref.revision(), src)
	if err != nil {
		return nil, err
	}
	return a.in(ctx, commit{&src.Hub, a.repo, sha, entries})
}

func (a address) in(ctx context.Context, r repository) ([]located, error) {
	files, err := r.list()
	if err == nil {
		files, err = globFiles(files, a.pattern)
	}
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no file %s", a.repo, a.pattern)
	}
	if err := r.fetch(ctx, files); err != nil {
		return nil, err
	}
	out := make([]located, len(files))
	for i, f := range files {
		out[i] = located{os.DirFS(r.dir()), f}
	}
	return out, nil
}

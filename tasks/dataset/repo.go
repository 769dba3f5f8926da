package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/dataset/hub"
)

// repository is files that may have to be fetched before they are read.
type repository interface {
	list() ([]string, error) // sorted names with slashes
	fetch(ctx context.Context, names []string) error
	dir() string
}

// folder is a repository that lies whole in a folder.
type folder string

func (f folder) dir() string                           { return string(f) }
func (f folder) fetch(context.Context, []string) error { return nil }

func (f folder) list() ([]string, error) {
	var out []string
	root := os.DirFS(string(f))
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := fs.Stat(root, name); err == nil && info.Mode().IsRegular() { // through links
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// commit is a repository of the hub at one commit.
type commit struct {
	client  *hub.Client
	repo    string
	sha     string
	entries []hub.Entry
}

func (c commit) dir() string { return c.client.Snapshot(c.repo, c.sha) }

func (c commit) list() ([]string, error) {
	out := make([]string, len(c.entries))
	for i, e := range c.entries {
		out[i] = e.Path
	}
	return out, nil
}

func (c commit) fetch(ctx context.Context, names []string) error {
	for _, name := range names {
		i := slices.IndexFunc(c.entries, func(e hub.Entry) bool { return e.Path == name })
		if i < 0 {
			return fmt.Errorf("the repository has no file %s", name)
		}
		if _, err := c.client.Fetch(ctx, c.repo, c.sha, c.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// converted is the branch on which the hub keeps Parquet files made from any other form of data.
const converted = "refs/convert/parquet"

var errNoData = errors.New("the repository holds no data files that are read here (parquet, jsonl, json, csv, tsv, arrow, txt)")

// openCommit reads a commit. A repository with a script in place of data is read from the converted branch.
func openCommit(ctx context.Context, ref Ref, src Sources, sha string, entries []hub.Entry) (*Dataset, error) {
	r := commit{&src.Hub, ref.Path, sha, entries}
	script := path.Base(ref.Path) + ".py"
	scripted := slices.ContainsFunc(entries, func(e hub.Entry) bool { return e.Path == script })
	if !scripted {
		d, err := openRepo(ctx, r, ref)
		if !errors.Is(err, errNoData) {
			return d, err
		}
	}
	if ref.revision() != "main" && ref.revision() != converted {
		if scripted {
			return nil, fmt.Errorf("revision %s loads its data by the script %s, which needs Python; leave the revision out to read the hub's converted copy", ref.Revision, script)
		}
		return nil, errNoData
	}
	d, err := openConverted(ctx, ref, src)
	switch {
	case err == nil:
		return d, nil
	case !errors.Is(err, hub.ErrNotFound):
		return nil, err
	case scripted:
		if d, err := openRepo(ctx, r, ref); err == nil {
			return d, nil
		}
		return nil, fmt.Errorf("it loads its data by the script %s, which needs Python, and the hub has no converted copy of it", script)
	}
	return nil, errNoData
}

// openConverted reads CONFIG/SPLIT/0000.parquet of the converted branch.
func openConverted(ctx context.Context, ref Ref, src Sources) (*Dataset, error) {
	sha, ok := src.Hub.Cached(ref.Path, converted)
	var entries []hub.Entry
	if ok && !src.Refresh {
		entries, ok = src.Hub.CachedTree(ref.Path, sha)
	}
	if !ok || src.Refresh {
		var err error
		if sha, entries, err = listing(ctx, ref.Path, converted, src); err != nil {
			return nil, err
		}
	}
	if ref.Name == "" {
		var names []string
		for _, e := range entries {
			if name, _, ok := strings.Cut(e.Path, "/"); ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		switch {
		case len(names) == 1:
			ref.Name = names[0]
		case slices.Contains(names, "default"):
			ref.Name = "default"
		default:
			return nil, unknownConfig("", names)
		}
	}
	ref.Revision = converted
	return openRepo(ctx, commit{&src.Hub, ref.Path, sha, entries}, ref)
}

// openRepo finds the splits of a configuration, fetches their files, and says how they are read.
func openRepo(ctx context.Context, r repository, ref Ref) (*Dataset, error) {
	files, err := r.list()
	if err != nil {
		return nil, err
	}
	var c card
	if slices.Contains(files, "README.md") {
		if err := r.fetch(ctx, []string{"README.md"}); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(filepath.Join(r.dir(), "README.md"))
		if err != nil {
			return nil, err
		}
		if c, err = readCard(text); err != nil {
			return nil, err
		}
	}
	found, err := findSplits(files, c, &ref)
	if err != nil {
		return nil, err
	}
	if ref.Options.Labels == nil {
		ref.Options.Labels = c.labels(ref.Name)
	}
	d := &Dataset{From: r.dir()}
	if at, ok := r.(commit); ok {
		d.From, d.Revision = at.repo+"@"+at.sha, at.sha
	}
	root := os.DirFS(r.dir())
	for _, s := range found {
		if len(ref.Splits) > 0 && !slices.Contains(ref.Splits, s.split) {
			d.Splits = append(d.Splits, &Split{Name: s.split}) // named, so that errors can tell it
			continue
		}
		if err := r.fetch(ctx, s.files); err != nil {
			return nil, err
		}
		list := make([]located, len(s.files))
		for i, name := range s.files {
			list[i] = located{root, name}
		}
		split, err := newSplit(s.split, list, "", ref.Options)
		if err != nil {
			return nil, err
		}
		d.Splits = append(d.Splits, split)
	}
	return d, nil
}

// findSplits takes what the user names, else what the README says, else what the names of files tell.
func findSplits(files []string, c card, ref *Ref) ([]splitFiles, error) {
	if ref.DataFiles != nil {
		return matchSplits(files, ref.DataFiles, ref.DataDir, ref.Splits)
	}
	dir := ""
	if ref.DataDir != "" {
		dir = path.Clean(ref.DataDir) + "/"
	}
	cfg, ok, err := c.config(ref.Name)
	if err != nil {
		return nil, err
	}
	if !ok || dir != "" {
		return splitsWithoutCard(files, dir, ref)
	}
	ref.Name = cfg.Name
	for _, key := range sortedKeys(cfg.Rest) {
		if slices.Contains(kwargNames, key) {
			if err := ref.setKwarg(key, cfg.Rest[key]); err != nil {
				return nil, fmt.Errorf("README.md: configuration %s: %s: %w", cfg.Name, key, err)
			}
		}
	}
	if cfg.DataFiles == nil {
		if cfg.DataDir != "" {
			dir = path.Clean(cfg.DataDir) + "/"
		}
		return inferred(files, dir, false)
	}
	patterns, err := readDataFiles(cfg.DataFiles)
	if err != nil {
		return nil, fmt.Errorf("README.md: configuration %s: data_files: %w", cfg.Name, err)
	}
	found, err := matchSplits(files, patterns, cfg.DataDir, ref.Splits)
	if err != nil {
		return nil, fmt.Errorf("README.md: configuration %s: %w", cfg.Name, err)
	}
	return found, nil
}

// splitsWithoutCard takes a folder of the configuration's name for it.
func splitsWithoutCard(files []string, dir string, ref *Ref) ([]splitFiles, error) {
	if ref.Name == "" {
		return inferred(files, dir, false)
	}
	var names []string
	for _, f := range files {
		name, _, ok := strings.Cut(strings.TrimPrefix(f, dir), "/")
		if ok && !hidden(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case slices.Contains(names, ref.Name):
		return inferred(files, dir+ref.Name+"/", true)
	case ref.Name == "default":
		return inferred(files, dir, false)
	}
	if len(names) == 0 {
		names = []string{"default"}
	}
	return nil, unknownConfig(ref.Name, names)
}

func inferred(files []string, dir string, inside bool) ([]splitFiles, error) {
	found, err := inferSplits(files, dir, inside)
	if err != nil {
		return nil, errNoData
	}
	return found, nil
}

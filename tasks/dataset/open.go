package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/onset-eval/onset/tasks/dataset/hub"
)

// Ref says which data are wanted, as load_dataset takes it.
type Ref struct {
	// Path is ORG/NAME of the hub, a folder, or a builder: json, csv, parquet, arrow or text.
	Path string
	// Name is the configuration; "" is the default one.
	Name string
	// Revision is a branch, tag or commit; "" is main.
	Revision string
	// DataDir is the folder of the data in the repository.
	DataDir string
	// DataFiles names the files of each split; nil finds them.
	DataFiles []SplitFiles
	// Splits are those that are wanted, so that others are not fetched; nil is all.
	Splits []string
	// Options say how the files are read.
	Options Options
}

// Sources says where data may be found. They are asked in this order: a folder, Dirs, HubCache,
// DatasetsCache, the hub. What one of them holds whole is taken without any network call.
type Sources struct {
	WorkDir       string   // what relative names of files begin at; "" is the process's own
	Dirs          []string // folders that hold copies of repositories as ORG/NAME
	HubCache      string   // of huggingface_hub; "" is none
	DatasetsCache string   // of `datasets`; "" is none
	Hub           hub.Client
	// Refresh asks the hub what a branch stands for even if the cache knows an answer.
	Refresh bool
}

// Open finds the files of a dataset and fetches those that are not on this machine.
func Open(ctx context.Context, ref Ref, src Sources) (*Dataset, error) {
	d, err := open(ctx, ref, src)
	if err != nil {
		name := ref.Path
		if ref.Name != "" {
			name += " (" + ref.Name + ")"
		}
		return nil, fmt.Errorf("dataset %s: %w", name, err)
	}
	if len(ref.Splits) > 0 {
		for _, name := range ref.Splits {
			if _, err := d.Split(name); err != nil {
				return nil, fmt.Errorf("dataset: %w", err)
			}
		}
		d.Splits = slices.DeleteFunc(d.Splits, func(s *Split) bool { return !slices.Contains(ref.Splits, s.Name) })
	}
	return d, nil
}

func open(ctx context.Context, ref Ref, src Sources) (*Dataset, error) {
	src.Hub.Cache = src.HubCache
	switch Format(ref.Path) {
	case JSON, CSV, Parquet, Arrow, Text:
		return openFiles(ctx, ref, src)
	}
	if dir := src.local(ref.Path); isDir(dir) {
		return openRepo(ctx, folder(dir), ref)
	}
	if !filepath.IsLocal(ref.Path) {
		return nil, errors.New("there is no such folder")
	}
	for _, d := range src.Dirs {
		if dir := filepath.Join(d, filepath.FromSlash(ref.Path)); isDir(dir) {
			return openRepo(ctx, folder(dir), ref)
		}
	}
	if err := hub.CheckRepo(ref.Path); err != nil {
		return nil, err
	}
	var first error
	if !src.Refresh || src.Hub.Offline {
		d, err := openCached(ctx, ref, src)
		if err == nil {
			return d, nil
		}
		if !errors.Is(err, errNotHere) {
			first = err
		}
		if src.Hub.Offline {
			switch {
			case first != nil:
				return nil, first
			case err == errNotHere: //nolint:errorlint // one with words of its own says more
				return nil, offlineError(ref, src)
			}
			return nil, fmt.Errorf("%w, and onset is %w", err, hub.ErrOffline)
		}
	}
	return openHub(ctx, ref, src)
}

// errNotHere says that data are not, or not all, on this machine.
var errNotHere = errors.New("it is not on this machine")

// openCached takes what the caches hold whole, without any call.
func openCached(ctx context.Context, ref Ref, src Sources) (*Dataset, error) {
	quiet := src
	quiet.Hub.Offline = true
	var first error
	if sha, ok := src.Hub.Cached(ref.Path, ref.revision()); ok {
		d, err := openSnapshot(ctx, ref, quiet, sha)
		if err == nil {
			return d, nil
		}
		first = err
	}
	d, err := openArrowCache(ref, src)
	if err == nil {
		return d, nil
	}
	if first != nil {
		return nil, first
	}
	return nil, err
}

// openSnapshot reads a snapshot in the cache. Where no list of the commit's files was kept, as by Python, it
// may hold a part of them.
func openSnapshot(ctx context.Context, ref Ref, src Sources, sha string) (*Dataset, error) {
	if entries, ok := src.Hub.CachedTree(ref.Path, sha); ok {
		return openCommit(ctx, ref, src, sha, entries)
	}
	d, err := openRepo(ctx, folder(src.Hub.Snapshot(ref.Path, sha)), ref)
	if err != nil {
		return nil, err
	}
	for _, s := range d.Splits {
		names := make([]string, len(s.Files))
		for i, f := range s.Files {
			names[i] = f.Path
		}
		if lack := missingShards(names); lack != "" {
			return nil, fmt.Errorf("%w: the cache lacks %s", errNotHere, lack)
		}
	}
	for _, name := range ref.Splits {
		if _, err := d.Split(name); err != nil {
			return nil, fmt.Errorf("%w: %w", errNotHere, err)
		}
	}
	d.From, d.Revision = ref.Path+"@"+sha, sha
	return d, nil
}

func openHub(ctx context.Context, ref Ref, src Sources) (*Dataset, error) {
	if src.HubCache == "" {
		return nil, errors.New("no folder is named that fetched data may go to")
	}
	sha, entries, err := listing(ctx, ref.Path, ref.revision(), src)
	if err != nil {
		return nil, err
	}
	return openCommit(ctx, ref, src, sha, entries)
}

func listing(ctx context.Context, repo, revision string, src Sources) (string, []hub.Entry, error) {
	sha, err := src.Hub.Commit(ctx, repo, revision)
	if err != nil {
		return "", nil, err
	}
	entries, err := src.Hub.Tree(ctx, repo, sha)
	return sha, entries, err
}

func (r Ref) revision() string {
	if r.Revision == "" {
		return "main"
	}
	return r.Revision
}

func (s Sources) local(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.WorkDir, name)
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func offlineError(ref Ref, src Sources) error {
	looked := append(slices.Clone(src.Dirs), src.HubCache, src.DatasetsCache)
	looked = slices.DeleteFunc(looked, func(s string) bool { return s == "" })
	return &hub.Error{What: ref.Path + "@" + ref.revision(),
		Err:    fmt.Errorf("it is in none of %v, and onset is %w", looked, hub.ErrOffline),
		Advice: "unset HF_HUB_OFFLINE and HF_DATASETS_OFFLINE once to fetch it, or copy its repository to a folder and name that"}
}

package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// folder is where a repository lies in the cache.
func (c *Client) folder(repo string) string {
	return filepath.Join(c.Cache, "datasets--"+strings.ReplaceAll(repo, "/", "--"))
}

// Snapshot is the folder of a commit's files, whether it is there or not.
func (c *Client) Snapshot(repo, sha string) string {
	return filepath.Join(c.folder(repo), "snapshots", sha)
}

// Cached gives the commit that a revision stood for when it was last fetched, if a snapshot or a list of its files is there.
func (c *Client) Cached(repo, revision string) (sha string, ok bool) {
	if c.Cache == "" || CheckRepo(repo) != nil {
		return "", false
	}
	sha = revision
	if !IsCommit(revision) {
		if !filepath.IsLocal(revision) {
			return "", false
		}
		b, err := os.ReadFile(filepath.Join(c.folder(repo), "refs", filepath.FromSlash(revision)))
		if err != nil {
			return "", false
		}
		sha = strings.TrimSpace(string(b))
	}
	if !IsCommit(sha) {
		return "", false
	}
	if _, ok := c.cachedTree(repo, sha); ok {
		return sha, true
	}
	info, err := os.Stat(c.Snapshot(repo, sha))
	return sha, err == nil && info.IsDir()
}

// CachedTree gives the list of a commit's files, if it was kept.
func (c *Client) CachedTree(repo, sha string) ([]Entry, bool) {
	if c.Cache == "" || CheckRepo(repo) != nil || !IsCommit(sha) {
		return nil, false
	}
	return c.cachedTree(repo, sha)
}

func (c *Client) treeFile(repo, sha string) string {
	return filepath.Join(c.folder(repo), ".onset", sha+".json")
}

func (c *Client) cachedTree(repo, sha string) ([]Entry, bool) {
	b, err := os.ReadFile(c.treeFile(repo, sha))
	if err != nil {
		return nil, false
	}
	var out []Entry
	if json.Unmarshal(b, &out) != nil {
		return nil, false
	}
	for _, e := range out {
		if checkEntry(e) != nil {
			return nil, false
		}
	}
	return out, true
}

func (c *Client) writeTree(repo, sha string, entries []Entry) error {
	b, err := json.Marshal(entries)
	if err != nil {
		return fmt.Errorf("keep the list of files of %s: %w", repo, err)
	}
	return writeWhole(c.treeFile(repo, sha), b)
}

func (c *Client) writeRef(repo, revision, sha string) error {
	if !filepath.IsLocal(revision) {
		return &Error{What: repo, Err: fmt.Errorf("%q is no name of a revision", revision)}
	}
	return writeWhole(filepath.Join(c.folder(repo), "refs", filepath.FromSlash(revision)), []byte(sha))
}

// writeWhole replaces a file at once, so that no other process reads half of it.
func writeWhole(name string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return diskError(err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return diskError(err)
	}
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the write's own error says more
	}
	return diskError(err)
}

// diskError says what to do about a cache that cannot be written.
func diskError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &Error{What: "the cache of the hub", Err: fmt.Errorf("the disk is full: %w", err),
			Advice: "free space, or set HF_HOME to a folder on a larger disk; what was fetched is kept"}
	case errors.Is(err, fs.ErrPermission):
		return &Error{What: "the cache of the hub", Err: err, Advice: "set HF_HOME to a folder that you may write"}
	}
	return err
}

package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Entry is a file of a repository.
type Entry struct {
	Path string `json:"path"` // with slashes
	Size int64  `json:"size"` // bytes
	// ETag names the blob: the SHA-256 of a large file, else the SHA-1 that git gives the file.
	ETag  string `json:"etag"`
	Large bool   `json:"large"`
}

// maxPages bounds how many pages of a listing are read.
const maxPages = 1000

var (
	repoName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9_][\w.-]*)?$`)
	etagName = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	commit   = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// IsCommit says whether a revision is a full commit, which never changes.
func IsCommit(revision string) bool { return commit.MatchString(revision) }

// CheckRepo says why a name can be no repository's.
func CheckRepo(repo string) error {
	if !repoName.MatchString(repo) || strings.Contains(repo, "..") || strings.Contains(repo, "--") {
		return &Error{What: repo, Err: errors.New("it is no name of a dataset"), Advice: "write ORG/NAME"}
	}
	return nil
}

// Commit gives the commit that a revision stands for now, and notes it under refs.
func (c *Client) Commit(ctx context.Context, repo, revision string) (string, error) {
	if err := CheckRepo(repo); err != nil {
		return "", err
	}
	what := repo + "@" + revision
	var answer struct {
		SHA string `json:"sha"`
	}
	at := c.base() + "/api/datasets/" + repo + "/revision/" + url.PathEscape(revision)
	err := c.call(ctx, what, at, nil, func(r *http.Response) error { return decode(r.Body, &answer) })
	if err != nil {
		return "", err
	}
	if !IsCommit(answer.SHA) {
		return "", &Error{What: what, Err: fmt.Errorf("the hub names %q as its commit", answer.SHA)}
	}
	if revision == answer.SHA {
		return answer.SHA, nil
	}
	return answer.SHA, c.writeRef(repo, revision, answer.SHA)
}

// Tree lists the files of a commit, sorted by path, and keeps the list in the cache.
func (c *Client) Tree(ctx context.Context, repo, sha string) ([]Entry, error) {
	if err := CheckRepo(repo); err != nil {
		return nil, err
	}
	if entries, ok := c.cachedTree(repo, sha); ok {
		return entries, nil
	}
	what := repo + "@" + sha
	next := c.base() + "/api/datasets/" + repo + "/tree/" + sha + "?recursive=true&expand=false"
	var out []Entry
	for page := 0; next != ""; page++ {
		if page == maxPages {
			return nil, &Error{What: what, Err: errors.New("its list of files does not end")}
		}
		var items []struct {
			Type string `json:"type"`
			Path string `json:"path"`
			OID  string `json:"oid"`
			Size int64  `json:"size"`
			LFS  *struct {
				OID  string `json:"oid"`
				Size int64  `json:"size"`
			} `json:"lfs"`
		}
		at := next
		next = ""
		err := c.call(ctx, what, at, nil, func(r *http.Response) error {
			items = items[:0]
			if err := decode(r.Body, &items); err != nil {
				return err
			}
			var err error
			next, err = c.nextPage(r)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			e := Entry{Path: it.Path, Size: it.Size, ETag: it.OID}
			if it.LFS != nil {
				e.Size, e.ETag, e.Large = it.LFS.Size, it.LFS.OID, true
			}
			if it.Type == "directory" {
				continue
			}
			if err := checkEntry(e); err != nil {
				return nil, &Error{What: what, Err: err}
			}
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return out, c.writeTree(repo, sha, out)
}

// checkEntry refuses names that would lead out of the cache.
func checkEntry(e Entry) error {
	if e.Path == "" || path.Clean("/"+e.Path) != "/"+e.Path || strings.ContainsAny(e.Path, "\\\x00:") || e.Size < 0 {
		return fmt.Errorf("the hub lists a file with the name %q", e.Path)
	}
	if !etagName.MatchString(e.ETag) {
		return fmt.Errorf("the hub lists %s under the hash %q", e.Path, e.ETag)
	}
	return nil
}

// nextPage follows the Link header (RFC 8288), on the hub's host only.
func (c *Client) nextPage(r *http.Response) (string, error) {
	for _, link := range strings.Split(r.Header.Get("Link"), ",") {
		target, rest, ok := strings.Cut(strings.TrimSpace(link), ">")
		if !ok || !strings.HasPrefix(target, "<") || !strings.Contains(rest, `rel="next"`) {
			continue
		}
		next, err := r.Request.URL.Parse(target[1:])
		if err != nil {
			return "", fmt.Errorf("the next page of the list: %w", err)
		}
		if !strings.HasPrefix(next.String(), c.base()+"/") {
			return "", fmt.Errorf("the next page of the list is on another host, %s", next.Host)
		}
		return next.String(), nil
	}
	return "", nil
}

func decode(r io.Reader, into any) error {
	b, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	switch {
	case err != nil:
		return again{fmt.Errorf("the answer is cut off: %w", err)}
	case len(b) > maxAnswer:
		return errors.New("the answer is too long")
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("the answer is no JSON of the expected form: %w", err)
	}
	return nil
}

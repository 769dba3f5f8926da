package hub

import (
	"context"
	"crypto/sha1" //nolint:gosec // git names files by it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Fetch brings a file of a commit into the cache, unless it is there, and gives its path in the snapshot. An
// interrupted fetch goes on where it stopped, also in another process. The size and the hash that the listing
// names are checked.
func (c *Client) Fetch(ctx context.Context, repo, sha string, e Entry) (string, error) {
	if err := errors.Join(CheckRepo(repo), checkEntry(e)); err != nil {
		return "", err
	}
	if !IsCommit(sha) {
		return "", fmt.Errorf("%s: %q is no commit", repo, sha)
	}
	at := filepath.Join(c.Snapshot(repo, sha), filepath.FromSlash(e.Path))
	if info, err := os.Stat(at); err == nil && info.Size() == e.Size {
		return at, nil
	}
	what := repo + ": " + e.Path
	if c.Offline {
		return "", c.offline(what)
	}
	blob := filepath.Join(c.folder(repo), "blobs", e.ETag)
	unlock, err := lockFile(ctx, filepath.Join(c.Cache, ".locks", filepath.Base(c.folder(repo)), e.ETag+".lock"), c.wait)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, diskError(err))
	}
	defer unlock()
	if info, err := os.Stat(blob); err != nil || info.Size() != e.Size {
		if err := c.download(ctx, what, c.fileURL(repo, sha, e.Path), blob, e); err != nil {
			return "", err
		}
	}
	return at, diskError(link(blob, at))
}

func (c *Client) fileURL(repo, sha, path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return c.base() + "/datasets/" + repo + "/resolve/" + sha + "/" + strings.Join(parts, "/")
}

// download fills blob.incomplete and renames it once it is whole.
func (c *Client) download(ctx context.Context, what, from, blob string, e Entry) error {
	if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
		return diskError(err)
	}
	part := blob + ".incomplete"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return diskError(err)
	}
	defer func() { _ = f.Close() }() // closed below where it matters
	have := int64(0)
	header := func() http.Header {
		h := make(http.Header)
		h.Set("Accept-Encoding", "identity")
		if have, err = f.Seek(0, io.SeekEnd); err == nil && (have > e.Size) {
			have, err = 0, errors.Join(f.Truncate(0))
		}
		if have > 0 && have < e.Size {
			h.Set("Range", fmt.Sprintf("bytes=%d-", have))
		}
		return h
	}
	// A complete part needs no call, only its check; a wrong one is fetched anew.
	for range 2 {
		if have, err = f.Seek(0, io.SeekEnd); err != nil {
			return diskError(err)
		}
		if have != e.Size || e.Size == 0 {
			err = c.call(ctx, what, from, header, func(r *http.Response) error { return receive(f, r, have, e.Size) })
			if err != nil {
				return err
			}
		}
		if err = verify(f, e); err == nil {
			break
		}
		if err := f.Truncate(0); err != nil {
			return diskError(err)
		}
	}
	if err != nil {
		return &Error{What: what, Err: err, Advice: "run the same command again; if it stays, the file on the hub or a proxy on the way is damaged"}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return diskError(err)
	}
	return diskError(os.Rename(part, blob))
}

// receive appends the body to f, from have on where the server heeds the range.
func receive(f *os.File, r *http.Response, have, size int64) error {
	switch {
	case r.StatusCode == http.StatusPartialContent:
		var from int64
		if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-", &from); err != nil || from != have {
			_ = f.Truncate(0) // the next attempt fetches the whole
			return again{fmt.Errorf("the server sends the range %q where it was asked for the bytes from %d", r.Header.Get("Content-Range"), have)}
		}
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		if err := f.Truncate(0); err != nil {
			return diskError(err)
		}
		return again{errors.New("the server does not have the rest of the file")}
	case have > 0: // the server sends the whole
		have = 0
		if err := f.Truncate(0); err != nil {
			return diskError(err)
		}
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return diskError(err)
	}
	body := &readErrors{r: io.LimitReader(r.Body, size-have+1)}
	n, err := io.Copy(f, body)
	switch {
	case body.err != nil:
		return again{fmt.Errorf("the download broke off after %d of %d bytes: %w", have+n, size, body.err)}
	case err != nil:
		return diskError(err)
	case have+n < size:
		return again{fmt.Errorf("the download broke off after %d of %d bytes", have+n, size)}
	case have+n > size:
		_ = f.Truncate(0) // what is there is of no use
		return fmt.Errorf("the server sends more than the %d bytes that the hub lists", size)
	}
	return nil
}

// readErrors tells errors of reading from those of writing.
type readErrors struct {
	r   io.Reader
	err error
}

func (r *readErrors) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		r.err = err
	}
	return n, err
}

// verify compares the hash with the name of the blob.
func verify(f *os.File, e Entry) error {
	var h hash.Hash
	if len(e.ETag) == 64 {
		h = sha256.New()
	} else {
		h = sha1.New() //nolint:gosec // git names files by it
		fmt.Fprintf(h, "blob %d\x00", e.Size)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != e.ETag {
		return fmt.Errorf("the file has the hash %s where the hub lists %s", got, e.ETag)
	}
	return nil
}

// link makes the snapshot's file a relative link to the blob, or a copy where links cannot be made.
func link(blob, at string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		return err
	}
	to, err := filepath.Rel(filepath.Dir(at), blob)
	if err != nil {
		return err
	}
	tmp := at + ".link"
	_ = os.Remove(tmp) // of a process that was killed
	if err := os.Symlink(to, tmp); err == nil {
		return os.Rename(tmp, at)
	}
	in, err := os.Open(blob)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.Create(tmp)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, at)
}

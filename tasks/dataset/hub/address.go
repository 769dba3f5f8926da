package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
)

// FetchURL brings a file of any other address into the cache, unless it is there, and gives its path. The
// token is not sent unless the address is on the hub's host.
func (c *Client) FetchURL(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", &Error{What: "data_files", Err: errors.New("an address is malformed")}
	}
	what := u.Scheme + "://" + u.Host + u.EscapedPath()
	if c.Cache == "" {
		return "", &Error{What: what, Err: errors.New("no folder is named that fetched data may go to")}
	}
	sum := sha256.Sum256([]byte(address))
	name := path.Base(path.Clean("/" + u.Path))
	if name == "/" || !filepath.IsLocal(name) {
		name = "data"
	}
	at := filepath.Join(c.Cache, ".onset-urls", hex.EncodeToString(sum[:]), name)
	if _, err := os.Stat(at); err == nil {
		return at, nil
	}
	if c.Offline {
		return "", c.offline(what)
	}
	unlock, err := lockFile(ctx, at+".lock", c.wait)
	if err != nil {
		return "", diskError(err)
	}
	defer unlock()
	if _, err := os.Stat(at); err == nil {
		return at, nil
	}
	part := at + ".incomplete"
	err = c.call(ctx, what, address, nil, func(r *http.Response) error {
		f, err := os.Create(part)
		if err != nil {
			return diskError(err)
		}
		body := &readErrors{r: r.Body}
		_, err = io.Copy(f, body)
		if body.err != nil {
			_ = f.Close() // the download's own error says more
			return again{body.err}
		}
		return diskError(errors.Join(err, f.Close()))
	})
	if err != nil {
		return "", err
	}
	return at, diskError(os.Rename(part, at))
}

// Package hub fetches files of dataset repositories over HTTP into the cache that the Python libraries of the
// hub share, and finds what lies there already.
//
// The layout is the documented one (https://huggingface.co/docs/hub/local-cache): under
// datasets--ORG--NAME lie refs/REVISION with a commit, blobs/ETAG with the bytes, and snapshots/COMMIT/PATH,
// which are links to blobs. A token goes to the hub's own host only, and into no error.
package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultURL is the hub that is asked where no other is named.
const DefaultURL = "https://huggingface.co"

// Client asks one hub. It may be used concurrently.
type Client struct {
	URL   string // "" is DefaultURL
	Token string // "" asks without one
	Cache string // the folder that holds datasets--ORG--NAME
	// HTTP makes the calls; nil is a client without a time limit for bodies. Its redirect policy is not used.
	HTTP *http.Client
	// Offline makes every call an ErrOffline.
	Offline bool
	// Wait waits between attempts; nil is a timer.
	Wait func(ctx context.Context, d time.Duration) error
}

// Errors that callers tell apart.
var (
	ErrOffline  = errors.New("offline")
	ErrNotFound = errors.New("not found on the hub")
	ErrDenied   = errors.New("access denied")
)

// Error is a call that went wrong, with what to do about it.
type Error struct {
	What   string // such as "org/name: data/test.parquet"
	Err    error
	Advice string
}

func (e *Error) Error() string { return e.What + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Hint says what the user can do.
func (e *Error) Hint() string { return e.Advice }

func (c *Client) base() string {
	if c.URL == "" {
		return DefaultURL
	}
	return strings.TrimRight(c.URL, "/")
}

// client gives the HTTP client with the token on calls to the hub's host alone, at each redirect.
func (c *Client) client() *http.Client {
	own := http.Client{}
	if c.HTTP != nil {
		own = *c.HTTP
	}
	inner := own.Transport
	if inner == nil {
		inner = http.DefaultTransport
	}
	home, _ := url.Parse(c.base())
	own.Transport = &authorized{inner: inner, home: home, token: c.Token}
	own.Jar = nil
	own.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if len(via) > 10 {
			return errors.New("more than 10 redirects")
		}
		return nil
	}
	return &own
}

// authorized adds the token to calls to home and removes any from all others.
type authorized struct {
	inner http.RoundTripper
	home  *url.URL
	token string
}

func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("Authorization")
	r.Header.Del("Cookie")
	if a.home != nil && r.URL.Scheme == a.home.Scheme && r.URL.Host == a.home.Host && a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	return a.inner.RoundTrip(r)
}

// clean removes what no error should show: the queries of signed addresses, and the token wherever it is.
func (c *Client) clean(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		at := u.URL
		if parsed, e := url.Parse(u.URL); e == nil {
			at = parsed.Scheme + "://" + parsed.Host + parsed.EscapedPath()
		}
		inner := u.Err
		var cert *tls.CertificateVerificationError
		if errors.As(inner, &cert) {
			inner = fmt.Errorf("the certificate is not trusted: %w", cert.Err)
		}
		err = fmt.Errorf("%s: %w", at, inner)
	}
	if c.Token != "" && strings.Contains(err.Error(), c.Token) {
		return errors.New(strings.ReplaceAll(err.Error(), c.Token, "[token]"))
	}
	return err
}

func (c *Client) offline(what string) error {
	return &Error{What: what, Err: fmt.Errorf("it is not on this machine, and onset is %w", ErrOffline),
		Advice: "unset HF_HUB_OFFLINE and HF_DATASETS_OFFLINE once to fetch it, or copy its folder into the cache"}
}

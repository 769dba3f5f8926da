package backends

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Store keeps responses by key. Its methods may be called concurrently.
type Store interface {
	// Get gives the value of a key; found is false where there is none.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	// Put keeps a value, and replaces one that is there.
	Put(ctx context.Context, key string, value []byte) error
}

// CacheMode says what a cache does.
type CacheMode string

// The cache modes.
const (
	CacheOff     CacheMode = "off"     // neither reads nor writes
	CacheRead    CacheMode = "read"    // answers from the store and adds nothing to it
	CacheWrite   CacheMode = "write"   // answers from the store and adds what was missing: the usual mode
	CacheRefresh CacheMode = "refresh" // asks always, and replaces what the store has
)

// CacheModes lists all modes.
var CacheModes = [...]CacheMode{CacheOff, CacheRead, CacheWrite, CacheRefresh}

// CacheOptions configure a cache. The zero value reads and writes greedy responses.
type CacheOptions struct {
	// Mode "" is CacheWrite.
	Mode CacheMode
	// Sampled lets sampled draws be cached too, each under its own number. Without it they are always drawn anew, since
	// a draw that is read back is not a new one.
	Sampled bool
}

// Cache answers a request from a store where it has the response, and keeps it there where it has not. The key covers
// the model's identity (all of Info but Parallel), the whole request and its draw. Failures are not kept. A store that
// fails does so as an *Error of KindInternal: a run that pays for answers should not lose them silently.
func Cache(b Backend, s Store, o CacheOptions) Backend {
	if o.Mode == "" {
		o.Mode = CacheWrite
	}
	if o.Mode == CacheOff {
		return b
	}
	return &cache{Backend: b, store: s, opts: o, model: cacheIdentity(b.Info())}
}

type cache struct {
	Backend
	store Store
	opts  CacheOptions
	model string
}

// Unwrap gives the model.
func (c *cache) Unwrap() Backend { return c.Backend }

func (c *cache) Do(ctx context.Context, req Request) (Response, error) {
	if req.Sampling.Temperature > 0 && !c.opts.Sampled {
		return c.Backend.Do(ctx, req)
	}
	key := cacheKey(c.model, req)
	if c.opts.Mode != CacheRefresh {
		resp, found, err := c.read(ctx, key)
		if err != nil || found {
			return resp, err
		}
	}
	resp, err := c.Backend.Do(ctx, req)
	if err != nil || c.opts.Mode == CacheRead {
		return resp, err
	}
	return resp, c.write(ctx, key, resp)
}

func (c *cache) read(ctx context.Context, key string) (Response, bool, error) {
	value, found, err := c.store.Get(ctx, key)
	if err != nil {
		return Response{}, false, storeError(ctx, "read response cache", err)
	}
	var resp Response
	if !found || !readable(value, &resp) {
		return Response{}, false, nil // what cannot be read is asked again, and replaced
	}
	resp.Cached, resp.Attempts, resp.Latency = true, 0, 0
	return resp, true, nil
}

func readable(value []byte, resp *Response) bool { return json.Unmarshal(value, resp) == nil }

func (c *cache) write(ctx context.Context, key string, resp Response) error {
	value, err := json.Marshal(resp)
	if err != nil || !utf8.ValidString(resp.Text) {
		return nil //nolint:nilerr // what JSON does not hold, as a sum of -Inf, is asked anew each time
	}
	if err := c.store.Put(ctx, key, value); err != nil {
		return storeError(ctx, "write response cache", err)
	}
	return nil
}

func storeError(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return &Error{Kind: KindInternal, Op: op, Err: err}
}

// cacheIdentity gives all of a model's Info but Parallel, as text.
func cacheIdentity(info Info) string {
	info.Parallel = 0
	return fmt.Sprintf("%#v", info)
}

// cacheKey gives the key of a request: the hex digest of all that decides the response. The text that is hashed quotes
// strings as Go does, so that no two differ in bytes and agree in text; JSON would replace what is no UTF-8. Maps are
// written in the order of their keys.
func cacheKey(model string, req Request) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %#v", model, req)
	return hex.EncodeToString(h.Sum(nil))
}

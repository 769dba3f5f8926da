// Package httpapi is the thin client of a model behind HTTP, over net/http: one pool of connections, keys that show
// nowhere, bodies within bounds, and failures by kind.
//
// It knows no protocol. A provider makes the bytes of a request and reads the answer's; Post decodes JSON from a pooled
// buffer. Nothing is retried here: backends.Retry does that, above the limiter.
package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
)

// Options say where a server is and how to speak to it. BaseURL is required.
type Options struct {
	// BaseURL is the server's scheme, host and the path that every request's begins with, "https://api.openai.com/v1". A
	// user name and password in it become a basic Authorization header; a query is sent with every request.
	BaseURL string
	// Key is sent in KeyHeader: as "Bearer …" in Authorization, which "" means, as it is in another.
	Key       Key
	KeyHeader string
	// KeyHint says, in errors, what to do where the server takes the key for wrong: "set OPENAI_API_KEY".
	KeyHint string
	// Header is sent with every request.
	Header map[string]string
	// Timeout bounds one call, from the connection to the last byte; 0 is 10 minutes, since an answer that is not streamed
	// comes whole, after all its tokens.
	Timeout time.Duration
	// MaxBody bounds an answer's body in bytes; 0 is 64 MiB.
	MaxBody int64
	// CAFile names a PEM file of authorities to trust beside the system's; "" is none. Commands take it from SSL_CERT_FILE.
	CAFile string
	// Proxy chooses the proxy of a request; nil takes the environment's (HTTPS_PROXY, NO_PROXY), which never has one for
	// this machine itself.
	Proxy func(*http.Request) (*url.URL, error)
	// Connections is the number of idle connections that are kept; 0 is 512.
	Connections int
	// Refine may change the error of an answer whose status is none of success, as a provider's own protocol has it; nil
	// leaves it as the status and the common words say.
	Refine func(e *backends.Error, f Failure, a *Answer)
	// Now is the clock that waits are told against; nil is time.Now.
	Now func() time.Time
}

const (
	defaultTimeout     = 10 * time.Minute
	defaultMaxBody     = 64 << 20
	defaultConnections = 512
	maxFailureBody     = 64 << 10
	maxRedirects       = 5
	keepBuffer         = 1 << 20 // a pooled buffer that has grown beyond is let go
)

// errTooSlow is the cause of a call's end that its own time bound brought about.
var errTooSlow = errors.New("the call took too long")

// lenient reads JSON as servers write it: a lone surrogate, as of a text cut between tokens, becomes U+FFFD. A name that
// occurs twice in one object is an error, since it has no one meaning.
var lenient = jsontext.AllowInvalidUTF8(true)

// Client speaks to one server. Its methods may be called by any number of goroutines at once.
type Client struct {
	opts Options
	base *url.URL
	// header gives what is sent with every request, the key among it: shared, and never changed. It is a function for the
	// reason that a Key is one.
	header    func() http.Header
	transport *http.Transport
	now       func() time.Time

	mu     sync.RWMutex // guards closed; held for reading while a call begins
	closed bool
	calls  sync.WaitGroup
}

// Answer is what a server answered.
type Answer struct {
	Status int
	Header http.Header
	// Body is whole, and the caller's own. The key, where a server repeats it, is replaced.
	Body []byte
}

// Signals are what the server said of its limits beside the answer; nil where it said nothing.
func (c *Client) Signals(h http.Header) *backends.Signals { return Signals(h, c.now()) }

// New makes a client. The caller closes it. Its errors are of how the server is named: of a URL, a key, a file.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.BaseURL, "/"))
	if err != nil {
		return nil, hinted(errors.New("base URL is none"), "write it as http://127.0.0.1:8000/v1") // err quotes it, password and all
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, hinted(fmt.Errorf("base URL %q has no http:// or https:// and host", base.Redacted()), "write it as http://127.0.0.1:8000/v1")
	}
	if err := o.Key.valid(); err != nil {
		return nil, hinted(err, o.KeyHint)
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Connections <= 0 {
		o.Connections = defaultConnections
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	c := &Client{opts: o, base: base, now: o.Now}
	if c.now == nil {
		c.now = time.Now
	}
	header := makeHeader(o, base)
	c.header = func() http.Header { return header }
	if password, ok := base.User.Password(); ok && !o.Key.IsSet() {
		c.opts.Key = NewKey(password)
	}
	base.User, base.Fragment, c.opts.BaseURL = nil, "", ""
	c.transport, err = newTransport(o)
	return c, err
}

// At gives a client of other paths of the same server, which shares the connections and the key. Its base URL must have
// the same scheme and host.
func (c *Client) At(base string) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || u.Scheme != c.base.Scheme || u.Host != c.base.Host {
		return nil, errors.New("the other base URL is of another server")
	}
	u.User, u.Fragment = nil, ""
	return &Client{opts: c.opts, base: u, header: c.header, transport: c.transport, now: c.now}, nil
}

// String names the server.
func (c *Client) String() string { return "client of " + c.Endpoint() }

// Format prints String for every verb, so that no print of a client shows what is in it.
func (c *Client) Format(s fmt.State, _ rune) { fmt.Fprint(s, c.String()) }

func makeHeader(o Options, base *url.URL) http.Header {
	h := http.Header{"User-Agent": {"onset"}, "Content-Type": {"application/json"}}
	for name, value := range o.Header {
		h.Set(name, value)
	}
	switch {
	case o.Key.IsSet() && o.KeyHeader != "":
		h.Set(o.KeyHeader, o.Key.secret())
	case o.Key.IsSet():
		h.Set("Authorization", "Bearer "+o.Key.secret())
	case base.User != nil:
		password, _ := base.User.Password()
		r := http.Request{Header: h}
		r.SetBasicAuth(base.User.Username(), password)
	}
	return h
}

func newTransport(o Options) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy: o.Proxy, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		MaxIdleConns: 2 * o.Connections, MaxIdleConnsPerHost: o.Connections, IdleConnTimeout: 60 * time.Second,
		TLSHandshakeTimeout: 15 * time.Second, ExpectContinueTimeout: time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		// Answers are a kilobyte or so: to compress them costs more than to send them.
		DisableCompression: true,
		// A usual prompt goes out, and its answer comes in, in one system call.
		WriteBufferSize: 16 << 10, ReadBufferSize: 16 << 10,
		// A connection that HTTP/2 shares among many calls and that has died is found out before their time is up.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
	if o.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, hinted(fmt.Errorf("read the authorities to trust: %w", err), "SSL_CERT_FILE names a PEM file of certificates")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, hinted(fmt.Errorf("no certificate in %s", o.CAFile), "SSL_CERT_FILE names a PEM file of certificates")
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// Endpoint is the server's scheme and host, without user, path and query: what Info.Details["endpoint"] says.
func (c *Client) Endpoint() string { return c.base.Scheme + "://" + c.base.Host }

// Redact replaces the key in a text, as in what a model answered or a server said.
func (c *Client) Redact(text string) string { return c.opts.Key.Redact(text) }

// Local reports whether the server is on this machine.
func (c *Client) Local() bool {
	host := c.base.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Begin counts a call in, so that Close waits for it; it fails with KindClosed after Close. End counts it out.
func (c *Client) Begin() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return backends.Errorf(backends.KindClosed, "ask "+c.Endpoint(), "the backend was closed")
	}
	c.calls.Add(1)
	return nil
}

// End counts out a call that Begin counted in.
func (c *Client) End() { c.calls.Done() }

// Close waits for the calls that Begin counted in and closes the connections. It may be called twice.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.calls.Wait()
	c.transport.CloseIdleConnections()
	return nil
}

// Do makes one call: method and path below the base URL, with a body, nil for none. An answer whose status is none of
// success is an *backends.Error, with its kind, status, the wait that the server asks for, and its limits; the answer comes
// beside it. Other errors have no answer: KindNetwork, KindTimeout, KindAuth (a certificate that does not verify), the
// context's.
//
// A redirect is followed only to the same scheme and host with the method kept (307, 308), so no key goes to another host
// and no POST becomes a GET; another is an error that says where it leads.
func (c *Client) Do(ctx context.Context, method, path string, body []byte) (*Answer, error) {
	buf := buffers.Get().(*bytes.Buffer)
	defer release(buf)
	a, err := c.call(ctx, sent{method, path, wrap(body), ""}, buf)
	if a != nil {
		a.Body = bytes.Clone(a.Body)
	}
	return a, err
}

// sent is what is sent: a method, a path below the base URL, a body, nil for none, and its type, "" for JSON.
type sent struct {
	method, path string
	body         *Body
	contentType  string
}

// wrap makes a body, which is not used again, of bytes; nil is none.
func wrap(data []byte) *Body {
	if data == nil {
		return nil
	}
	return &Body{Bytes: data}
}

// Post sends a JSON body and decodes the JSON answer into out. It gives the answer's status and header, without its body.
// Beside the errors of Do, an answer of another content type, and one that is no JSON or does not fit out, is KindNetwork.
func (c *Client) Post(ctx context.Context, path string, body []byte, out any) (Answer, error) {
	return c.exchange(ctx, sent{http.MethodPost, path, wrap(body), ""}, out)
}

// PostBody is Post of a Body, which it takes over.
func (c *Client) PostBody(ctx context.Context, path string, body *Body, out any) (Answer, error) {
	defer body.release()
	return c.exchange(ctx, sent{http.MethodPost, path, body, ""}, out)
}

// Get asks for a JSON answer and decodes it as Post does.
func (c *Client) Get(ctx context.Context, path string, out any) (Answer, error) {
	return c.exchange(ctx, sent{http.MethodGet, path, nil, ""}, out)
}

func (c *Client) exchange(ctx context.Context, what sent, out any) (Answer, error) {
	buf := buffers.Get().(*bytes.Buffer)
	defer release(buf)
	a, err := c.call(ctx, what, buf)
	if err != nil {
		return Answer{}, err
	}
	if ct := a.Header.Get("Content-Type"); !isJSON(ct) {
		return Answer{}, c.noted(broken(c.op(what), a.Status, "the answer is %q and no JSON: %s", quotable(ct), c.Redact(ReadFailure(a.Header, a.Body).Message)), a)
	}
	if fast, ok := out.(FastDecoder); ok && fast.DecodeFast(a.Body) {
		return Answer{Status: a.Status, Header: a.Header}, nil
	} else if ok {
		fast.Reset()
	}
	if err := json.Unmarshal(a.Body, out, lenient); err != nil {
		return Answer{}, c.noted(broken(c.op(what), a.Status, "the answer of %d bytes cannot be read: %s", len(a.Body), c.Redact(quotable(err.Error()))), a)
	}
	return Answer{Status: a.Status, Header: a.Header}, nil
}

// FastDecoder is an out of Post that reads the usual shape of an answer by itself, and reports whether it was that. Where it
// was not, it is Reset and decoded as any other.
type FastDecoder interface {
	DecodeFast(data []byte) bool
	Reset()
}

// noted gives an error the limits that came with the answer.
func (c *Client) noted(e *backends.Error, a *Answer) *backends.Error {
	e.Signals = c.Signals(a.Header)
	return e
}

// isJSON tells whether a content type is JSON's. A server that names none is given the benefit of the doubt.
func isJSON(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	return t == "" || t == "application/json" || t == "text/json" || strings.HasSuffix(t, "+json")
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func release(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

func (c *Client) op(what sent) string {
	path, _, _ := strings.Cut(what.path, "?")
	return c.Redact(what.method + " " + c.Endpoint() + c.base.Path + path)
}

// call makes a call and reads its answer's body into buf.
func (c *Client) call(ctx context.Context, what sent, buf *bytes.Buffer) (*Answer, error) {
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > c.opts.Timeout { // else the caller's own time is up first
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.opts.Timeout, errTooSlow)
		defer cancel()
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.op(what), err)
	}
	resp, err := c.roundTrip(ctx, what)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := c.read(ctx, resp, buf, func() string { return c.op(what) }); err != nil {
		return nil, err
	}
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, Body: buf.Bytes()}
	if secret := c.opts.Key.secret(); len(secret) >= shortestSecret && bytes.Contains(a.Body, []byte(secret)) {
		a.Body = bytes.ReplaceAll(a.Body, []byte(secret), []byte(redacted))
	}
	if a.Status >= 200 && a.Status < 300 {
		return a, nil
	}
	return a, c.statusFailure(c.op(what), a)
}

// read reads a body within its bound: the whole of one that answers, the beginning of one that tells a failure.
func (c *Client) read(ctx context.Context, resp *http.Response, buf *bytes.Buffer, op func() string) error {
	bound, ok := c.opts.MaxBody, resp.StatusCode < 300
	if !ok {
		bound = maxFailureBody
	}
	if n := resp.ContentLength; ok && n > bound {
		return backends.Errorf(backends.KindInvalid, op(), "the answer has %d bytes, more than the %d that are read", n, bound)
	} else if n > 0 {
		buf.Grow(int(min(n, bound)) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(io.LimitReader(resp.Body, bound+1))
	switch {
	case err != nil && !ok && ctx.Err() == nil:
		return nil // the status says what is needed
	case errors.Is(err, io.ErrUnexpectedEOF):
		return broken(op(), resp.StatusCode, "the answer broke off after %d bytes", buf.Len())
	case err != nil:
		return c.networkFailure(ctx, op(), fmt.Errorf("the answer broke off after %d bytes: %w", buf.Len(), err))
	case int64(buf.Len()) > bound && ok:
		return backends.Errorf(backends.KindInvalid, op(), "the answer has more than the %d bytes that are read", bound)
	}
	return nil
}

// roundTrip sends a request and gives the answer's beginning, behind the redirects that may be followed.
func (c *Client) roundTrip(ctx context.Context, what sent) (*http.Response, error) {
	path, body, header := what.path, what.body, c.header()
	if what.contentType != "" {
		header = header.Clone()
		header.Set("Content-Type", what.contentType)
	}
	target := *c.base
	target.Path, target.RawQuery = c.base.Path+path, c.base.RawQuery
	if p, query, ok := strings.Cut(path, "?"); ok {
		target.Path = c.base.Path + p
		target.RawQuery = strings.Trim(c.base.RawQuery+"&"+query, "&")
	}
	at := &target
	if body != nil && body.trace.WroteRequest != nil {
		ctx = httptrace.WithClientTrace(ctx, &body.trace)
	}
	for range maxRedirects {
		req := (&http.Request{
			Method: what.method, URL: at, Host: at.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}).WithContext(ctx)
		if body != nil {
			req.Body, req.ContentLength = body.reader(), int64(len(body.Bytes))
			req.GetBody = func() (io.ReadCloser, error) { return body.reader(), nil }
		}
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			return nil, c.networkFailure(ctx, c.op(what), err)
		}
		if resp.StatusCode < 300 || resp.StatusCode > 399 || resp.Header.Get("Location") == "" {
			return resp, nil
		}
		_ = resp.Body.Close()
		if at, err = c.follow(at, resp); err != nil {
			return nil, &backends.Error{Kind: backends.KindInvalid, Op: c.op(what), Status: resp.StatusCode, Err: err}
		}
	}
	return nil, backends.Errorf(backends.KindInvalid, c.op(what), "more than %d redirects", maxRedirects)
}

// follow gives where a redirect leads, where it may be followed.
func (c *Client) follow(from *url.URL, resp *http.Response) (*url.URL, error) {
	to, err := from.Parse(resp.Header.Get("Location"))
	if err != nil {
		return nil, errors.New("the server redirects to what is no URL")
	}
	where := c.Redact(to.Scheme + "://" + to.Host + to.Path)
	if to.Scheme != from.Scheme || to.Host != from.Host {
		return nil, hinted(fmt.Errorf("the server redirects to %s: the key is not sent to another host", where), "if that is the right server, name it in base_url")
	}
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		return nil, hinted(fmt.Errorf("the server redirects to %s with status %d, which would lose the request's body", where, resp.StatusCode), "name the right path in base_url")
	}
	to.User, to.Fragment = nil, ""
	return to, nil
}

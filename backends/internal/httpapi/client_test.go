package httpapi_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// canary is a key that must show nowhere.
const canary = "sk-canary/7f3a+91=c2"

func client(t *testing.T, base string, change func(*httpapi.Options)) *httpapi.Client {
	t.Helper()
	o := httpapi.Options{BaseURL: base, Key: httpapi.NewKey(canary), KeyHint: "set THE_KEY"}
	if change != nil {
		change(&o)
	}
	c, err := httpapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func server(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// clean fails where a text shows the canary, or the part of it that escaping leaves.
func clean(t *testing.T, what, text string) {
	t.Helper()
	if strings.Contains(text, "canary") {
		t.Errorf("%s shows the key: %s", what, text)
	}
}

func TestKeyShowsNowhere(t *testing.T) {
	type holder struct {
		Shown  httpapi.Key
		hidden httpapi.Key
	}
	key := httpapi.NewKey(canary + "\n")
	h := holder{key, key}
	c := client(t, "http://user:"+url.QueryEscape(canary)+"@127.0.0.1:1/v1", nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{key, &key, h, &h, c, struct{ C *httpapi.Client }{c}} {
			clean(t, verb, fmt.Sprintf(verb, v))
			clean(t, verb, fmt.Sprintf("%x", fmt.Sprintf(verb, v)))
			if strings.Contains(fmt.Sprintf(verb, v), fmt.Sprintf("%x", "canary")) {
				t.Errorf("%s shows the key in hexadecimal", verb)
			}
		}
	}
	data, err := json.Marshal(h)
	if err != nil || string(data) != `{"Shown":"[key]"}` {
		t.Errorf("as JSON it is %s, %v", data, err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "holder", h)
	clean(t, "a log", log.String())
	func() {
		defer func() { clean(t, "a panic", fmt.Sprint(recover())) }()
		panic(h)
	}()
	if got := key.Redact("a " + canary + " b " + url.QueryEscape(canary) + " c " + url.PathEscape(canary)); got != "a [key] b [key] c [key]" {
		t.Errorf("redacted: %s", got)
	}
	if got := httpapi.NewKey("EMPTY").Redact("EMPTY is no secret"); got != "EMPTY is no secret" {
		t.Errorf("a short key is taken for a secret: %s", got)
	}
}

func TestBadOptions(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:80", "ftp://x", "http://", "http://u:" + canary + "@h%zz", "/v1"} {
		_, err := httpapi.New(httpapi.Options{BaseURL: base})
		if err == nil {
			t.Errorf("%q is taken", base)
			continue
		}
		clean(t, "the error", err.Error())
	}
	_, err := httpapi.New(httpapi.Options{BaseURL: "http://h", Key: httpapi.NewKey(canary + "\nx")})
	if err == nil {
		t.Fatal("a key of two lines is taken")
	}
	clean(t, "the error", err.Error())
	if _, err := httpapi.New(httpapi.Options{BaseURL: "http://h", CAFile: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a missing file of authorities is taken")
	}
}

func TestRequestAsSent(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(map[string]string{
			"line": r.Method + " " + r.URL.RequestURI(), "auth": strings.ReplaceAll(r.Header.Get("Authorization"), canary, "KEY"),
			"x": strings.ReplaceAll(r.Header.Get("X-Api-Key"), canary, "KEY"), "type": r.Header.Get("Content-Type"), "body": string(body),
		})
	})
	for name, tc := range map[string]struct {
		base, path string
		change     func(*httpapi.Options)
		want       map[string]string
	}{
		"bearer": {s.URL + "/v1/", "/chat", nil, map[string]string{"line": "POST /v1/chat", "auth": "Bearer KEY", "x": ""}},
		"own header": {s.URL, "/m", func(o *httpapi.Options) { o.KeyHeader = "x-api-key" },
			map[string]string{"line": "POST /m", "auth": "", "x": "KEY"}},
		"query":  {s.URL + "/d?api-version=2", "/m?alt=json", nil, map[string]string{"line": "POST /d/m?api-version=2&alt=json", "auth": "Bearer KEY", "x": ""}},
		"no key": {s.URL, "/m", func(o *httpapi.Options) { o.Key = httpapi.Key{} }, map[string]string{"line": "POST /m", "auth": "", "x": ""}},
		"basic": {strings.Replace(s.URL, "//", "//me:pass@", 1), "/m", func(o *httpapi.Options) { o.Key = httpapi.Key{} },
			map[string]string{"line": "POST /m", "auth": "Basic bWU6cGFzcw==", "x": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var got map[string]string
			if _, err := client(t, tc.base, tc.change).Post(t.Context(), tc.path, []byte(`{"a":1}`), &got); err != nil {
				t.Fatal(err)
			}
			tc.want["type"], tc.want["body"] = "application/json", `{"a":1}`
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// failureCase is an answer that is none, and what it must become.
type failureCase struct {
	status     int
	header     map[string]string
	body       string
	kind       backends.ErrorKind
	message    string
	retryAfter time.Duration
}

var jsonType = map[string]string{"Content-Type": "application/json"}

func failureCases() map[string]failureCase {
	echoed, _ := json.Marshal(canary)
	return map[string]failureCase{
		"rate limit": {429, map[string]string{"Retry-After": "7"}, `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`,
			backends.KindRateLimit, "slow down", 7 * time.Second},
		"rate limit in ms":  {429, map[string]string{"Retry-After": "7", "Retry-After-Ms": "250"}, `{}`, backends.KindRateLimit, "429", 250 * time.Millisecond},
		"rate limit silent": {429, nil, "", backends.KindRateLimit, "Too Many Requests", 0},
		"quota":             {429, nil, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`, backends.KindQuota, "quota", 0},
		"payment":           {402, nil, `{"error":"pay"}`, backends.KindQuota, "pay", 0},
		"anthropic credit": {400, nil, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}`,
			backends.KindQuota, "credit", 0},
		"overloaded 503": {503, map[string]string{"Retry-After": "Fri, 27 Nov 2026 10:00:30 GMT", "Date": "Fri, 27 Nov 2026 10:00:00 GMT"}, "busy",
			backends.KindOverloaded, "busy", 30 * time.Second},
		"overloaded 529": {529, nil, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, backends.KindOverloaded, "Overloaded", 0},
		"server":         {500, nil, "", backends.KindServer, "500", 0},
		"gateway page":   {502, map[string]string{"Content-Type": "text/html"}, "<html><title>Bad\ngateway</title></html>", backends.KindServer, "a web page titled Bad gateway", 0},
		"gateway slow":   {504, nil, "", backends.KindServer, "504", 0},
		"wrong key, echoed": {401, jsonType, `{"error":{"message":"Incorrect API key provided: ` + canary + `"}}`,
			backends.KindAuth, "Incorrect API key provided: [key]", 0},
		"wrong key, echoed with escapes": {403, jsonType, `{"detail":` + strings.ReplaceAll(string(echoed), "/", `\/`) + `}`, backends.KindAuth, "[key]", 0},
		"no model":                       {404, nil, `{"object":"error","message":"The model x does not exist"}`, backends.KindNotFound, "does not exist", 0},
		"no model 400":                   {400, nil, `{"error":{"message":"no","code":"model_not_found"}}`, backends.KindNotFound, "no", 0},
		"too long openai":                {400, nil, `{"error":{"message":"Please reduce","code":"context_length_exceeded"}}`, backends.KindTooLong, "reduce", 0},
		"too long vllm":                  {400, nil, `{"error":{"message":"This model's maximum context length is 8 tokens. However","type":"BadRequestError","code":400}}`, backends.KindTooLong, "8", 0},
		"too long llama":                 {400, nil, `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`, backends.KindTooLong, "", 0},
		"too long tgi":                   {422, nil, "{\"error\":\"Input validation error: `inputs` must have less than 10 tokens. Given: 20\",\"error_type\":\"validation\"}", backends.KindTooLong, "20", 0},
		"too long anthropic":             {400, nil, `{"error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}`, backends.KindTooLong, "", 0},
		"too large":                      {413, nil, "", backends.KindTooLong, "", 0},
		"filter":                         {400, nil, `{"error":{"message":"filtered","code":"content_filter"}}`, backends.KindRefused, "filtered", 0},
		"invalid":                        {400, nil, `{"error":{"message":"bad temperature"}}`, backends.KindInvalid, "bad temperature", 0},
		"fastapi":                        {422, nil, `{"detail":[{"loc":["body"],"msg":"field required"}]}`, backends.KindInvalid, "field required", 0},
		"control":                        {400, nil, `{"error":{"message":"a\u001b[31mb\nc"}}`, backends.KindInvalid, "a [31mb c", 0},
		"nowhere":                        {302, nil, "", backends.KindInvalid, "302", 0},
	}
}

func TestFailures(t *testing.T) {
	for name, tc := range failureCases() {
		t.Run(name, func(t *testing.T) {
			s := server(t, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tc.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			_, err := client(t, s.URL, nil).Post(t.Context(), "/x", []byte("{}"), new(any))
			var e *backends.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T %v", err, err)
			}
			clean(t, "the error", fmt.Sprintf("%v %+v %#v %v", err, e, e, errors.Unwrap(e)))
			if e.Kind != tc.kind || e.Status != tc.status || e.RetryAfter != tc.retryAfter || !strings.Contains(e.Error(), tc.message) {
				t.Errorf("kind %s, status %d, retry after %v: %v", e.Kind, e.Status, e.RetryAfter, e)
			}
		})
	}
}

// TestBrokenAnswers breaks answers in the ways that networks and gateways do.
func TestBrokenAnswers(t *testing.T) {
	hijack := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}
	}
	write := func(contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{contentType}
			w.Header().Set("X-Ratelimit-Remaining-Requests", "3")
			_, _ = io.WriteString(w, body)
		}
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		kind    backends.ErrorKind
		message string
	}{
		"no answer":       {hijack(""), backends.KindNetwork, "closed the connection"},
		"no HTTP":         {hijack("SSH-2.0 " + canary + "\r\n\r\n"), backends.KindNetwork, "malformed"},
		"length too long": {hijack("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\":"), backends.KindNetwork, "broke off after 5 bytes"},
		"chunks cut":      {hijack("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"), backends.KindNetwork, "broke off after 5 bytes"},
		"JSON cut":        {write("application/json", `{"a":[1,2`), backends.KindNetwork, "cannot be read"},
		"JSON malformed":  {write("application/json", `{"a":"`+canary+`",,}`), backends.KindNetwork, "cannot be read"},
		"JSON twice":      {write("application/json", `{}{}`), backends.KindNetwork, "cannot be read"},
		"name twice":      {write("application/json", `{"a":1,"a":2}`), backends.KindNetwork, "duplicate"},
		"empty":           {write("application/json", ""), backends.KindNetwork, "cannot be read"},
		"page":            {write("text/html", "<title>Sign in</title>"), backends.KindNetwork, `"text/html" and no JSON: a web page titled Sign in`},
		"other type":      {write("text/plain", `{"a":1}`), backends.KindNetwork, `"text/plain" and no JSON`},
		"not the shape":   {write("application/json", `{"a":"text"}`), backends.KindNetwork, "cannot be read"},
		"too large":       {write("application/json", strings.Repeat(" ", 2000)), backends.KindInvalid, "more than the 1000"},
		"too large chunks": {func(w http.ResponseWriter, _ *http.Request) {
			for range 300 {
				_, _ = io.WriteString(w, strings.Repeat(" ", 100))
			}
		}, backends.KindInvalid, "more than the 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t, tc.handler)
			c := client(t, s.URL, func(o *httpapi.Options) { o.MaxBody = 1000 })
			_, err := c.Post(t.Context(), "/x", []byte("{}"), &struct {
				A any `json:"a"`
				B int `json:"b"`
			}{A: new(int)})
			if name == "not the shape" {
				_, err = c.Post(t.Context(), "/x", []byte("{}"), &struct {
					A int `json:"a"`
				}{})
			}
			if backends.KindOf(err) != tc.kind || !strings.Contains(fmt.Sprint(err), tc.message) {
				t.Errorf("%s: %v", backends.KindOf(err), err)
			}
			clean(t, "the error", fmt.Sprint(err))
		})
	}
}

func TestLoneSurrogate(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"a":"x\ud83d `+"\xff"+canary+`"}`)
	})
	var got map[string]string
	if _, err := client(t, s.URL, nil).Post(t.Context(), "/x", nil, &got); err != nil || got["a"] != "x\ufffd \ufffd[key]" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTimeoutAndCancel(t *testing.T) {
	stop := make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
		}
		<-stop
	})
	defer close(stop)
	for _, path := range []string{"/head", "/body"} {
		c := client(t, s.URL, func(o *httpapi.Options) { o.Timeout = 30 * time.Millisecond })
		_, err := c.Post(t.Context(), path, nil, new(any))
		if backends.KindOf(err) != backends.KindTimeout {
			t.Errorf("%s: %v", path, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Millisecond, cancel)
		_, err = client(t, s.URL, nil).Post(ctx, path, nil, new(any))
		if !errors.Is(err, context.Canceled) || backends.KindOf(err) != "" {
			t.Errorf("%s cancelled: %v", path, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, err = client(t, s.URL, nil).Post(ctx, path, nil, new(any))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s with a deadline: %v", path, err)
		}
	}
	if _, err := client(t, "http://127.0.0.1:1", nil).Get(t.Context(), "/", new(any)); backends.KindOf(err) != backends.KindNetwork {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestRedirects(t *testing.T) {
	var leaked atomic.Int32
	other := server(t, func(_ http.ResponseWriter, r *http.Request) {
		leaked.Add(1)
		t.Errorf("another host was asked: %s, key %q", r.Method, r.Header)
	})
	secure := httptest.NewTLSServer(other.Config.Handler)
	t.Cleanup(secure.Close)
	var s *httptest.Server
	s = server(t, func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusFound
		_, _ = fmt.Sscanf(r.URL.Query().Get("status"), "%d", &status)
		switch r.URL.Path {
		case "/end":
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "body": string(body), "key": r.Header.Get("Authorization") == "Bearer "+canary})
		case "/same":
			http.Redirect(w, r, "/end", status)
		case "/loop":
			http.Redirect(w, r, "/loop", status)
		case "/other":
			http.Redirect(w, r, other.URL+"/x?key="+canary, status)
		case "/tls":
			http.Redirect(w, r, secure.URL+"/"+url.PathEscape(canary), status)
		case "/host":
			http.Redirect(w, r, "http://localhost:"+s.URL[strings.LastIndexByte(s.URL, ':')+1:]+"/end", status)
		}
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, path := range []string{"/same", "/loop", "/other", "/tls", "/host"} {
			for _, method := range []string{"POST", "GET"} {
				a, err := client(t, s.URL, nil).Do(t.Context(), method, fmt.Sprintf("%s?status=%d", path, status), []byte("{}"))
				if path == "/same" && status >= 307 {
					if err != nil || string(a.Body) != `{"body":"{}","key":true,"method":"`+method+`"}`+"\n" {
						t.Errorf("%s to the same host with %d: %s %v", method, status, a.Body, err)
					}
					continue
				}
				var hint interface{ Hint() string }
				if backends.KindOf(err) != backends.KindInvalid || path != "/loop" && !errors.As(err, &hint) {
					t.Errorf("%s %s with %d: %v", method, path, status, err)
				}
				clean(t, "the error", fmt.Sprint(err))
			}
		}
	}
	if leaked.Load() > 0 {
		t.Error("a redirect was followed to another host")
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r.Proto)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := client(t, s.URL, nil).Post(t.Context(), "/", nil, new(any))
	if backends.KindOf(err) != backends.KindAuth || !strings.Contains(err.Error(), "did not prove") {
		t.Errorf("an unknown authority: %v", err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	trusting := func(o *httpapi.Options) { o.CAFile = file }
	var proto string
	if _, err := client(t, s.URL, trusting).Post(t.Context(), "/", nil, &proto); err != nil || proto != "HTTP/2.0" {
		t.Errorf("a named authority: %q %v", proto, err)
	}
	elsewhere := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	if _, err := client(t, elsewhere, trusting).Post(t.Context(), "/", nil, new(any)); backends.KindOf(err) != backends.KindAuth {
		t.Errorf("a certificate of another name: %v", err)
	}
	plain := server(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := client(t, strings.Replace(plain.URL, "http:", "https:", 1), nil).Post(t.Context(), "/", nil, new(any)); backends.KindOf(err) != backends.KindInvalid {
		t.Errorf("no TLS at all: %v", err)
	}
}

// TestProxy sees that the environment's proxy is used, and not for this machine itself. The environment is read once a
// process, so the proxy is given as the environment's reader would give it.
func TestProxy(t *testing.T) {
	var asked atomic.Value
	proxy := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	})
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, "http://api.invalid/v1", func(o *httpapi.Options) { o.Proxy = http.ProxyURL(at) })
	if _, err := c.Get(t.Context(), "/models", new(any)); err != nil || asked.Load() != "http://api.invalid/v1/models" {
		t.Errorf("%v: the proxy was asked for %v", err, asked.Load())
	}
}

func TestClose(t *testing.T) {
	c := client(t, "http://127.0.0.1:1", nil)
	if err := c.Begin(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- c.Close() }()
	select {
	case err := <-closed:
		t.Errorf("Close does not wait for a call: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	c.End()
	if err := errors.Join(<-closed, c.Close()); err != nil {
		t.Error(err)
	}
	if err := c.Begin(); backends.KindOf(err) != backends.KindClosed {
		t.Errorf("after Close: %v", err)
	}
}

func TestAt(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r.URL.Path + " " + strings.ReplaceAll(r.Header.Get("Authorization"), canary, "KEY"))
	})
	c := client(t, s.URL+"/v1", nil)
	root, err := c.At(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if _, err := root.Get(t.Context(), "/props", &got); err != nil || got != "/props Bearer KEY" {
		t.Errorf("%q, %v", got, err)
	}
	for _, other := range []string{"http://127.0.0.1:1", strings.Replace(s.URL, "http:", "https:", 1), "http://[", ""} {
		if _, err := c.At(other); err == nil {
			t.Errorf("%q is taken for the same server", other)
		}
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/429" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := client(t, s.URL, nil)
	for i := range 20 {
		_, _ = c.Post(t.Context(), []string{"/x", "/429"}[i%2], []byte("{}"), new(any))
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("20 calls one after the other took %d connections", n)
	}
}

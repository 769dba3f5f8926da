package dataset_test

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/dataset/hub"
)

const (
	mainCommit      = "1111111111111111111111111111111111111111"
	convertedCommit = "2222222222222222222222222222222222222222"
	secret          = "hf_secret_token"
)

// fakeHub serves repositories as the hub does, large files by a redirect to another host.
type fakeHub struct {
	*httptest.Server
	cdn *httptest.Server

	mu    sync.Mutex
	repos map[string]map[string]map[string]string // by repository, revision and path
	calls []string
	// before, where it is set, answers a call itself where it gives true.
	before func(w http.ResponseWriter, r *http.Request) bool
	// atCDN is the same for the other host.
	atCDN   func(w http.ResponseWriter, r *http.Request, body string) bool
	gated   bool
	perPage int
}

func newHub(t *testing.T, files map[string]string) *fakeHub {
	t.Helper()
	h := &fakeHub{perPage: 1000, repos: map[string]map[string]map[string]string{"org/name": {mainCommit: files}}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	h.cdn = httptest.NewServer(http.HandlerFunc(h.serveCDN))
	t.Cleanup(h.Close)
	t.Cleanup(h.cdn.Close)
	return h
}

func (h *fakeHub) note(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, r.URL.Path)
}

func (h *fakeHub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls)
}

func large(path string) bool { return !strings.HasSuffix(path, ".md") }

func etag(path, body string) string {
	if large(path) {
		sum := sha256.Sum256([]byte(body))
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(body), body))
	return hex.EncodeToString(sum[:])
}

func (h *fakeHub) serve(w http.ResponseWriter, r *http.Request) {
	h.note(r)
	if h.before != nil && h.before(w, r) {
		return
	}
	if h.gated && r.Header.Get("Authorization") != "Bearer "+secret {
		w.Header().Set("X-Error-Code", "GatedRepo")
		w.Header().Set("X-Error-Message", "Access to dataset org/name is restricted.")
		http.Error(w, "gated", http.StatusUnauthorized)
		return
	}
	commits := map[string]string{"main": mainCommit, "v1": mainCommit, mainCommit: mainCommit, "refs/convert/parquet": convertedCommit, convertedCommit: convertedCommit}
	part := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for i := range part {
		part[i], _ = url.PathUnescape(part[i])
	}
	if part[0] == "api" { // api/datasets/org/name/{revision,tree}/REV
		sha := commits[part[5]]
		files := h.repos[part[2]+"/"+part[3]][sha]
		if files == nil {
			http.NotFound(w, r)
			return
		}
		if part[4] == "revision" {
			_ = json.NewEncoder(w).Encode(map[string]any{"sha": sha, "gated": h.gated})
			return
		}
		h.tree(w, r, files)
		return
	}
	files := h.repos[part[1]+"/"+part[2]][commits[part[4]]] // datasets/org/name/resolve/REV/PATH
	name := strings.Join(part[5:], "/")
	body, ok := files[name]
	switch {
	case !ok:
		http.NotFound(w, r)
	case large(name):
		http.Redirect(w, r, h.cdn.URL+"/"+etag(name, body)+"?Signature=private", http.StatusFound)
	default:
		_, _ = w.Write([]byte(body))
	}
}

func (h *fakeHub) tree(w http.ResponseWriter, r *http.Request, files map[string]string) {
	var names []string
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	start := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &start)
	end := min(start+h.perPage, len(names))
	items := []any{map[string]any{"type": "directory", "path": "data", "oid": mainCommit, "size": 0}}
	for _, n := range names[start:end] {
		item := map[string]any{"type": "file", "path": n, "oid": mainCommit, "size": 130}
		if large(n) {
			item["lfs"] = map[string]any{"oid": etag(n, files[n]), "size": len(files[n])}
		} else {
			item["oid"], item["size"] = etag(n, files[n]), len(files[n])
		}
		items = append(items, item)
	}
	if end < len(names) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, h.URL, r.URL.EscapedPath(), end))
	}
	_ = json.NewEncoder(w).Encode(items)
}

func (h *fakeHub) serveCDN(w http.ResponseWriter, r *http.Request) {
	h.note(r)
	for _, revisions := range h.repos {
		for _, files := range revisions {
			for name, body := range files {
				if "/"+etag(name, body) != r.URL.Path {
					continue
				}
				if h.atCDN == nil || !h.atCDN(w, r, body) {
					http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
				}
				return
			}
		}
	}
	http.NotFound(w, r)
}

func (h *fakeHub) sources(t *testing.T) dataset.Sources {
	return dataset.Sources{HubCache: t.TempDir(), Hub: hub.Client{URL: h.URL, Token: secret,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
}

var plainRepo = map[string]string{
	"README.md":               "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train.jsonl\n  - split: test\n    path: data/test.jsonl\n---\n",
	"data/train.jsonl":        "{\"a\":1}\n",
	"data/test.jsonl":         "{\"a\":2}\n{\"a\":3}\n",
	"data/with space é.jsonl": "{\"a\":4}\n",
}

const plainRows = "# train\n{'a': 1}\n# test\n{'a': 2}\n{'a': 3}\n"

func open(t *testing.T, ref dataset.Ref, src dataset.Sources) string {
	t.Helper()
	d, err := dataset.Open(context.Background(), ref, src)
	if err != nil {
		t.Fatal(err)
	}
	return show(t, d)
}

// wantError checks an error's kind and words, and that the token is in none.
func wantError(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Fatalf("the error is %v", err)
	}
	text := err.Error()
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		text += " hint: " + hinted.Hint()
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q lacks %q", text, w)
		}
	}
	if strings.Contains(text, secret) || strings.Contains(text, "Signature") {
		t.Errorf("%q shows what is secret", text)
	}
}

func TestHub(t *testing.T) {
	h := newHub(t, plainRepo)
	h.perPage = 2
	src := h.sources(t)
	ref := dataset.Ref{Path: "org/name"}
	if got := open(t, ref, src); got != plainRows {
		t.Errorf("got\n%s", got)
	}
	root := filepath.Join(src.HubCache, "datasets--org--name")
	if b, err := os.ReadFile(filepath.Join(root, "refs", "main")); string(b) != mainCommit || err != nil {
		t.Errorf("refs/main is %q, %v", b, err)
	}
	at := filepath.Join(root, "snapshots", mainCommit, "data", "test.jsonl")
	if to, err := os.Readlink(at); err != nil || to != filepath.Join("..", "..", "..", "blobs", etag("x", plainRepo["data/test.jsonl"])) {
		t.Errorf("the snapshot links to %q, %v", to, err)
	}
	if _, err := os.Stat(filepath.Join(root, "snapshots", mainCommit, "data", "with space é.jsonl")); err == nil {
		t.Error("a file that no split needs was fetched")
	}

	before := h.count()
	for _, offline := range []bool{false, true} {
		src.Hub.Offline = offline
		for _, revision := range []string{"", "main", mainCommit} {
			ref.Revision = revision
			if got := open(t, ref, src); got != plainRows {
				t.Errorf("from the cache, got\n%s", got)
			}
		}
	}
	if n := h.count(); n != before {
		t.Errorf("%d calls with the data on disk: %q", n-before, h.calls[before:])
	}
	src.Hub.Offline, src.Refresh, ref.Revision = false, true, ""
	if open(t, ref, src); h.count() != before+1 {
		t.Errorf("a refresh makes the calls %q", h.calls[before:])
	}
}

func TestHubSpacesInNames(t *testing.T) {
	h := newHub(t, plainRepo)
	ref := dataset.Ref{Path: "json", DataFiles: []dataset.SplitFiles{{Split: "test", Patterns: []string{"hf://datasets/org/name@v1/data/with*", h.URL + "/datasets/org/name/resolve/main/data/train.jsonl"}}}}
	src := h.sources(t)
	want := "# test\n{'a': 4}\n{'a': 1}\n"
	if got := open(t, ref, src); got != want {
		t.Errorf("got\n%s", got)
	}
	src.Hub.Offline = true
	before := h.count()
	if got := open(t, ref, src); got != want || h.count() != before {
		t.Errorf("offline, with %d calls, got\n%s", h.count()-before, got)
	}
}

// TestHubDataFiles names files of a repository in place of a configuration.
func TestHubDataFiles(t *testing.T) {
	h := newHub(t, plainRepo)
	var ref dataset.Ref
	ref.Path = "org/name"
	if err := ref.SetKwargs(map[string]any{"data_files": map[string]any{"x": "data/t*.jsonl"}}); err != nil {
		t.Fatal(err)
	}
	if got := open(t, ref, h.sources(t)); got != "# x\n{'a': 2}\n{'a': 3}\n{'a': 1}\n" {
		t.Errorf("got\n%s", got)
	}
	src := h.sources(t)
	at := h.cdn.URL + "/" + etag("x", plainRepo["data/train.jsonl"])
	ref = dataset.Ref{Path: "json", DataFiles: []dataset.SplitFiles{{Split: "test", Patterns: []string{at}}}}
	for _, src.Hub.Offline = range []bool{false, true} {
		if got := open(t, ref, src); got != "# test\n{'a': 1}\n" {
			t.Errorf("from an address, got\n%s", got)
		}
	}
}

func TestHubWantedSplitsOnly(t *testing.T) {
	h := newHub(t, plainRepo)
	src := h.sources(t)
	if got := open(t, dataset.Ref{Path: "org/name", Splits: []string{"test"}}, src); got != "# test\n{'a': 2}\n{'a': 3}\n" {
		t.Errorf("got\n%s", got)
	}
	src.Hub.Offline = true
	_, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, src)
	wantError(t, err, hub.ErrOffline, "data/train.jsonl", "HF_HUB_OFFLINE")
	// What Python left has no list of files: a numbered file that lacks is told.
	shards := filepath.Join(src.HubCache, "datasets--org--part", "snapshots", mainCommit)
	if err := os.MkdirAll(shards, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shards, "test-00001-of-00002.jsonl"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "org/part", Revision: mainCommit}, src)
	wantError(t, err, hub.ErrOffline, "lacks test-00000-of-00002.jsonl")
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "org/name", Splits: []string{"tset"}}, src)
	wantError(t, err, nil, `no split "tset"`, "did you mean test?")
}

func TestHubOfflineWithoutData(t *testing.T) {
	h := newHub(t, plainRepo)
	src := h.sources(t)
	src.Hub.Offline = true
	_, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, src)
	wantError(t, err, hub.ErrOffline, "org/name", src.HubCache)
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "csv", DataFiles: []dataset.SplitFiles{{Split: "test", Patterns: []string{h.cdn.URL + "/x.csv"}}}}, src)
	wantError(t, err, hub.ErrOffline)
	if h.count() != 0 {
		t.Errorf("calls: %q", h.calls)
	}
}

// TestTokenStaysHome sends no token to the host that the hub redirects to.
func TestTokenStaysHome(t *testing.T) {
	h := newHub(t, plainRepo)
	h.gated = true
	seen := 0
	h.atCDN = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
		seen++
		if r.Header.Get("Authorization") != "" {
			t.Errorf("the token went to %s", r.Host)
		}
		return false
	}
	open(t, dataset.Ref{Path: "org/name"}, h.sources(t))
	if seen != 2 {
		t.Errorf("%d calls at the other host", seen)
	}
	src := h.sources(t)
	src.Hub.Token = ""
	_, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, src)
	wantError(t, err, hub.ErrDenied, "401", "set HF_TOKEN", "restricted")
	src.Hub.Token = "wrong"
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, src)
	wantError(t, err, hub.ErrDenied, "the token in HF_TOKEN may not read it")
}

// TestHubOtherListHost refuses to take a list's next page, with the token, from another host.
func TestHubOtherListHost(t *testing.T) {
	h := newHub(t, plainRepo)
	h.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/tree/") {
			w.Header().Set("Link", `<`+h.cdn.URL+`/list>; rel="next"`)
			_, _ = w.Write([]byte("[]"))
			return true
		}
		return false
	}
	_, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, h.sources(t))
	wantError(t, err, nil, "another host")
}

// TestHubResumes breaks a download off and goes on from there, within one call and in a later one.
func TestHubResumes(t *testing.T) {
	body := strings.Repeat("{\"a\":1}\n", 50_000)
	files := map[string]string{"test.jsonl": body}
	for _, breaks := range []int{1, 7} {
		t.Run(fmt.Sprint(breaks), func(t *testing.T) {
			h := newHub(t, files)
			var ranges []string
			left, sent := breaks, 0
			h.atCDN = func(w http.ResponseWriter, r *http.Request, _ string) bool {
				ranges = append(ranges, r.Header.Get("Range"))
				if left == 0 {
					return false
				}
				left--
				if r.Header.Get("Range") != "" {
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", sent, len(body)-1, len(body)))
				}
				w.Header().Set("Content-Length", fmt.Sprint(len(body)-sent))
				if sent > 0 {
					w.WriteHeader(http.StatusPartialContent)
				}
				_, _ = w.Write([]byte(body[sent : sent+20_000]))
				w.(http.Flusher).Flush()
				sent += 20_000
				panic(http.ErrAbortHandler)
			}
			src := h.sources(t)
			ref := dataset.Ref{Path: "org/name"}
			d, err := dataset.Open(context.Background(), ref, src)
			if breaks > 5 {
				wantError(t, err, nil, "broke off", "run the same command again")
				d, err = dataset.Open(context.Background(), ref, src)
			}
			if err != nil {
				t.Fatal(err)
			}
			if n, err := d.Splits[0].Len(); n != 50_000 || err != nil {
				t.Errorf("%d rows, %v", n, err)
			}
			for i, r := range ranges {
				if want := fmt.Sprintf("bytes=%d-", i*20_000); i > 0 && r != want {
					t.Errorf("call %d asks for %q, want %q", i, r, want)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(src.HubCache, "*", "blobs", "*.incomplete")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// breakOff sends three bytes of the body.
func breakOff(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write([]byte(body[:3]))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// TestHubDamage never lets a file that is not the one listed become data.
func TestHubDamage(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(w http.ResponseWriter, r *http.Request, body string) bool
		want string
	}{
		{"other bytes", func(w http.ResponseWriter, _ *http.Request, body string) bool {
			_, _ = w.Write([]byte(strings.Repeat("x", len(body))))
			return true
		}, "has the hash"},
		{"too long", func(w http.ResponseWriter, _ *http.Request, body string) bool {
			_, _ = w.Write([]byte(body + "more"))
			return true
		}, "more than the"},
		{"too short", func(w http.ResponseWriter, _ *http.Request, body string) bool {
			_, _ = w.Write([]byte(body[:2]))
			return true
		}, "broke off after"},
		{"ignores the range", func(w http.ResponseWriter, r *http.Request, body string) bool {
			if r.Header.Get("Range") == "" {
				breakOff(w, body)
			}
			_, _ = w.Write([]byte(body))
			return true
		}, ""},
		{"another range", func(w http.ResponseWriter, r *http.Request, body string) bool {
			if r.Header.Get("Range") == "" {
				breakOff(w, body)
			}
			w.Header().Set("Content-Range", "bytes 1-5/9")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write([]byte(body[1:]))
			return true
		}, "broke off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t, map[string]string{"test.jsonl": "{\"a\":12345}\n"})
			h.atCDN = c.send
			src := h.sources(t)
			d, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, src)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := show(t, d); got != "# test\n{'a': 12345}\n" {
					t.Errorf("got\n%s", got)
				}
				return
			}
			wantError(t, err, nil, c.want)
			if files, _ := filepath.Glob(filepath.Join(src.HubCache, "*", "snapshots", "*", "*")); len(files) > 0 {
				t.Errorf("the snapshot holds %q", files)
			}
		})
	}
}

func TestHubRetries(t *testing.T) {
	h := newHub(t, plainRepo)
	n := 0
	h.before = func(w http.ResponseWriter, _ *http.Request) bool {
		if n++; n == 1 {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		if n == 2 {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		return false
	}
	src := h.sources(t)
	var waits []time.Duration
	src.Hub.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	open(t, dataset.Ref{Path: "org/name"}, src)
	if want := []time.Duration{7 * time.Second, 2 * time.Second}; !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	h.before = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	_, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, h.sources(t))
	wantError(t, err, nil, "HTTP 503")
	h.Close()
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, h.sources(t))
	wantError(t, err, nil, "cannot be reached", "HF_HUB_OFFLINE=1")
	h.before = nil
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "org/none"}, newHub(t, plainRepo).sources(t))
	wantError(t, err, hub.ErrNotFound, "org/none", "404")
}

// TestScripted reads the converted branch of a repository that a script loads.
func TestScripted(t *testing.T) {
	parquet, err := os.ReadFile("testdata/golden/split_shards/data/test-00000-of-00001-abc.parquet")
	if err != nil {
		t.Fatal(err)
	}
	h := newHub(t, map[string]string{"README.md": "# x", "name.py": "import datasets"})
	h.repos["org/name"][convertedCommit] = map[string]string{"en/test/0000.parquet": string(parquet), "en/few_shot/0000.parquet": string(parquet), "fr/test/0000.parquet": string(parquet)}
	src := h.sources(t)
	want := "# test\n{'a': 2}\n# few_shot\n{'a': 2}\n"
	if got := open(t, dataset.Ref{Path: "org/name", Name: "en"}, src); got != want {
		t.Errorf("got\n%s", got)
	}
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, src)
	wantError(t, err, nil, "one of en, fr")
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "org/name", Name: "de"}, src)
	wantError(t, err, nil, `no configuration "de": it has en, fr`)
	src.Hub.Offline = true
	before := h.count()
	if got := open(t, dataset.Ref{Path: "org/name", Name: "en"}, src); got != want || h.count() != before {
		t.Errorf("offline, with %d calls, got\n%s", h.count()-before, got)
	}
	h = newHub(t, map[string]string{"name.py": "import datasets"})
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, h.sources(t))
	wantError(t, err, nil, "name.py", "no converted copy")
}

// TestTwoAtOnce fetches the same files from several clients: each file is fetched once.
func TestTwoAtOnce(t *testing.T) {
	h := newHub(t, plainRepo)
	src := h.sources(t)
	src.Hub.Wait = nil
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, src); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	blobs := 0
	for _, c := range h.calls {
		if len(c) == 65 {
			blobs++
		}
	}
	if blobs != 2 {
		t.Errorf("%d downloads of 2 files", blobs)
	}
}

func TestCancelled(t *testing.T) {
	h := newHub(t, plainRepo)
	ctx, cancel := context.WithCancel(context.Background())
	h.before = func(http.ResponseWriter, *http.Request) bool { cancel(); return false }
	if _, err := dataset.Open(ctx, dataset.Ref{Path: "org/name"}, h.sources(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// TestHostileNames keeps a list of the hub from leading out of the cache.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{"../../x.jsonl", "/etc/x.jsonl", "a//b.jsonl", `a\..\b.jsonl`, "./a.jsonl", "c:x.jsonl"} {
		h := newHub(t, map[string]string{name: "{}"})
		_, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, h.sources(t))
		wantError(t, err, nil, "lists a file with the name")
	}
	for _, repo := range []string{"../x", "a/../b", "a--b/c", "a/b/c", ""} {
		h := newHub(t, nil)
		if _, err := dataset.Open(context.Background(), dataset.Ref{Path: repo, Name: "x"}, h.sources(t)); err == nil || h.count() > 0 {
			t.Errorf("%q: %v after %d calls", repo, err, h.count())
		}
	}
}

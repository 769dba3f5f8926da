//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
)

// fakeServer is a model server with the defects that its arguments name before --port.
func fakeServer(args []string) int {
	flags := make(map[string]string)
	for i, a := range args {
		if strings.HasPrefix(a, "--") && i+1 < len(args) {
			flags[a] = args[i+1]
		}
	}
	has := func(defect string) bool { return slices.Contains(args, defect) }
	fmt.Fprintln(os.Stderr, "loading with", os.Getenv("FAKE_API_KEY"))
	switch {
	case has("crash at start"):
		fmt.Fprintln(os.Stderr, "CUDA error: out of memory")
		return 3
	case has("no module"):
		fmt.Fprintln(os.Stderr, "/usr/bin/python3: No module named sglang")
		return 1
	case has("port taken"):
		if f, err := os.OpenFile(flags["--mark"], os.O_CREATE|os.O_EXCL, 0o600); err == nil { // the first time
			_ = f.Close()
			fmt.Fprintln(os.Stderr, "[Errno 98] error while attempting to bind on address: address already in use")
			return 1
		}
	case has("stubborn"):
		signal.Ignore(syscall.SIGTERM)
	case has("grandchild"):
		cmd := exec.Command("sleep", "600")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return 9
		}
		fmt.Fprintln(os.Stderr, "grandchild", cmd.Process.Pid)
	}
	begun := time.Now()
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if has("never healthy") || has("slow") && time.Since(begun) < 300*time.Millisecond {
			http.Error(w, "loading model", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/v1/models", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"data":[{"id":%q}]}`, flags["--alias"])
	})
	mux.HandleFunc("/ask", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("prompt") == "crash" {
			fmt.Fprintln(os.Stderr, "segmentation fault, or so")
			os.Exit(11)
		}
		fmt.Fprintf(w, "%s says %d", r.FormValue("prompt"), os.Getpid())
	})
	if err := http.ListenAndServe("127.0.0.1:"+flags["--port"], mux); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 1
}

// fakeClient asks a fake server.
type fakeClient struct {
	base   string
	closed bool
}

func (f *fakeClient) Info() backends.Info {
	return backends.Info{Provider: "other", Model: "other", Kinds: []backends.Kind{backends.Generate}, Parallel: 7}
}

func (f *fakeClient) Do(ctx context.Context, r backends.Request) (backends.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+"/ask?prompt="+url.QueryEscape(r.Prompt), nil)
	if err != nil {
		return backends.Response{}, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return backends.Response{}, &backends.Error{Kind: backends.KindNetwork, Err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return backends.Response{Text: string(text)}, err
}

func (f *fakeClient) Close() error { f.closed = true; return nil }

// fakeKind is the kind of a fake server with defects.
func fakeKind(defects ...string) Kind {
	return Kind{
		Name: "fake", Command: command("server", defects...), Variable: "ONSET_FAKE_COMMAND", Install: "pip install fake",
		Options: []string{"--model", "{model}", "--port", "{port}", "--alias", "{alias}"},
		Health:  "/health", Identity: "/v1/models", Kinds: []backends.Kind{backends.Generate},
	}
}

func fakeOptions(defects ...string) ServerOptions {
	return ServerOptions{
		Kind: fakeKind(defects...), Model: "org/model", Start: 20 * time.Second, Grace: time.Second,
		Connect: func(_ context.Context, base, model string) (backends.Backend, error) {
			if !strings.HasPrefix(model, "onset-") {
				return nil, errors.New("the name of the model is " + model)
			}
			return &fakeClient{base: base}, nil
		},
	}
}

func openServer(t *testing.T, o ServerOptions) *Server {
	t.Helper()
	s, err := OpenServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// pidOf asks the server for its process number.
func pidOf(t *testing.T, s *Server) int {
	t.Helper()
	resp, err := s.Do(t.Context(), generate("x"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimPrefix(resp.Text, "x says "))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestServer(t *testing.T) {
	for _, defect := range []string{"fine", "slow", "stubborn", "grandchild"} {
		t.Run(defect, func(t *testing.T) {
			logs := t.TempDir()
			o := fakeOptions(defect)
			o.Log = func() (LogFile, error) { return os.Create(filepath.Join(logs, "log")) }
			s := openServer(t, o)
			described, err := Describe(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			info := s.Info()
			if info.Parallel != 7 {
				t.Errorf("Parallel is %d, not the client's 7", info.Parallel)
			}
			if info.Parallel = 0; fmt.Sprintf("%#v", info) != fmt.Sprintf("%#v", described) {
				t.Errorf("it is described as %+v and is %+v", described, info)
			}
			pid := pidOf(t, s)
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Error(err)
			}
			awaitDeath(t, pid)
			if !s.life.b.(*fakeClient).closed {
				t.Error("the client is not closed")
			}
			if _, err := s.Do(t.Context(), generate("x")); backends.KindOf(err) != backends.KindClosed {
				t.Errorf("after Close: %v", err)
			}
			log, err := os.ReadFile(filepath.Join(logs, "log"))
			if err != nil || !strings.Contains(string(log), "loading with") {
				t.Errorf("the log is %q, %v", log, err)
			}
			if _, after, ok := strings.Cut(string(log), "grandchild "); ok {
				pid, err := strconv.Atoi(strings.Fields(after)[0])
				if err != nil {
					t.Fatal(err)
				}
				awaitDeath(t, pid)
			}
		})
	}
}

// TestServerKinds sees that a server that serves less than its like is refused with the way out, and used for what it serves.
func TestServerKinds(t *testing.T) {
	o := fakeOptions()
	o.Kind.Kinds = backends.Kinds[:] // its client generates only
	_, err := OpenServer(t.Context(), o)
	var h interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "does not serve loglikelihood") || !errors.As(err, &h) || !strings.Contains(h.Hint(), "kinds=generate") {
		t.Errorf("a server that serves less gives %v", err)
	}
	o.Args = map[string]string{"kinds": "generate"}
	s := openServer(t, o)
	pidOf(t, s)
	if _, err := s.Do(t.Context(), backends.Request{Kind: backends.LogLikelihood, Prompt: "x", Continuations: []string{"y"}}); backends.KindOf(err) != backends.KindUnsupported {
		t.Errorf("a kind that is left out gives %v", err)
	}
	o.Args = map[string]string{"kinds": "generate,score"}
	if _, err := Describe(t.Context(), o); err == nil {
		t.Error("an unknown kind is taken")
	}
}

func TestServerNeverStarts(t *testing.T) {
	t.Setenv("FAKE_API_KEY", "canary-0123456789")
	file := filepath.Join(t.TempDir(), "server.log")
	for _, c := range []struct{ defect, want, hint string }{
		{"never healthy", "not ready within 400ms", "start_timeout"},
		{"never healthy", "status 503: loading model", ""},
		{"crash at start", "it ended before it was ready (exit status 3)", ""},
		{"crash at start", "    CUDA error: out of memory", ""},
		{"crash at start", "all of it is in " + file, ""},
		{"crash at start", "loading with [FAKE_API_KEY]", ""},
		{"no module", "No module named", "pip install fake"},
	} {
		o := fakeOptions(c.defect)
		o.Start = 20 * time.Second
		if c.defect == "never healthy" {
			o.Args = map[string]string{"start_timeout": "400ms"}
		}
		o.Log = func() (LogFile, error) { return os.Create(file) }
		_, err := OpenServer(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error is %v, want %q", c.defect, err, c.want)
		}
		var h interface{ Hint() string }
		if c.hint != "" && (!errors.As(err, &h) || !strings.Contains(h.Hint(), c.hint)) {
			t.Errorf("%s: no hint with %q", c.defect, c.hint)
		}
	}
}

func TestServerIsMissing(t *testing.T) {
	o := fakeOptions()
	o.Kind.Command = []string{"onset-no-such-server"}
	for name, try := range map[string]func() error{
		"describe": func() error { _, err := Describe(t.Context(), o); return err },
		"open":     func() error { _, err := OpenServer(t.Context(), o); return err },
	} {
		err := try()
		var h interface{ Hint() string }
		if !errors.As(err, &h) || !strings.Contains(h.Hint(), "pip install fake") || !strings.Contains(h.Hint(), "ONSET_FAKE_COMMAND") {
			t.Errorf("%s: %v tells no way to install it", name, err)
		}
	}
	o.Args = map[string]string{"command": strings.Join(command("server"), " ")}
	if _, err := Describe(t.Context(), o); err != nil {
		t.Errorf("with a command of the user's own: %v", err)
	}
	o.Model = "nothing.gguf"
	if _, err := Describe(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing file gives %v", err)
	}
}

// TestServerPortTaken sees that a server whose port somebody else took is started on another one.
func TestServerPortTaken(t *testing.T) {
	o := fakeOptions("port taken", "--mark", filepath.Join(t.TempDir(), "mark"))
	starts := 0
	o.Say = func(format string, _ ...any) {
		if strings.HasPrefix(format, "starting") {
			starts++
		}
	}
	pidOf(t, openServer(t, o))
	if starts != 2 {
		t.Errorf("it was started %d times, want 2", starts)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[{"id":"theirs"}]}`) }))
	defer other.Close()
	l, err := o.newLaunch()
	if err != nil {
		t.Fatal(err)
	}
	c, err := startChild(childOptions{command: []string{"sleep", "60"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop(0, time.Second)
	if err := l.await(t.Context(), c, other.URL); !errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), "theirs") {
		t.Errorf("a healthy server of somebody else's gives %v", err)
	}
}

// TestServerCrashes sees that a server that ends in the middle of a run is started again, a few times.
func TestServerCrashes(t *testing.T) {
	o := fakeOptions()
	o.Restarts = 2
	s := openServer(t, o)
	pids := map[int]bool{pidOf(t, s): true}
	for range 2 {
		_, err := s.Do(t.Context(), generate("crash"))
		if backends.KindOf(err) != backends.KindServer || !strings.Contains(err.Error(), "exit status 11") || !strings.Contains(err.Error(), "segmentation fault") {
			t.Fatalf("a request to a server that ends gives %v", err)
		}
		group := pool.New().WithErrors()
		var mu sync.Mutex
		for range 8 { // the first of them starts it, and the others wait
			group.Go(func() error {
				resp, err := s.Do(t.Context(), generate("x"))
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				pid, err := strconv.Atoi(strings.TrimPrefix(resp.Text, "x says "))
				pids[pid] = true
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if len(pids) != 3 {
		t.Errorf("the server had %d lives, want 3", len(pids))
	}
	_, _ = s.Do(t.Context(), generate("crash"))
	_, err := s.Do(t.Context(), generate("x"))
	if backends.KindOf(err) != backends.KindClosed || !strings.Contains(err.Error(), "ended 3 times") || !strings.Contains(err.Error(), "segmentation fault") {
		t.Errorf("a server that has ended too often gives %v", err)
	}
}

// TestServerInterrupted sees that a start that is given up leaves nothing.
func TestServerInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	file := filepath.Join(t.TempDir(), "log")
	o := fakeOptions("never healthy", "grandchild")
	o.Log = func() (LogFile, error) { return os.Create(file) }
	if _, err := OpenServer(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the error is %v", err)
	}
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(log), "grandchild ")
	if !ok {
		t.Fatalf("the log is %q", log)
	}
	pid, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	awaitDeath(t, pid)
}

func TestSplitCommand(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"  a  b\tc ", []string{"a", "b", "c"}},
		{`a 'b c' "d e" f\ g`, []string{"a", "b c", "d e", "f g"}},
		{`--x='' "" '\'`, []string{"--x=", "", `\`}},
		{`"a\"b" c\\d`, []string{`a"b`, `c\d`}},
	} {
		got, err := SplitCommand(c.line)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q is split into %q, %v; want %q", c.line, got, err, c.want)
		}
	}
	for _, line := range []string{`"a`, `'a`, `a\`} {
		if got, err := SplitCommand(line); err == nil {
			t.Errorf("%q is split into %q", line, got)
		}
	}
}

func TestTail(t *testing.T) {
	var out tail
	if got := out.lines(5); got != nil {
		t.Errorf("an empty tail has %q", got)
	}
	for i := range 100_000 {
		fmt.Fprintf(&out, "line %d\n", i)
	}
	if n := len(out.buf); n > 2*tailBytes {
		t.Errorf("%d bytes are kept", n)
	}
	got := out.lines(3)
	if want := []string{"line 99997", "line 99998", "line 99999"}; !slices.Equal(got, want) {
		t.Errorf("the last lines are %q, want %q", got, want)
	}
	for _, line := range out.lines(1 << 20) {
		if !strings.HasPrefix(line, "line ") {
			t.Errorf("half a line is shown: %q", line)
		}
	}
	fmt.Fprint(&out, "\x1b[31mred\x1b[0m\r\n")
	if got := out.last(); strings.ContainsRune(got, '\x1b') {
		t.Errorf("%q moves the terminal", got)
	}
}

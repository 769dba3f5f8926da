package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends/faultserver"
	"github.com/onset-eval/onset/evaluators/runlog"
)

const (
	killSamples     = 3000
	killConnections = 16
)

// TestKilledRunsPayOnce kills a run against a server at random moments, again and again: the records are in the end those of
// a run that nobody killed, and the server was asked again for no more than what was under way at a kill. With the response
// cache and without it.
func TestKilledRunsPayOnce(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 6
	}
	for _, cache := range []string{"off", "write"} {
		t.Run("cache "+cache, func(t *testing.T) { testKilledRuns(t, cache, kills/2) })
	}
}

func testKilledRuns(t *testing.T, cache string, kills int) {
	answered := new(answers)
	server, err := faultserver.Start(faultserver.Options{
		Observe: answered.add, Script: faultserver.Script{Latency: faultserver.Duration(8 * time.Millisecond)},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	h := newKillHarness(t, server.URL(), cache)
	h.run("whole", 0)
	if n := answered.repeated(); n != 0 {
		t.Fatalf("%d requests of a run that nobody killed were made twice", n)
	}
	whole, err := runlog.Sorted(filepath.Join(h.dir, "whole"))
	if err != nil || len(whole) != killSamples {
		t.Fatalf("%d records, %v", len(whole), err)
	}

	answered.reset()
	if err := os.Remove(filepath.Join(h.dir, "cache.db")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, uint64(kills)))
	killed := 0
	for range kills {
		before := answered.repeated()
		if h.run("killed", time.Duration(rng.IntN(120))*time.Millisecond) {
			killed++
		}
		// What a start repeats was under way when the one before it was killed.
		if again := answered.repeated() - before; again > killConnections {
			t.Fatalf("%d requests were made again after a kill with %d under way", again, killConnections)
		}
	}
	if killed < kills/3 {
		t.Fatalf("only %d of %d starts were killed at work", killed, kills)
	}
	h.run("killed", 0)
	got, err := runlog.Sorted(filepath.Join(h.dir, "killed"))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, whole) {
		t.Errorf("%d records after %d kills are not the %d of a run that nobody killed", len(got), killed, len(whole))
	}
	t.Logf("%d kills at work, %d of %d requests made again", killed, answered.repeated(), killSamples)
}

// answers counts what a server answered, by request.
type answers struct {
	mu sync.Mutex // guards of
	of map[string]int
}

func (a *answers) add(e faultserver.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = make(map[string]int)
	}
	if e.Did == "answer" {
		a.of[e.Digest]++
	}
}

func (a *answers) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of = nil
}

// repeated counts the answers to requests that had been answered already.
func (a *answers) repeated() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, times := range a.of {
		n += times - 1
	}
	return n
}

// killHarness starts the real program in a folder of its own.
type killHarness struct {
	t                       *testing.T
	dir, program, url, mode string
}

func newKillHarness(t *testing.T, url, cache string) *killHarness {
	h := &killHarness{t: t, dir: t.TempDir(), url: url, mode: cache}
	h.setUp(killSamples)
	return h
}

// setUp links the program and writes a task of n samples.
func (h *killHarness) setUp(n int) {
	t := h.t
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h.program = filepath.Join(h.dir, "onset") // TestMain runs the program under this name
	if err := os.Symlink(self, h.program); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	var rows strings.Builder
	for i := range n {
		line, err := json.Marshal(map[string]string{"q": fmt.Sprintf("question %d", i), "a": "x"})
		if err != nil {
			t.Fatal(err)
		}
		rows.Write(append(line, '\n'))
	}
	for name, text := range map[string]string{"own.jsonl": rows.String(), "own.yaml": `task: own
dataset_path: json
dataset_kwargs: {data_files: {test: own.jsonl}}
test_split: test
output_type: generate_until
generation_kwargs: {max_gen_toks: 8}
doc_to_text: "{{q}}"
doc_to_target: "{{a}}"
metric_list: [{metric: exact_match}]
`} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// run starts the run and waits for its end, or kills it so long after its first record; it reports whether it was at work
// when it was killed.
func (h *killHarness) run(name string, kill time.Duration) (killed bool) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.program, "run", "-m", "openai/m", "--base-url", h.url+"/v1", "--model-args", "api=chat",
		"-t", "own", "--include-path", ".", "-o", name, "-j", fmt.Sprint(killConnections), "--cache", h.mode, "--cache-file", "cache.db")
	cmd.Dir = h.dir
	cmd.Env = h.environ("test")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	if kill > 0 {
		h.waitForRecords(ctx, name)
		time.Sleep(kill) // a moment in the run's own time: it is the program, not the test, that must stand it
		_ = cmd.Process.Kill()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && kill > 0 && !exit.Exited() {
		return true
	}
	if err != nil {
		h.t.Fatalf("%v: %s", err, out.String())
	}
	return false
}

// environ gives the environment of a start with the key.
func (h *killHarness) environ(key string) []string {
	return append(os.Environ(), "OPENAI_API_KEY="+key, "XDG_CACHE_HOME="+filepath.Join(h.dir, "user"))
}

// waitForRecords waits until this start of the run has records, or ended.
func (h *killHarness) waitForRecords(ctx context.Context, name string) {
	had := h.segments(name)
	for ctx.Err() == nil {
		if n := h.segments(name); n > had {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// segments counts a run's files of records that hold something.
func (h *killHarness) segments(name string) int {
	files, _ := filepath.Glob(filepath.Join(h.dir, name, "records-*"))
	n := 0
	for _, f := range files {
		if st, err := os.Stat(f); err == nil && st.Size() > 0 {
			n++
		}
	}
	return n
}

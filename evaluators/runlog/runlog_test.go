package runlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/tasks"
)

// record makes the record of sample i, with every field set.
func record(i int) Record {
	one := 1.0
	logprob := -0.25
	return Record{
		Key:    Key{Model: "m", Task: "t", Style: tasks.CoT, Shots: 4, Seed: 7, Sample: fmt.Sprintf("s%06d", i), Draw: 1},
		Prompt: "sha256:p", Target: "sha256:t", Index: i, Chance: 0.25,
		Responses: []backends.Response{{
			Text: "so the answer is 4 — π\n", Stop: backends.StopString, Usage: backends.Usage{PromptTokens: 90, CompletionTokens: 9},
			LogProbs: []backends.LogProb{{Sum: -1.5, Tokens: 3, Greedy: true}}, Attempts: 2, Latency: 3 * time.Millisecond,
		}},
		Scores: []evaluators.Score{{
			Metric: "exact_match", Filter: "strict", Outcome: evaluators.Correct, Value: &one,
			Continuous: &logprob, ContinuousName: "target_logprob", Answer: "4",
		}},
		Attempts: 2, Latency: 4 * time.Millisecond, At: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC),
	}
}

func failed(i int) Record {
	r := record(i)
	r.Responses = nil
	r.Error = &Failure{Kind: backends.KindServer, Message: "502"}
	r.Scores = []evaluators.Score{{Metric: "exact_match", Outcome: evaluators.Failed}}
	return r
}

func open(t testing.TB, dir string, opts Options) *Writer {
	t.Helper()
	w, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func write(t testing.TB, w *Writer, records ...Record) {
	t.Helper()
	for _, r := range records {
		if err := w.Write(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func closeWriter(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func sorted(t testing.TB, dir string) []Record {
	t.Helper()
	got, err := Sorted(dir)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	want := []Record{record(0), record(1), failed(2)}
	write(t, w, want...)
	closeWriter(t, w)
	var got []Record
	for r, err := range Read(dir) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-written +read):\n%s", diff)
	}
}

func TestUnionOfSegments(t *testing.T) {
	dir := t.TempDir()
	for _, batch := range [][]Record{
		{record(0), failed(1), failed(2), failed(2)},
		{record(0), record(1)},
		{failed(0), record(3)},
	} {
		w := open(t, dir, Options{})
		write(t, w, batch...)
		closeWriter(t, w)
	}
	want := []Record{Canonical(record(0)), Canonical(record(1)), Canonical(failed(2)), Canonical(record(3))}
	if diff := cmp.Diff(want, sorted(t, dir)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	done, warnings, err := Keys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if answered, failed := done.Len(); answered != 3 || failed != 1 {
		t.Errorf("%d answered and %d failed, want 3 and 1", answered, failed)
	}
	if !done.Has(record(1).Key) || done.Has(record(2).Key) || !done.Failed(record(2).Key) || done.Failed(record(1).Key) || done.Has(record(9).Key) {
		t.Error("the keys are not told apart")
	}
	if warnings.Torn != 0 || warnings.CorruptLines != 0 {
		t.Errorf("warnings %+v of a sound run", warnings)
	}
}

func TestDamage(t *testing.T) {
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			r := record(i)
			data, err := line{Record: &r}.encode(encoding())
			if err != nil {
				t.Fatal(err)
			}
			b.Write(data)
		}
		return b.String()
	}
	sound := lines(3)
	for _, c := range []struct {
		name    string
		content string
		records int
		torn    int
		corrupt []string
	}{
		{"empty", "", 0, 0, nil},
		{"sound", sound, 3, 0, nil},
		{"torn last line", sound[:len(sound)-30], 2, 1, nil},
		{"only the line feed is missing", sound[:len(sound)-1], 3, 0, nil},
		{"corrupt middle line", lines(1) + "{\"record\":{\"mod\n" + sound, 3, 0, []string{"records-000001.jsonl:2: "}},
		{"zeros at the end", sound + strings.Repeat("\x00", 50), 3, 1, nil},
		{"a line of a later version", sound + `{"note":{"x":1}}` + "\n", 3, 0, nil},
		{"a member of a later version", strings.ReplaceAll(sound, `"model":`, `"later":[1],"model":`), 3, 0, nil},
		{"a long line", lines(1) + strings.Repeat("x", 1<<20) + "\n" + sound, 3, 0, []string{"records-000001.jsonl:2: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "records-000001.jsonl"), []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			r := NewReader(dir)
			n := 0
			for _, err := range r.Records() {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != c.records || r.Warnings.Torn != c.torn || r.Warnings.CorruptLines != len(c.corrupt) {
				t.Errorf("%d records, warnings %+v", n, r.Warnings)
			}
			for i, want := range c.corrupt {
				if !strings.HasPrefix(r.Warnings.Corrupt[i], want) {
					t.Errorf("warning %q does not start with %q", r.Warnings.Corrupt[i], want)
				}
			}
			// A new writer leaves the damaged segment alone.
			w := open(t, dir, Options{})
			write(t, w, record(100))
			closeWriter(t, w)
			if got := len(sorted(t, dir)); got != c.records+1 {
				t.Errorf("%d records after one more, want %d", got, c.records+1)
			}
		})
	}
}

func TestLocks(t *testing.T) {
	dir := t.TempDir()
	shard := func(i int) Options { return Options{Shard: Shard{Index: i, Count: 2}} }
	refused := func(opts Options) {
		t.Helper()
		w, err := Open(dir, opts)
		var locked *LockedError
		if !errors.As(err, &locked) {
			if w != nil {
				_ = w.Close()
			}
			t.Fatalf("Open gave %v, want a LockedError", err)
		}
		if runtime.GOOS != "windows" && locked.PID != os.Getpid() {
			t.Errorf("the lock is held by %d, want %d", locked.PID, os.Getpid())
		}
		if locked.Hint() == "" || !strings.Contains(locked.Error(), dir) {
			t.Errorf("error %q, hint %q", locked, locked.Hint())
		}
	}
	whole := open(t, dir, Options{})
	refused(Options{})
	refused(shard(0))
	closeWriter(t, whole)
	first := open(t, dir, shard(0))
	refused(Options{})
	refused(shard(0))
	second := open(t, dir, shard(1))
	write(t, first, record(0))
	write(t, second, record(1))
	closeWriter(t, first)
	refused(Options{})
	closeWriter(t, second)
	closeWriter(t, open(t, dir, Options{}))
	if got := len(sorted(t, dir)); got != 2 {
		t.Errorf("%d records of two shards, want 2", got)
	}
	for _, s := range []Shard{{2, 2}, {-1, 2}, {1, 0}, {0, -1}} {
		if _, err := Open(dir, Options{Shard: s}); err == nil {
			t.Errorf("shard %v was taken", s)
		}
	}
}

func TestPrompts(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	ctx := context.Background()
	for i := range 100 {
		if err := w.Prompt(ctx, fmt.Sprintf("sha256:%d", i%3), fmt.Sprint("prompt ", i%3)); err != nil {
			t.Fatal(err)
		}
	}
	closeWriter(t, w)
	n := 0
	for _, err := range NewReader(dir).Prompts() {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d prompts were written, want 3", n)
	}
	got, err := Prompts(dir, "sha256:1", "sha256:2", "sha256:9")
	want := map[string]string{"sha256:1": "prompt 1", "sha256:2": "prompt 2"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, prompts (-want +got):\n%s", err, diff)
	}
}

func TestRecentIsBounded(t *testing.T) {
	r := newRecent(10)
	for i := range 1000 {
		r.add(fmt.Sprint(i))
		if len(r.young)+len(r.old) > 10 {
			t.Fatalf("%d strings are remembered", len(r.young)+len(r.old))
		}
		if i >= 4 && !r.has(fmt.Sprint(i-4)) {
			t.Fatalf("%d is forgotten at %d", i-4, i)
		}
	}
}

func TestNumbersThatJSONCannotHold(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	r := record(0)
	r.Responses[0].LogProbs[0].Sum = math.Inf(-1)
	write(t, w, r)
	if !math.IsInf(r.Responses[0].LogProbs[0].Sum, -1) {
		t.Error("Write changed the caller's record")
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		r := record(1)
		r.Responses[0].LogProbs[0].Sum = bad
		if err := w.Write(context.Background(), r); err == nil || !strings.Contains(err.Error(), "s000001") {
			t.Errorf("a log-probability of %v: error %v", bad, err)
		}
		r = record(1)
		r.Scores[0].Value = &bad
		if err := w.Write(context.Background(), r); err == nil {
			t.Errorf("a score of %v was written", bad)
		}
	}
	r = record(2)
	r.Responses[0].Text = "no UTF-8: \xff"
	write(t, w, r)
	closeWriter(t, w)
	got := sorted(t, dir)
	if len(got) != 2 || got[0].Responses[0].LogProbs[0].Sum != -math.MaxFloat64 || got[1].Responses[0].Text != "no UTF-8: \ufffd" {
		t.Errorf("read %+v", got)
	}
}

func TestCompression(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	const n = 4000 // above 1 MiB
	for i := range n {
		write(t, w, record(i))
	}
	closeWriter(t, w)
	names, _ := filepath.Glob(filepath.Join(dir, "records-*"))
	if len(names) != 1 || !strings.HasSuffix(names[0], ".jsonl.zst") {
		t.Fatalf("the run holds %q, want one compressed segment", names)
	}
	if got := len(sorted(t, dir)); got != n {
		t.Errorf("%d records, want %d", got, n)
	}
	// A crash between renaming and removing leaves both.
	plain := strings.TrimSuffix(names[0], ".zst")
	if err := os.WriteFile(plain, []byte("{\"torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	paths, err := segments(dir)
	if err != nil || len(paths) != 1 || paths[0] != names[0] {
		t.Errorf("segments %q, %v", paths, err)
	}
	if err := os.Remove(plain); err != nil {
		t.Fatal(err)
	}
	// Damage keeps what stands before it.
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(names[0], data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	_, warnings, err := Keys(dir)
	if err != nil || warnings.CorruptLines+warnings.Torn == 0 {
		t.Errorf("half a compressed segment: %+v, %v", warnings, err)
	}
}

func TestMissingDirectory(t *testing.T) {
	for _, err := range Read(filepath.Join(t.TempDir(), "none")) {
		var hinted interface{ Hint() string }
		if !errors.As(err, &hinted) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error %v has no hint", err)
		}
		return
	}
	t.Error("reading a missing directory gave nothing")
}

// TestNothingWrittenLeavesNoSegment sees that runs which are resumed often do not fill their directory with empty files.
func TestNothingWrittenLeavesNoSegment(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if paths, err := segments(dir); err != nil || len(paths) != 0 {
		t.Errorf("segments %v, %v", paths, err)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/adaptive"
	"github.com/onset-eval/onset/backends/faultserver"
	"github.com/onset-eval/onset/evaluators/runlog"
)

func TestLimitBounds(t *testing.T) {
	for _, c := range []struct {
		opts limitOptions
		want adaptive.Bounds
		ok   bool
		bad  bool
	}{
		{limitOptions{}, adaptive.DefaultBounds, true, false},
		{limitOptions{fixed: 7}, adaptive.Bounds{Min: 7, Start: 7, Max: 7}, true, false},
		{limitOptions{adaptive: "2-5-9"}, adaptive.Bounds{Min: 2, Start: 5, Max: 9}, true, false},
		{limitOptions{adaptive: "1-4"}, adaptive.Bounds{Min: 1, Start: 4, Max: 4}, true, false},
		{limitOptions{adaptive: "20-90"}, adaptive.Bounds{Min: 20, Start: 20, Max: 90}, true, false},
		{limitOptions{adaptive: "off"}, adaptive.Bounds{}, false, false},
		{limitOptions{adaptive: "off", fixed: 3}, adaptive.Bounds{Min: 3, Start: 3, Max: 3}, true, false},
		{limitOptions{adaptive: "5-2-9"}, adaptive.Bounds{}, false, true},
		{limitOptions{adaptive: "0-2-9"}, adaptive.Bounds{}, false, true},
		{limitOptions{adaptive: "9"}, adaptive.Bounds{}, false, true},
		{limitOptions{adaptive: "1-2-3-4"}, adaptive.Bounds{}, false, true},
		{limitOptions{adaptive: "1-2-x"}, adaptive.Bounds{}, false, true},
		{limitOptions{adaptive: "1-8", fixed: 3}, adaptive.Bounds{}, false, true},
		{limitOptions{fixed: -1}, adaptive.Bounds{}, false, true},
	} {
		got, ok, err := c.opts.bounds()
		if (err != nil) != c.bad || !c.bad && (ok != c.ok || got != c.want) {
			t.Errorf("%+v gives %+v, %v, %v", c.opts, got, ok, err)
		}
	}
}

// TestAdaptiveRun runs against a server that takes twelve calls at once, of which others queue, and that once refuses a
// while: the records are all there, the trace tells why the level moved, and onset trace draws it.
func TestAdaptiveRun(t *testing.T) {
	server, err := faultserver.Start(faultserver.Options{Script: faultserver.Script{
		Key: "canary-key", Slots: 12, Latency: faultserver.Duration(5 * time.Millisecond),
		Faults: []faultserver.Fault{
			{Do: faultserver.Status, Status: 429, First: 150, Count: 10, RetryAfter: faultserver.Duration(50 * time.Millisecond), RetryForm: "ms"},
			{Do: faultserver.Status, Status: 503, First: 400, Count: 5},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	t.Chdir(t.TempDir())
	writeDigits(t, 1000)
	meet, err := os.MkdirTemp("", "onset")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(meet) }()
	t.Setenv("OPENAI_API_KEY", "canary-key")
	onset := func(args ...string) (string, string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		a := &app{stdout: &stdout, stderr: &stderr, getenv: func(name string) string {
			return map[string]string{"XDG_RUNTIME_DIR": meet, "OPENAI_API_KEY": "canary-key"}[name]
		}}
		if code := a.main(t.Context(), args); code != 0 {
			t.Fatalf("onset %s: exit code %d\n%s", strings.Join(args, " "), code, stderr.String())
		}
		return stdout.String(), stderr.String()
	}
	_, stderr := onset("run", "-m", "openai/m", "--base-url", server.URL()+"/v1", "--model-args", "api=chat", "-t", "own",
		"--include-path", ".", "-o", "run", "--cache", "off", "--adaptive-connections", "1-8-64")
	records, err := runlog.Sorted("run")
	if err != nil || len(records) != 1000 || !strings.Contains(stderr, " 0 errors") {
		t.Fatalf("%d records, %v\n%s", len(records), err, stderr)
	}
	data, err := os.ReadFile(filepath.Join("run", adaptive.TraceFile))
	if err != nil || bytes.Contains(data, []byte("canary")) {
		t.Fatalf("the trace: %v\n%s", err, data)
	}
	events, err := adaptive.ReadTrace(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, e := range events {
		seen[e.Reason] = true
	}
	if !seen["start"] || !seen["refused"] || events[0].Level != 8 || events[0].Limit != "openai "+server.URL() {
		t.Errorf("the trace begins with %+v and tells %v", events[0], seen)
	}
	stdout, _ := onset("trace", "run", "-o", "trace.svg")
	if !strings.Contains(stdout, "1000 answered") && !strings.Contains(stdout, "answered") {
		t.Errorf("the trace says\n%s", stdout)
	}
	if _, err := os.Stat("trace.svg"); err != nil {
		t.Error(err)
	}
	// A fixed number of connections: never more at once.
	before := server.Counts().MaxInFlight
	onset("run", "-m", "openai/m", "--base-url", server.URL()+"/v1", "--model-args", "api=chat", "-t", "own", "-L", "100",
		"--include-path", ".", "-o", "fixed", "--cache", "off", "-j", "3")
	data, err = os.ReadFile(filepath.Join("fixed", adaptive.TraceFile))
	var e adaptive.Event
	if err != nil || json.Unmarshal(bytes.SplitN(data, []byte("\n"), 2)[0], &e) != nil || e.Level != 3 || server.Counts().MaxInFlight != before {
		t.Errorf("a fixed run: %v, %s", err, data)
	}
}

// writeDigits writes a task of n samples.
func writeDigits(t *testing.T, n int) {
	t.Helper()
	var rows strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, "{\"q\": \"question %d\", \"a\": \"%d\"}\n", i, i%10)
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
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLocalModelsKeepTheirParallelism sees that models in this process have no limiter.
func TestLocalModelsKeepTheirParallelism(t *testing.T) {
	l, err := limitOptions{}.limits(&app{getenv: func(string) string { return "" }}, t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	o := opener{providers: providers(), limits: l, retry: backends.RetryOptions{MaxAttempts: 2}}
	m, err := parseModel("scripted/echo")
	if err != nil {
		t.Fatal(err)
	}
	info, err := o.Describe(t.Context(), m)
	if err != nil || info.Parallel != 64 {
		t.Errorf("%+v, %v", info, err)
	}
	b, err := o.Open(t.Context(), m)
	if err != nil || len(l.all) != 0 {
		t.Errorf("%v, %v", l.all, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.trail); err == nil {
		t.Error("a run without a server has a trace")
	}
}

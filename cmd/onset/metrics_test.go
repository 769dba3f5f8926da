package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends/faultserver"
)

// TestMetricsAndEvents reads the metrics of a run while it lasts, and the events that it prints.
func TestMetricsAndEvents(t *testing.T) {
	hold := make(chan struct{})
	server, err := faultserver.Start(faultserver.Options{Model: func(c faultserver.Call) faultserver.Reply {
		<-hold
		return faultserver.Echo(c)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	h := &killHarness{t: t, dir: t.TempDir(), url: server.URL()}
	h.setUp(5)
	cmd := exec.CommandContext(t.Context(), h.program, "run", "-m", "openai/m", "--base-url", h.url+"/v1", "--model-args", "api=chat,self_test=off",
		"-t", "own", "--include-path", ".", "-o", "r", "--json", "--cache", "off", "--metrics-addr", "127.0.0.1:0")
	cmd.Dir, cmd.Env, cmd.WaitDelay = h.dir, h.environ("k"), time.Minute
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+/metrics`)
	page := ""
	var events []event
	for lines.Scan() {
		if at := address.FindString(lines.Text()); at != "" {
			page = get(t, at)
			close(hold)
			continue
		}
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Errorf("%q: %v", lines.Text(), err)
		}
		events = append(events, e)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"onset_samples_planned 5\n", "onset_spent_usd 0\n", "onset_requests_answered_total 0\n", `onset_tokens_total{type="prompt"} 0`, "process_resident_memory_bytes"} {
		if !strings.Contains(page, want) {
			t.Errorf("the metrics have no %q:\n%s", want, page)
		}
	}
	if len(events) < 3 || events[0].Event != "start" || events[len(events)-1].Event != "done" {
		t.Fatalf("%+v", events)
	}
	if last := events[len(events)-1]; last.Done != 5 || last.Samples != 5 || last.Stopped || last.Errors != 0 {
		t.Errorf("%+v", last)
	}
	if !json.Valid(stdout.Bytes()) {
		t.Errorf("stdout is no JSON: %s", stdout.String())
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read whole below
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", url, resp.Status, err)
	}
	return string(body)
}

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends/faultserver"
	"github.com/onset-eval/onset/evaluators/runlog"
)

// TestKeyIsNowhere runs the program against servers that do all that servers do when they fail, and repeat the caller's key
// in their messages: the key is in no file that the program leaves and in nothing that it prints.
func TestKeyIsNowhere(t *testing.T) {
	const key = "sk-canary-2718281828"
	found := make(map[string]int) // by outcome, over all faults
	for _, fault := range []faultserver.Fault{
		{Do: faultserver.Status, Status: 400}, {Do: faultserver.Status, Status: 401}, {Do: faultserver.Status, Status: 403},
		{Do: faultserver.Status, Status: 404}, {Do: faultserver.Status, Status: 429, Every: 2}, {Do: faultserver.Status, Status: 500},
		{Do: faultserver.Status, Status: 429, Word: "insufficient_quota"}, {Do: faultserver.Status, Status: 529, Every: 2},
		{Do: faultserver.Reset, Every: 2}, {Do: faultserver.ResetBody}, {Do: faultserver.Truncated}, {Do: faultserver.Malformed, Every: 2},
		{Do: faultserver.WrongType}, {Do: faultserver.WrongShape}, {Do: faultserver.NullContent}, {Do: faultserver.EmptyContent},
		{Do: faultserver.NoChoices}, {Do: faultserver.Duplicate}, {Do: faultserver.Refusal}, {Do: faultserver.Filtered}, {Do: faultserver.Length},
	} {
		name := fault.Do
		if fault.Status > 0 {
			name = strings.Join([]string{name, strconv.Itoa(fault.Status), fault.Word}, " ")
		}
		t.Run(name, func(t *testing.T) {
			server, err := faultserver.Start(faultserver.Options{Script: faultserver.Script{Key: key, EchoKey: true, Faults: []faultserver.Fault{fault}}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			}()
			h := &killHarness{t: t, dir: t.TempDir(), url: server.URL()}
			h.setUp(4)
			cmd := exec.CommandContext(t.Context(), h.program, "run", "-m", "openai/m", "--base-url", h.url+"/v1", "--model-args", "api=chat,self_test=off",
				"-t", "own", "--include-path", ".", "-o", "r", "--max-retries", "1", "--json", "--cache-file", "cache.db")
			cmd.Dir, cmd.Env, cmd.WaitDelay = h.dir, h.environ(key), time.Minute
			out, err := cmd.CombinedOutput()
			if err != nil && cmd.ProcessState.ExitCode() != exitInfra {
				t.Errorf("%v: %s", err, out)
			}
			if bytes.Contains(out, []byte(key)) {
				t.Errorf("printed: %s", out)
			}
			noKeyInFiles(t, h.dir, key)
			records, err := runlog.Sorted(filepath.Join(h.dir, "r"))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				found[string(r.Scores[0].Outcome)]++
			}
		})
	}
	if found["error"] == 0 || found["refused"] == 0 {
		t.Errorf("the faults did not come through: %v", found)
	}
}

// noKeyInFiles reads every file below dir.
func noKeyInFiles(t *testing.T, dir, key string) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		if bytes.Contains(data, []byte(key)) {
			t.Errorf("the key is in %s", path)
		}
		return nil
	})
	if err != nil || n < 3 {
		t.Errorf("%d files, %v", n, err)
	}
}

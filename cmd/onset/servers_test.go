//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/onset-eval/onset/backends/faultserver"
)

// fakeVLLM is a model server for scripts: it takes vllm's arguments, writes its process number to $PIDFILE and its life to
// $JOURNAL, and is never healthy where $UNHEALTHY is set.
func fakeVLLM() int {
	flags := make(map[string]string)
	for i := 3; i+1 < len(os.Args); i += 2 { // vllm serve MODEL --flag value …
		flags[os.Args[i]] = os.Args[i+1]
	}
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("0.0.0 version")
		return 0
	}
	journal := func(word string) {
		f, err := os.OpenFile(os.Getenv("JOURNAL"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			fmt.Fprintln(f, word, os.Args[2])
			_ = f.Close()
		}
	}
	fmt.Fprintln(os.Stderr, "loading", os.Args[2], "with", os.Getenv("HF_TOKEN"))
	journal("start")
	faults, err := faultserver.Start(faultserver.Options{Script: faultserver.Script{Latency: faultserver.Duration(5 * time.Millisecond)}})
	if err != nil {
		return 1
	}
	mux := http.NewServeMux()
	mux.Handle("/", faults)
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if os.Getenv("UNHEALTHY") != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/v1/models", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"data":[{"id":%q,"owned_by":"vllm","max_model_len":4096}]}`, flags["--served-model-name"])
	})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		_ = http.ListenAndServe(flags["--host"]+":"+flags["--port"], mux)
		os.Exit(1)
	}()
	if err := os.WriteFile(os.Getenv("PIDFILE"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return 1
	}
	<-stop
	journal("end")
	return 0
}

// gone waits until the process whose number a file holds has ended: gone FILE
func gone(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(err)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	ts.Fatalf("process %d is still there", pid)
}

// TestServers runs the scripts of model servers that onset starts.
func TestServers(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  filepath.Join("testdata", "servers"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitCode, "gone": gone, "waitfor": waitFor},
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"ONSET_VLLM_COMMAND": "fakevllm", "PIDFILE": "$WORK/pid", "JOURNAL": "$WORK/journal", "HF_TOKEN": "canary-0123456789", "XDG_CACHE_HOME": "$WORK/cache",
			} {
				env.Setenv(name, strings.ReplaceAll(value, "$WORK", env.WorkDir))
			}
			return nil
		},
	})
}

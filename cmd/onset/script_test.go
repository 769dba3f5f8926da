package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/worker"
	"github.com/onset-eval/onset/evaluators/runlog"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"onset":    func() { os.Exit(realMain(os.Args[1:])) },
		"hold":     func() { os.Exit(holdRun(os.Args[1])) },
		"fakevllm": func() { os.Exit(fakeVLLM()) },
		"fakecuda": func() { os.Exit(fakeCUDA()) },
	})
}

// holdRun writes a run directory until it is killed, as another process would, and makes the file held beside it.
func holdRun(dir string) int {
	w, err := runlog.Open(dir, runlog.Options{})
	if err != nil {
		return 1
	}
	if err := os.WriteFile(dir+".held", nil, 0o600); err != nil {
		return 1
	}
	time.Sleep(time.Minute)
	_ = w.Close()
	return 0
}

// TestScripts runs testdata/script on the real main. CHECKPOINTS is the folder of the embedded checkpoints.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	root := moduleRoot(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("CHECKPOINTS", filepath.Join(root, "backends", "local", "ladder", "checkpoints"))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each program, else
			env.Setenv(worker.Variable, "none")       // what this machine has is none of a test's business
			for _, name := range []string{testWorker, "LD_LIBRARY_PATH"} {
				env.Setenv(name, os.Getenv(name))
			}
			return nil
		},
		Condition: gpuCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitCode, "samerecords": sameRecords, "truncate": truncate, "waitfor": waitFor,
			"killworkers": killWorkers, "retried": retried,
		},
	})
}

// exitCode runs a program and checks its exit code: exitcode CODE PROGRAM ARGS…
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode code program args...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		var exit interface{ ExitCode() int }
		if !asExit(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = strconv.Itoa(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

func asExit(err error, exit *interface{ ExitCode() int }) bool {
	e, ok := err.(interface{ ExitCode() int })
	*exit = e
	return ok
}

// sameRecords checks that two run directories hold equal sorted records, but for so many nats of each log-probability:
// samerecords A B [NATS]
func sameRecords(ts *testscript.TestScript, neg bool, args []string) {
	nats := 0.0
	if len(args) > 2 {
		var err error
		nats, err = strconv.ParseFloat(args[2], 64)
		ts.Check(err)
	}
	a, err := runlog.Sorted(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := runlog.Sorted(ts.MkAbs(args[1]))
	ts.Check(err)
	if neg || len(a) == 0 || len(a) != len(b) {
		ts.Fatalf("%d and %d records", len(a), len(b))
	}
	for i := range a {
		if a[i].Key != b[i].Key || a[i].Prompt != b[i].Prompt || !sameAnswers(a[i].Responses, b[i].Responses, nats) || *a[i].Scores[0].Value != *b[i].Scores[0].Value {
			ts.Fatalf("record %d differs:\n%+v\n%+v", i, a[i], b[i])
		}
	}
}

func sameAnswers(a, b []backends.Response, nats float64) bool {
	return slices.EqualFunc(a, b, func(x, y backends.Response) bool {
		return x.Text == y.Text && slices.EqualFunc(x.LogProbs, y.LogProbs, func(p, q backends.LogProb) bool {
			return p.Tokens == q.Tokens && math.Abs(p.Sum-q.Sum) <= nats
		})
	})
}

// truncate cuts a file: truncate FILE BYTES
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// waitFor waits until a file is there, with as many bytes as named: waitfor FILE [BYTES]
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	size := int64(0)
	if len(args) > 1 {
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		size = n
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if files, _ := filepath.Glob(ts.MkAbs(args[0])); len(files) > 0 {
			if st, err := os.Stat(files[0]); err == nil && st.Size() >= size {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s is not there", args[0])
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
	"github.com/onset-eval/onset/backends/local/worker/host"
	"github.com/onset-eval/onset/evaluators/runlog"
)

// fakeCUDA is a GPU worker without a GPU: it has FAKE_GPUS cards of FAKE_MEMORY MiB and computes on the CPU. FAKE_SLOW
// is how long each answer takes at least, in milliseconds, and FAKE_CRASH a file that the worker makes before it ends in the
// middle of its tenth request, unless the file is there ("always" ends each). FAKE_REFUSES is a checkpoint that it does not
// open. Each worker that serves writes its process into FAKE_PIDS.
func fakeCUDA() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return host.Main(ctx, os.Args[1:], host.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, fakeGPUs{}, "fake")
}

type fakeGPUs struct{}

func (fakeGPUs) Devices(context.Context) ([]worker.Device, error) {
	n, _ := strconv.Atoi(os.Getenv("FAKE_GPUS"))
	if n == 0 {
		return nil, &worker.Reason{Code: worker.NoDevice, Message: "the driver finds no GPU", Advice: "nvidia-smi lists the cards"}
	}
	memory := int64(80 << 10)
	if m, err := strconv.ParseInt(os.Getenv("FAKE_MEMORY"), 10, 64); err == nil {
		memory = m
	}
	var out []worker.Device
	for i := range n {
		out = append(out, worker.Device{Ordinal: i, Name: "Fake H100", Capability: "9.0", Driver: "13.0", TotalBytes: memory << 20, FreeBytes: memory << 20, GEMM: "ptx"})
	}
	return out, nil
}

func (f fakeGPUs) Open(ctx context.Context, ordinal int, dir string, o local.Options) (backends.Backend, worker.Device, error) {
	all, err := f.Devices(ctx)
	if err != nil || ordinal >= len(all) {
		return nil, worker.Device{}, errors.Join(err, fmt.Errorf("no device %d", ordinal))
	}
	if dir := os.Getenv("FAKE_PIDS"); dir != "" {
		for _, name := range []string{fmt.Sprintf("on-%d", ordinal), fmt.Sprintf("pid-%d", os.Getpid())} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				return nil, all[ordinal], err
			}
		}
	}
	if os.Getenv("FAKE_REFUSES") == filepath.Base(dir) {
		return nil, all[ordinal], errors.New("this architecture is not for GPUs")
	}
	o.Threads = 1
	b, err := local.Open(ctx, dir, o)
	if err != nil {
		return nil, all[ordinal], err
	}
	slow, _ := strconv.Atoi(os.Getenv("FAKE_SLOW"))
	return &slowModel{Backend: b, least: time.Duration(slow) * time.Millisecond}, all[ordinal], nil
}

type slowModel struct {
	backends.Backend
	least time.Duration
	asked atomic.Int64
}

func (s *slowModel) Info() backends.Info {
	info := s.Backend.Info()
	info.Parallel = 4
	return info
}

func (s *slowModel) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	n := s.asked.Add(1)
	if file := os.Getenv("FAKE_CRASH"); file != "" && n == 10 {
		if file == "always" {
			fmt.Fprintln(os.Stderr, "Xid 31: MMU fault")
			os.Exit(134)
		}
		if f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			_ = f.Close()
			fmt.Fprintln(os.Stderr, "Xid 31: MMU fault")
			os.Exit(134)
		}
	}
	time.Sleep(s.least)
	return s.Backend.Do(ctx, req)
}

// testWorker is the variable that names the GPU worker with which to test, that of the machine's own driver or of the
// stand-in.
const testWorker = "ONSET_TEST_WORKER"

// gpuCondition tells scripts whether there is a worker, and whether its devices are emulated.
func gpuCondition(cond string) (bool, error) {
	program := os.Getenv(testWorker)
	switch {
	case cond != "worker" && cond != "emulator":
		return false, fmt.Errorf("condition %q is unknown", cond)
	case program == "" || cond == "worker":
		return program != "", nil
	}
	p, err := worker.Ask(context.Background(), program, 0)
	return err == nil && p.Devices[0].Emulated, err
}

// killWorkers kills the workers that wrote their processes into a folder: killworkers DIR
func killWorkers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: killworkers DIR")
	}
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "pid-*"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no worker is there")
	}
	for _, f := range files {
		_, text, _ := strings.Cut(filepath.Base(f), "-")
		pid, err := strconv.Atoi(text)
		ts.Check(err)
		p, err := os.FindProcess(pid)
		ts.Check(err)
		if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			ts.Fatalf("kill %d: %v", pid, err)
		}
	}
}

// retried checks that a run directory has records of samples that were asked again, and none of errors: retried RUN
func retried(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: retried RUN")
	}
	again := 0
	for r, err := range runlog.Read(ts.MkAbs(args[0])) {
		ts.Check(err)
		if r.Error != nil {
			ts.Fatalf("%+v is of an error", r.Key)
		}
		if r.Attempts > 1 {
			again++
		}
	}
	if again == 0 {
		ts.Fatalf("no sample was asked again")
	}
}

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]deviceSpec{
		"": {auto: true, gpu: true}, "auto": {auto: true, gpu: true}, "cpu": {}, "cuda": {gpu: true},
		"cuda:all":      {gpu: true, where: worker.Where{Spread: true}},
		"cuda:1":        {gpu: true, where: worker.Where{Spread: true, Only: []int{1}}},
		"cuda:2,0":      {gpu: true, where: worker.Where{Spread: true, Only: []int{2, 0}}},
		"cuda:2,cuda:0": {gpu: true, where: worker.Where{Spread: true, Only: []int{2, 0}}},
	} {
		got, err := parseDevice(text)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(deviceSpec{})); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for _, text := range []string{"gpu", "cuda:", "cuda:-1", "cuda:1,1", "cuda:x", "cuda:0,", "0", "cuda0", "CPU"} {
		if _, err := parseDevice(text); err == nil || hintOf(err) == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestListDevicesJSON sees that machines can read what there is, where there is no GPU too.
func TestListDevicesJSON(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &out, getenv: func(name string) string { return map[string]string{worker.Variable: "none"}[name] }}
	if code := a.main(t.Context(), []string{"list", "devices", "--json"}); code != 0 {
		t.Fatal(out.String())
	}
	var r machineReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.CPU.Cores < 1 || r.CPU.Kernels == "" || r.GPUs == nil || len(r.GPUs) > 0 || r.Reason == nil || r.Reason.Code != worker.NoWorker {
		t.Errorf("%+v", r)
	}
}

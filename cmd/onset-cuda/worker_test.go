//go:build cuda

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
)

// These tests drive the real worker, which this test binary is where its first argument says so, on whatever driver there
// is: the stand-in with its emulator (make cuda-check), or a machine's own (make test-cuda).

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "be=worker" {
		os.Args = append(os.Args[:1], os.Args[2:]...)
		main()
	}
	os.Exit(m.Run())
}

// ask probes the driver by a worker of its own, in the environment that t.Setenv made.
func ask(t testing.TB) ([]worker.Device, error) {
	t.Helper()
	program := filepath.Join(t.TempDir(), worker.Program)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec '"+exe+"' be=worker \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := worker.Ask(t.Context(), program, 0)
	return p.Devices, err
}

// emulated gives so many emulated devices, or skips the test where the driver is a real one.
func emulated(t testing.TB, n int) []worker.Device {
	t.Helper()
	t.Setenv("ONSET_STUB_DEVICES", strconv.Itoa(n))
	devices, err := ask(t)
	if err != nil {
		t.Fatal(err)
	}
	if !devices[0].Emulated {
		t.Skipf("%s is no emulated device", devices[0].Name)
	}
	return devices
}

func checkpoint(n int) string {
	return filepath.Join("..", "..", "backends", "local", "ladder", "checkpoints", "seed0", fmt.Sprintf("s%d", n))
}

type heard struct {
	mu   sync.Mutex
	text string
}

func (h *heard) say(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text += fmt.Sprintf(format, args...) + "\n"
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text
}

// fleet makes a fleet of devices with one model, m, which is checkpoint n.
func fleet(t testing.TB, devices []worker.Device, n int, args map[string]string, said *heard) *worker.Fleet {
	t.Helper()
	o := worker.Options{Command: []string{os.Args[0], "be=worker"}, Devices: devices, Grace: 5 * time.Second}
	if said != nil {
		o.Say = said.say
	}
	f := worker.NewFleet(o)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.Add("m", checkpoint(n), args, worker.Where{Spread: true}); err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t testing.TB, f *worker.Fleet) *worker.Model {
	t.Helper()
	m, err := f.Open(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

var prompts = []string{"3+4=", "abc ab", "12+7=", "key a:1 b:2 a:"}

// requests gives requests of every kind.
func requests() []backends.Request {
	var out []backends.Request
	for i, p := range prompts {
		out = append(out,
			backends.Request{Kind: backends.Generate, Prompt: p, Sampling: backends.Sampling{MaxTokens: 12}},
			backends.Request{Kind: backends.Generate, Prompt: p, Draw: i, Sampling: backends.Sampling{MaxTokens: 8, Temperature: 0.7, TopK: 5, Seed: 3, Stop: []string{"\n"}}},
			backends.Request{Kind: backends.LogLikelihood, Prompt: p, Continuations: []string{"7", "b", "19 and"}},
			backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: p})
	}
	return out
}

// TestAnswersAreTheProcessors sees that the worker answers in float32 what the engine does in this process on the CPU: the
// same greedy texts, and log-probabilities within 1e-4 nats of its own (specs of the engine: 5e-4 a token).
func TestAnswersAreTheProcessors(t *testing.T) {
	devices, err := ask(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 2, 4} {
		here, err := local.Open(t.Context(), checkpoint(n), local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		there := open(t, fleet(t, devices[:1], n, map[string]string{"compute": "f32"}, nil))
		if i := there.Info(); i.WeightsHash != here.Info().WeightsHash || i.Params != here.Info().Params || i.ParamsNonEmbedding != here.Info().ParamsNonEmbedding ||
			i.Details["compute"] != "f32" || !strings.Contains(i.Details["device"], devices[0].Name) || i.Details["driver"] == "" || i.Details["products"] == "" {
			t.Errorf("s%d: the info is %+v", n, i)
		}
		for _, req := range requests() {
			a, err1 := here.Do(t.Context(), req)
			b, err2 := there.Do(t.Context(), req)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if diff := cmp.Diff(a, b, cmpopts.IgnoreFields(backends.Response{}, "Latency", "Attempts"), cmp.Comparer(func(x, y float64) bool { return math.Abs(x-y) <= 1e-4 })); diff != "" {
				t.Errorf("s%d, %s %q: %s", n, req.Kind, req.Prompt, diff)
			}
		}
		if err := here.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestConformance holds the worker to what every backend promises, on all devices at once.
func TestConformance(t *testing.T) {
	devices, err := ask(t)
	if err != nil {
		t.Fatal(err)
	}
	if devices[0].Emulated {
		devices = emulated(t, 2)
	}
	for _, compute := range []string{"f32", "bf16", "f16"} {
		t.Run(compute, func(t *testing.T) {
			// A sum of one text's log-probabilities is that of its parts' only as far as the type goes.
			tolerance := map[string]float64{"f32": 1e-4, "bf16": 0.5, "f16": 0.1}[compute]
			backendtest.Run(t, func(t testing.TB) backends.Backend {
				return open(t, fleet(t, devices, 3, map[string]string{"compute": compute}, nil))
			}, backendtest.Options{Prompts: prompts[:3], Additive: true, OneModel: true, Tolerance: tolerance})
		})
	}
}

// TestBitsDoNotDependOnCompany sees that each answer has the same bits alone and among all, on one device and on two.
func TestBitsDoNotDependOnCompany(t *testing.T) {
	devices := emulated(t, 2)
	alone := open(t, fleet(t, devices[:1], 3, nil, nil))
	crowd := open(t, fleet(t, devices, 3, nil, nil))
	reqs := requests()
	got := make([]backends.Response, 3*len(reqs))
	group := pool.New().WithErrors()
	for i := range got {
		group.Go(func() (err error) {
			got[i], err = crowd.Do(t.Context(), reqs[i%len(reqs)])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, req := range reqs {
		want, err := alone.Do(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for k := i; k < len(got); k += len(reqs) {
			if diff := cmp.Diff(want, got[k], cmpopts.IgnoreFields(backends.Response{}, "Latency", "Attempts", "Usage")); diff != "" {
				t.Errorf("%s %q: %s", req.Kind, req.Prompt, diff)
			}
		}
	}
}

// load asks many requests, retried as a run does, and gives the first error and how many were asked again.
func load(t *testing.T, m *worker.Model, n int) (again int, err error) {
	t.Helper()
	retried := backends.Retry(m, backends.RetryOptions{MaxAttempts: 12, MinWait: time.Millisecond, MaxWait: 50 * time.Millisecond})
	var mu sync.Mutex
	group := pool.New().WithErrors().WithFirstError().WithMaxGoroutines(32)
	for i := range n {
		group.Go(func() error {
			req := requests()[i%(4*len(prompts))]
			req.Prompt += strconv.Itoa(i)
			resp, err := retried.Do(t.Context(), req)
			mu.Lock()
			defer mu.Unlock()
			if resp.Attempts > 1 {
				again++
			}
			return err
		})
	}
	return again, group.Wait()
}

// workersOf gives the processes of a test binary's own workers.
func workersOf(t *testing.T) []int {
	t.Helper()
	var out []int
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		line, err := os.ReadFile(f)
		if err != nil || !strings.Contains(string(line), "be=worker\x00serve") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			t.Fatal(err)
		}
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(f), "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			out = append(out, pid)
		}
	}
	return out
}

// TestKill kills the worker with -9 under load: what it had in hand is asked again, and all is answered.
func TestKill(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("workers are found in /proc")
	}
	devices, err := ask(t)
	if err != nil {
		t.Fatal(err)
	}
	said := new(heard)
	m := open(t, fleet(t, devices[:1], 4, nil, said))
	var wait pool.Pool
	wait.Go(func() {
		time.Sleep(100 * time.Millisecond)
		for _, pid := range workersOf(t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	again, err := load(t, m, 400)
	wait.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if again == 0 || !strings.Contains(said.String(), "signal: killed") {
		t.Errorf("%d requests were asked again, and it said %q", again, said)
	}
}

// TestFaults sees what becomes of a driver that fails or ends the process now and then.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, variable, value, want string }{
		{"a failed launch", "ONSET_STUB_FAIL", "launch:2000", "the device is lost"},
		{"a failed copy", "ONSET_STUB_FAIL", "copy:400", "the device is lost"},
		{"the process ends", "ONSET_STUB_CRASH", "launch:2000", "signal: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			devices := emulated(t, 1)
			t.Setenv(c.variable, c.value)
			said := new(heard)
			m := open(t, fleet(t, devices, 1, map[string]string{"restarts": "200"}, said))
			again, err := load(t, m, 300)
			if err != nil {
				t.Fatal(err)
			}
			if again == 0 || !strings.Contains(said.String(), c.want) {
				t.Errorf("%d requests were asked again, and it said %q", again, said)
			}
		})
	}
}

// TestCrashLoop sees that a driver that ends every process is given up, with the reason.
func TestCrashLoop(t *testing.T) {
	devices := emulated(t, 1)
	t.Setenv("ONSET_STUB_CRASH", "launch:150") // past what opening takes
	f := fleet(t, devices, 1, map[string]string{"restarts": "2"}, nil)
	m, err := f.Open(t.Context(), "m")
	if err == nil {
		_, err = load(t, m, 200)
		if closed := m.Close(); closed != nil {
			t.Error(closed)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "signal: ") {
		t.Errorf("the error is %v", err)
	}
}

// TestNoMemory sees that a card without room is refused before and when a model is opened, with what to do.
func TestNoMemory(t *testing.T) {
	devices := emulated(t, 1)
	t.Setenv("ONSET_STUB_FAIL", "alloc:1")
	f := fleet(t, devices, 1, nil, nil)
	_, err := f.Open(t.Context(), "m")
	var h interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "out of memory") || !errors.As(err, &h) || h.Hint() == "" {
		t.Errorf("the error is %v", err)
	}
	t.Setenv("ONSET_STUB_FAIL", "")
	t.Setenv("ONSET_STUB_MEMORY", strconv.Itoa(4<<20))
	small, err := ask(t)
	if err != nil {
		t.Fatal(err)
	}
	var none *worker.NoRoomError
	if err := worker.NewFleet(worker.Options{Devices: small}).Add("m", checkpoint(7), nil, worker.Where{}); !errors.As(err, &none) {
		t.Errorf("4 MiB: %v", err)
	}
	// What the plan says has room has: the engine opens it.
	need, err := local.DeviceNeedOf(checkpoint(1), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	free := need.Least
	for local.DeviceRoom(free) < need.Least {
		free += 1 << 10
	}
	t.Setenv("ONSET_STUB_MEMORY", strconv.FormatInt(free, 10))
	if small, err = ask(t); err != nil {
		t.Fatal(err)
	}
	m := open(t, fleet(t, small, 1, nil, nil))
	if _, err := m.Do(t.Context(), requests()[0]); err != nil {
		t.Error(err)
	}
}

// TestNoDevice sees that a driver without a card is told apart.
func TestNoDevice(t *testing.T) {
	emulated(t, 1)
	t.Setenv("ONSET_STUB_DEVICES", "0")
	_, err := ask(t)
	var why *worker.Reason
	if !errors.As(err, &why) || why.Code != worker.NoDevice {
		t.Errorf("the error is %v", err)
	}
}

// TestUnlikeDevices sees that a model stays on devices of one kind.
func TestUnlikeDevices(t *testing.T) {
	t.Setenv("ONSET_STUB_NAME", "onset emulator A,onset emulator B")
	devices := emulated(t, 2)
	m := open(t, fleet(t, devices, 1, nil, nil))
	if where := m.Where(); strings.Contains(where, ",") {
		t.Errorf("it is on %s", where)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := m.Do(ctx, requests()[0]); err != nil {
		t.Error(err)
	}
}

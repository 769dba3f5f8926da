//go:build unix

package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
	"github.com/onset-eval/onset/backends/local/worker/host"
)

// TestMain runs the test binary as a worker, or as an onset that has workers, where its first argument says so.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "fake=worker":
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
			code := host.Main(ctx, os.Args[2:], host.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, fakeMachine{}, "test")
			stop()
			os.Exit(code)
		case "fake=onset":
			os.Exit(holdFleet(os.Args[2]))
		}
	}
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// devicesVariable holds the devices of a fakeMachine, as JSON.
const devicesVariable = "FAKE_DEVICES"

// fakeMachine has the devices that a variable lists, and computes on the processor.
type fakeMachine struct{}

func (fakeMachine) Devices(context.Context) ([]worker.Device, error) {
	var out []worker.Device
	if err := json.Unmarshal([]byte(os.Getenv(devicesVariable)), &out); err != nil {
		return nil, &worker.Reason{Code: worker.NoDevice, Message: "none is listed"}
	}
	return out, nil
}

func (m fakeMachine) Open(ctx context.Context, ordinal int, dir string, o local.Options) (backends.Backend, worker.Device, error) {
	fmt.Fprintf(os.Stderr, "worker %d for %s on %d, the key is %s\n", os.Getpid(), filepath.Base(dir), ordinal, os.Getenv("FAKE_API_KEY"))
	all, err := m.Devices(ctx)
	if err != nil {
		return nil, worker.Device{}, err
	}
	if o.Compute == "f16" {
		return nil, all[ordinal], &hinted{fmt.Errorf("no f16 today"), "take bf16"}
	}
	o.Threads = 1
	b, err := local.Open(ctx, dir, o)
	if err != nil {
		return nil, all[ordinal], err
	}
	return faulty{b, ordinal}, all[ordinal], nil
}

type hinted struct {
	error
	hint string
}

func (e *hinted) Hint() string { return e.hint }

// faulty is a model with faults that prompts call for.
type faulty struct {
	backends.Backend
	ordinal int
}

func (f faulty) Info() backends.Info {
	info := f.Backend.Info()
	info.Parallel = 8
	return info
}

func (f faulty) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	word, rest, _ := strings.Cut(req.Prompt, " ")
	switch {
	case word == "crash", word == fmt.Sprintf("crash%d", f.ordinal):
		fmt.Fprintln(os.Stderr, "Xid 31: MMU fault, with", os.Getenv("FAKE_API_KEY"))
		os.Exit(11)
	case word == "once": // a crash for the first process that is asked it
		if file, err := os.OpenFile(rest, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			_ = file.Close()
			os.Exit(12)
		}
	case word == "lost":
		return backends.Response{}, lostError{}
	case word == "garbage":
		fmt.Println(`{"type":"resp`)
	case word == "hang":
		time.Sleep(time.Hour)
	case word == "slow":
		time.Sleep(100 * time.Millisecond)
	case word == "where":
		return backends.Response{Text: fmt.Sprint(f.ordinal), Stop: backends.StopEOS}, nil
	case word == "pid":
		return backends.Response{Text: fmt.Sprint(os.Getpid()), Stop: backends.StopEOS}, nil
	}
	return f.Backend.Do(ctx, req)
}

type lostError struct{}

func (lostError) Error() string { return "CUDA_ERROR_ILLEGAL_ADDRESS" }
func (lostError) Lost() bool    { return true }

// fakes gives devices with so much free memory each, in MiB.
func fakes(free ...int64) []worker.Device {
	var out []worker.Device
	for i, f := range free {
		out = append(out, worker.Device{Ordinal: i, Name: "Fake H100", Capability: "9.0", Driver: "13.0", TotalBytes: 80 << 30, FreeBytes: f << 20, GEMM: "ptx"})
	}
	return out
}

// newFleet makes a fleet of fake devices, which the workers are told of too.
func newFleet(t testing.TB, devices []worker.Device, change func(*worker.Options)) *worker.Fleet {
	t.Helper()
	list, err := json.Marshal(devices)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(devicesVariable, string(list))
	o := worker.Options{Program: os.Args[0], Command: []string{os.Args[0], "fake=worker"}, Devices: devices, Grace: 2 * time.Second}
	if change != nil {
		change(&o)
	}
	f := worker.NewFleet(o)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// checkpoint gives the folder of a small checkpoint: 0 to 7, the larger the larger.
func checkpoint(n int) string {
	return filepath.Join("..", "ladder", "checkpoints", "seed0", fmt.Sprintf("s%d", n))
}

// holdFleet is an onset that has a worker, says its process, and waits to be killed.
func holdFleet(dir string) int {
	devices := fakes(80 << 10)
	list, err := json.Marshal(devices)
	if err != nil {
		return 1
	}
	if err := os.Setenv(devicesVariable, string(list)); err != nil {
		return 1
	}
	f := worker.NewFleet(worker.Options{Command: []string{os.Args[0], "fake=worker"}, Devices: devices})
	if err := f.Add("m", dir, nil, worker.Where{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	m, err := f.Open(context.Background(), "m")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	resp, err := m.Do(context.Background(), backends.Request{Kind: backends.Generate, Prompt: "pid"})
	if err != nil {
		return 1
	}
	fmt.Println(resp.Text)
	time.Sleep(time.Hour)
	return 0
}

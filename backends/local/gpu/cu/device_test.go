//go:build cuda

package cu

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
	"github.com/onset-eval/onset/backends/local/gpu/kernels"
)

// onStub skips the test where the driver is a real one.
func onStub(t *testing.T) {
	t.Helper()
	if !extDriverHas(emulator) {
		t.Skip("the test asks the driver's stand-in for faults; this is a real driver")
	}
}

// openFirst opens cuda:0, and closes it at the end of the test.
func openFirst(t testing.TB) *device {
	t.Helper()
	return openDevice(t, 0)
}

func openDevice(t testing.TB, ordinal int) *device {
	t.Helper()
	d, err := Open(ordinal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d.(*device)
}

// fatal ends the test where err is one.
func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// axpy is the kernel of the tests with n float32 each of x and y.
type axpy struct {
	d    *device
	f    gpu.Function
	x, y gpu.Ptr
	n    int
	args gpu.Args
}

func newAxpy(t testing.TB, d *device, n int) *axpy {
	t.Helper()
	f, err := d.Function(gputest.Axpy)
	fatal(t, err)
	k := &axpy{d: d, f: f, n: n}
	for _, p := range []*gpu.Ptr{&k.x, &k.y} {
		*p, err = d.Alloc(int64(4 * n))
		fatal(t, err)
		fatal(t, d.Zero(*p, int64(4*n), 0))
	}
	return k
}

func (k *axpy) launch(s gpu.Stream) error {
	args := k.args.Reset().Ptr(k.y).Ptr(k.x).Float(1).Int(k.n)
	return k.d.Launch(k.f, gpu.D1(gpu.CeilDiv(k.n, 256)), gpu.D1(256), 0, s, args.Words())
}

func TestDevices(t *testing.T) {
	onStub(t)
	t.Setenv("ONSET_STUB_DEVICES", "3")
	t.Setenv("ONSET_STUB_NAME", "one,two")
	t.Setenv("ONSET_STUB_MEMORY", "1048576,2097152")
	t.Setenv("ONSET_STUB_CAPABILITY", "8.0,9.0,7.5")
	t.Setenv("ONSET_STUB_DRIVER", "13010")
	infos, err := Devices()
	fatal(t, err)
	if len(infos) != 3 {
		t.Fatalf("%d devices", len(infos))
	}
	uuids := map[string]bool{}
	for i, want := range []gpu.Info{
		{Name: "one", Major: 8, TotalBytes: 1 << 20}, {Name: "two", Major: 9, TotalBytes: 2 << 20}, {Name: "two", Major: 7, Minor: 5, TotalBytes: 2 << 20},
	} {
		got := infos[i]
		uuids[got.UUID] = true
		if got.Ordinal != i || got.Name != want.Name || got.Major != want.Major || got.Minor != want.Minor || got.TotalBytes != want.TotalBytes ||
			got.FreeBytes != want.TotalBytes || got.Driver != "13.1" || !got.Emulated || got.Multiprocessors < 1 ||
			got.SharedPerBlock <= gpu.DefaultShared || !strings.HasPrefix(got.UUID, "GPU-") || len(got.UUID) != 40 {
			t.Errorf("device %d is %+v", i, got)
		}
	}
	if len(uuids) != 3 {
		t.Errorf("UUIDs %v", uuids)
	}
	if _, err := Open(2); err == nil || !strings.Contains(err.Error(), "compute capability 7.5") || !strings.Contains(err.Error(), "hint:") {
		t.Errorf("a device that is too old: %v", err)
	}
}

func TestOpenWithoutSuchDevice(t *testing.T) {
	for _, ordinal := range []int{-1, 99} {
		if _, err := Open(ordinal); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("cuda:%d does not exist", ordinal)) ||
			!strings.Contains(err.Error(), "hint:") {
			t.Errorf("cuda:%d: %v", ordinal, err)
		}
	}
}

// TestCloseGivesBack holds that a device which is closed with everything still on it leaves nothing behind.
func TestCloseGivesBack(t *testing.T) {
	onStub(t)
	free := func() int64 {
		t.Helper()
		infos, err := Devices()
		fatal(t, err)
		return infos[0].FreeBytes
	}
	before := free()
	for range 3 {
		d := openFirst(t)
		k := newAxpy(t, d, 1000)
		_, err := d.NewStream()
		fatal(t, err)
		_, err = d.Record(0)
		fatal(t, err)
		_, err = d.Pinned(1000)
		fatal(t, err)
		_, err = d.Capture(0, func() error { return k.launch(0) })
		fatal(t, err)
		fatal(t, d.ToDevice(k.x, make([]byte, 100), 0)) // the bounce buffers
		d.Lt()
		if now, _, err := d.Memory(); err != nil || now >= before {
			t.Errorf("%d bytes free with memory allocated, %d before", now, before)
		}
		fatal(t, d.Close())
	}
	if after := free(); after != before {
		t.Errorf("%d bytes free, %d before", after, before)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	d := openFirst(t)
	k := newAxpy(t, d, 100)
	pinned, err := d.Pinned(64)
	fatal(t, err)
	fatal(t, k.launch(0))
	g, err := d.Capture(0, func() error { return k.launch(0) })
	fatal(t, err)
	step := func() {
		e, err := d.Record(0)
		err = errors.Join(err, d.ToDevice(k.x, pinned, 0), d.Wait(0, e), k.launch(0), d.Zero(k.y, 4, 0), d.Copy(k.x, k.y, 4, 0),
			d.Replay(g, 0), d.ToHost(pinned, k.x, 0), d.Await(e), d.Synchronize(0))
		d.Release(e)
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		step()
	}
	if n := testing.AllocsPerRun(50, step); n != 0 {
		t.Errorf("%v allocations of Go memory a step", n)
	}
	if got := len(d.events.all); got > 2 {
		t.Errorf("%d events of the driver for one in use", got)
	}
}

func TestArgumentsThatCannotBe(t *testing.T) {
	d := openFirst(t)
	k := newAxpy(t, d, 10)
	var a gpu.Args
	for name, words := range map[string][]uint64{
		"too few":      a.Reset().Ptr(k.y).Ptr(k.x).Float(1).Words(),
		"too many":     new(gpu.Args).Ptr(k.y).Ptr(k.x).Float(1).Int(1).Int(1).Words(),
		"a wide int":   new(gpu.Args).Ptr(k.y).Ptr(k.x).Float(1).Long(1 << 40).Words(),
		"a wide float": new(gpu.Args).Ptr(k.y).Ptr(k.x).Double(1).Int(1).Words(),
		"none":         nil,
	} {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), gputest.Axpy) {
					t.Errorf("%s: %v", name, p)
				}
			}()
			_ = d.Launch(k.f, gpu.D1(1), gpu.D1(32), 0, 0, words)
		}()
	}
	fatal(t, k.launch(0)) // the device is not left entered
	fatal(t, d.Synchronize(0))
}

func TestLaunchErrorSaysWhat(t *testing.T) {
	d := openFirst(t)
	k := newAxpy(t, d, 10)
	err := d.Launch(k.f, gpu.D1(1), gpu.D1(512), 0, 0, k.args.Reset().Ptr(k.y).Ptr(k.x).Float(1).Int(1).Words())
	var e *gpu.Error
	if !errors.As(err, &e) || e.Lost() {
		t.Fatalf("512 threads of a kernel for 256: %v", err)
	}
	for _, want := range []string{gputest.Axpy, "512×1×1 threads", "cuda:0", "CUDA_ERROR_", "at most 256 threads"} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%q lacks %q", e.Error(), want)
		}
	}
}

// TestFaults holds that an error of the device is reported where the work is waited for, names what ran, sticks, and ends
// with the device: a new one works.
func TestFaults(t *testing.T) {
	onStub(t)
	for fault, steps := range map[string]struct {
		name string
		run  func(d *device, k *axpy) error
	}{
		"launch:2": {"CUDA_ERROR_ILLEGAL_ADDRESS", func(d *device, k *axpy) error {
			if err := errors.Join(k.launch(0), k.launch(0)); err != nil {
				return fmt.Errorf("a launch, and not the wait for it: %w", err)
			}
			return d.Synchronize(0)
		}},
		"copy:1": {"CUDA_ERROR_ECC_UNCORRECTABLE", func(d *device, k *axpy) error {
			return errors.Join(d.Copy(k.x, k.y, 4, 0), d.Synchronize(0))
		}},
	} {
		t.Run(fault, func(t *testing.T) {
			d := openFirst(t)
			k := newAxpy(t, d, 10)
			t.Setenv("ONSET_STUB_FAIL", fault)
			err := steps.run(d, k)
			var e *gpu.Error
			if !errors.As(err, &e) || e.Name != steps.name || !e.Lost() || e.Hint == "" || e.Device != d.label {
				t.Fatalf("error %v", err)
			}
			if strings.HasPrefix(fault, "launch") && (!strings.Contains(err.Error(), "launched last: "+gputest.Axpy) ||
				strings.Contains(err.Error(), "a launch, and not")) {
				t.Errorf("error %v", err)
			}
			later := map[string]error{"launch": k.launch(0), "synchronize": d.Synchronize(0), "free": d.Free(k.x)}
			_, later["alloc"] = d.Alloc(10)
			_, later["capture"] = d.Capture(0, func() error { return nil })
			_, later["record"] = d.Record(0)
			for call, err := range later {
				var cause *gpu.Error
				if !errors.As(err, &cause) || cause.Name != steps.name || !strings.Contains(err.Error(), "was lost") {
					t.Errorf("%s after it: %v", call, err)
				}
			}
			d.DropGraph(1) // of a lost device does nothing
			if err := d.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			t.Setenv("ONSET_STUB_FAIL", "")
			again := openFirst(t)
			k = newAxpy(t, again, 10)
			fatal(t, errors.Join(k.launch(0), again.Synchronize(0)))
		})
	}
}

func TestAllocationFails(t *testing.T) {
	onStub(t)
	d := openFirst(t)
	t.Setenv("ONSET_STUB_FAIL", "alloc:2")
	p, err := d.Alloc(1 << 20)
	fatal(t, err)
	_, err = d.Alloc(5 << 20)
	var oom *gpu.OutOfMemory
	if !errors.As(err, &oom) || oom.Asked != 5<<20 || oom.Device != d.label || oom.Total != d.info.TotalBytes || oom.Free >= oom.Total {
		t.Errorf("error %v", err)
	}
	if _, err := d.Alloc(1 << 20); err != nil {
		t.Errorf("the allocation after one that failed: %v", err)
	}
	fatal(t, d.Free(p))
}

// TestKernelFault has a kernel read outside of its memory, which on a device or its stand-in is an error and not a crash.
func TestKernelFault(t *testing.T) {
	onStub(t)
	d := openFirst(t)
	k := newAxpy(t, d, 100)
	k.n = 1 << 20
	fatal(t, k.launch(0))
	err := d.Synchronize(0)
	var e *gpu.Error
	if !errors.As(err, &e) || !e.Lost() || !strings.Contains(err.Error(), gputest.Axpy) || !strings.Contains(err.Error(), "CUDA_LAUNCH_BLOCKING") {
		t.Errorf("a kernel beyond its memory: %v", err)
	}
}

func TestBrokenPTX(t *testing.T) {
	onStub(t)
	info, err := describe(0)
	fatal(t, err)
	d, err := open(info, []kernels.Module{{Name: "broken", Arch: "sm_80", Text: ".version 7.5\n.target sm_80\n.visible .entry broken()\n{ this is no instruction; }\n"}})
	fatal(t, err)
	defer func() { _ = d.Close() }()
	_, err = d.Function("broken")
	var e *gpu.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	if !strings.Contains(err.Error(), "broken") || e.Lost() {
		t.Errorf("error %v", err)
	}
	if _, err := d.Alloc(10); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// TestAnyGoroutine holds that goroutines may take turns, each on a thread of its own.
func TestAnyGoroutine(t *testing.T) {
	d := openFirst(t)
	k := newAxpy(t, d, 1000)
	for range 8 {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked, so that the next goroutine has another thread
			p, err := d.Alloc(100)
			done <- errors.Join(err, k.launch(0), d.Synchronize(0), d.Free(p))
		}()
		fatal(t, <-done)
	}
}

// TestTwoAtOnce holds that a second goroutine inside at the same time is a panic that says so, and spoils nothing.
func TestTwoAtOnce(t *testing.T) {
	d := openFirst(t)
	fatal(t, d.enter("a long call")) // as a method that is not done
	got := make(chan any)
	go func() {
		defer func() { got <- recover() }()
		_ = d.Synchronize(0)
	}()
	if p := fmt.Sprint(<-got); !strings.Contains(p, "second goroutine") || !strings.Contains(p, "cuda:0") {
		t.Errorf("panic %v", p)
	}
	d.leave()
	fatal(t, d.Synchronize(0))
}

func TestTwoDevices(t *testing.T) {
	onStub(t)
	t.Setenv("ONSET_STUB_DEVICES", "2")
	a, b := openDevice(t, 0), openDevice(t, 1)
	// In turns on one goroutine: memory is each device's own.
	ka, kb := newAxpy(t, a, 100), newAxpy(t, b, 100)
	freeA, _, err := a.Memory()
	fatal(t, err)
	p, err := b.Alloc(1 << 20)
	fatal(t, err)
	if now, _, err := a.Memory(); err != nil || now != freeA {
		t.Errorf("memory of one device was taken of the other: %d bytes free, %d before; %v", now, freeA, err)
	}
	if a.Free(p) == nil {
		t.Error("one device freed the other's memory")
	}
	fatal(t, errors.Join(ka.launch(0), kb.launch(0), a.Synchronize(0), b.Synchronize(0)))
	// At once, a goroutine each; the stand-in's captures are of the process, a driver's of the thread, so they come before.
	var wg sync.WaitGroup
	for _, k := range []*axpy{ka, kb} {
		g, err := k.d.Capture(0, func() error { return k.launch(0) })
		fatal(t, err)
		wg.Go(func() {
			for range 50 {
				p, err := k.d.Alloc(1000)
				if err := errors.Join(err, k.launch(0), k.d.Replay(g, 0), k.d.Synchronize(0), k.d.Free(p)); err != nil {
					t.Error(err)
					return
				}
			}
			k.d.DropGraph(g)
		})
	}
	wg.Wait()
	// One is closed and the other goes on.
	fatal(t, a.Close())
	fatal(t, errors.Join(kb.launch(0), b.Synchronize(0)))
}

// TestOneDeviceTwice holds that two handles of one device share its context, as they do with cuBLASLt.
func TestOneDeviceTwice(t *testing.T) {
	a, b := openFirst(t), openFirst(t)
	if a.ctx != b.ctx {
		t.Error("two contexts")
	}
	fatal(t, a.Close())
	k := newAxpy(t, b, 10)
	fatal(t, errors.Join(k.launch(0), b.Synchronize(0)))
}

func TestErrorNames(t *testing.T) {
	if got := extErrorName(700); got != "CUDA_ERROR_ILLEGAL_ADDRESS" {
		t.Errorf("error 700 is %q", got)
	}
	if got := extErrorName(123456); got == "" {
		t.Error("an unknown error has no name at all")
	}
	if code(nil) != 0 || code(errors.New("x")) != 999 {
		t.Error("results of errors")
	}
	if _, err := drvFunction(module{}, "x"); err == 0 {
		t.Error("no error of an impossible module")
	}
}

// TestWithoutDriver runs this program where there is no device and where there is no driver: what package cu's documentation
// says happens, which the probing of the worker relies on.
func TestWithoutDriver(t *testing.T) {
	onStub(t)
	if os.Getenv("ONSET_TEST_CHILD") != "" {
		return
	}
	exe, err := os.Executable()
	fatal(t, err)
	run := func(env ...string) (int, string, string) {
		cmd := exec.Command(exe, "-test.run", "TestWithoutDriver")
		cmd.Env = append(os.Environ(), append(env, "ONSET_TEST_CHILD=1")...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	}
	if status, out, _ := run(); status != 0 || !strings.Contains(out, "PASS") {
		t.Fatalf("with a device: status %d, %q", status, out)
	}
	if status, out, _ := run("ONSET_STUB_DEVICES=0"); status != 1 || !strings.Contains(out, "Error in initialization") || !strings.Contains(out, "NoDevice") {
		t.Errorf("without a device: status %d, %q", status, out)
	}
	if status, _, errs := run("LD_LIBRARY_PATH="); status == 0 {
		t.Log("the machine has a driver of its own: what happens without one was not seen")
	} else if status != 127 || !strings.Contains(errs, "libcuda.so.1") {
		t.Errorf("without a driver: status %d, %q", status, errs)
	}
}

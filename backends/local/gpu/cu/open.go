//go:build cuda

package cu

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/kernels"
)

// emulator is a function that the driver's stand-in of package stub has and no driver does.
const emulator = "onsetStubEmulator"

// Devices describes the devices that the driver shows, in the order of their ordinals, which CUDA_VISIBLE_DEVICES changes.
// For the free memory it makes and gives back a context on each, which takes a good part of a second; where a device
// refuses that (it may be another process's alone), its FreeBytes is -1.
func Devices() ([]gpu.Info, error) {
	n, code := drvCount()
	if code != 0 {
		return nil, driverError("count devices", "the CUDA driver", code)
	}
	infos := make([]gpu.Info, n)
	for i := range infos {
		info, err := describe(i)
		if err != nil {
			return nil, err
		}
		infos[i] = info
		infos[i].FreeBytes = freeBytes(i)
	}
	return infos, nil
}

// describe returns a device's Info without its free memory.
func describe(ordinal int) (gpu.Info, error) {
	info, code := drvInfo(ordinal)
	if code != 0 {
		return gpu.Info{}, driverError("describe the device", fmt.Sprintf("cuda:%d", ordinal), code)
	}
	info.Emulated = extDriverHas(emulator)
	return info, nil
}

// freeBytes asks a device for its free memory, or returns -1.
func freeBytes(ordinal int) int64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, code := drvRetain(ordinal)
	if code != 0 {
		return -1
	}
	defer func() {
		leaveContext()
		drvRelease(ordinal)
	}()
	if extEnter(pointer(ctx)) != 0 {
		return -1
	}
	free, _, code := drvMemory()
	if code != 0 {
		return -1
	}
	return free
}

// leaveContext makes no context the thread's, before the current one is released.
func leaveContext() {
	extForget()
	extEnter(nil)
}

// driverError describes a result of a driver call that is no lack of device memory.
func driverError(call, device string, code int) *gpu.Error {
	return &gpu.Error{Call: call, Device: device, Code: code, Name: extErrorName(code), Detail: extErrorText(code),
		Hint: gpu.HintFor(code)}
}

// device is a gpu.Device of the driver. Its methods lock the goroutine to its thread and make the context the thread's, so
// that any goroutine may call them, one at a time.
type device struct {
	info    gpu.Info
	label   string // for errors
	ctx     unsafe.Pointer
	busy    atomic.Bool // a method is inside
	closed  bool
	lost    *gpu.Error // the error that the device did not survive
	capture bool       // a graph is being captured

	streams []stream // a Stream is an index
	events  events
	graphs  map[gpu.Graph]graph
	last    gpu.Graph

	modules []loadable
	byName  map[string]gpu.Function // of kernels that were looked up
	kernels []kernel                // a Function is an index + 1
	params  []unsafe.Pointer        // of a launch, reused
	recent  [4]gpu.Function         // launched last, the latest at recentAt-1
	latest  int

	allocs map[gpu.Ptr]int64
	pinned []pinned
	bounce bounce

	lt       gpu.Lt
	ltOpened bool
	ltError  error
}

var _ gpu.Device = (*device)(nil)

// Open makes a device ready: its primary context, a stream, and the list of its kernels, which the driver compiles when they
// are first looked up. A capability below 8.0 is an error.
func Open(ordinal int) (gpu.Device, error) {
	n, code := drvCount()
	if code != 0 {
		return nil, driverError("count devices", "the CUDA driver", code)
	}
	if ordinal < 0 || ordinal >= n {
		return nil, fmt.Errorf("cuda:%d does not exist: the driver shows %d devices, from cuda:0\nhint: onset list devices; "+
			"CUDA_VISIBLE_DEVICES may hide some", ordinal, n)
	}
	info, err := describe(ordinal)
	if err != nil {
		return nil, err
	}
	modules, err := kernels.Modules(info.Major, info.Minor)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", info, err)
	}
	return open(info, modules)
}

// open makes a device of what is known of it.
func open(info gpu.Info, modules []kernels.Module) (_ *device, err error) {
	d := &device{info: info, label: info.String(), byName: map[string]gpu.Function{}, allocs: map[gpu.Ptr]int64{},
		graphs: map[gpu.Graph]graph{}}
	for _, m := range modules {
		d.modules = append(d.modules, newLoadable(m))
	}
	ctx, code := drvRetain(info.Ordinal)
	if code != 0 {
		return nil, d.fail("make a context", code)
	}
	d.ctx = pointer(ctx)
	defer func() {
		if err != nil {
			_ = d.Close() // the first error is the one to report
		}
	}()
	if err := d.enter("open"); err != nil {
		return nil, err
	}
	defer d.leave()
	s, code := drvStream()
	if code != 0 {
		return nil, d.fail("make a stream", code)
	}
	d.streams = []stream{s}
	free, total, code := drvMemory()
	if code != 0 {
		return nil, d.fail("ask for the free memory", code)
	}
	d.info.FreeBytes, d.info.TotalBytes = free, total
	return d, nil
}

// enter begins a method: it holds the goroutine to its thread, whose context becomes the device's. Each is undone by leave,
// unless enter returns an error.
func (d *device) enter(call string) error {
	if !d.busy.CompareAndSwap(false, true) {
		panic("gpu: " + call + " on " + d.label + " by a second goroutine while another call is not done: a device is used by " +
			"one goroutine at a time")
	}
	runtime.LockOSThread()
	err := d.usable(call)
	if err == nil {
		if code := extEnter(d.ctx); code != 0 {
			err = d.fail(call, code)
		}
	}
	if err != nil {
		d.leave()
	}
	return err
}

func (d *device) leave() {
	runtime.UnlockOSThread()
	d.busy.Store(false)
}

// usable returns an error where the device is closed or lost.
func (d *device) usable(call string) error {
	switch {
	case d.closed:
		return &gpu.Error{Call: call, Device: d.label, Code: codeDeinitialized, Name: "CUDA_ERROR_DEINITIALIZED",
			Detail: "the device was closed"}
	case d.lost != nil:
		return fmt.Errorf("%s: the device was lost: %w", call, d.lost)
	}
	return nil
}

// Results that this package itself looks at or makes (cuda.h, enum cudaError_enum).
const (
	codeInvalidValue     = 1
	codeOutOfMemory      = 2
	codeDeinitialized    = 4
	codeInvalidHandle    = 400
	codeNotFound         = 500
	codeCaptureForbidden = 900 // STREAM_CAPTURE_UNSUPPORTED
)

// fail makes an error of a result, and remembers one that the device does not survive. It names the kernels that were
// launched last where the result may be theirs.
func (d *device) fail(call string, code int) *gpu.Error {
	err := driverError(call, d.label, code)
	if err.Lost() {
		if names := d.recentNames(); names != "" {
			err.Detail = strings.TrimSpace(err.Detail + "; launched last: " + names)
			err.Hint = strings.TrimSpace(err.Hint + " (CUDA_LAUNCH_BLOCKING=1 in the environment makes the error name its kernel)")
		}
		d.lost = err
	}
	return err
}

// misuse makes an error of a call that is not given to the driver.
func (d *device) misuse(call string, code int, name, detail string) error {
	return &gpu.Error{Call: call, Device: d.label, Code: code, Name: name, Detail: detail}
}

// notCaptured returns an error where a graph is being captured, during which call would spoil the capture.
func (d *device) notCaptured(call string) error {
	if !d.capture {
		return nil
	}
	return &gpu.Error{Call: call, Device: d.label, Code: codeCaptureForbidden, Name: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
		Detail: "a graph is being captured", Hint: gpu.HintFor(codeCaptureForbidden)}
}

// recentNames lists the kernels launched last, the latest first.
func (d *device) recentNames() string {
	var names []string
	for i := range d.recent {
		f := d.recent[(d.latest-1-i+2*len(d.recent))%len(d.recent)]
		if f != 0 {
			names = append(names, d.kernels[f-1].name)
		}
	}
	return strings.Join(names, ", ")
}

// Info returns what Open found.
func (d *device) Info() gpu.Info { return d.info }

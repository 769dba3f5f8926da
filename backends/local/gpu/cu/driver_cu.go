//go:build cuda

package cu

import (
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// This is the only file that uses gorgonia.org/cu, so that the binding can be changed here. Results are ints (CUresult), 0
// for success. Its Ctx is not used: a call through it takes a hundred times as long, and its finalizer may destroy the
// context. Nor are LoadDataEx and the asynchronous copies of Go's memory, which break cgo's rules.

// The handles that cu holds are structs of one C pointer each.
type (
	context  = cu.CUContext
	module   = cu.Module
	function = cu.Function
	stream   = cu.Stream
	event    = cu.Event
)

// These do not compile where a handle is more or less than a pointer.
var (
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(context{})]byte{}
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(module{})]byte{}
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(function{})]byte{}
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(stream{})]byte{}
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(event{})]byte{}
)

// pointer returns the C pointer in a handle, which only Stream gives away by a method.
func pointer[H context | module | function | stream | event](h H) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&h))
}

// attrSharedOptin is CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, which cu has no name for.
const attrSharedOptin = cu.DeviceAttribute(97)

// code returns the result that an error of cu stands for: its type is an int that is not exported.
func code(err error) int {
	if err == nil {
		return 0
	}
	for e := err; e != nil; {
		if v := reflect.ValueOf(e); v.Kind() == reflect.Int {
			return int(v.Int())
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	return 999 // CUDA_ERROR_UNKNOWN
}

func drvCount() (int, int) {
	n, err := cu.NumDevices()
	return n, code(err)
}

// drvInfo describes a device, its free memory left out: that needs a context.
func drvInfo(ordinal int) (gpu.Info, int) {
	dev, err := cu.GetDevice(ordinal)
	if err != nil {
		return gpu.Info{}, code(err)
	}
	info := gpu.Info{Ordinal: ordinal}
	if info.Name, err = dev.Name(); err != nil {
		return gpu.Info{}, code(err)
	}
	for _, a := range []struct {
		to   *int
		what cu.DeviceAttribute
	}{
		{&info.Major, cu.ComputeCapabilityMajor}, {&info.Minor, cu.ComputeCapabilityMinor},
		{&info.Multiprocessors, cu.MultiprocessorCount}, {&info.SharedPerBlock, attrSharedOptin},
	} {
		if *a.to, err = dev.Attribute(a.what); err != nil {
			return gpu.Info{}, code(err)
		}
	}
	if info.TotalBytes, err = dev.TotalMem(); err != nil {
		return gpu.Info{}, code(err)
	}
	if id, err := dev.UUID(); err == nil { // it is of use and not of need
		info.UUID = "GPU-" + id.String()
	}
	if v := cu.Version(); v > 0 {
		info.Driver = fmt.Sprintf("%d.%d", v/1000, v%1000/10)
	}
	return info, 0
}

// drvRetain returns the device's primary context, which cuBLASLt shares.
func drvRetain(ordinal int) (context, int) {
	dev, err := cu.GetDevice(ordinal)
	if err != nil {
		return context{}, code(err)
	}
	ctx, err := dev.RetainPrimaryCtx()
	return ctx, code(err)
}

func drvRelease(ordinal int) int {
	dev, err := cu.GetDevice(ordinal)
	if err != nil {
		return code(err)
	}
	return code(dev.ReleasePrimaryCtx())
}

func drvSynchronize() int { return code(cu.Synchronize()) }

func drvMemory() (free, total int64, result int) {
	free, total, err := cu.MemInfo()
	return free, total, code(err)
}

func drvAlloc(bytes int64) (gpu.Ptr, int) {
	p, err := cu.MemAlloc(bytes)
	return gpu.Ptr(p), code(err)
}

func drvFree(p gpu.Ptr) int { return code(cu.MemFree(cu.DevicePtr(p))) }

func drvHostFree(p unsafe.Pointer) int { return code(cu.MemFreeHost(p)) }

// The host memory of the next two is pinned and not Go's.

func drvToDevice(dst gpu.Ptr, src unsafe.Pointer, bytes int, s stream) int {
	return code(cu.MemcpyHtoDAsync(cu.DevicePtr(dst), src, int64(bytes), s))
}

func drvToHost(dst unsafe.Pointer, src gpu.Ptr, bytes int, s stream) int {
	return code(cu.MemcpyDtoHAsync(dst, cu.DevicePtr(src), int64(bytes), s))
}

func drvCopy(dst, src gpu.Ptr, bytes int64, s stream) int {
	return code(cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), bytes, s))
}

func drvZero(dst gpu.Ptr, bytes int64, s stream) int {
	return code(cu.MemsetD8Async(cu.DevicePtr(dst), 0, bytes, s))
}

func drvModule(p unsafe.Pointer) module {
	var m module
	*(*unsafe.Pointer)(unsafe.Pointer(&m)) = p
	return m
}

func drvUnload(m module) int { return code(m.Unload()) }

func drvFunction(m module, name string) (function, int) {
	f, err := m.Function(name)
	return f, code(err)
}

// drvMaxThreads returns the most threads of a block that f can be launched with. Asking also has the driver load f, which it
// may otherwise put off until the first launch, and that may be while a graph is captured.
func drvMaxThreads(f function) (int, int) {
	n, err := f.Attribute(cu.FnMaxThreadsPerBlock)
	return n, code(err)
}

// drvLaunch launches f; params point to eight bytes each, which are copied before it returns.
func drvLaunch(f function, grid, block gpu.Dim3, shared int, s stream, params []unsafe.Pointer) int {
	return code(f.Launch(grid.X, grid.Y, grid.Z, block.X, block.Y, block.Z, shared, s, params))
}

// drvStream returns a stream that does not wait for the driver's default one.
func drvStream() (stream, int) {
	s, err := cu.MakeStream(cu.NonBlocking)
	return s, code(err)
}

func drvDropStream(s stream) int { return code(s.Destroy()) }

func drvStreamWait(s stream, e event) int { return code(s.Wait(e, 0)) }

func drvStreamSynchronize(s stream) int { return code(s.Synchronize()) }

// drvEvent returns an event that also takes the time.
func drvEvent() (event, int) {
	e, err := cu.MakeEvent(cu.DefaultEvent)
	return e, code(err)
}

func drvDropEvent(e event) int { return code(cu.DestroyEvent(&e)) }

func drvRecord(e event, s stream) int { return code(e.Record(s)) }

func drvEventSynchronize(e event) int { return code(e.Synchronize()) }

// drvElapsed returns milliseconds.
func drvElapsed(a, b event) (float64, int) {
	ms, err := a.Elapsed(b)
	return ms, code(err)
}

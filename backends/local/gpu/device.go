// Package gpu computes the local engine's models on a GPU: the device that a driver binding provides, the kernels' arguments
// and launch geometry, and the memory that a run needs. It is plain Go without a build tag and without cgo, so that all but
// the driver calls is tested where there is no GPU; package cu below it is the binding, and is built with the tag cuda alone.
//
// Invariants: whatever the device computes for a row depends on that row's input alone, so results have equal bits whatever
// shares the batch; a Device is used by one goroutine at a time; and work is asynchronous, so that an error of a kernel
// shows at the next Synchronize of its stream.
package gpu

import (
	"fmt"
	"time"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// Ptr is an address in a device's memory. Zero is no memory: kernels take it where an argument may be left out.
type Ptr uint64

// Add returns the address n bytes further on.
func (p Ptr) Add(n int64) Ptr { return p + Ptr(n) }

// Align is the alignment of every allocation, in bytes: what the driver promises, and what kernels count on for vectors.
const Align = 256

// DType is a type of elements on the device. Its String, f32, bf16 or f16, is the suffix of a kernel's name and the value of
// the option --compute.
type DType = kernels.DType

// The element types that kernels compute in. Sums are float32 in all of them.
const (
	F32  = kernels.F32
	BF16 = kernels.BF16
	F16  = kernels.F16
)

// ParseDType is the inverse of String.
func ParseDType(s string) (DType, error) {
	for t := F32; t <= F16; t++ {
		if t.String() == s {
			return t, nil
		}
	}
	return 0, fmt.Errorf("unknown compute type %q\nhint: f32, bf16 or f16", s)
}

// Stream is a queue of work on a device: what is enqueued runs in order. The zero Stream is the device's first one, which
// exists as long as the device does and does not wait for any other.
type Stream uint64

// Event is a point in a stream that another stream can wait for. Zero is no event.
type Event uint64

// Graph is a captured sequence of work that one call enqueues again. Zero is no graph.
type Graph uint64

// Function is a kernel of the device's module. Zero is no function.
type Function uint64

// Dim3 counts blocks of a grid or threads of a block in three directions.
type Dim3 struct{ X, Y, Z int }

// D1 is a Dim3 of one direction.
func D1(x int) Dim3 { return Dim3{X: x, Y: 1, Z: 1} }

// D2 is a Dim3 of two directions.
func D2(x, y int) Dim3 { return Dim3{X: x, Y: y, Z: 1} }

// Count returns x·y·z.
func (d Dim3) Count() int { return d.X * d.Y * d.Z }

// The limits that CUDA sets for every device of compute capability 8.0 and later (CUDA C++ Programming Guide, table
// "Technical Specifications per Compute Capability").
const (
	MaxGridX        = 1<<31 - 1 // blocks of a grid in the first direction
	MaxGridYZ       = 65535     // in the other two
	MaxBlockThreads = 1024      // threads of a block
	DefaultShared   = 48 << 10  // bytes of shared memory that a block may use before SetShared
)

// Info describes a device.
type Info struct {
	Ordinal         int    // its number with the driver, from 0
	Name            string // as the driver gives it: NVIDIA H100 80GB HBM3
	UUID            string // GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, which stays when ordinals change
	Major, Minor    int    // compute capability
	Driver          string // newest CUDA version that the driver serves: 13.0
	TotalBytes      int64  // of device memory
	FreeBytes       int64  // when Info was made, other processes' use counted; -1 where the device did not say
	Multiprocessors int
	SharedPerBlock  int  // bytes of shared memory that a block may use after SetShared
	Emulated        bool // this is the driver stand-in of package stub, which runs kernels on the CPU
}

// Capability returns the compute capability as 10·Major+Minor: 80, 90.
func (i Info) Capability() int { return 10*i.Major + i.Minor }

// String returns the device as a header of a run names it: cuda:0 (NVIDIA H100 80GB HBM3, sm_90).
func (i Info) String() string {
	return fmt.Sprintf("cuda:%d (%s, sm_%d%d)", i.Ordinal, i.Name, i.Major, i.Minor)
}

// Device is one GPU: its memory, its streams, and the kernels of the embedded PTX.
//
// All methods are called from one goroutine at a time; an implementation may require that it is always the same one, and
// panics where two are inside at once. Sizes and offsets are in bytes. Errors are *OutOfMemory or *Error, which say what was
// called on which device; after an error with Lost the device answers nothing but errors, and the process is to be ended.
type Device interface {
	// Info returns what is known of the device since it was opened.
	Info() Info

	// Alloc returns bytes of device memory, aligned to Align and not cleared. bytes is positive. Where there is no room the
	// error is an *OutOfMemory.
	Alloc(bytes int64) (Ptr, error)
	// Free gives memory back that Alloc returned, once everything enqueued has run. Zero is allowed and does nothing.
	Free(p Ptr) error
	// Memory returns the free and the total device memory, other processes' use counted.
	Memory() (free, total int64, err error)

	// Pinned returns page-locked host memory, page-aligned and not part of Go's heap: copies from and to it are
	// asynchronous. It is not collected.
	Pinned(bytes int) ([]byte, error)
	// FreePinned gives memory back that Pinned returned, once everything enqueued has run.
	FreePinned(b []byte) error

	// NewStream returns a further stream. It lives as long as the device.
	NewStream() (Stream, error)

	// ToDevice enqueues a copy of src to dst. A pinned src is read when the copy's turn comes and must stay unchanged until
	// then. Other memory has been read when ToDevice returns; it goes through a staging buffer, which costs a copy and,
	// where the stream lags behind, a wait; it cannot be captured in a graph.
	ToDevice(dst Ptr, src []byte, s Stream) error
	// ToHost enqueues a copy of len(dst) bytes at src to dst. A pinned dst is filled when the copy's turn comes: wait for
	// the stream or for an event. Other memory is filled when ToHost returns, which then waits for the stream.
	ToHost(dst []byte, src Ptr, s Stream) error
	// Copy enqueues a copy within device memory. The ranges do not overlap.
	Copy(dst, src Ptr, bytes int64, s Stream) error
	// Zero enqueues the clearing of memory.
	Zero(dst Ptr, bytes int64, s Stream) error

	// Function returns a kernel of the PTX that is embedded for the device's compute capability.
	Function(name string) (Function, error)
	// SetShared lets later launches of f use up to bytes of dynamic shared memory; without it DefaultShared is the most.
	SetShared(f Function, bytes int) error
	// Launch enqueues f over grid·block threads with shared bytes of dynamic shared memory. args are the kernel's
	// parameters in order, as Args packs them; they are read before Launch returns.
	Launch(f Function, grid, block Dim3, shared int, s Stream, args []uint64) error

	// Record returns an event that is reached when all that was enqueued in s so far has run.
	Record(s Stream) (Event, error)
	// Wait makes what is enqueued in s from now on wait for e. The host does not wait.
	Wait(s Stream, e Event) error
	// Elapsed returns the time between two events that Record returned, and waits for both. The resolution is about half
	// a microsecond.
	Elapsed(a, b Event) (time.Duration, error)
	// Await makes the host wait until e is reached, and returns asynchronous errors of the work before it.
	Await(e Event) error
	// Release gives an event back, reached or not. Zero is allowed and does nothing.
	Release(e Event)

	// Synchronize waits until all that was enqueued in s has run, and returns asynchronous errors of it.
	Synchronize(s Stream) error

	// Capture records what f enqueues in s (and in streams that f joins to it by events, and back) without running it.
	// Arguments and addresses are kept as they are: a buffer named there must outlive the graph. f must not allocate, wait
	// for the device, or copy from or to memory that is not pinned. Where f returns an error that error is returned.
	Capture(s Stream, f func() error) (Graph, error)
	// Replay enqueues a captured graph in s.
	Replay(g Graph, s Stream) error
	// DropGraph gives a graph back once its replays have run. Zero is allowed and does nothing.
	DropGraph(g Graph)

	// Lt returns the vendor's matrix products, or nil where the machine has no cuBLASLt.
	Lt() Lt

	// Close waits for the device and gives back everything that was made on it. The device cannot be used afterwards;
	// a second Close does nothing.
	Close() error
}

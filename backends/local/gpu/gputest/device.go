// Package gputest provides a device for tests without a GPU: it keeps device memory in Go's, records what is enqueued, runs
// kernels that the test gives as Go functions, and fails at the call that the test names.
package gputest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/kernels"
)

// Kernel computes what a kernel would, on the memory of the device.
type Kernel func(d *Device, c Call) error

// Device is a recording gpu.Device. Fields may be set before use.
//
// Work runs at once, in the order of the calls, unless Lazy is set: then it runs as late as the calls allow, each stream's in
// order and when something waits for it, so that a wait that is missing shows as bytes that are wrong.
type Device struct {
	Lazy    bool
	About   gpu.Info
	Kernels map[string]Kernel // a kernel without an entry is recorded and does nothing
	Known   func(string) bool // which kernels exist; nil means all
	Vendor  gpu.Lt            // what Lt returns
	Calls   []Call            // in order; a replay is one call, whatever the graph holds

	memory    map[gpu.Ptr][]byte
	used      int64
	peak      int64
	next      gpu.Ptr
	pinned    map[*byte][]byte
	names     []string // of functions; handle i+1
	shared    map[gpu.Function]int
	streams   gpu.Stream
	events    map[gpu.Event]time.Duration
	lastEvent gpu.Event
	clock     time.Duration
	graphs    map[gpu.Graph][]func() error
	lastGraph gpu.Graph
	capturing *[]func() error
	queues    []*queue
	marks     map[gpu.Event]mark
	async     error // of work that ran later than its call
	fails     map[string]*fail
	closed    bool
}

type fail struct {
	left int
	err  error
}

var _ gpu.Device = (*Device)(nil)

// New returns a device with bytes of memory, called as a test machine's card of compute capability 8.0.
func New(bytes int64) *Device {
	return &Device{
		About: gpu.Info{Name: "Test GPU", UUID: "GPU-00000000-0000-0000-0000-000000000000", Major: 8, Driver: "13.0", TotalBytes: bytes,
			FreeBytes: bytes, Multiprocessors: 4, SharedPerBlock: 163 << 10, Emulated: true},
		Kernels: map[string]Kernel{}, memory: map[gpu.Ptr][]byte{}, next: 1 << 32, pinned: map[*byte][]byte{},
		shared: map[gpu.Function]int{}, events: map[gpu.Event]time.Duration{}, graphs: map[gpu.Graph][]func() error{},
		marks: map[gpu.Event]mark{}, fails: map[string]*fail{},
	}
}

// FailAt makes the n-th call of op from now (n ≥ 1) return err, or an error of an invalid value where err is nil. Ops are
// named as in Call.Op.
func (d *Device) FailAt(op string, n int, err error) {
	if err == nil {
		err = &gpu.Error{Call: op, Device: d.About.String(), Code: 1, Name: "CUDA_ERROR_INVALID_VALUE"}
	}
	d.fails[op] = &fail{left: n, err: err}
}

// Launches returns the recorded launches, of the named kernels where names are given.
func (d *Device) Launches(names ...string) []Call {
	var got []Call
	for _, c := range d.Calls {
		if c.Op == "launch" && (len(names) == 0 || slices.Contains(names, c.Name)) {
			got = append(got, c)
		}
	}
	return got
}

// Forget drops the recorded calls.
func (d *Device) Forget() { d.Calls = nil }

// Used returns the bytes of device memory that are allocated now.
func (d *Device) Used() int64 { return d.used }

// Peak returns the most bytes that were allocated at once.
func (d *Device) Peak() int64 { return d.peak }

// Leaks describes what was made and not given back, one text each; empty is good. Close gives all back, so ask before it.
func (d *Device) Leaks() []string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(d.memory)) {
		out = append(out, fmt.Sprintf("%d bytes of device memory at %#x", len(d.memory[p]), uint64(p)))
	}
	for _, b := range d.pinned {
		out = append(out, fmt.Sprintf("%d bytes of pinned memory", len(b)))
	}
	for _, e := range slices.Sorted(maps.Keys(d.events)) {
		out = append(out, fmt.Sprintf("event %d", e))
	}
	for _, g := range slices.Sorted(maps.Keys(d.graphs)) {
		out = append(out, fmt.Sprintf("graph %d", g))
	}
	return out
}

// At returns n bytes of device memory, which the caller may read and write; work that was put off stays so. It panics where
// they do not lie in one allocation.
func (d *Device) At(p gpu.Ptr, n int64) []byte {
	b, err := d.at(p, n)
	if err != nil {
		panic(err)
	}
	return b
}

// Floats returns a copy of n float32 at p.
func (d *Device) Floats(p gpu.Ptr, n int) []float32 {
	b := d.At(p, int64(n)*4)
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// Ints returns a copy of n int32 at p.
func (d *Device) Ints(p gpu.Ptr, n int) []int32 {
	b := d.At(p, int64(n)*4)
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

func (d *Device) at(p gpu.Ptr, n int64) ([]byte, error) {
	for base, b := range d.memory {
		if p >= base && p < base+gpu.Ptr(len(b)) {
			if end := int64(p-base) + n; end > int64(len(b)) {
				return nil, d.invalid(fmt.Sprintf("%d bytes at %#x end %d past their allocation of %d", n, uint64(p), end-int64(len(b)), len(b)))
			}
			return b[p-base:][:n:n], nil
		}
	}
	return nil, d.invalid(fmt.Sprintf("no allocation at %#x", uint64(p)))
}

func (d *Device) invalid(detail string) error {
	return &gpu.Error{Call: "test device", Device: d.About.String(), Code: 1, Name: "CUDA_ERROR_INVALID_VALUE", Detail: detail}
}

// begin records a call and returns the error that the test asked for, or that of a closed device.
func (d *Device) begin(c Call) error {
	if d.closed {
		return d.invalid(c.Op + " on a closed device")
	}
	d.Calls = append(d.Calls, c)
	if f := d.fails[c.Op]; f != nil {
		if f.left--; f.left == 0 {
			delete(d.fails, c.Op)
			return f.err
		}
	}
	if c.Stream > d.streams {
		return d.invalid(fmt.Sprintf("%s in stream %d, which does not exist", c.Op, c.Stream))
	}
	return nil
}

// notCaptured returns an error where a graph is being captured.
func (d *Device) notCaptured(op string) error {
	if d.capturing != nil {
		return &gpu.Error{Call: op, Device: d.About.String(), Code: 900, Name: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"}
	}
	return nil
}

// Info returns About.
func (d *Device) Info() gpu.Info { return d.About }

// Alloc allocates Go memory, filled with a pattern that is a NaN in every type, so that use before a write shows.
func (d *Device) Alloc(bytes int64) (gpu.Ptr, error) {
	c := Call{Op: "alloc", Bytes: bytes}
	if err := d.begin(c); err != nil {
		return 0, err
	}
	if err := d.notCaptured("alloc"); err != nil {
		return 0, err
	}
	if bytes <= 0 {
		return 0, d.invalid(fmt.Sprintf("allocate %d bytes", bytes))
	}
	if bytes > d.About.TotalBytes-d.used {
		return 0, &gpu.OutOfMemory{Device: d.About.String(), Asked: bytes, Free: d.About.TotalBytes - d.used, Total: d.About.TotalBytes}
	}
	b := make([]byte, bytes)
	for i := range b {
		b[i] = 0xff
	}
	p := d.next
	d.next += gpu.Ptr((bytes + 2*gpu.Align - 1) / gpu.Align * gpu.Align) // at least a gap of one byte, so that an overrun shows
	d.memory[p] = b
	d.used += bytes
	d.peak = max(d.peak, d.used)
	d.Calls[len(d.Calls)-1].Dst = p
	return p, nil
}

// Free forgets an allocation.
func (d *Device) Free(p gpu.Ptr) error {
	if p == 0 {
		return nil
	}
	if err := d.begin(Call{Op: "free", Dst: p}); err != nil {
		return err
	}
	if err := errors.Join(d.notCaptured("free"), d.drainAll()); err != nil {
		return err
	}
	b, ok := d.memory[p]
	if !ok {
		return d.invalid(fmt.Sprintf("free of %#x, which is no allocation", uint64(p)))
	}
	d.used -= int64(len(b))
	delete(d.memory, p)
	return nil
}

// Memory returns what Alloc has left.
func (d *Device) Memory() (free, total int64, err error) {
	return d.About.TotalBytes - d.used, d.About.TotalBytes, d.begin(Call{Op: "memory"})
}

// Pinned returns Go memory that is remembered as pinned.
func (d *Device) Pinned(bytes int) ([]byte, error) {
	if err := d.begin(Call{Op: "pinned", Bytes: int64(bytes)}); err != nil {
		return nil, err
	}
	if err := d.notCaptured("pinned"); err != nil {
		return nil, err
	}
	if bytes <= 0 {
		return nil, d.invalid(fmt.Sprintf("pin %d bytes", bytes))
	}
	b := make([]byte, bytes)
	d.pinned[unsafe.SliceData(b)] = b
	return b, nil
}

// FreePinned forgets pinned memory.
func (d *Device) FreePinned(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := d.begin(Call{Op: "freepinned", Bytes: int64(len(b))}); err != nil {
		return err
	}
	if err := errors.Join(d.notCaptured("freepinned"), d.drainAll()); err != nil {
		return err
	}
	if _, ok := d.pinned[unsafe.SliceData(b)]; !ok {
		return d.invalid("free of memory that is not pinned")
	}
	delete(d.pinned, unsafe.SliceData(b))
	return nil
}

// isPinned reports whether b lies in pinned memory.
func (d *Device) isPinned(b []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for p, whole := range d.pinned {
		base := uintptr(unsafe.Pointer(p))
		if at >= base && at+uintptr(len(b)) <= base+uintptr(len(whole)) {
			return true
		}
	}
	return false
}

// ToDevice copies.
func (d *Device) ToDevice(dst gpu.Ptr, src []byte, s gpu.Stream) error {
	if err := d.begin(Call{Op: "todevice", Dst: dst, Bytes: int64(len(src)), Stream: s}); err != nil || len(src) == 0 {
		return err
	}
	if !d.isPinned(src) {
		if err := d.notCaptured("todevice"); err != nil {
			return err
		}
	}
	to, err := d.at(dst, int64(len(src)))
	if err != nil {
		return err
	}
	if !d.isPinned(src) {
		src = slices.Clone(src)
	}
	return d.enqueue(s, func() error { copy(to, src); return nil })
}

// ToHost copies.
func (d *Device) ToHost(dst []byte, src gpu.Ptr, s gpu.Stream) error {
	if err := d.begin(Call{Op: "tohost", Src: src, Bytes: int64(len(dst)), Stream: s}); err != nil || len(dst) == 0 {
		return err
	}
	if !d.isPinned(dst) {
		if err := d.notCaptured("tohost"); err != nil {
			return err
		}
	}
	from, err := d.at(src, int64(len(dst)))
	if err != nil {
		return err
	}
	if err := d.enqueue(s, func() error { copy(dst, from); return nil }); err != nil || d.isPinned(dst) {
		return err
	}
	d.drain(s, 1<<62)
	return d.async
}

// Copy copies, and refuses ranges that overlap.
func (d *Device) Copy(dst, src gpu.Ptr, bytes int64, s gpu.Stream) error {
	if err := d.begin(Call{Op: "copy", Dst: dst, Src: src, Bytes: bytes, Stream: s}); err != nil || bytes == 0 {
		return err
	}
	to, err := d.at(dst, bytes)
	if err != nil {
		return err
	}
	from, err := d.at(src, bytes)
	if err != nil {
		return err
	}
	if dst < src.Add(bytes) && src < dst.Add(bytes) {
		return d.invalid("copy between ranges that overlap")
	}
	return d.enqueue(s, func() error { copy(to, from); return nil })
}

// Zero clears.
func (d *Device) Zero(dst gpu.Ptr, bytes int64, s gpu.Stream) error {
	if err := d.begin(Call{Op: "zero", Dst: dst, Bytes: bytes, Stream: s}); err != nil || bytes == 0 {
		return err
	}
	to, err := d.at(dst, bytes)
	if err != nil {
		return err
	}
	return d.enqueue(s, func() error { clear(to); return nil })
}

// Function returns a handle for any name that Known knows.
func (d *Device) Function(name string) (gpu.Function, error) {
	if err := d.begin(Call{Op: "function", Name: name}); err != nil {
		return 0, err
	}
	if d.Known != nil && !d.Known(name) {
		return 0, &gpu.Error{Call: "find kernel " + name, Device: d.About.String(), Code: 500, Name: "CUDA_ERROR_NOT_FOUND"}
	}
	if i := slices.Index(d.names, name); i >= 0 {
		return gpu.Function(i + 1), nil
	}
	d.names = append(d.names, name)
	return gpu.Function(len(d.names)), nil
}

// SetShared remembers the limit, and refuses more than the device has.
func (d *Device) SetShared(f gpu.Function, bytes int) error {
	if err := d.begin(Call{Op: "setshared", Name: d.name(f), Shared: bytes}); err != nil {
		return err
	}
	if bytes > d.About.SharedPerBlock {
		return d.invalid(fmt.Sprintf("%d bytes of shared memory, where a block has at most %d", bytes, d.About.SharedPerBlock))
	}
	d.shared[f] = bytes
	return nil
}

func (d *Device) name(f gpu.Function) string {
	if f == 0 || int(f) > len(d.names) {
		return fmt.Sprintf("function %d, which does not exist", f)
	}
	return d.names[f-1]
}

// embedded is what the PTX says of the kernels.
var embedded = sync.OnceValue(func() map[string]gpu.Entry {
	modules, err := kernels.Modules(9, 0)
	if err != nil {
		panic(err)
	}
	entries := map[string]gpu.Entry{}
	for _, m := range modules {
		for _, e := range gpu.Entries(m.Text) {
			entries[e.Name] = e
		}
	}
	return entries
})

// Launch runs the kernel's Go function, if there is one. It refuses more shared memory than SetShared allowed, and arguments
// and blocks that the kernel of this name in the embedded PTX, if there is one, does not take.
func (d *Device) Launch(f gpu.Function, grid, block gpu.Dim3, shared int, s gpu.Stream, args []uint64) error {
	c := Call{Op: "launch", Name: d.name(f), Grid: grid, Block: block, Shared: shared, Stream: s, Args: slices.Clone(args)}
	if err := d.begin(c); err != nil {
		return err
	}
	if f == 0 || int(f) > len(d.names) {
		return d.invalid("launch of " + c.Name)
	}
	if shared > max(d.shared[f], gpu.DefaultShared) {
		return d.invalid(fmt.Sprintf("launch %s with %d bytes of shared memory and no SetShared for it", c.Name, shared))
	}
	if grid.Count() < 1 || block.Count() < 1 || block.Count() > gpu.MaxBlockThreads {
		return d.invalid(fmt.Sprintf("launch %s over %v blocks of %v threads", c.Name, grid, block))
	}
	if e, ok := embedded()[c.Name]; ok {
		if err := e.Check(c.Args); err != nil {
			return d.invalid(err.Error())
		}
		if e.MaxThreads > 0 && block.Count() > e.MaxThreads {
			return d.invalid(fmt.Sprintf("launch %s with blocks of %d threads, where it takes %d", c.Name, block.Count(), e.MaxThreads))
		}
	}
	k := d.Kernels[c.Name]
	if k == nil {
		k = func(*Device, Call) error { return nil }
	}
	return d.enqueue(s, func() error { return k(d, c) })
}

// Lt returns Vendor.
func (d *Device) Lt() gpu.Lt { return d.Vendor }

// Close makes every later call an error.
func (d *Device) Close() error {
	d.closed = true
	return nil
}

// String lists the recorded calls, one a line, for a test's message.
func (d *Device) String() string {
	var b strings.Builder
	for _, c := range d.Calls {
		fmt.Fprintf(&b, "%s %s\n", c.Op, c.Name)
	}
	return b.String()
}

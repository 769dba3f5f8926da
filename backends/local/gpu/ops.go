package gpu

import (
	"errors"
	"fmt"
)

// Ops computes with kernels: one method a kernel, each in the file that belongs to the kernel's source (ops_elem.go for
// elem.cu). A method checks the shapes it is given and panics where they cannot be, chooses the geometry, and enqueues the
// launch in Stream. The first error sticks: later methods then do nothing, and Err returns it, so that a forward pass reads
// as a list of operations. Use is as of the Device: one goroutine at a time.
type Ops struct {
	Dev    Device
	Stream Stream // where launches go
	T      DType  // what the kernels with a type in their name compute in

	info    Info
	args    Args
	funcs   map[string]*function
	named   map[string]*function // by name without suffix, so that a launch builds no string
	scratch map[string]*scratch
	old     []Ptr // outgrown scratch memory, which captured graphs may still name
	err     error

	products products // ops_linear.go
}

// function is a kernel that was looked up.
type function struct {
	name   string
	handle Function
	shared int // bytes of dynamic shared memory that SetShared allowed
}

type scratch struct {
	at   Ptr
	size int64
}

// NewOps returns operations on dev in its first stream.
func NewOps(dev Device, t DType) (*Ops, error) {
	if t > F16 {
		return nil, fmt.Errorf("no kernels compute in %v", t)
	}
	return &Ops{Dev: dev, T: t, info: dev.Info(),
		funcs: map[string]*function{}, named: map[string]*function{}, scratch: map[string]*scratch{}}, nil
}

// Err returns the first error of an operation since ClearErr, or nil. An error of the kernel itself shows at the next
// Synchronize of the device and not here.
func (o *Ops) Err() error { return o.err }

// ClearErr forgets the error, where the device is not lost and the caller starts over.
func (o *Ops) ClearErr() { o.err = nil }

// Fail records an error where there is none yet.
func (o *Ops) Fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// Info returns the device's description without asking the device.
func (o *Ops) Info() Info { return o.info }

// Args returns the argument list that the next launch uses, emptied.
func (o *Ops) Args() *Args { return o.args.Reset() }

// Launch enqueues the kernel base with the suffix of T (add_norm becomes add_norm_bf16).
func (o *Ops) Launch(base string, grid, block Dim3, shared int, a *Args) {
	f := o.named[base]
	if f == nil {
		if f = o.function(base + "_" + o.T.String()); f == nil {
			return
		}
		o.named[base] = f
	}
	o.launch(f, grid, block, shared, a)
}

// LaunchExact enqueues the kernel of exactly this name.
func (o *Ops) LaunchExact(name string, grid, block Dim3, shared int, a *Args) {
	if f := o.function(name); f != nil {
		o.launch(f, grid, block, shared, a)
	}
}

// Has reports whether the device has a kernel of exactly this name. It does not touch the sticky error.
func (o *Ops) Has(name string) bool {
	if o.funcs[name] != nil {
		return true
	}
	h, err := o.Dev.Function(name)
	if err != nil {
		return false
	}
	o.funcs[name] = &function{name: name, handle: h}
	return true
}

// function returns the kernel of a name, or nil after recording the error.
func (o *Ops) function(name string) *function {
	if o.err != nil {
		return nil
	}
	f := o.funcs[name]
	if f != nil {
		return f
	}
	h, err := o.Dev.Function(name)
	if err != nil {
		o.Fail(err)
		return nil
	}
	f = &function{name: name, handle: h}
	o.funcs[name] = f
	return f
}

// launch checks the geometry against CUDA's limits, allows the shared memory, and enqueues. A grid without blocks is no
// work and enqueues nothing.
func (o *Ops) launch(f *function, grid, block Dim3, shared int, a *Args) {
	if o.err != nil {
		return
	}
	checkGeometry(f.name, grid, block, shared)
	if grid.Count() == 0 {
		return
	}
	if shared > DefaultShared && shared > f.shared {
		if err := o.Dev.SetShared(f.handle, shared); err != nil {
			o.Fail(err)
			return
		}
		f.shared = shared
	}
	if err := o.Dev.Launch(f.handle, grid, block, shared, o.Stream, a.words); err != nil {
		o.Fail(err)
	}
}

// checkGeometry panics where a launch could not be: that is a defect of the caller.
func checkGeometry(name string, grid, block Dim3, shared int) {
	switch {
	case grid.X < 0 || grid.Y < 0 || grid.Z < 0 || grid.X > MaxGridX || grid.Y > MaxGridYZ || grid.Z > MaxGridYZ:
		panic(fmt.Sprintf("gpu: launch %s over a grid of %v blocks", name, grid))
	case block.X < 1 || block.Y < 1 || block.Z < 1 || block.Z > 64 || block.Count() > MaxBlockThreads:
		panic(fmt.Sprintf("gpu: launch %s with blocks of %v threads", name, block))
	case shared < 0:
		panic(fmt.Sprintf("gpu: launch %s with %d bytes of shared memory", name, shared))
	}
}

// Scratch returns at least bytes of device memory that belong to key, the same memory at every call until more is asked
// for. What it held is lost when it grows, which is at least by half, so that a run soon stops allocating. Outgrown memory
// is kept until Close, because captured graphs may name it. After an error it returns zero.
func (o *Ops) Scratch(key string, bytes int64) Ptr {
	if o.err != nil {
		return 0
	}
	s := o.scratch[key]
	if s != nil && s.size >= bytes {
		return s.at
	}
	if s == nil {
		s = &scratch{}
		o.scratch[key] = s
	}
	size := (max(bytes, s.size+s.size/2, 1) + Align - 1) / Align * Align
	p, err := o.Dev.Alloc(size)
	if err != nil {
		o.Fail(err)
		return 0
	}
	if s.at != 0 {
		o.old = append(o.old, s.at)
	}
	s.at, s.size = p, size
	return p
}

// Close gives the scratch memory back. It does not close the device.
func (o *Ops) Close() error {
	var errs []error
	for _, s := range o.scratch {
		errs = append(errs, o.Dev.Free(s.at))
	}
	for _, p := range o.old {
		errs = append(errs, o.Dev.Free(p))
	}
	o.scratch, o.old = map[string]*scratch{}, nil
	return errors.Join(errs...)
}

// CeilDiv returns ⌈a/b⌉ for a ≥ 0 and b > 0.
func CeilDiv(a, b int) int { return (a + b - 1) / b }

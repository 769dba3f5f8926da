//go:build cuda

package cu

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/kernels"
)

// loadable is a PTX text, loaded when the first of its kernels is looked up.
type loadable struct {
	text    kernels.Module
	entries map[string]gpu.Entry
	module  module
	loaded  bool
}

func newLoadable(m kernels.Module) loadable {
	l := loadable{text: m, entries: map[string]gpu.Entry{}}
	for _, e := range gpu.Entries(m.Text) {
		l.entries[e.Name] = e
	}
	return l
}

// kernel is a function that was looked up.
type kernel struct {
	name       string
	f          function
	entry      gpu.Entry
	maxThreads int // of a block; 0 where neither the driver nor the PTX says
}

// Function implements gpu.Device.
func (d *device) Function(name string) (gpu.Function, error) {
	if f := d.byName[name]; f != 0 && !d.closed {
		return f, nil
	}
	call := "find kernel " + name
	if err := d.enter(call); err != nil {
		return 0, err
	}
	defer d.leave()
	for i := range d.modules {
		m := &d.modules[i]
		entry, ok := m.entries[name]
		if !ok {
			continue
		}
		if err := d.load(m); err != nil {
			return 0, err
		}
		f, code := drvFunction(m.module, name)
		if code != 0 {
			return 0, d.fail(call, code)
		}
		k := kernel{name: name, f: f, entry: entry, maxThreads: entry.MaxThreads}
		if n, code := drvMaxThreads(f); code == 0 && n > 0 {
			k.maxThreads = n
		}
		d.kernels = append(d.kernels, k)
		d.byName[name] = gpu.Function(len(d.kernels))
		return d.byName[name], nil
	}
	return 0, d.misuse(call, codeNotFound, "CUDA_ERROR_NOT_FOUND", fmt.Sprintf("the kernels for compute capability %d.%d have no such name",
		d.info.Major, d.info.Minor))
}

// load has the driver compile a PTX text, which takes seconds where its cache does not have it yet.
func (d *device) load(m *loadable) error {
	if m.loaded {
		return nil
	}
	call := fmt.Sprintf("load kernels %s.%s", m.text.Name, m.text.Arch)
	if err := d.notCaptured(call); err != nil {
		return err
	}
	p, log, code := extModuleLoad(m.text.Text)
	if code != 0 {
		err := driverError(call, d.label, code)
		err.Detail = strings.TrimSpace(err.Detail + "\n" + log)
		if err.Lost() {
			d.lost = err
		}
		return err
	}
	m.module, m.loaded = drvModule(p), true
	return nil
}

// kernel returns what was looked up. A Function comes from Function alone, so that another is a defect of the caller.
func (d *device) kernel(f gpu.Function) *kernel {
	if f == 0 || f > gpu.Function(len(d.kernels)) {
		panic(fmt.Sprintf("gpu: function %d of %s does not exist", f, d.label))
	}
	return &d.kernels[f-1]
}

// SetShared implements gpu.Device.
func (d *device) SetShared(f gpu.Function, bytes int) error {
	k := d.kernel(f)
	call := fmt.Sprintf("give kernel %s %s of shared memory", k.name, gpu.Bytes(int64(bytes)))
	if err := d.enter(call); err != nil {
		return err
	}
	defer d.leave()
	if code := extFunctionShared(pointer(k.f), bytes); code != 0 {
		err := d.fail(call, code)
		if bytes > d.info.SharedPerBlock {
			err.Detail = fmt.Sprintf("a block of this device has at most %s", gpu.Bytes(int64(d.info.SharedPerBlock)))
		}
		return err
	}
	return nil
}

// Launch implements gpu.Device. It panics where the arguments cannot be the kernel's: the driver would read others' memory.
func (d *device) Launch(f gpu.Function, grid, block gpu.Dim3, shared int, s gpu.Stream, args []uint64) error {
	k := d.kernel(f)
	if err := k.entry.Check(args); err != nil {
		panic("gpu: " + err.Error())
	}
	if err := d.enter("launch a kernel"); err != nil {
		return err
	}
	defer d.leave()
	st, err := d.stream("launch a kernel", s)
	if err != nil {
		return err
	}
	d.params = d.params[:0]
	for i := range args {
		d.params = append(d.params, unsafe.Pointer(&args[i]))
	}
	d.recent[d.latest] = f
	d.latest = (d.latest + 1) % len(d.recent)
	if code := drvLaunch(k.f, grid, block, shared, st, d.params); code != 0 {
		return d.launchError(k, grid, block, shared, code)
	}
	return nil
}

// launchError says what was launched, and what of it the device cannot do.
func (d *device) launchError(k *kernel, grid, block gpu.Dim3, shared, code int) error {
	call := fmt.Sprintf("launch %s (%d×%d×%d blocks of %d×%d×%d threads, %s of shared memory)", k.name, grid.X, grid.Y, grid.Z,
		block.X, block.Y, block.Z, gpu.Bytes(int64(shared)))
	err := d.fail(call, code)
	if !err.Lost() && k.maxThreads > 0 && block.Count() > k.maxThreads {
		err.Detail = fmt.Sprintf("a block of this kernel has at most %d threads", k.maxThreads)
	}
	return err
}

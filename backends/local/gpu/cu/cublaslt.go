//go:build cuda

package cu

// #include <stdlib.h>
// #include "cublaslt.h"
// #cgo LDFLAGS: -ldl
import "C"

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// ltWorkspace is the most device memory that an algorithm may need beside the matrices, for each stream: what NVIDIA advises
// for Hopper (cuBLAS documentation, cublasSetWorkspace), and fixed because the choice of an algorithm depends on it.
const ltWorkspace = 32 << 20

// ltTokens is the number of tokens for which the heuristic is asked, and ltChecks those that its answer must serve too.
const ltTokens = 2048

var ltChecks = []C.int{1, 2, 3, 8, 16, 17, 33, 64, 127, 136, 256, 1000, 2048, 8192}

// lt is gpu.Lt of one device.
type lt struct {
	d       *device
	handle  *C.onset_lt
	version string
	plans   map[ltShape]*ltPlan
	order   []*ltPlan
	space   map[gpu.Stream]gpu.Ptr
}

type ltShape struct {
	n, k int
	t    gpu.DType
	wide bool
}

// ltPlan is the pinned algorithm of a shape: the at-th of what the heuristic gave.
type ltPlan struct {
	shape  ltShape
	plan   *C.onset_lt_plan
	at     int
	err    error
	config [C.ONSET_LT_ATTRIBUTES]C.int32_t
	bytes  C.size_t
}

var _ gpu.Lt = (*lt)(nil)

// LtError says why a device has no cuBLASLt, one line a file that was tried; it is nil where Lt has one, or was not asked for.
func LtError(dev gpu.Device) error {
	if d, ok := dev.(*device); ok {
		return d.ltError
	}
	return nil
}

// LtMissing returns why the library that ONSET_CUBLASLT names is not used, or nil: what gpu.Ops.Products tells.
func (d *device) LtMissing() error {
	if asked := os.Getenv("ONSET_CUBLASLT"); asked == "" || d.ltError == nil {
		return nil
	}
	return d.ltError
}

// openLt opens the first cuBLASLt of gpu.LtPaths that makes a handle: a library of a newer CUDA than the driver's does not.
// d is not entered.
func openLt(d *device) gpu.Lt {
	paths, err := gpu.LtPaths(os.Getenv, filepath.Glob)
	if err != nil {
		d.ltError = err
		return nil
	}
	if err := d.enter("open cuBLASLt"); err != nil {
		d.ltError = err
		return nil
	}
	defer d.leave()
	var errs []error
	for _, path := range paths {
		h, err := ltOpen(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		var v [3]C.int
		C.onset_lt_version(h, &v[0])
		return &lt{d: d, handle: h, version: fmt.Sprintf("cublasLt %d.%d.%d", v[0], v[1], v[2]), plans: map[ltShape]*ltPlan{},
			space: map[gpu.Stream]gpu.Ptr{}}
	}
	d.ltError = errors.Join(errs...)
	return nil
}

func ltOpen(path string) (*C.onset_lt, error) {
	const size = 1024
	name, text := C.CString(path), (*C.char)(C.calloc(1, size))
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(text))
	var h *C.onset_lt
	if status := C.onset_lt_open(name, &h, text, size); status != 0 {
		return nil, ltError(status, C.GoString(text))
	}
	return h, nil
}

// ltStatus are the names of cublasStatus_t.
var ltStatus = map[C.int]string{1: "NOT_INITIALIZED", 3: "ALLOC_FAILED", 7: "INVALID_VALUE", 8: "ARCH_MISMATCH", 11: "MAPPING_ERROR",
	13: "EXECUTION_FAILED", 14: "INTERNAL_ERROR", 15: "NOT_SUPPORTED", 16: "LICENSE_ERROR"}

func ltError(status C.int, text string) error {
	switch status {
	case C.ONSET_LT_NO_LIBRARY, C.ONSET_LT_NO_SYMBOL:
		return errors.New(text)
	case C.ONSET_LT_NO_MEMORY:
		return errors.New("out of host memory")
	case C.ONSET_LT_NO_ALGORITHM:
		return errors.New("no algorithm serves every number of tokens without a split of k")
	}
	if name := ltStatus[status]; name != "" {
		return fmt.Errorf("CUBLAS_STATUS_%s (%d)", name, status)
	}
	return fmt.Errorf("cuBLASLt status %d", status)
}

// Version implements gpu.Lt.
func (l *lt) Version() string { return l.version }

// Algorithms implements gpu.Lt.
func (l *lt) Algorithms() []string {
	var out []string
	for _, p := range l.order {
		if p.err != nil {
			continue
		}
		c, y := p.config, p.shape.t
		if p.shape.wide {
			y = gpu.F32
		}
		out = append(out, fmt.Sprintf("%d×%d %v to %v: algorithm %d, tile %d, stages %d, inner shape %d, cluster %d, swizzle %d, option %d",
			p.shape.n, p.shape.k, p.shape.t, y, c[0], c[1], c[6], c[7], c[8], c[4], c[5]))
	}
	return out
}

// Matmul implements gpu.Lt. The first product of a shape chooses its algorithm, and the first of a stream may allocate: neither
// may be in a capture.
func (l *lt) Matmul(p gpu.LtProblem, s gpu.Stream) error {
	const call = "multiply by cuBLASLt"
	if l.handle == nil {
		return fmt.Errorf("%s: the device was closed", call)
	}
	if err := l.d.enter(call); err != nil {
		return err
	}
	defer l.d.leave()
	st, err := l.d.stream(call, s)
	if err != nil {
		return err
	}
	plan, err := l.plan(ltShape{p.N, p.K, p.T, p.YFloat32})
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	space, err := l.workspace(plan, s)
	if err != nil {
		return err
	}
	status := C.onset_lt_matmul(l.handle, plan.plan, C.int(plan.at), C.uint64_t(p.Y), C.uint64_t(p.X), C.uint64_t(p.W), C.int(p.M),
		C.int64_t(p.LdX), C.int64_t(p.LdY), C.uint64_t(space), plan.bytes, pointer(st))
	if status != 0 {
		return fmt.Errorf("%s, %d tokens, %d×%d %v: %w", call, p.M, p.N, p.K, p.T, ltError(status, ""))
	}
	return nil
}

// Reject implements gpu.LtRejecter.
func (l *lt) Reject(p gpu.LtProblem) bool {
	plan := l.plans[ltShape{p.N, p.K, p.T, p.YFloat32}]
	if plan == nil || plan.err != nil || plan.at+1 >= int(C.onset_lt_plan_count(plan.plan)) {
		return false
	}
	plan.pin(plan.at + 1)
	return true
}

// pin makes candidate at the algorithm.
func (p *ltPlan) pin(at int) {
	p.at = at
	p.bytes = C.onset_lt_plan_candidate(p.plan, C.int(at), &p.config[0])
}

// plan returns the algorithm of a shape, chosen at its first use; that none was found is remembered too.
func (l *lt) plan(s ltShape) (*ltPlan, error) {
	p := l.plans[s]
	if p == nil {
		p = &ltPlan{shape: s}
		in := map[gpu.DType]C.int{gpu.F32: 0, gpu.F16: 2, gpu.BF16: 14}[s.t]
		out := in
		if s.wide {
			out = 0
		}
		status := C.onset_lt_plan_new(l.handle, C.int(s.n), C.int(s.k), in, out, ltTokens, ltWorkspace, unsafe.SliceData(ltChecks),
			C.int(len(ltChecks)), &p.plan)
		if status != 0 {
			p.err = ltError(status, "")
		} else {
			p.pin(0)
		}
		l.plans[s] = p
		l.order = append(l.order, p)
	}
	return p, p.err
}

// workspace returns the memory that algorithms may use in a stream, where a plan needs any.
func (l *lt) workspace(p *ltPlan, s gpu.Stream) (gpu.Ptr, error) {
	if p.bytes == 0 || l.space[s] != 0 {
		return l.space[s], nil
	}
	at, code := drvAlloc(ltWorkspace)
	if code == codeOutOfMemory {
		free, total, _ := drvMemory()
		return 0, &gpu.OutOfMemory{Device: l.d.label, Asked: ltWorkspace, Free: free, Total: total}
	}
	if code != 0 {
		return 0, l.d.fail("allocate cuBLASLt's workspace", code)
	}
	l.space[s] = at
	return at, nil
}

// Close gives back what the library holds. The device calls it, and has been entered.
func (l *lt) Close() error {
	if l.handle == nil {
		return nil
	}
	var errs []error
	for _, s := range slices.Sorted(maps.Keys(l.space)) {
		if code := drvFree(l.space[s]); code != 0 {
			errs = append(errs, l.d.fail("free cuBLASLt's workspace", code))
		}
	}
	for _, p := range l.order {
		if p.plan != nil {
			C.onset_lt_plan_free(l.handle, p.plan)
		}
	}
	C.onset_lt_close(l.handle)
	l.handle, l.plans, l.order, l.space = nil, nil, nil, nil
	return errors.Join(errs...)
}

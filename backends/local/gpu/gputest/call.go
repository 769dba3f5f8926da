package gputest

import (
	"math"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// Call is one recorded call of a Device's method.
type Call struct {
	Op     string     // the method's name in lower case: launch, todevice, tohost, copy, zero, alloc, record, wait, replay, …
	Name   string     // of the kernel (launch, function), else empty
	Grid   gpu.Dim3   // of a launch
	Block  gpu.Dim3   // of a launch
	Shared int        // bytes of a launch or of setshared
	Stream gpu.Stream // where it was enqueued
	Args   []uint64   // of a launch, copied
	Dst    gpu.Ptr    // of a copy, zeroing or allocation
	Src    gpu.Ptr    // of a copy
	Bytes  int64
	Event  gpu.Event
}

// Int returns argument i of a launch as an int parameter reads it.
func (c Call) Int(i int) int { return int(int32(uint32(c.Args[i]))) }

// Long returns argument i as a long long parameter reads it.
func (c Call) Long(i int) int64 { return int64(c.Args[i]) }

// Float returns argument i as a float parameter reads it.
func (c Call) Float(i int) float32 { return math.Float32frombits(uint32(c.Args[i])) }

// Ptr returns argument i as a pointer.
func (c Call) Ptr(i int) gpu.Ptr { return gpu.Ptr(c.Args[i]) }

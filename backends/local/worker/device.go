// Package worker runs local models on GPUs, each in a program of its own: onset-cuda, which alone is linked to the driver.
// It finds that program and asks it what devices there are, plans which model runs on which of them, starts it, asks it
// over the plug-in protocol of package process, and starts it anew where it ends; package host is the program's side.
//
// A GPU holds one model at a time: a model takes what memory there is for keys and values. Several GPUs hold several models,
// or the same one several times, whose requests are then spread; since a result depends on the model, the request and the
// kind of card alone, that shows in no record.
package worker

import (
	"fmt"
	"runtime"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/memory"
)

// Protocol is the version of what onset and its worker say to one another beside the plug-in protocol: the command line and
// the Probe.
const Protocol = 1

// Program is the worker's name.
const Program = "onset-cuda"

// Device is a GPU, as its worker describes it.
type Device struct {
	// Ordinal is the driver's number, from 0: the N of cuda:N.
	Ordinal int    `json:"ordinal"`
	Name    string `json:"name"`
	UUID    string `json:"uuid,omitempty"`
	// Capability is the compute capability, as "9.0".
	Capability string `json:"capability"`
	// Driver is the newest version of CUDA that the driver serves, as "13.0".
	Driver     string `json:"driver"`
	TotalBytes int64  `json:"total_bytes"`
	// FreeBytes is what was free when it was asked.
	FreeBytes       int64 `json:"free_bytes"`
	Multiprocessors int   `json:"multiprocessors,omitempty"`
	// GEMM names what multiplies matrices: "cublasLt 13.1.0", or "ptx" for onset's own kernels.
	GEMM string `json:"gemm,omitempty"`
	// Emulated is true of the stand-in for a driver that onset's own tests run on.
	Emulated bool `json:"emulated,omitempty"`
}

// ID is the device's name on the command line.
func (d Device) ID() string { return fmt.Sprintf("cuda:%d", d.Ordinal) }

// Kind names what decides a result's bits: cards of one kind give equal ones.
func (d Device) Kind() string {
	return fmt.Sprintf("%s, compute capability %s, driver %s, %s", d.Name, d.Capability, d.Driver, d.GEMM)
}

// Probe is what a worker says of itself and its machine.
type Probe struct {
	Protocol int      `json:"protocol"`
	Version  string   `json:"version"`
	Devices  []Device `json:"devices"`
	// Reason says why there is no device; nil where there is one.
	Reason *Reason `json:"reason,omitempty"`
}

// Host is the machine that onset itself runs on.
type Host struct {
	Processor string `json:"processor"`
	// Kernels is the instruction set that the engine uses here: generic, avx2, avx512.
	Kernels string `json:"kernels"`
	Cores   int    `json:"cores"`
	// FreeBytes is what the system and its control groups have left, 0 where it is not known.
	FreeBytes int64 `json:"free_bytes,omitempty"`
}

// ThisHost describes this machine.
func ThisHost() Host {
	h := Host{Processor: runtime.GOARCH, Kernels: kernels.Best().Name(), Cores: runtime.GOMAXPROCS(0)}
	if a, known := memory.Now(); known {
		h.FreeBytes = a.Bytes
	}
	return h
}

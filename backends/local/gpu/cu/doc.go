// Package cu is the binding of the GPU path to the CUDA driver, through gorgonia.org/cu and a little cgo for what that lacks.
// All but this comment is built with the tag cuda alone: a program that imports it needs libcuda to start, and
// gorgonia.org/cu ends the process before main where there is no device. That is why the GPU is served by a worker of
// its own, and why nothing but the worker imports this package.
//
// What happens where the driver or the device is missing, for a program that probes the worker: without libcuda.so.1 the
// loader ends the process with status 127 and a message on standard error that names the library; where cuInit fails,
// gorgonia.org/cu writes "Error in initialization, …: NoDevice" (or another name) to standard output, and the status is 1.
package cu

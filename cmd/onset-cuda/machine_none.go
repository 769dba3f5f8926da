//go:build !cuda

package main

import (
	"context"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
)

// machine is one without GPUs, as far as a program can tell that was built without the driver's binding.
type machine struct{}

func notBuilt() error {
	return &worker.Reason{Code: worker.NotBuilt, Message: "this onset-cuda was built without the tag cuda, and knows no GPU", Advice: "build it with make cuda, which needs a C compiler and clang, and no CUDA SDK"}
}

func (machine) Devices(context.Context) ([]worker.Device, error) { return nil, notBuilt() }

func (machine) Open(context.Context, int, string, local.Options) (backends.Backend, worker.Device, error) {
	return nil, worker.Device{}, notBuilt()
}

package main

import (
	"context"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/worker/host"
)

var _ host.Peaker = fakeGPUs{}

// Peak is what the fake cards say of themselves.
func (fakeGPUs) Peak(context.Context, int) (gpu.Peak, error) {
	return gpu.Peak{Product: 7e14, By: "fake", Own: 5e14, Copy: 3e12, Size: 8192}, nil
}

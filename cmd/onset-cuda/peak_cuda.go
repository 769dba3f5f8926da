//go:build cuda

package main

import (
	"context"
	"errors"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
	"github.com/onset-eval/onset/backends/local/worker/host"
)

var _ host.Peaker = machine{}

// Peak measures a device.
func (machine) Peak(_ context.Context, ordinal int) (p gpu.Peak, err error) {
	dev, err := cu.Open(ordinal)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	return gpu.MeasurePeak(dev, 0)
}

//go:build cuda

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
	"github.com/onset-eval/onset/backends/local/worker"
)

// machine is this one, by the driver.
type machine struct{}

func (machine) Devices(ctx context.Context) ([]worker.Device, error) {
	infos, err := cu.Devices()
	if err != nil {
		return nil, err
	}
	var out []worker.Device
	products := ""
	for _, i := range infos {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if products == "" { // the library is the machine's, and opening a device takes a while
			products = gemmOf(i.Ordinal)
		}
		out = append(out, device(i, products))
	}
	return out, nil
}

// gemmOf opens a device to see whether it has cuBLASLt.
func gemmOf(ordinal int) string {
	d, err := cu.Open(ordinal)
	if err != nil {
		return ""
	}
	defer func() { _ = d.Close() }()
	return gemm(d)
}

// gemm names what multiplies matrices on a device.
func gemm(d gpu.Device) string {
	if lt := d.Lt(); lt != nil {
		return lt.Version()
	}
	return "ptx"
}

func device(i gpu.Info, gemm string) worker.Device {
	return worker.Device{
		Ordinal: i.Ordinal, Name: i.Name, UUID: i.UUID, Capability: fmt.Sprintf("%d.%d", i.Major, i.Minor), Driver: i.Driver,
		TotalBytes: i.TotalBytes, FreeBytes: max(0, i.FreeBytes), Multiprocessors: i.Multiprocessors, GEMM: gemm, Emulated: i.Emulated,
	}
}

func (machine) Open(ctx context.Context, ordinal int, dir string, o local.Options) (backends.Backend, worker.Device, error) {
	dev, err := cu.Open(ordinal)
	if err != nil {
		return nil, worker.Device{}, err
	}
	d := device(dev.Info(), gemm(dev))
	o.Device = dev
	b, err := local.Open(ctx, dir, o)
	if err != nil {
		return nil, d, errors.Join(err, dev.Close())
	}
	return onDevice{b, dev}, d, nil
}

// onDevice is a model with its device, which it closes.
type onDevice struct {
	*local.Backend
	device gpu.Device
}

func (o onDevice) Close() error { return errors.Join(o.Backend.Close(), o.device.Close()) }

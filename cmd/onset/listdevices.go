package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/onset-eval/onset/backends/local/worker"
)

// machineReport is what onset list devices --json prints.
type machineReport struct {
	CPU  worker.Host     `json:"cpu"`
	GPUs []worker.Device `json:"gpus"`
	// Worker is the GPU worker's file and Version its version; both are missing where there is none.
	Worker  string `json:"worker,omitempty"`
	Version string `json:"worker_version,omitempty"`
	// Reason says why there is no GPU.
	Reason *worker.Reason `json:"reason,omitempty"`
}

// listDevices says what local models can run on. That there is no GPU is an answer and no error.
func listDevices(ctx context.Context, a *app, asJSON bool) error {
	r := machineReport{CPU: worker.ThisHost(), GPUs: []worker.Device{}}
	program, err := workerFinder(a.getenv).Find()
	if err == nil {
		r.Worker = program
		var p worker.Probe
		if p, err = worker.Ask(ctx, program, 0); err == nil {
			r.GPUs, r.Version = p.Devices, p.Version
		}
	}
	if err != nil && !errors.As(err, &r.Reason) {
		return err
	}
	if asJSON {
		return writeJSON(a.stdout, r)
	}
	return r.print(a)
}

func (r machineReport) print(a *app) error {
	t := newList("device", "name", "compute", "driver", "memory free", "memory", "matrix products")
	free := "not known"
	if r.CPU.FreeBytes > 0 {
		free = bytesText(r.CPU.FreeBytes)
	}
	addRow(&t, "cpu", r.CPU.Processor+", "+strconv.Itoa(r.CPU.Cores)+map[bool]string{true: " core", false: " cores"}[r.CPU.Cores == 1], r.CPU.Kernels, "", free, "", "onset")
	for _, g := range r.GPUs {
		name := g.Name
		if g.Emulated {
			name += " (emulated on the CPU)"
		}
		addRow(&t, g.ID(), name, g.Capability, "CUDA "+g.Driver, bytesText(g.FreeBytes), bytesText(g.TotalBytes), g.GEMM)
	}
	if err := t.WriteText(a.stdout, a.width); err != nil {
		return err
	}
	if r.Reason != nil {
		fmt.Fprintf(a.stdout, "\nno GPU: %s\nhint: %s\n", r.Reason.Message, r.Reason.Advice)
	}
	return nil
}

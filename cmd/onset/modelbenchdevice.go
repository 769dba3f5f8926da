package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
)

// benchOnDevice measures a checkpoint on one GPU, by its worker, beside what the card was measured to do just before.
func benchOnDevice(ctx context.Context, a *app, o *benchOptions, dir string) (s local.DeviceSpeed, err error) {
	spec, err := parseDevice(o.device)
	if err != nil {
		return s, err
	}
	if spec.auto || len(spec.where.Only) > 1 || spec.where.Spread && spec.where.Only == nil {
		return s, usage(withHint(fmt.Errorf("a speed is one device's, and --device is %s", o.device), "--device cpu, cuda or cuda:0"))
	}
	if o.CPU || len(o.threads) > 0 || o.kernels != "" {
		return s, usage(withHint(errors.New("--threads, --kernels and --cpu-time are the CPU's"), "leave them out; --prompts says how many prompts a GPU is given at once"))
	}
	program, err := workerFinder(a.getenv).Find()
	if err != nil {
		return s, err
	}
	found, err := worker.Ask(ctx, program, 0)
	if err != nil {
		return s, err
	}
	ordinal, err := benchDevice(found.Devices, spec.where.Only)
	if err != nil {
		return s, err
	}
	peak, err := worker.PeakOf(ctx, program, ordinal)
	if err != nil {
		return s, err
	}
	fleet := worker.NewFleet(worker.Options{Program: program, Devices: found.Devices, Say: func(format string, args ...any) {
		fmt.Fprintf(a.stderr, "onset: "+format+"\n", args...)
	}})
	defer func() { err = errors.Join(err, fleet.Close()) }()
	args := make(map[string]string)
	for name, value := range map[string]string{"compute": o.compute, "cache_dir": o.cache} {
		if value != "" {
			args[name] = value
		}
	}
	if err := fleet.Add(dir, dir, args, worker.Where{Only: []int{ordinal}}); err != nil {
		return s, err
	}
	b, err := fleet.Open(ctx, dir)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return local.MeasureDevice(ctx, dir, b, o.SpeedOptions, &peak)
}

// benchDevice gives the GPU that was asked for, or the one with most memory free.
func benchDevice(all []worker.Device, only []int) (int, error) {
	best := -1
	for i, d := range all {
		if only != nil && !slices.Contains(only, d.Ordinal) {
			continue
		}
		if best < 0 || d.FreeBytes > all[best].FreeBytes {
			best = i
		}
	}
	if best < 0 {
		return 0, withHint(fmt.Errorf("there is no GPU cuda:%d", only[0]), "onset list devices shows those that there are")
	}
	return all[best].Ordinal, nil
}

// printDeviceSpeed writes a table of one device's speeds.
func printDeviceSpeed(a *app, s local.DeviceSpeed) error {
	t := newList("what", s.Device)
	row := func(what, format string, args ...any) { addRow(&t, what, fmt.Sprintf(format, args...)) }
	products, _, _ := strings.Cut(s.Products, ";") // the algorithms of each shape stand behind it
	row("matrix products", "%s", products)
	row("compute", "%s", s.Compute)
	row("prefill of "+strconv.Itoa(s.Prompts)+" prompts, unique tokens/s", "%.4g", s.PrefillTokens)
	row("prefill, TFLOP/s", "%.4g", s.PrefillFLOPs/1e12)
	row("product peak, TFLOP/s", "%.4g (%s)", s.Peak.Product/1e12, s.Peak.By)
	row("share of the peak", "%.0f %%", 100*s.PrefillShare)
	for _, d := range s.Decode {
		of := map[bool]string{true: " text", false: " texts"}[d.Texts == 1]
		row("decode of "+strconv.Itoa(d.Texts)+of+", tokens/s", "%.4g", d.Tokens)
		row("GB/s read", "%.4g", d.Bytes/1e9)
		row("share of the bandwidth", "%.0f %%", 100*d.Share)
	}
	row("device copies, GB/s", "%.4g", s.Peak.Copy/1e9)
	return t.WriteText(a.stdout, a.width)
}

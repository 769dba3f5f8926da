package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
	"github.com/onset-eval/onset/reports"
)

type benchOptions struct {
	modelOptions
	local.SpeedOptions
	kernels string
	compute string
	threads []int
	device  string
	prompts int
}

func newModelBenchCommand(a *app) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench DIR",
		Short: "measure how fast a checkpoint runs here, and the share of what the machine can do",
		Long: `bench processes prompts and generates text, on one thread and on all, and states speeds in tokens a second: prefill is the
processing of prompts, decode the generation of one text, and of several together. Beside them stands the share of what the
machine was measured to do at most in the same minute: multiply-adds in float32 for prefill, reading memory for decode.
The best of several runs counts; on a busy machine shares say more than speeds.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.device != "" && o.device != "cpu" {
				return benchOnGPU(cmd.Context(), a, o, checkpointFolder(args[0]))
			}
			if len(o.threads) == 0 {
				o.threads = slices.Compact([]int{1, runtime.GOMAXPROCS(0)})
				if o.CPU {
					o.threads = o.threads[:1]
				}
			}
			var all []local.Speed
			for _, n := range o.threads {
				if o.CPU && n != 1 {
					return usage(withHint(fmt.Errorf("processor time says nothing of %d threads that wait for one another", n), "--cpu-time --threads 1"))
				}
				if n < 1 {
					return usage(fmt.Errorf("--threads %d is below 1", n))
				}
				s, err := local.Measure(cmd.Context(), checkpointFolder(args[0]), local.Options{CacheDir: o.cache, Kernels: o.kernels, Compute: o.compute, Threads: n}, o.SpeedOptions)
				if err != nil {
					return err
				}
				all = append(all, s)
			}
			if o.json {
				return writeJSON(a.stdout, all)
			}
			return speedTable(all).WriteText(a.stdout, a.width)
		},
	}
	o.add(a, cmd)
	fs := cmd.Flags()
	fs.IntSliceVar(&o.threads, "threads", nil, "numbers of threads to measure (default 1 and one a processor)")
	fs.StringVar(&o.device, "device", "", "measure on a GPU, as cuda or cuda:0 (default cpu)")
	fs.IntVar(&o.prompts, "prompts", 0, "prompts that a GPU processes at once (default 64)")
	fs.StringVar(&o.kernels, "kernels", "", "kernel set (default the fastest of this machine)")
	fs.StringVar(&o.compute, "compute", "", "f32, or bf16 for products of rounded activations, and f16 on GPUs (default f32, on a GPU the checkpoint's own)")
	fs.IntVar(&o.Prompt, "prompt", 0, "tokens of a prompt (default 512, or half the context)")
	fs.IntVar(&o.Decode, "decode", 0, "tokens to generate (default 64)")
	fs.BoolVar(&o.CPU, "cpu-time", false, "take processor time for the clock, for one thread on a busy machine")
	fs.IntVar(&o.Texts, "texts", 0, "texts to generate together (default 16)")
	fs.IntVar(&o.Repeat, "repeat", 0, "runs of each, of which the best counts (default 3)")
	return cmd
}

// benchOnGPU measures on a GPU, by its worker.
func benchOnGPU(ctx context.Context, a *app, o benchOptions, dir string) error {
	spec, err := parseDevice(o.device)
	if err != nil {
		return err
	}
	if len(o.threads) > 0 || o.kernels != "" || o.CPU {
		return usage(withHint(errors.New("--threads, --kernels and --cpu-time are the CPU's"), "leave them out; --prompts says how many prompts a GPU is given at once"))
	}
	program, err := workerFinder(a.getenv).Find()
	if err != nil {
		return err
	}
	p, err := worker.Ask(ctx, program, 0)
	if err != nil {
		return err
	}
	var best *worker.Device
	for i, d := range p.Devices {
		if (spec.where.Only == nil || slices.Contains(spec.where.Only, d.Ordinal)) && (best == nil || d.FreeBytes > best.FreeBytes) {
			best = &p.Devices[i]
		}
	}
	if best == nil {
		return withHint(fmt.Errorf("there is no GPU %s", o.device), "onset list devices shows those that there are")
	}
	s, err := worker.Bench(ctx, program, *best, dir, worker.BenchOptions{Compute: o.compute, CacheDir: o.cache, Prompts: o.prompts, Speed: o.SpeedOptions})
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(a.stdout, []local.Speed{s})
	}
	t := speedTable([]local.Speed{s})
	t.Columns[1].Name = fmt.Sprintf("%s, %d prompts at once", best.ID(), s.Threads)
	return t.WriteText(a.stdout, a.width)
}

func speedTable(all []local.Speed) reports.Table {
	columns := []string{"what"}
	for _, s := range all {
		columns = append(columns, strconv.Itoa(s.Threads)+map[bool]string{true: " thread", false: " threads"}[s.Threads == 1])
	}
	t := newList(columns...)
	row := func(what string, cell func(s local.Speed) string) {
		cells := []string{what}
		for _, s := range all {
			cells = append(cells, cell(s))
		}
		addRow(&t, cells...)
	}
	row("kernels", func(s local.Speed) string { return s.Kernels })
	row("prefill, tokens/s", func(s local.Speed) string { return fmt.Sprintf("%.4g", s.PrefillTokens) })
	row("prefill, GFLOP/s", func(s local.Speed) string { return fmt.Sprintf("%.1f", s.PrefillFLOPs/1e9) })
	row("multiply-add peak, GFLOP/s", func(s local.Speed) string { return known(s.PeakFLOPs, "%.1f", 1e-9) })
	row("share of the peak", func(s local.Speed) string { return known(s.PrefillShare, "%.0f %%", 100) })
	row("decode, tokens/s", func(s local.Speed) string { return fmt.Sprintf("%.4g", s.DecodeTokens) })
	row("decode, GB/s read", func(s local.Speed) string { return fmt.Sprintf("%.1f", s.DecodeBytes/1e9) })
	row("memory's bandwidth, GB/s", func(s local.Speed) string { return known(s.PeakBytes, "%.1f", 1e-9) })
	row("share of the bandwidth", func(s local.Speed) string { return known(s.DecodeShare, "%.0f %%", 100) })
	row(fmt.Sprintf("decode of %d texts, tokens/s", all[0].Texts), func(s local.Speed) string { return fmt.Sprintf("%.4g", s.DecodeManyTokens) })
	return t
}

// known writes a number that may not be known.
func known(v float64, format string, factor float64) string {
	if v == 0 {
		return "not known"
	}
	return fmt.Sprintf(format, v*factor)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/reports"
)

type benchOptions struct {
	modelOptions
	local.SpeedOptions
	kernels string
	compute string
	device  string
	threads []int
}

func newModelBenchCommand(a *app) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench DIR",
		Short: "measure how fast a checkpoint runs here, and the share of what the machine can do",
		Long: `bench processes prompts and generates text, on one thread and on all, and states speeds in tokens a second: prefill is the
processing of prompts, decode the generation of one text, and of several together. Beside them stands the share of what the
machine was measured to do at most in the same minute: multiply-adds in float32 for prefill, reading memory for decode.
The best of several runs counts; on a busy machine shares say more than speeds.

With --device cuda:0 it measures a GPU, by its worker as a run does: many prompts in hand at once, none with another's
beginning, and 1, 16 and 128 texts generated together; beside them the best matrix product and copy of that card.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.device != "" && o.device != "cpu" {
				s, err := benchOnDevice(cmd.Context(), a, &o, checkpointFolder(args[0]))
				switch {
				case err != nil:
					return err
				case o.json:
					return writeJSON(a.stdout, s)
				}
				return printDeviceSpeed(a, s)
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
	fs.StringVar(&o.kernels, "kernels", "", "kernel set (default the fastest of this machine)")
	fs.StringVar(&o.compute, "compute", "", "f32, or bf16 for products of rounded activations, and f16 on a GPU (default f32, on a GPU the checkpoint's own)")
	fs.StringVar(&o.device, "device", "cpu", "what to measure: cpu, cuda (the GPU with most memory free) or cuda:0")
	fs.IntVar(&o.Prompt, "prompt", 0, "tokens of a prompt (default 512, or half the context)")
	fs.IntVar(&o.Decode, "decode", 0, "tokens to generate (default 64)")
	fs.BoolVar(&o.CPU, "cpu-time", false, "take processor time for the clock, for one thread on a busy machine")
	fs.IntVar(&o.Texts, "texts", 0, "texts to generate together (default 16, on a GPU 16 and 128)")
	fs.IntVar(&o.Prompts, "prompts", 0, "prompts that a GPU is given at once (default 256)")
	fs.IntVar(&o.Repeat, "repeat", 0, "runs of each, of which the best counts (default 3)")
	return cmd
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

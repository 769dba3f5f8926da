package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends/adaptive"
	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/figure"
)

type traceOptions struct {
	outputs []string
	title   string
	json    bool
}

func newTraceCommand(a *app) *cobra.Command {
	var o traceOptions
	cmd := &cobra.Command{
		Use:   "trace RUN",
		Short: "show how many requests a run had in flight, and why",
		Long: `trace reads what a run noted of its limits: each change of the number of requests that a server was sent at
once, with its reason. It prints a summary and, with -o, draws the level over time.`,
		Example: `  onset trace runs/x
  onset trace runs/x -o trace.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runTrace(a, args[0], o) },
	}
	fs := cmd.Flags()
	fs.StringSliceVarP(&o.outputs, "output", "o", nil, "figures to write, by extension: "+strings.Join(figure.Formats(), ", "))
	fs.StringVar(&o.title, "title", "", "title of the figure")
	fs.BoolVar(&o.json, "json", false, "write the events as JSON lines")
	return cmd
}

func runTrace(a *app, dir string, o traceOptions) error {
	for _, path := range o.outputs {
		if !slices.Contains(figure.Formats(), extension(path)) {
			return usage(withHint(fmt.Errorf("%s: no figure format has this extension", path), "the formats are %s", strings.Join(figure.Formats(), ", ")))
		}
	}
	events, err := readTraces(dir)
	if err != nil {
		return err
	}
	traces := reports.Traces(events)
	if o.json {
		enc := json.NewEncoder(a.stdout)
		for _, t := range traces {
			for _, e := range t.Events {
				if err := enc.Encode(e); err != nil {
					return err
				}
			}
		}
	} else {
		for _, t := range traces {
			fmt.Fprintln(a.stdout, strings.Join(t.Describe(), "\n"))
		}
	}
	if len(o.outputs) == 0 {
		return nil
	}
	drawing, err := figure.Draw(reports.TraceFigure(traces, o.title), figure.Options{Width: traceWidth})
	if err != nil {
		return fmt.Errorf("draw trace: %w", err)
	}
	return writeDrawing(drawing, o.outputs)
}

// traceWidth is the width of a trace's figure in points: time runs wide.
const traceWidth = 504

// readTraces reads the traces of all processes of a run.
func readTraces(dir string) ([]adaptive.Event, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "trace*.jsonl"))
	if err != nil {
		return nil, usage(fmt.Errorf("run directory %s: %w", dir, err))
	}
	var events []adaptive.Event
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		some, err := adaptive.ReadTrace(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		events = append(events, some...)
	}
	if len(events) == 0 {
		return nil, usage(withHint(fmt.Errorf("%s has no trace", dir),
			"runs against remote servers have one, unless --max-connections fixes the number of requests in flight"))
	}
	return events, nil
}

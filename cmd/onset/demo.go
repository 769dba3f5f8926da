package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/sourcegraph/conc/pool"
	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends/local/ladder"
	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/scaling"
)

type demoOptions struct {
	executeOptions
	output string
	limit  int
}

func newDemoCommand(a *app) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "run the embedded suite on the embedded ladders and draw the curves",
		Long: `demo measures two families of eight small transformers, which ship in the binary, on tasks for in-context
learning, instruction following and chain-of-thought reasoning. It leaves in its folder a run directory, curves.svg,
curves.png, curves.csv, table.md and table.tex, and prints the table and where each ability appears. A second start
finds the records and only draws.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), a, o) },
	}
	o.add(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "demo", "folder for the run and its reports")
	cmd.Flags().IntVarP(&o.limit, "limit", "L", 0, "take at most this many samples of each task; 0 takes all")
	return cmd
}

func runDemo(ctx context.Context, a *app, o demoOptions) error {
	flags := planFlags{suite: "demo", ladders: ladder.Ladders(), limit: o.limit}
	spec, err := flags.spec()
	if err != nil {
		return err
	}
	run := filepath.Join(o.output, "run")
	if err := execute(ctx, a, execution{dir: run, spec: spec, opts: o.executeOptions}); err != nil {
		return err
	}
	results, err := reports.Load(run)
	if err != nil {
		return err
	}
	set, err := results.Curves()
	if err != nil {
		return err
	}
	c := curves{version: version, set: set, analyses: scaling.AnalyzeAll(set.Curves, scaling.Options{})}
	c.comparisons = scaling.Compare(set.Curves, scaling.Options{}, results.Pairs.Paired)
	files := pool.New().WithErrors()
	files.Go(func() error { return writeDemo(o.output, results, &c) })
	printed := printDemo(a, results, &c)
	if err := errors.Join(printed, files.Wait()); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "onset: wrote curves.svg, curves.png, curves.csv, table.md and table.tex to %s\n", o.output)
	return nil
}

func printDemo(a *app, results reports.Results, c *curves) error {
	if err := writeTables(a.stdout, results.Wide(false), "txt", a.width); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "\nwhere abilities appear")
	return c.print(a.stdout, "")
}

func writeDemo(dir string, results reports.Results, c *curves) error {
	err := c.write(curveOptions{
		title:   "onset demo: two ladders of small transformers",
		outputs: []string{filepath.Join(dir, "curves.svg"), filepath.Join(dir, "curves.png")},
		csv:     filepath.Join(dir, "curves.csv"),
	})
	if err != nil {
		return err
	}
	for _, format := range []string{"md", "tex"} {
		err := writeFile(filepath.Join(dir, "table."+format), func(w io.Writer) error {
			return writeTables(w, results.Wide(true), format, 0)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

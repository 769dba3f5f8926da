package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"
	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/figure"
	"github.com/onset-eval/onset/reports/scaling"
)

type curveOptions struct {
	outputs []string
	csv     string
	json    string
	tasks   []string
	title   string
}

func newCurveCommand(a *app) *cobra.Command {
	var o curveOptions
	cmd := &cobra.Command{
		Use:   "curve RUN",
		Short: "say where abilities appear, and draw the curves",
		Long: `curve tests each model of a family against the baseline and prints a line for each curve: the bracket of
scale in which the ability appears, and the verdict. -o draws the curves as svg, pdf or png.`,
		Example: `  onset curve runs/x
  onset curve runs/x -o curves.svg -o curves.png --csv curves.csv --task map,sum6`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runCurve(a, o, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&o.outputs, "output", "o", nil, "figure to write, as svg, pdf or png by its extension (repeatable)")
	flags.StringVar(&o.csv, "csv", "", "write the points, tests and onsets as tidy CSV")
	flags.StringVar(&o.json, "json", "", "write the analyses as JSON; - is stdout")
	flags.StringSliceVarP(&o.tasks, "task", "t", nil, "only these tasks")
	flags.StringVar(&o.title, "title", "", "the figure's title")
	return cmd
}

func runCurve(a *app, o curveOptions, dir string) error {
	if err := checkFigureFormats(o.outputs); err != nil {
		return err
	}
	results, err := loadRun(dir)
	if err != nil {
		return err
	}
	if err := results.Only(o.tasks); err != nil {
		return usage(err)
	}
	analyses := scaling.AnalyzeAll(results.Curves(), scaling.Options{})
	if len(analyses) == 0 {
		return withHint(fmt.Errorf("%s has no curve: none of its models is in a family with known scales", dir),
			"run a ladder: onset run --ladder LADDER.yaml …")
	}
	if err := writeCurves(results, analyses, dir, o); err != nil {
		return err
	}
	if o.json == "-" {
		return writeAnalyses(a.stdout, analyses)
	}
	return printCurves(a.stdout, analyses)
}

func checkFigureFormats(paths []string) error {
	for _, path := range paths {
		if !slices.Contains(figure.Formats(), extension(path)) {
			return usage(withHint(fmt.Errorf("%s: no figure format has this extension", path), "the formats are %s", strings.Join(figure.Formats(), ", ")))
		}
	}
	return nil
}

// printCurves writes a line for each curve.
func printCurves(w io.Writer, analyses []scaling.Analysis) error {
	for _, an := range analyses {
		if _, err := fmt.Fprintln(w, reports.Describe(an)); err != nil {
			return err
		}
	}
	return nil
}

// writeCurves writes the files that were asked for.
func writeCurves(results reports.Results, analyses []scaling.Analysis, run string, o curveOptions) error {
	if len(o.outputs) > 0 {
		drawing, err := figure.Draw(reports.Figure(o.title, analyses), figure.Options{})
		if err != nil {
			return fmt.Errorf("draw curves: %w", err)
		}
		files := pool.New().WithErrors()
		for _, path := range o.outputs {
			files.Go(func() error {
				return writeFile(path, func(w io.Writer) error { return drawing.Write(w, extension(path)) })
			})
		}
		if err := files.Wait(); err != nil {
			return err
		}
	}
	var errs []error
	if o.csv != "" {
		errs = append(errs, writeFile(o.csv, func(w io.Writer) error { return reports.WriteTidy(w, results.Tidy(run, analyses)) }))
	}
	if o.json != "" && o.json != "-" {
		errs = append(errs, writeFile(o.json, func(w io.Writer) error { return writeAnalyses(w, analyses) }))
	}
	return errors.Join(errs...)
}

// writeAnalyses writes {"curves": […]}.
func writeAnalyses(w io.Writer, analyses []scaling.Analysis) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Curves []scaling.Analysis `json:"curves"`
	}{analyses})
}

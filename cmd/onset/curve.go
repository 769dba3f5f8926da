package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"
	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/figure"
	"github.com/onset-eval/onset/reports/points"
	"github.com/onset-eval/onset/reports/scaling"
)

type curveOptions struct {
	input   curveInput
	outputs []string
	csv     string
	json    string
	title   string
	view    string
	facets  []string
	plain   bool
	sort    string
	procedure
}

// The views of curves.
const (
	viewCurves  = "curves"
	viewGain    = "gain"
	viewCot     = "cot"
	viewHeatmap = "heatmap"
)

var views = []string{viewCurves, viewGain, viewCot, viewHeatmap}

func newCurveCommand(a *app) *cobra.Command {
	var o curveOptions
	cmd := &cobra.Command{
		Use:   "curve RUN|TABLE.csv …",
		Short: "say where abilities appear, and draw the curves",
		Long: `curve tests each model of a family against the baseline and prints a line for each curve: the verdict, how
often redrawn data repeat it, and the bracket of scale in which the ability appears. It reads run directories and CSV
tables with the columns task, family, model, params (or train_flops, train_tokens, loss), score, n, k_correct and, where
known, shots, prompt, metric, chance, stderr, continuous. -o draws the curves as svg, pdf, png or tex (pgfplots).`,
		Example: `  onset curve runs/x
  onset curve runs/x runs/y -o curves.svg -o curves.png --csv curves.csv --task map,sum6
  onset curve published.csv --x train_flops --family Pythia --json curves.json
  onset curve runs/x --view heatmap -o shots.svg`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runCurve(a, o, args) },
	}
	flags := cmd.Flags()
	o.input.addFlags(flags)
	flags.StringSliceVarP(&o.outputs, "output", "o", nil, "figure to write, as svg, pdf, png or tex by its extension (repeatable)")
	flags.StringVar(&o.csv, "csv", "", "write the points, tests and onsets as tidy CSV, which curve reads again")
	flags.StringVar(&o.json, "json", "", "write the analyses as JSON to this file; without one, to stdout")
	flags.Lookup("json").NoOptDefVal = "-"
	flags.StringVar(&o.title, "title", "", "the figure's title")
	flags.StringVar(&o.view, "view", viewCurves, "what to draw: curves, gain (shots over none), cot (chain of thought over direct) or heatmap (score by shots and scale)")
	flags.StringSliceVar(&o.facets, "facet", nil, "what panels are split by, of "+strings.Join(reports.Facets[:], ", ")+" (default task,shots)")
	flags.BoolVar(&o.plain, "plain", false, "draw no fitted curves, insets and lower panels")
	flags.StringVar(&o.sort, "sort", "", "order of the printed lines: name, or onset (default onset over training tokens)")
	o.addFlags(flags)
	return cmd
}

func runCurve(a *app, o curveOptions, args []string) error {
	args, o.json = jsonPath(args, o.json)
	if err := o.check(); err != nil {
		return err
	}
	in, err := o.input.load(args)
	if err != nil {
		return err
	}
	for _, w := range in.set.Warnings {
		fmt.Fprintf(a.stderr, "warning: %s\n", w)
	}
	if len(in.set.Curves) == 0 {
		return withHint(fmt.Errorf("%s has no curve: none of its models is in a family with known scales", strings.Join(args, ", ")),
			"run a ladder: onset run --ladder LADDER.yaml …")
	}
	opts := o.options(a.stderr, len(in.set.Curves))
	c := curves{version: version, set: in.set, analyses: scaling.AnalyzeAll(in.set.Curves, opts)}
	c.comparisons = scaling.Compare(in.set.Curves, opts, in.pairs.Paired)
	if err := c.write(o); err != nil {
		return err
	}
	if o.json == "-" {
		return c.writeJSON(a.stdout)
	}
	return c.print(a.stdout, o.sort)
}

// jsonPath lets the file of --json stand after it as its own argument, since --json alone means stdout.
func jsonPath(args []string, path string) (inputs []string, out string) {
	if path != "-" {
		return args, path
	}
	i := slices.IndexFunc(args, func(arg string) bool { return arg == "-" || extension(arg) == "json" })
	if i < 0 {
		return args, path
	}
	return slices.Delete(slices.Clone(args), i, i+1), args[i]
}

func (o *curveOptions) check() error {
	if err := checkFigureFormats(o.outputs); err != nil {
		return err
	}
	if !slices.Contains(views, o.view) {
		return usage(withHint(fmt.Errorf("--view %s: there is no such view", o.view), "the views are %s", strings.Join(views, ", ")))
	}
	for _, f := range o.facets {
		if !slices.Contains(reports.Facets[:], f) {
			return usage(withHint(fmt.Errorf("--facet %s: panels cannot be split by it", f), "the facets are %s", strings.Join(reports.Facets[:], ", ")))
		}
	}
	if !slices.Contains([]string{"", "name", "onset"}, o.sort) {
		return usage(withHint(fmt.Errorf("--sort %s: there is no such order", o.sort), "the orders are name and onset"))
	}
	return nil
}

func checkFigureFormats(paths []string) error {
	for _, path := range paths {
		if !slices.Contains(figure.Formats(), extension(path)) {
			return usage(withHint(fmt.Errorf("%s: no figure format has this extension", path), "the formats are %s", strings.Join(figure.Formats(), ", ")))
		}
	}
	return nil
}

// curves are the curves of a command with what they say.
type curves struct {
	version     string
	set         points.Set
	analyses    []scaling.Analysis
	comparisons []scaling.Comparison
}

// print writes a line for each curve, and for each pair of settings where one helps.
func (c *curves) print(w io.Writer, order string) error {
	var lines []string
	metrics := make(map[string]map[string]bool)
	for i := range c.analyses {
		a := &c.analyses[i]
		if metrics[a.Task] == nil {
			metrics[a.Task] = make(map[string]bool)
		}
		metrics[a.Task][a.Metric] = true
	}
	for _, i := range c.order(order) {
		lines = append(lines, reports.Describe(c.analyses[i], len(metrics[c.analyses[i].Task]) > 1))
	}
	lines = append(lines, reports.DescribeComparisons(c.comparisons)...)
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// order gives the curves by name, or abilities by when they appear.
func (c *curves) order(by string) []int {
	index := make([]int, len(c.analyses))
	tokens := true
	for i := range index {
		index[i] = i
		tokens = tokens && c.analyses[i].Axis == scaling.AxisTokens
	}
	if by == "onset" || by == "" && tokens {
		slices.SortStableFunc(index, func(i, k int) int { return reports.CompareOnsets(c.analyses[i], c.analyses[k]) })
	}
	return index
}

// write writes the files that were asked for.
func (c *curves) write(o curveOptions) error {
	if len(o.outputs) > 0 {
		if err := c.draw(o); err != nil {
			return err
		}
	}
	var errs []error
	if o.csv != "" {
		errs = append(errs, writeFile(o.csv, func(w io.Writer) error { return reports.WriteTidy(w, reports.Tidy(c.set, c.analyses)) }))
	}
	if o.json != "" && o.json != "-" {
		errs = append(errs, writeFile(o.json, c.writeJSON))
	}
	return errors.Join(errs...)
}

// draw draws the view that was asked for.
func (c *curves) draw(o curveOptions) error {
	fo := reports.FigureOptions{Title: o.title, Facets: o.facets, Plain: o.plain, References: c.set.References, Comparisons: c.comparisons}
	analyses := c.analyses
	switch o.view {
	case viewHeatmap:
		return c.drawHeatmaps(o)
	case viewGain:
		analyses = reports.Comparisons(c.comparisons, scaling.ShotsOverZero)
		fo.References, fo.Comparisons = nil, nil
		if len(fo.Facets) == 0 {
			fo.Facets = []string{"task", "prompt"}
		}
	case viewCot:
		analyses = reports.Comparisons(c.comparisons, scaling.CotOverDirect)
		fo.References, fo.Comparisons = nil, nil
	}
	if len(analyses) == 0 {
		return withHint(fmt.Errorf("there is nothing to draw as --view %s", o.view),
			"gain needs the same models with 0 and with more shots, cot the prompts direct and cot at one shot count")
	}
	f := reports.Figure(analyses, fo)
	f.Description = c.description(analyses)
	drawing, err := figure.Draw(f, figure.Options{})
	if err != nil {
		return fmt.Errorf("draw curves: %w", err)
	}
	return writeDrawing(drawing, o.outputs)
}

// description says in the figure's file what it shows: what drew it, and every verdict.
func (c *curves) description(analyses []scaling.Analysis) string {
	lines := []string{"drawn by onset " + c.version}
	for _, a := range analyses {
		lines = append(lines, reports.Describe(a, true))
	}
	return strings.Join(lines, "\n")
}

func writeDrawing(drawing *figure.Drawing, paths []string) error {
	files := pool.New().WithErrors()
	for _, path := range paths {
		files.Go(func() error {
			return writeFile(path, func(w io.Writer) error { return drawing.Write(w, extension(path)) })
		})
	}
	return files.Wait()
}

// drawHeatmaps writes a file for each map; where there are several, their names tell them apart.
func (c *curves) drawHeatmaps(o curveOptions) error {
	maps, names := reports.Heatmaps(c.analyses)
	if len(maps) == 0 {
		return withHint(errors.New("there is nothing to draw as --view heatmap"), "a heat map needs one task at several shot counts")
	}
	for i, m := range maps {
		if o.title != "" && len(maps) == 1 {
			m.Title = o.title
		}
		drawing, err := figure.DrawHeatmap(m, figure.Options{})
		if err != nil {
			return fmt.Errorf("draw heat map: %w", err)
		}
		paths := slices.Clone(o.outputs)
		for k, path := range paths {
			if len(maps) > 1 {
				ext := filepath.Ext(path)
				paths[k] = strings.TrimSuffix(path, ext) + "-" + fileName(names[i]) + ext
			}
		}
		if err := writeDrawing(drawing, paths); err != nil {
			return err
		}
	}
	return nil
}

// fileName keeps what is safe in a file's name.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>| `, r) {
			return '_'
		}
		return r
	}, s)
}

// writeJSON writes {"curves": […], "comparisons": […]}.
func (c *curves) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Curves      []scaling.Analysis   `json:"curves"`
		Comparisons []scaling.Comparison `json:"comparisons,omitempty"`
		Warnings    []string             `json:"warnings,omitempty"`
	}{c.analyses, c.comparisons, c.set.Warnings})
}

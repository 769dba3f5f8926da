package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/reports"
)

type tableOptions struct {
	format string
	output string
	long   bool
}

func newTableCommand(a *app) *cobra.Command {
	var o tableOptions
	cmd := &cobra.Command{
		Use:   "table RUN",
		Short: "print a run's results as a table",
		Long: `table estimates every metric from the records of a run and prints a row for each task, style and shot
count, with the models as columns; --long prints a row for each estimate, with its interval and outcomes.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runTable(a, o, args[0]) },
	}
	cmd.Flags().StringVar(&o.format, "format", "", "txt, md, tex, csv, json or html (default txt, or the extension of --output)")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "write to this file")
	cmd.Flags().BoolVar(&o.long, "long", false, "print a row for each estimate")
	return cmd
}

func runTable(a *app, o tableOptions, dir string) error {
	if o.format == "" {
		o.format = "txt"
		if o.output != "" {
			o.format = extension(o.output)
		}
	}
	if !slices.Contains(tableFormats, o.format) {
		return usage(withHint(fmt.Errorf("no table format is named %q", o.format), "the formats are %s", strings.Join(tableFormats, ", ")))
	}
	results, err := loadRun(dir)
	if err != nil {
		return err
	}
	tables := chooseTables(results, o.long, o.format != "txt")
	if o.output == "" {
		return writeTables(a.stdout, tables, o.format, a.width)
	}
	return writeFile(o.output, func(w io.Writer) error { return writeTables(w, tables, o.format, 0) })
}

// loadRun reads a run directory that the user named.
func loadRun(dir string) (reports.Results, error) {
	results, err := reports.Load(dir)
	if isMissing(err) {
		return results, usage(err)
	}
	if err == nil && len(results.Estimates) == 0 {
		return results, withHint(fmt.Errorf("%s holds no record yet", dir), "run it: onset resume %s", dir)
	}
	return results, err
}

func isMissing(err error) bool { return err != nil && errors.Is(err, fs.ErrNotExist) }

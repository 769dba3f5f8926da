package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/reports"
)

func newCostCommand(a *app) *cobra.Command {
	var format, output string
	cmd := &cobra.Command{
		Use:   "cost RUN",
		Short: "say what a run took: requests, tokens and money, a cell each",
		Long: `cost sums requests, tokens and money over the records of a run, a row for each model, task, style, shot count and
seed. What the response cache gave is counted apart: it cost nothing again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if output != "" && format == "" {
				format = extension(output)
			}
			if format != "" && !slices.Contains(tableFormats, format) {
				return usage(withHint(fmt.Errorf("no table format is named %q", format), "the formats are %s", strings.Join(tableFormats, ", ")))
			}
			if format == "" {
				format = "txt"
			}
			if _, err := runlog.ReadHeader(args[0]); err != nil {
				return usage(err)
			}
			cells, whole, err := reports.Costs(args[0])
			if err != nil {
				return err
			}
			if len(cells) == 0 {
				return withHint(fmt.Errorf("%s holds no record yet", args[0]), "run it: onset resume %s", args[0])
			}
			tables := []reports.Table{reports.CostTable(cells, whole)}
			if output == "" {
				return writeTables(a.stdout, tables, format, a.width)
			}
			return writeFile(output, func(w io.Writer) error { return writeTables(w, tables, format, 0) })
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "txt, md, tex, csv, json or html (default txt, or the extension of --output)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this file")
	return cmd
}

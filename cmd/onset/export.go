package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/interop"
	"github.com/onset-eval/onset/tasks"
)

type exportOptions struct {
	output string
	iters  int
}

func newExportCommand(a *app) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export lm-eval RUN",
		Short: "write a run's results as another harness writes them",
		Long: `export computes a run's results from its records by the rules of lm-evaluation-harness, and writes them as it does:
a results_TIME.json and a samples_TASK_TIME.jsonl for each task, in a folder for each model. No model is asked.`,
		Example:   `  onset export lm-eval runs/x -o exported`,
		Args:      cobra.MatchAll(cobra.ExactArgs(2)),
		ValidArgs: []string{"lm-eval"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "lm-eval" {
				return usage(withHint(fmt.Errorf("there is no export to %q", args[0]), "onset export lm-eval RUN -o DIR"))
			}
			return runExport(cmd.Context(), a, o, args[1])
		},
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "lm-eval", "folder to write to")
	cmd.Flags().IntVar(&o.iters, "bootstrap-iters", 0, "replicates behind standard errors that have no formula (default 100000)")
	return cmd
}

func runExport(ctx context.Context, a *app, o exportOptions, dir string) error {
	header, err := runlog.ReadHeader(dir)
	if err != nil {
		return usage(err)
	}
	spec, err := decodeRunSpec(header.Plan)
	if err != nil {
		return err
	}
	j, err := spec.judged()
	if err != nil {
		return err
	}
	results, err := j.results(ctx, dir, header, o.iters)
	if err != nil {
		return err
	}
	plan := j.plan
	w := interop.WriteOptions{At: header.Created, Version: version, System: plan.Ask.System, ChatTemplate: plan.Ask.ChatTemplate, Multiturn: plan.Ask.Multiturn}
	for _, c := range plan.Cells {
		w.Limit = max(w.Limit, c.Limit)
	}
	for i := range results {
		paths, err := results[i].Write(o.output, w)
		if err != nil {
			return err
		}
		for _, path := range paths {
			fmt.Fprintln(a.stdout, path)
		}
		for _, t := range results[i].Tasks {
			if t.Failed > 0 {
				fmt.Fprintf(a.stderr, "warning: %s, %s: %d samples have no response and are in no result\n", results[i].Model.Name, t.Task.Name(), t.Failed)
			}
		}
	}
	return nil
}

// judged is a run's plan with the groups of tasks that its suite names.
type judged struct {
	plan   runner.Plan
	groups []*tasks.Group
}

// judged plans the run again, and finds its groups.
func (s runSpec) judged() (judged, error) {
	index, err := taskIndex(s.Include, s.source())
	if err != nil {
		return judged{}, err
	}
	var j judged
	if j.plan, err = s.planOf(index); err != nil {
		return j, err
	}
	for _, e := range s.Suite.Entries {
		if slices.Contains(index.Groups(), e.Task) {
			g, err := index.Group(e.Task)
			if err != nil {
				return j, usage(err)
			}
			j.groups = append(j.groups, g)
		}
	}
	return j, nil
}

// results computes the run's results by lm-evaluation-harness's rules. The tasks must be what they were.
func (j judged) results(ctx context.Context, dir string, header runlog.Header, iters int) ([]interop.LMEval, error) {
	var infos []backends.Info
	for _, m := range header.Models {
		infos = append(infos, m.Info)
	}
	now, err := runner.Header(j.plan, infos, version)
	if err != nil {
		return nil, err
	}
	if diff := header.Diff(now); len(diff) > 0 {
		return nil, withHint(fmt.Errorf("%s was made of other tasks:\n  %s", dir, strings.Join(diff, "\n  ")), "undo the change of the tasks, or run them again")
	}
	return interop.FromRun(ctx, dir, j.plan, header, interop.LMEvalOptions{BootstrapIters: iters, Groups: j.groups})
}

// printHarness prints the table that users of lm-evaluation-harness know, where a run has tasks that only its rules judge
// or groups of tasks.
func printHarness(ctx context.Context, a *app, dir string, spec runSpec) error {
	j, err := spec.judged()
	if err != nil {
		return err
	}
	foreign := func(c tasks.Cell) bool { return c.Task.Foreign() }
	if len(j.groups) == 0 && !j.plan.Ask.Compat && !runner.Harnessed(j.plan) && !slices.ContainsFunc(j.plan.Cells, foreign) {
		return nil
	}
	header, err := runlog.ReadHeader(dir)
	if err != nil {
		return err
	}
	results, err := j.results(ctx, dir, header, 0)
	if err != nil {
		fmt.Fprintf(a.stderr, "note: no results by lm-evaluation-harness's rules: %v\n", err)
		return nil // the run itself is whole
	}
	for i := range results {
		fmt.Fprintln(a.stdout)
		if err := harnessTable(&results[i]).WriteText(a.stdout, a.width); err != nil {
			return err
		}
	}
	return nil
}

// harnessTable lays a model's results out as the harness prints them.
func harnessTable(l *interop.LMEval) reports.Table {
	t := reports.Table{Title: l.Model.Name + ", as lm-evaluation-harness computes it", Columns: []reports.Column{
		{Name: "Tasks"}, {Name: "Version"}, {Name: "Filter"}, {Name: "n-shot", Numeric: true}, {Name: "Metric"}, {Name: "Value", Numeric: true, Digits: 4}, {Name: "±"}, {Name: "Stderr", Numeric: true, Digits: 4},
	}}
	add := func(name, version string, shots reports.Cell, metric, filter string, value float64, stderr *float64) {
		row := []reports.Cell{reports.TextCell(name), reports.TextCell(version), reports.TextCell(filter), shots, reports.TextCell(metric),
			reports.NumberCell(value), reports.TextCell("±"), {Missing: true}}
		if stderr != nil {
			row[7] = reports.NumberCell(*stderr)
		}
		t.Rows = append(t.Rows, row)
	}
	for _, task := range l.Tasks {
		for _, m := range task.Metrics {
			add(task.Task.Name(), task.Task.Version(), reports.NumberCell(float64(task.Variant.Shots)), m.Metric, m.Filter, m.Value, m.Stderr)
		}
	}
	for _, g := range l.Groups {
		for _, m := range g.Metrics {
			add(g.Group.Name, g.Group.Version, reports.Cell{Missing: true}, m.Metric, m.Filter, m.Value, m.Stderr)
		}
	}
	return t
}

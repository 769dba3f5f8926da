package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sourcegraph/conc/iter"

	"github.com/onset-eval/onset/evaluators/harness"
	"github.com/onset-eval/onset/evaluators/rehearse"
	"github.com/onset-eval/onset/evaluators/scorelibs"
	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pycode"
)

// checked is what validate says of one task of a folder.
type checked struct {
	Task string `json:"task"`
	// Loads: its keys are read, and what asks is known. Binds: so is what judges. Builds: requests can be built of
	// made-up rows. Scores: made-up responses can be scored. Each needs those before it.
	Loads  bool `json:"loads"`
	Binds  bool `json:"binds"`
	Builds bool `json:"builds"`
	Scores bool `json:"scores"`
	// Why says what keeps it from the next stage, and Reason the same without its place.
	Why    string `json:"why,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Upstream says that lm_eval fails in the same place.
	Upstream bool `json:"upstream,omitempty"`
}

// treeOptions say how a folder of tasks is checked.
type treeOptions struct {
	json    bool
	keys    bool // read keys and functions alone
	sandbox string
}

// validateTree tries every task of a folder on made-up rows.
func validateTree(ctx context.Context, a *app, dir string, o treeOptions) error {
	source, err := tasks.PathSource(dir)
	if err != nil {
		return usage(err)
	}
	box, err := openSandbox(o.sandbox)
	if err != nil {
		return err
	}
	index, err := tasks.OpenIndex(tasks.IndexOptions{Libraries: scorelibs.Libraries(box), Sandboxed: box != nil}, source)
	if err != nil {
		return usage(err)
	}
	names, tried := index.Names(), rehearse.New(index)
	tried.KeysOnly = o.keys
	all := iter.Map(names, func(name *string) checked {
		r := tried.Task(ctx, *name)
		c := checked{Task: *name, Loads: r.Stage >= rehearse.Loads, Binds: r.Stage >= rehearse.Binds, Builds: r.Stage >= rehearse.Builds,
			Scores: r.Stage >= rehearse.Scores}
		if r.Err != nil {
			c.Why, c.Reason = r.Err.Error(), reasonOf(r.Err)
			c.Upstream = errors.As(r.Err, new(*hooks.UpstreamError))
		}
		return c
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, name := range index.PythonTasks() {
		all = append(all, checked{Task: name, Why: "the task is a Python class", Reason: "the task is a Python class"})
	}
	for _, err := range index.Broken() {
		all = append(all, checked{Why: err.Error(), Reason: "the file cannot be read"})
	}
	if o.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	}
	return printChecked(a, dir, all, o.keys)
}

// reasonOf says what is wrong in words that tasks share.
func reasonOf(err error) string {
	var missing *hooks.MissingError
	var unsupported *pycode.UnsupportedError
	var upstream *hooks.UpstreamError
	switch {
	case errors.As(err, &upstream):
		return upstream.Error()
	case errors.As(err, &unsupported):
		return unsupported.Error()
	case errors.As(err, &missing) && missing.Changed:
		return fmt.Sprintf("%s of %s changed upstream", missing.Name, missing.File)
	case errors.As(err, &missing):
		return fmt.Sprintf("no equivalent of %s of %s", missing.Name, missing.File)
	case errors.As(err, new(*harness.UnsafeError)):
		return "it runs code that the model writes, which needs --sandbox"
	}
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 && len(text)-i > 12 {
		return text[i+2:]
	}
	return text
}

// stage names what a task does not do first.
func (c checked) stage() string {
	switch {
	case !c.Loads:
		return "load"
	case !c.Binds:
		return "bind"
	case !c.Builds:
		return "build"
	case !c.Scores:
		return "score"
	}
	return ""
}

// printChecked counts the tasks of each stage and the reasons of those that stop before it, the most frequent first.
func printChecked(a *app, dir string, all []checked, keys bool) error {
	type stop struct{ stage, reason string }
	count := make(map[stop]int)
	example := make(map[stop]string)
	stopped := make(map[string]int)
	var stops []stop
	broken := 0
	for _, c := range all {
		if c.Upstream {
			broken++
		}
		s := stop{c.stage(), c.Reason}
		if s.stage == "" || keys && s.stage == "build" {
			continue
		}
		if count[s] == 0 {
			stops = append(stops, s)
			example[s] = c.Task
		}
		count[s]++
		stopped[s.stage]++
	}
	slices.SortStableFunc(stops, func(x, y stop) int { return count[y] - count[x] })
	fmt.Fprintf(a.stdout, "%s: %d tasks\n", dir, len(all))
	left := len(all)
	for _, line := range []struct{ stage, what string }{{"load", "load"}, {"bind", "and what judges them is known"},
		{"build", "and build requests of made-up rows"}, {"score", "and score made-up responses"}} {
		if keys && line.stage == "build" {
			break
		}
		left -= stopped[line.stage]
		fmt.Fprintf(a.stdout, "%7d  %5.1f %%  %s\n", left, 100*float64(left)/float64(max(1, len(all))), line.what)
	}
	if broken > 0 {
		fmt.Fprintf(a.stdout, "%7d  %5.1f %%  of all fail in lm_eval too\n", broken, 100*float64(broken)/float64(len(all)))
	}
	if len(stops) == 0 {
		return nil
	}
	table := newList("tasks", "do not", "why", "for example")
	for _, s := range stops {
		table.Rows = append(table.Rows, []reports.Cell{reports.TextCell(strconv.Itoa(count[s])), reports.TextCell(s.stage), reports.TextCell(s.reason),
			reports.TextCell(example[s])})
	}
	return table.WriteText(a.stdout, a.width)
}

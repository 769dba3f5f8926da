package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sourcegraph/conc/iter"

	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/hooks"
)

// checked is what validate says of one task of a folder.
type checked struct {
	Task  string `json:"task"`
	Loads bool   `json:"loads"`
	// Why says what keeps it from loading, and Reason the same without its place.
	Why    string `json:"why,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// validateTree checks every task of a folder, without its data.
func validateTree(a *app, dir string, asJSON bool) error {
	source, err := tasks.PathSource(dir)
	if err != nil {
		return usage(err)
	}
	index, err := tasks.OpenIndex(tasks.IndexOptions{}, source)
	if err != nil {
		return usage(err)
	}
	names := index.Names()
	all := iter.Map(names, func(name *string) checked {
		c := checked{Task: *name, Loads: true}
		if err := checkTask(index, *name); err != nil {
			c.Loads, c.Why, c.Reason = false, err.Error(), reasonOf(err)
		}
		return c
	})
	for _, name := range index.PythonTasks() {
		all = append(all, checked{Task: name, Why: "the task is a Python class", Reason: "the task is a Python class"})
	}
	for _, err := range index.Broken() {
		all = append(all, checked{Why: err.Error(), Reason: "the file cannot be read"})
	}
	if asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	}
	return printChecked(a, dir, all)
}

// checkTask reads a task's keys and finds what judges it.
func checkTask(index *tasks.Index, name string) error {
	task, err := index.Outline(name)
	if err != nil {
		return err
	}
	for _, style := range task.Styles() {
		if err := runner.Judged(task, style); err != nil {
			return err
		}
	}
	return nil
}

// reasonOf says what is wrong in words that tasks share.
func reasonOf(err error) string {
	var missing *hooks.MissingError
	if errors.As(err, &missing) {
		return fmt.Sprintf("no native equivalent of %s of %s", missing.Name, missing.File)
	}
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 && len(text)-i > 12 {
		return text[i+2:]
	}
	return text
}

// printChecked counts the tasks that load and the reasons of the others, the most frequent first.
func printChecked(a *app, dir string, all []checked) error {
	loads := 0
	count := make(map[string]int)
	example := make(map[string]string)
	var reasons []string
	for _, c := range all {
		if c.Loads {
			loads++
			continue
		}
		if count[c.Reason] == 0 {
			reasons = append(reasons, c.Reason)
			example[c.Reason] = c.Task
		}
		count[c.Reason]++
	}
	slices.SortStableFunc(reasons, func(x, y string) int { return count[y] - count[x] })
	fmt.Fprintf(a.stdout, "%s: %d of %d tasks load (%.1f %%)\n", dir, loads, len(all), 100*float64(loads)/float64(max(1, len(all))))
	if len(reasons) == 0 {
		return nil
	}
	table := newList("tasks", "why the others do not", "for example")
	for _, r := range reasons {
		table.Rows = append(table.Rows, []reports.Cell{reports.TextCell(strconv.Itoa(count[r])), reports.TextCell(r), reports.TextCell(example[r])})
	}
	return table.WriteText(a.stdout, a.width)
}

package main

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends/local/ladder"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/tasks"
)

type listOptions struct {
	include []string
	search  string
	json    bool
}

func newListCommand(a *app) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:       "list tasks|models|backends|scorers|suites|devices",
		Short:     "list what there is to run, and what to run it with",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"tasks", "models", "backends", "scorers", "suites", "devices"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "devices" {
				return listDevices(cmd.Context(), a, o.json)
			}
			table, err := o.table(args[0])
			if err != nil {
				return err
			}
			if o.json {
				return writeListJSON(a, table)
			}
			return table.WriteText(a.stdout, a.width)
		},
	}
	cmd.Flags().StringArrayVar(&o.include, "include-path", nil, "a further folder or file of tasks")
	cmd.Flags().StringVar(&o.search, "search", "", "only tasks, groups and tags whose name holds this")
	cmd.Flags().BoolVar(&o.json, "json", false, "write JSON")
	return cmd
}

func (o listOptions) table(what string) (reports.Table, error) {
	switch what {
	case "tasks":
		return o.tasks()
	case "models":
		return listModels()
	case "backends":
		return listBackends(), nil
	case "scorers":
		return listScorers(), nil
	default:
		return listSuites()
	}
}

func (o listOptions) tasks() (reports.Table, error) {
	index, err := taskIndex(o.include, taskSource{})
	if err != nil {
		return reports.Table{}, err
	}
	if len(o.include) > 0 {
		return o.tree(index), nil
	}
	table := newList("task", "ability", "styles", "shots", "chance", "kind")
	for _, name := range index.Names() {
		if !strings.Contains(name, o.search) {
			continue
		}
		task, err := index.Task(name)
		if err != nil {
			return reports.Table{}, err
		}
		styles := task.Styles()
		chance := "?"
		if c, ok := task.Chance(); ok {
			chance = strconv.FormatFloat(c, 'g', 3, 64)
		}
		addRow(&table, name, task.Ability(), joinStyles(styles), task.Shots(styles[0]).String(), chance, string(task.Kind(styles[0])))
	}
	return table, nil
}

// tree lists what a folder of task files holds, without reading data: tasks, groups and tags.
func (o listOptions) tree(index *tasks.Index) reports.Table {
	table := newList("name", "what", "tasks")
	add := func(names []string, what string, count func(string) string) {
		for _, name := range names {
			if strings.Contains(name, o.search) {
				addRow(&table, name, what, count(name))
			}
		}
	}
	add(index.Groups(), "group", func(name string) string {
		g, err := index.Group(name)
		if err != nil {
			return "?"
		}
		return strconv.Itoa(len(g.Tasks()))
	})
	add(index.Tags(), "tag", func(name string) string { return strconv.Itoa(len(index.Tagged(name))) })
	add(index.Names(), "task", func(string) string { return "" })
	add(index.PythonTasks(), "Python class", func(string) string { return "" })
	return table
}

func listModels() (reports.Table, error) {
	table := newList("model", "family", "params", "reference")
	for _, name := range ladder.Ladders() {
		l, err := ladder.Load(name)
		if err != nil {
			return reports.Table{}, err
		}
		for _, m := range l.Models {
			addRow(&table, m.Name, m.Family, strconv.FormatFloat(m.Scale.Params, 'f', -1, 64), m.Ref.String())
		}
	}
	return table, nil
}

func listBackends() reports.Table {
	table := newList("provider", "what it opens", "example")
	for _, p := range providers() {
		addRow(&table, p.name, p.doc, p.example)
	}
	return table
}

func listScorers() reports.Table {
	table := newList("scorer", "version", "what it judges")
	for _, s := range evaluators.Scorers() {
		addRow(&table, s.Name, strconv.Itoa(s.Version), s.Doc)
	}
	return table
}

func listSuites() (reports.Table, error) {
	table := newList("suite", "tasks")
	for _, name := range suiteNames() {
		suite, err := openSuite(name)
		if err != nil {
			return table, err
		}
		var names []string
		for _, e := range suite.Entries {
			names = append(names, e.Task)
		}
		addRow(&table, name, strings.Join(names, ", "))
	}
	return table, nil
}

func newList(columns ...string) reports.Table {
	var t reports.Table
	for _, c := range columns {
		t.Columns = append(t.Columns, reports.Column{Name: c})
	}
	return t
}

func addRow(t *reports.Table, cells ...string) {
	row := make([]reports.Cell, len(cells))
	for i, c := range cells {
		row[i] = reports.TextCell(c)
	}
	t.Rows = append(t.Rows, row)
}

func joinStyles(styles []tasks.Style) string {
	parts := make([]string, len(styles))
	for i, s := range styles {
		parts[i] = string(s)
	}
	return strings.Join(parts, ", ")
}

// writeListJSON writes a list as an array of objects, one a row.
func writeListJSON(a *app, t reports.Table) error {
	rows := make([]map[string]string, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = make(map[string]string, len(row))
		for j, c := range row {
			rows[i][t.Columns[j].Name] = c.Text
		}
	}
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}

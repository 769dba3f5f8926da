package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/tasks"
)

func newValidateCommand(a *app) *cobra.Command {
	var include []string
	var o treeOptions
	cmd := &cobra.Command{
		Use:   "validate FILE|FOLDER...",
		Short: "check suite, ladder and task files without running them",
		Long: `validate checks suite, ladder and task files. Of a folder of task files it says how many tasks load, build requests
of made-up rows and score made-up responses, and why each other does not; --json lists them by name.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			bad := 0
			for _, file := range files {
				if stat, err := os.Stat(file); err == nil && stat.IsDir() {
					if err := validateTree(cmd.Context(), a, file, o); err != nil {
						return err
					}
					continue
				}
				what, err := validateFile(file, include)
				if err != nil {
					a.printError(err)
					bad++
					continue
				}
				fmt.Fprintf(a.stdout, "%s: %s\n", file, what)
			}
			if bad > 0 {
				return usage(fmt.Errorf("%d of %d files are not valid", bad, len(files)))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "list a folder's tasks as JSON")
	cmd.Flags().BoolVar(&o.keys, "keys", false, "read a folder's keys and functions alone, which is quick, and make up no rows")
	cmd.Flags().StringVar(&o.sandbox, "sandbox", "", sandboxUse)
	cmd.Flags().StringArrayVar(&include, "include-path", nil, "a further folder or file of tasks that the suites name")
	return cmd
}

// validateFile checks one file by what it says it is, and describes it.
func validateFile(file string, include []string) (string, error) {
	kind, err := fileKind(file)
	if err != nil {
		return "", err
	}
	switch kind {
	case "suite":
		return validateSuite(file, include)
	case "family":
		l, err := backends.LoadLadder(file)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("ladder of family %s: %d models over %s", l.Family, len(l.Models), l.Axis), nil
	default:
		return validateTask(file)
	}
}

// fileKind gives the key that says what a file is: "suite", "family" or "task".
func fileKind(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		// The loaders say where it is malformed; as what it is read does not matter to that.
		return "suite", nil //nolint:nilerr // the loader reports the same error with its place
	}
	keys := doc.Content[0].Content
	for i := 0; i < len(keys); i += 2 {
		switch keys[i].Value {
		case "suite", "family", "task":
			return keys[i].Value, nil
		case "models":
			return "family", nil
		case "tasks":
			return "suite", nil
		}
	}
	return "", withHint(fmt.Errorf("%s is no suite, ladder or task file", file),
		"a suite has the key suite, a ladder the key family, a task the key task")
}

func validateSuite(file string, include []string) (string, error) {
	suite, err := tasks.LoadSuite(file)
	if err != nil {
		return "", err
	}
	index, err := taskIndex(include, taskSource{})
	if err != nil {
		return "", err
	}
	cells, err := suite.Cells(index)
	if err != nil {
		return "", err
	}
	var problems []error
	for _, c := range cells {
		problems = append(problems, resolveScorers(c.Task, c.Variant.Style))
	}
	if err := errors.Join(problems...); err != nil {
		return "", err
	}
	return fmt.Sprintf("suite %s: %d tasks, %d cells", suite.Name, len(suite.Entries), len(cells)), nil
}

func validateTask(file string) (string, error) {
	src, err := tasks.PathSource(file)
	if err != nil {
		return "", err
	}
	index, err := tasks.NewIndex(src)
	if err != nil {
		return "", err
	}
	var described string
	for _, name := range index.Names() {
		task, err := index.Task(name)
		if err != nil {
			return "", err
		}
		for _, style := range task.Styles() {
			if err := resolveScorers(task, style); err != nil {
				return "", err
			}
		}
		described = fmt.Sprintf("task %s: styles %s", name, joinStyles(task.Styles()))
	}
	return described, nil
}

func resolveScorers(task *tasks.Task, style tasks.Style) error {
	return runner.Judged(task, style)
}

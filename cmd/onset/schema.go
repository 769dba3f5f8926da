package main

import (
	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

func newSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:       "schema suite|ladder",
		Short:     "print the JSON Schema of suite or ladder files, for editors",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"suite", "ladder"},
		RunE: func(_ *cobra.Command, args []string) error {
			schema := tasks.SuiteSchema()
			if args[0] == "ladder" {
				schema = backends.LadderSchema()
			}
			_, err := a.stdout.Write(append(schema, '\n'))
			return err
		},
	}
}

package main

import (
	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/price"
	"github.com/onset-eval/onset/tasks"
)

func newSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:       "schema suite|ladder|prices",
		Short:     "print the JSON Schema of suite, ladder or price files, for editors",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"suite", "ladder", "prices"},
		RunE: func(_ *cobra.Command, args []string) error {
			schema := tasks.SuiteSchema()
			switch args[0] {
			case "ladder":
				schema = backends.LadderSchema()
			case "prices":
				schema = price.Schema()
			}
			_, err := a.stdout.Write(append(schema, '\n'))
			return err
		},
	}
}

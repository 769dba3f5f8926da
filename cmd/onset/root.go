package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newRootCommand wires the command line: one command a file.
func newRootCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "onset",
		Short: "measure what language models can do as they grow, and where an ability appears",
		Long: `onset runs task suites for in-context learning, instruction following and chain-of-thought reasoning
against language models, records every sample, and draws scaling curves that say where an ability
appears, with the statistics that make the claim hold up.

Start with:  onset demo`,
		SilenceErrors:    true,
		SilenceUsage:     true,
		Args:             cobra.NoArgs,
		PersistentPreRun: func(*cobra.Command, []string) { a.started = true },
		RunE:             func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetGlobalNormalizationFunc(dashes)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(withHint(err, "see %s --help", cmd.CommandPath()))
	})
	cmd.AddCommand(
		newRunCommand(a),
		newResumeCommand(a),
		newCurveCommand(a),
		newTableCommand(a),
		newTraceCommand(a),
		newCostCommand(a),
		newPredictCommand(a),
		newPlanCommand(a),
		newSimulateCommand(a),
		newExportCommand(a),
		newListCommand(a),
		newBackendCommand(a),
		newModelCommand(a),
		newValidateCommand(a),
		newSchemaCommand(a),
		newDemoCommand(a),
		newVersionCommand(a),
	)
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
	return cmd
}

// dashes lets every flag be written with underscores too, as users of other harnesses do.
func dashes(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	name = strings.ReplaceAll(name, "_", "-")
	if alias, ok := flagAliases[name]; ok {
		name = alias
	}
	return pflag.NormalizedName(name)
}

// flagAliases holds the names that other harnesses give to our flags.
var flagAliases = map[string]string{
	"num-fewshot":  "shots",
	"output-path":  "output",
	"max-samples":  "limit",
	"log-dir":      "output",
	"tasks":        "task",
	"models":       "model",
	"include-dir":  "include-path",
	"shot":         "shots",
	"styles":       "style",
	"max-parallel": "max-connections",
}

// checkArgs marks a wrong number of arguments as an error of the user's.
func checkArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.NoArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usage(withHint(fmt.Errorf("%s: %w", cmd.CommandPath(), err), "see %s --help", cmd.CommandPath()))
		}
		return nil
	}
}

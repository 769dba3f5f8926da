package main

import (
	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/evaluators/runlog"
)

func newResumeCommand(a *app) *cobra.Command {
	var o executeOptions
	var shard string
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "continue a run that was stopped",
		Long: `resume plans the run again from its header and runs what has no record yet. It refuses when a task, a
model or a scorer is no longer what the header says, and prints the difference.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := args[0]
			header, err := runlog.ReadHeader(dir)
			if err != nil {
				return usage(withFallbackHint(err, "name a run directory: one that onset run made"))
			}
			spec, err := decodeRunSpec(header.Plan)
			if err != nil {
				return err
			}
			part, err := parseShard(shard)
			if err != nil {
				return err
			}
			if err := execute(cmd.Context(), a, execution{dir: dir, spec: spec, shard: part, opts: o}); err != nil {
				return err
			}
			return printTable(a, dir, o.json)
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&o.retryErrors, "retry-errors", false, "run samples again that ended in an error")
	cmd.Flags().StringVar(&shard, "shard", "", "continue the i-th of n parts only, as i/n with i from 1")
	return cmd
}

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/evaluators/runlog"
)

// moreDraws raises the draws of the tasks that are sampled to n; 0 leaves them. A greedy answer would only be repeated.
func (s *runSpec) moreDraws(n int) error {
	if n == 0 {
		return nil
	}
	raised := 0
	for i := range s.Suite.Entries {
		e := &s.Suite.Entries[i]
		switch {
		case e.Draws <= 1 && (e.Sampling.Temperature == nil || *e.Sampling.Temperature == 0):
			continue
		case n < max(1, e.Draws):
			return usage(withHint(fmt.Errorf("--draws %d: the run has %d draws of task %s already", n, max(1, e.Draws), e.Task),
				"give a larger number, or leave --draws out"))
		}
		e.Draws = n
		raised++
	}
	if raised == 0 {
		return usage(withHint(errors.New("--draws: no task of the run is sampled, so each draw would be the same"),
			"run with --gen-kwargs temperature=0.8, or a suite that samples"))
	}
	return nil
}

func newResumeCommand(a *app) *cobra.Command {
	var o executeOptions
	var shard string
	var where deviceFlags
	var draws int
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
			if err := spec.moreDraws(draws); err != nil {
				return err
			}
			if where.device != "" {
				spec.Device = where.device
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
	where.addDevice(cmd.Flags())
	cmd.Flags().BoolVar(&o.retryErrors, "retry-errors", false, "run samples again that ended in an error")
	cmd.Flags().IntVar(&draws, "draws", 0, "draw each sample so many times in all: what is drawn already stays, the rest is added")
	cmd.Flags().StringVar(&shard, "shard", "", "continue the i-th of n parts only, as i/n with i from 1")
	return cmd
}

package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/harness"
	"github.com/onset-eval/onset/evaluators/runlog"
)

// Header describes a plan for the run directory.
func Header(p Plan, infos []backends.Info, version string) (runlog.Header, error) {
	scorers, err := Scorers(p)
	if err != nil {
		return runlog.Header{}, err
	}
	h := runlog.Header{Schema: runlog.Schema, Onset: version, Seed: p.Seed}
	if p.Ask.Compat {
		h.Quirks = harness.Source
	}
	for i, m := range p.Models {
		h.Models = append(h.Models, runlog.ModelHeader{Model: m.Counted(infos[i]), Info: infos[i]})
	}
	lost := lettered(p, infos)
	if len(lost) > 0 {
		scorers = append(scorers, evaluators.LetterScorer())
	}
	for _, s := range scorers {
		h.Scorers = append(h.Scorers, runlog.ScorerHeader{Name: s.Name, Version: s.Version})
	}
	if h.Settings, err = settings(p); err != nil {
		return runlog.Header{}, err
	}
	if len(lost) > 0 {
		if h.Settings == nil {
			h.Settings = make(map[string]string)
		}
		h.Settings["by letter, without log-likelihoods"] = strings.Join(lost, ", ")
	}
	seen := make(map[string]bool)
	for _, c := range p.Cells {
		if name := c.Task.Name(); !seen[name] {
			seen[name] = true
			h.Tasks = append(h.Tasks, runlog.TaskHeader{Name: name, Digest: c.Task.Digest(), Version: c.Task.Version()})
		}
	}
	return h, nil
}

// lettered lists the models and tasks that are asked by letter, as "MODEL: TASK".
func lettered(p Plan, infos []backends.Info) []string {
	var out []string
	for i, m := range p.Models {
		for _, c := range p.Cells {
			if what := m.Name + ": " + c.Task.Name(); byLetter(p.Ask, c, infos[i]) && !slices.Contains(out, what) {
				out = append(out, what)
			}
		}
	}
	return out
}

// settings gives what decides numbers beside models and tasks: the sampling that a suite changes.
func settings(p Plan) (map[string]string, error) {
	out := make(map[string]string)
	if p.Ask.System != "" {
		out["system instruction"] = p.Ask.System
	}
	if p.Ask.ChatTemplate {
		out["chat template"] = map[bool]string{false: "one turn", true: "a worked example a turn"}[p.Ask.Multiturn]
	}
	if cells, err := bind(p); err == nil && !p.Ask.Compat && slices.ContainsFunc(cells, func(c cell) bool { return c.harness != nil }) {
		out["mended in "+harness.Source] = strings.Join(harness.Mended(), ", ")
	}
	for _, c := range p.Cells {
		text, err := json.Marshal(c.Sampling)
		if err != nil {
			return nil, fmt.Errorf("encode sampling: %w", err)
		}
		if string(text) != "{}" {
			out[fmt.Sprintf("sampling %s %s", c.Task.Name(), c.Variant.Style)] = string(text)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// Size counts the records that the plan makes on each model. It reads the tasks' data.
func Size(ctx context.Context, p Plan) (int, error) {
	total := 0
	for _, c := range p.Cells {
		n, err := c.Task.Count(ctx, c.Variant)
		if err != nil {
			return 0, fmt.Errorf("task %s: %w", c.Task.Name(), err)
		}
		if c.Limit > 0 {
			n = min(n, c.Limit)
		}
		total += p.Shard.count(n) * max(1, c.Draws)
	}
	return total, nil
}

// count says how many of n samples the shard takes.
func (s Shard) count(n int) int {
	if s.Count <= 1 {
		return n
	}
	return (n - s.Index + s.Count - 1) / s.Count
}

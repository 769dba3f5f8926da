package interop

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/evaluators/harness"
	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/lmevaltest"
)

// TestLMEvalGolden computes what the harness recorded of each run (metrics, standard errors and those of groups) from the
// task files, the documents and the recorded responses: within 1e-12.
func TestLMEvalGolden(t *testing.T) {
	index := lmevaltest.Index(t)
	runs := lmevaltest.Runs(t)
	for _, name := range slices.Sorted(maps.Keys(runs)) {
		t.Run(name, func(t *testing.T) { replay(t, index, runs[name]) })
	}
}

func replay(t *testing.T, index *tasks.Index, run lmevaltest.Run) {
	refs, err := index.Resolve(run.Task)
	if err != nil {
		t.Fatal(err)
	}
	var all LMEval
	for _, ref := range refs {
		task, err := ref.Load()
		if err != nil {
			t.Fatal(err)
		}
		all.Tasks = append(all.Tasks, replayTask(t, task, run))
	}
	if slices.Contains(index.Groups(), run.Task) {
		g, err := index.Group(run.Task)
		if err != nil {
			t.Fatal(err)
		}
		all.addGroup(g, lmeval.Compat())
	}
	results := all.results(WriteOptions{}, nil)
	got, _ := results.Get("results")
	checked := 0
	for task, want := range run.Results.Results {
		entry, ok := got.(interface{ Get(string) (any, bool) }).Get(task)
		if !ok {
			t.Errorf("no results of %s", task)
			continue
		}
		for key, w := range want {
			if !strings.Contains(key, ",") && key != "sample_len" {
				continue
			}
			g, _ := entry.(interface{ Get(string) (any, bool) }).Get(key)
			checked++
			if !near(w, g) {
				t.Errorf("%s: %s is %v, want %v", task, key, g, w)
			}
		}
	}
	if checked == 0 {
		t.Error("nothing was checked")
	}
}

// near compares a recorded value with ours.
func near(want, got any) bool {
	w, ok := want.(float64)
	if !ok {
		return fmt.Sprint(want) == fmt.Sprint(got)
	}
	switch g := got.(type) {
	case float64:
		return math.Abs(w-g) <= 1e-12*math.Max(1, math.Abs(w))
	case int64:
		return w == float64(g)
	}
	return false
}

func replayTask(t *testing.T, task *tasks.Task, run lmevaltest.Run) TaskResults {
	out := TaskResults{Task: task, Variant: run.Variant(task)}
	var err error
	if out.Harness, err = harness.New(task, tasks.Direct, lmeval.Compat()); err != nil {
		t.Fatal(err)
	}
	for s, err := range task.Samples(t.Context(), out.Variant, run.Options()) {
		if err != nil {
			t.Fatal(err)
		}
		out.Samples = append(out.Samples, s)
		out.Draws = append(out.Draws, run.Responses(t, task.Name(), &s))
	}
	if out.Scores, err = out.Harness.Score(out.Samples, out.Draws, true); err != nil {
		t.Fatal(err)
	}
	if out.TaskResult, err = out.Scores.Results(t.Context(), iters(run)); err != nil {
		t.Fatal(err)
	}
	return out
}

// iters is the recorded run's number of bootstrap replicates: 2000, or 1000 in runs of groups, or none where no standard
// error was recorded.
func iters(run lmevaltest.Run) int {
	for _, r := range run.Results.Results {
		for key, v := range r {
			if _, isNumber := v.(float64); isNumber && strings.Contains(key, "_stderr,") {
				if len(run.Results.Results) > 1 {
					return 1000
				}
				return 2000
			}
		}
	}
	return 0
}

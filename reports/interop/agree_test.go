package interop

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/lmevaltest"
)

// TestScorersAgree holds onset's own scorers, which judge tasks where they can, to the harness's values of every sample
// of the recorded runs that is judged by one draw.
func TestScorersAgree(t *testing.T) {
	index := lmevaltest.Index(t)
	runs := lmevaltest.Runs(t)
	compared := 0
	for _, name := range slices.Sorted(maps.Keys(runs)) {
		run := runs[name]
		t.Run(name, func(t *testing.T) {
			refs, err := index.Resolve(run.Task)
			if err != nil {
				t.Fatal(err)
			}
			for _, ref := range refs {
				task, err := ref.Load()
				if err != nil {
					t.Fatal(err)
				}
				bound, err := runner.Bind(task, tasks.Direct)
				if err != nil {
					continue // for the harness's rules alone
				}
				compared += agree(t, replayTask(t, task, run), bound)
			}
		})
	}
	t.Logf("%d values compared", compared)
	if compared < 100 {
		t.Errorf("only %d values were compared", compared)
	}
}

func agree(t *testing.T, r TaskResults, bound []evaluators.Bound) int {
	type key struct {
		item           int
		filter, metric string
	}
	want := make(map[key]float64)
	for _, s := range r.Scores.Samples {
		for _, m := range s.Metrics.Keys() {
			v, _ := s.Metrics.Get(m)
			if x, ok := v.(float64); ok {
				want[key{s.Item, s.Filter, m}] = x
			} else if b, ok := v.(bool); ok {
				want[key{s.Item, s.Filter, m}] = map[bool]float64{true: 1}[b]
			}
		}
	}
	compared := 0
	for i, s := range r.Samples {
		if len(r.Draws[i]) != 1 {
			continue
		}
		for _, score := range evaluators.Judge(s, r.Draws[i][0], nil, bound) {
			filter := score.Filter
			if filter == "" {
				filter = "none"
			}
			w, ok := want[key{i, filter, score.Metric}]
			if !ok || score.Value == nil {
				continue
			}
			compared++
			if math.Abs(w-*score.Value) > 1e-9 {
				t.Errorf("sample %d, %s of filter %s: %v, the harness has %v (answer %q, target %q)", i, score.Metric, filter, *score.Value, w, score.Answer, s.Targets)
			}
		}
	}
	return compared
}

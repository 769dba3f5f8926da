package lmeval_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Python 3.12's notes give sum([0.1]*10) == 1.0, and 0.9999999999999999 before; the others are CPython's tests of
// the change (gh-100425).
func TestSums(t *testing.T) {
	repeat := func(v float64, n int) (out []pyval.Value) {
		for range n {
			out = append(out, v)
		}
		return out
	}
	for _, c := range []struct {
		items        []pyval.Value
		exact, naive float64
	}{
		{repeat(0.1, 10), 1.0 / 10, 0.9999999999999999 / 10},
		{[]pyval.Value{1e100, 1.0, -1e100, 1.0}, 0.5, 0.25},
		{[]pyval.Value{math.Inf(1), 1.0}, math.Inf(1), math.Inf(1)},
		{[]pyval.Value{int64(1), true, 0.5, false}, 0.625, 0.625},
	} {
		for naive, want := range map[bool]float64{false: c.exact, true: c.naive} {
			got, err := lmeval.Aggregate(t.Context(), "acc", "mean", c.items, 0, lmeval.Rules{NaiveSum: naive})
			if err != nil || got.Value != want {
				t.Errorf("mean of %v, naive %v: got %v, %v, want %v", c.items, naive, got.Value, err, want)
			}
		}
	}
}

func TestRebinding(t *testing.T) {
	var seen []string
	see := func(_, predictions []pyval.Value) (pyval.Value, error) {
		seen = append(seen, pyval.Repr(predictions[0]))
		return 0.0, nil
	}
	for rebind, want := range map[bool]string{true: "['b', 'b']", false: "'b'"} {
		seen = nil
		task, err := lmeval.NewTask(lmeval.Config{
			Metrics:         []lmeval.MetricSpec{{Name: "exact_match"}, {Name: "own", Custom: see}},
			MultipleTargets: true, Rules: lmeval.Rules{RebindResult: rebind},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := task.Process(lmeval.Doc{Target: pyval.List{"a", "b"}}, []pyval.Value{"b"})
		if err != nil || pyval.Repr(got) != "{'exact_match': 1.0, 'own': 0.0}" {
			t.Errorf("got %s, %v", pyval.Repr(got), err)
		}
		if len(seen) != 2 || seen[0] != want || seen[1] != want {
			t.Errorf("rebinding %v: later metrics saw %q", rebind, seen)
		}
	}
}

func TestGroupStderrOfPlainMean(t *testing.T) {
	a, b := 0.3, 0.4
	leaves := []lmeval.TaskResult{
		{SampleLen: 10, Metrics: []lmeval.Result{{Metric: "acc", Filter: "none", Value: 0.2, Stderr: &a}}},
		{SampleLen: 90, Metrics: []lmeval.Result{{Metric: "acc", Filter: "none", Value: 0.6, Stderr: &b}}},
	}
	metrics := []lmeval.GroupMetric{{Metric: "acc"}}
	plain := lmeval.AggregateGroup(metrics, leaves, lmeval.Rules{}).Metrics[0]
	if plain.Value != 0.4 || *plain.Stderr != 0.25 { // √(0.09+0.16)/2
		t.Errorf("got %v ± %v", plain.Value, *plain.Stderr)
	}
	pooled := lmeval.AggregateGroup(metrics, leaves, lmeval.Compat()).Metrics[0]
	if want := math.Sqrt((9*10*0.09 + 89*90*0.16) / 98 / 100); pooled.Value != 0.4 || math.Abs(*pooled.Stderr-want) > 1e-15 {
		t.Errorf("got %v ± %v, want ± %v", pooled.Value, *pooled.Stderr, want)
	}
}

func TestBootstrapDependsOnNoProcessors(t *testing.T) {
	items := make([]pyval.Value, 50)
	for i := range items {
		items[i] = math.Sin(float64(i))
	}
	stderr := func() float64 {
		r, err := lmeval.Aggregate(t.Context(), "m", "median", items, 7000, lmeval.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		return *r.Stderr
	}
	many := stderr()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if one := stderr(); one != many {
		t.Errorf("%v on one processor, %v on more", one, many)
	}
}

func TestBootstrapStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := lmeval.Aggregate(ctx, "m", "median", []pyval.Value{1.0, 2.0}, 100_000, lmeval.Rules{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWrongConfig(t *testing.T) {
	bad := new(pyval.Dict)
	bad.Set("ignore_cases", true)
	pattern := new(pyval.Dict)
	pattern.Set("regex_pattern", "(")
	for name, c := range map[string]struct {
		config lmeval.Config
		want   string
	}{
		"metric":      {lmeval.Config{Metrics: []lmeval.MetricSpec{{Name: "acccc"}}}, "there are acc,"},
		"option":      {lmeval.Config{Metrics: []lmeval.MetricSpec{{Name: "exact_match", Options: bad}}}, `no option "ignore_cases"`},
		"aggregation": {lmeval.Config{Metrics: []lmeval.MetricSpec{{Name: "acc", Aggregation: "men"}}}, "there are mean,"},
		"filter":      {lmeval.Config{Filters: []lmeval.EnsembleSpec{{Name: "f", Filters: []lmeval.FilterSpec{{Function: "rgx"}}}}}, "there are take_first,"},
		"pattern":     {lmeval.Config{Filters: []lmeval.EnsembleSpec{{Name: "f", Filters: []lmeval.FilterSpec{{Function: "regex", Options: pattern}}}}}, "regular expression"},
	} {
		if _, err := lmeval.NewTask(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A worked example: two questions with an answer, one right and one half right; two without, one left unanswered.
func TestSquadV2(t *testing.T) {
	hook := resultsHook(t, "squadv2/task.SQuAD2")
	docs := []struct {
		doc, answer string
		ll          float64
	}{
		{`{"id": "a", "answers": {"text": ["The cat", "dog"]}}`, "cat", -3},
		{`{"id": "b", "answers": {"text": ["big house"]}}`, "house", -2},
		{`{"id": "c", "answers": {"text": []}}`, "", -1},
		{`{"id": "d", "answers": {"text": []}}`, "thing", -0.5},
	}
	values := make(map[string][]pyval.Value)
	for _, d := range docs {
		got, err := hook(decode(t, []byte(d.doc)).(*pyval.Dict), []pyval.Value{d.answer, pyval.List{d.ll, false}})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range got.Keys() {
			values[k] = append(values[k], field(got, k))
		}
	}
	want := map[string]float64{
		"exact": 50, "f1": 100 * (1 + 2.0/3 + 1) / 4, "HasAns_exact": 50, "HasAns_f1": 100 * (1 + 2.0/3) / 2,
		"NoAns_exact": 50, "NoAns_f1": 50, "best_exact": 75, "best_f1": 100 * (3 + 2.0/3) / 4,
	}
	for _, a := range lmeval.AggregationHooks() {
		name, ok := strings.CutPrefix(a.Name, "squadv2/task.SQuAD2.")
		if !ok {
			continue
		}
		stat, err := a.Prepare(values[name], lmeval.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		if got := stat(nil); math.Abs(got-want[name]) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, got, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not tried: %v", want)
	}
}

// polemo2 filters to indexes by way of a letter, and scores with metrics of Hugging Face's evaluate.
func TestMapAndHFEvaluate(t *testing.T) {
	pattern, mapping, table, average := new(pyval.Dict), new(pyval.Dict), new(pyval.Dict), new(pyval.Dict)
	pattern.Set("regex_pattern", `(\b[ABCD]\b)`)
	for i, letter := range []string{"A", "B", "C", "D"} {
		table.Set(letter, int64(i))
	}
	mapping.Set("mapping_dict", table)
	mapping.Set("default_value", int64(-1))
	average.Set("average", "micro")
	task, err := lmeval.NewTask(lmeval.Config{
		Metrics: []lmeval.MetricSpec{
			{Name: "f1", HFEvaluate: true, Aggregation: "mean", Options: average},
			{Name: "accuracy", HFEvaluate: true, Aggregation: "mean"}, {Name: "bypass"},
		},
		Filters: []lmeval.EnsembleSpec{{Name: "score-first", Filters: []lmeval.FilterSpec{
			{Function: "regex", Options: pattern}, {Function: "take_first"}, {Function: "map", Options: mapping}, {Function: "take_first"},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var items []lmeval.Item
	for _, answer := range []string{"It is B.", "C", "none"} {
		items = append(items, lmeval.Item{Doc: lmeval.Doc{Values: new(pyval.Dict), Target: int64(1)}, Responses: [][]pyval.Value{{answer}}})
	}
	scores, err := task.Score(items)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"[1]", "[2]", "[-1]"} {
		if got := pyval.Repr(pyval.List(scores.Samples[i].Filtered)); got != want {
			t.Errorf("answer %d: filtered %s, want %s", i, got, want)
		}
	}
	got, err := scores.Results(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1.0 / 3, 1.0 / 3, 999} {
		if got.Metrics[i].Value != want {
			t.Errorf("%s: got %v, want %v", got.Metrics[i].Metric, got.Metrics[i].Value, want)
		}
	}
}

package harness_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/harness"
	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/hooks"
)

// load makes a task of a file's text, with two rows of data.
func load(t *testing.T, text string) *tasks.Task {
	t.Helper()
	index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{
		"t.yaml":   {Data: []byte("task: t\ndataset_path: json\ndataset_kwargs: {data_files: {test: d.jsonl}}\ntest_split: test\n" + text)},
		"utils.py": {Data: []byte("def score(doc, results):\n    return {}\n")},
		"d.jsonl":  {Data: []byte(`{"q":"1+1=","a":"2","c":["1","2"],"g":1}` + "\n" + `{"q":"1+2=","a":"3","c":["3","4"],"g":0}` + "\n")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	task, err := index.Task("t")
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func first(t *testing.T, task *tasks.Task) tasks.Sample {
	t.Helper()
	for s, err := range task.Samples(t.Context(), tasks.Variant{Style: tasks.Direct}, tasks.SampleOptions{Raw: true}) {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Fatal("no sample")
	return tasks.Sample{}
}

// TestUnknownFunctions holds that a function without an equivalent is named, whatever it is for.
func TestUnknownFunctions(t *testing.T) {
	for _, key := range []string{
		"process_results: !function utils.score",
		"metric_list: [{metric: acc, aggregation: !function utils.score}]",
		"filter_list: [{name: x, filter: [{function: !function utils.score}]}]",
	} {
		task := load(t, "doc_to_text: q\ndoc_to_target: a\n"+key+"\n")
		_, err := harness.New(task, tasks.Direct, lmeval.Rules{})
		var missing *hooks.MissingError
		if !errors.As(err, &missing) || missing.Name != "score" || !strings.Contains(err.Error(), "utils.py has no native equivalent yet") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestJudge holds the scores of single samples: the harness's values, and outcomes that say how they came about.
func TestJudge(t *testing.T) {
	choice, err := harness.New(load(t, "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: c\ndoc_to_target: g\nmetric_list: [{metric: acc}, {metric: f1}]\n"), tasks.Direct, lmeval.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	s := first(t, load(t, "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: c\ndoc_to_target: g\n"))
	right := []backends.Response{{LogProbs: []backends.LogProb{{Sum: -2, Tokens: 1}, {Sum: -1, Tokens: 1}}}}
	scores := choice.Judge(s, right, nil)
	if len(scores) != 2 || scores[0].Metric != "acc" || *scores[0].Value != 1 || scores[0].Outcome != evaluators.Correct || scores[1].Metric != "f1" || scores[1].Value != nil {
		t.Errorf("%+v", scores)
	}
	if scores := choice.Judge(s, nil, errors.New("no network")); len(scores) != 2 || scores[0].Outcome != evaluators.Failed || scores[0].Value != nil {
		t.Errorf("%+v", scores)
	}
	if scores := choice.Judge(s, []backends.Response{{}}, nil); scores[0].Outcome != evaluators.Failed || scores[0].Explanation == "" {
		t.Errorf("%+v", scores)
	}
	s.Raw = nil
	if scores := choice.Judge(s, right, nil); scores[0].Outcome != evaluators.Failed {
		t.Errorf("a sample without its document is judged: %+v", scores)
	}
}

// TestUnsafe holds that tasks which run generated code are refused, and why.
func TestUnsafe(t *testing.T) {
	_, err := harness.New(load(t, "doc_to_text: q\ndoc_to_target: a\nunsafe_code: true\n"), tasks.Direct, lmeval.Rules{})
	var unsafe *harness.UnsafeError
	if !errors.As(err, &unsafe) || unsafe.Task != "t" {
		t.Errorf("error %v", err)
	}
}

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
		"utils.py": {Data: []byte("def score(doc, results):\n    return {'acc': results[0].count(doc['a']) / 2}\n\ndef gone(doc, results):\n    return torch.ones(1)\n")},
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

// TestUnknownFunctions holds that a function that the file lacks is named, whatever it is for.
func TestUnknownFunctions(t *testing.T) {
	for _, key := range []string{
		"process_results: !function utils.none",
		"metric_list: [{metric: acc, aggregation: !function utils.none}]",
		"filter_list: [{name: x, filter: [{function: !function utils.none}]}]",
	} {
		index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{
			"t.yaml":   {Data: []byte("task: t\ndataset_path: json\ntest_split: test\ndoc_to_text: q\ndoc_to_target: a\n" + key)},
			"utils.py": {Data: []byte("x = 1\n")},
		}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = index.Outline("t")
		var missing *hooks.MissingError
		if !errors.As(err, &missing) || missing.Name != "none" || !strings.Contains(err.Error(), "does not define it") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestChangedFunction holds that a function which has an equivalent for another source of the same file is refused.
func TestChangedFunction(t *testing.T) {
	index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{
		"drop/t.yaml":   {Data: []byte("task: t\ndataset_path: json\ntest_split: test\ndoc_to_text: q\ndoc_to_target: a\nprocess_results: !function utils.process_results")},
		"drop/utils.py": {Data: []byte("def process_results(doc, results):\n    return {'em': 1}\n")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	task, err := index.Outline("t")
	if err != nil {
		t.Fatal(err)
	}
	_, err = harness.New(task, tasks.Direct, lmeval.Rules{})
	var missing *hooks.MissingError
	if !errors.As(err, &missing) || !missing.Changed || !strings.Contains(err.Error(), "changed upstream") {
		t.Error(err)
	}
}

// TestInterpretedFunction holds that a function without an equivalent judges as its source says, and that what the source
// needs and nobody has is an error of the sample.
func TestInterpretedFunction(t *testing.T) {
	scores := func(function string) []evaluators.Score {
		task := load(t, "doc_to_text: q\ndoc_to_target: a\nmetric_list: [{metric: acc, aggregation: mean}]\nprocess_results: !function utils."+function+"\n")
		own, err := harness.New(task, tasks.Direct, lmeval.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		return own.Judge(first(t, task), []backends.Response{{Text: "22"}}, nil)
	}
	if s := scores("score"); len(s) != 1 || s[0].Value == nil || *s[0].Value != 1 {
		t.Errorf("%+v", s)
	}
	if s := scores("gone"); len(s) != 1 || s[0].Outcome != evaluators.Failed || !strings.Contains(s[0].Explanation, "torch") {
		t.Errorf("%+v", s)
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

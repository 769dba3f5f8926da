package tasks_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

const capitalTask = `
task: capital
dataset_path: json
dataset_kwargs: {data_files: {test: capital.jsonl, train: shots.jsonl}}
test_split: test
fewshot_split: train
output_type: multiple_choice
doc_to_text: "Question: capital of {{of}}?\nAnswer:"
doc_to_target: 0
doc_to_choice: "{{options}}"
onset: {id: of}
`

const listedTask = `
task: listed
dataset_path: json
dataset_kwargs: {data_files: {test: listed.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{q}}\nA. one\nB. two\nAnswer:"
doc_to_target: gold
doc_to_choice: ["A", "B"]
`

const eachTask = `
task: each
dataset_path: json
dataset_kwargs: {data_files: {test: listed.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{gold}}"
doc_to_target: q
doc_to_choice: ["he", "she"]
`

// letterCells gives the cells of the tasks above, by task.
func letterCells(t *testing.T, shots int) map[string]tasks.Cell {
	t.Helper()
	var data, more strings.Builder
	for _, c := range []string{"Norway", "Kenya", "Peru", "Chad", "Fiji", "Cuba", "Oman", "Togo"} {
		data.WriteString(`{"of": "` + c + `", "options": ["right of ` + c + `", "wrong", "also wrong", "none"]}` + "\n")
		more.WriteString(`{"of": "old ` + c + `", "options": ["right of old ` + c + `", "not so"]}` + "\n")
	}
	index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{
		"capital.yaml": {Data: []byte(capitalTask)}, "capital.jsonl": {Data: []byte(data.String())}, "shots.jsonl": {Data: []byte(more.String())},
		"listed.yaml": {Data: []byte(listedTask)}, "listed.jsonl": {Data: []byte(`{"q": "which?", "gold": 1}` + "\n")},
		"each.yaml": {Data: []byte(eachTask)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cells, err := tasks.Suite{Name: "s", Entries: []tasks.Entry{{Task: "capital", Shots: []int{shots}}, {Task: "listed"}, {Task: "each"}}}.Cells(index)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]tasks.Cell)
	for _, c := range cells {
		out[c.Task.Name()] = c
	}
	return out
}

func collectSamples(t *testing.T, c tasks.Cell, o tasks.SampleOptions) []tasks.Sample {
	t.Helper()
	var out []tasks.Sample
	for s, err := range c.Task.Samples(t.Context(), c.Variant, o) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		t.Fatal("no samples")
	}
	return out
}

func TestLetters(t *testing.T) {
	c := letterCells(t, 1)["capital"]
	opts := tasks.SampleOptions{Kinds: []backends.Kind{backends.Generate}, Messages: true, Letters: true}
	samples := collectSamples(t, c, opts)
	places := make(map[string]bool)
	for _, s := range samples {
		r := s.Requests[0]
		if len(s.Requests) != 1 || r.Kind != backends.Generate || r.Sampling.MaxTokens != 64 || len(r.Continuations) > 0 {
			t.Fatalf("%+v is no request for a letter", r)
		}
		if len(r.Messages) != 3 || r.Messages[1].Role != "assistant" || len(r.Messages[1].Content) != 1 {
			t.Fatalf("the worked example is %+v", r.Messages)
		}
		// The example's answer is the letter of its right choice, and the question lists each choice under its letter.
		if want := r.Messages[1].Content + ". right of old"; !strings.Contains(r.Messages[0].Content, "\n"+want) || strings.Contains(r.Messages[0].Content, "Reply") {
			t.Errorf("%q does not show %q", r.Messages[0].Content, want)
		}
		question := r.Messages[2].Content
		if !strings.HasPrefix(question, "Question: capital of "+s.ID+"?\nReply with the letter of the right answer alone.\nA. ") || !strings.HasSuffix(question, "\nAnswer:") {
			t.Errorf("the question is %q", question)
		}
		for i, choice := range s.Choices {
			if !strings.Contains(question, "\n"+s.Letters[i]+". "+choice+"\n") {
				t.Errorf("%q does not list %q under %s", question, choice, s.Letters[i])
			}
		}
		if !slices.Equal(s.Gold, []int{0}) {
			t.Errorf("gold is %v", s.Gold)
		}
		places[s.Letters[0]] = true
	}
	if len(places) < 3 {
		t.Errorf("the right choice, which the task lists first, has the letters %v only", places)
	}
	again := collectSamples(t, c, opts)
	for i := range again {
		if tasks.PromptDigest(again[i].Requests[0]) != tasks.PromptDigest(samples[i].Requests[0]) {
			t.Error("the letters are drawn anew each time")
		}
	}
	// Text, for a model that takes text and generates only.
	opts.Messages = false
	if p := collectSamples(t, c, opts)[0].Requests[0].Prompt; !strings.Contains(p, "\nAnswer: ") || !strings.HasSuffix(p, "\nAnswer:") {
		t.Errorf("the prompt is %q", p)
	}
	// Without the option, samples are those of log-likelihoods.
	if s := collectSamples(t, c, tasks.SampleOptions{})[0]; s.Letters != nil || s.Requests[0].Kind != backends.LogLikelihood {
		t.Errorf("%+v", s)
	}
}

func TestLettersOfTheirOwn(t *testing.T) {
	s := collectSamples(t, letterCells(t, 0)["listed"], tasks.SampleOptions{Messages: true, Letters: true})[0]
	if want := "which?\nA. one\nB. two\nReply with the letter of the right answer alone.\nAnswer:"; s.Requests[0].Messages[0].Content != want || !slices.Equal(s.Letters, []string{"A", "B"}) {
		t.Errorf("%q, letters %v; want %q", s.Requests[0].Messages[0].Content, s.Letters, want)
	}
}

func TestLetterable(t *testing.T) {
	for name, c := range letterCells(t, 0) {
		if err := c.Task.Letterable(c.Variant.Style); (err == nil) == (name == "each") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

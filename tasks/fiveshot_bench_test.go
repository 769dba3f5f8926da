package tasks_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/tasks"
)

// BenchmarkFiveShot makes 14,000 five-shot prompts of a four-choice task, the size of MMLU. The aim is one second: each
// prompt is six renderings of a template and its bytes, some 3 KB.
func BenchmarkFiveShot(b *testing.B) {
	const rows = 14_000
	row := func(i int) string {
		return fmt.Sprintf(`{"question":" Which of these numbers is %d, written in the usual way of the decimal system, with all of its digits? ","choices":["%d","%d","%d","%d"],"answer":%d}`+"\n",
			i, i, i+1, i+2, i+3, i%4)
	}
	var test, dev strings.Builder
	for i := range rows {
		test.WriteString(row(i))
	}
	for i := range 300 {
		dev.WriteString(row(i))
	}
	index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{
		"t.yaml": {Data: []byte(`
task: t
dataset_path: json
dataset_kwargs: {data_files: {test: test.jsonl, dev: dev.jsonl}}
test_split: test
fewshot_split: dev
output_type: multiple_choice
doc_to_text: "Question: {{question.strip()}}\n1) {{choices[0]}}\n2) {{choices[1]}}\n3) {{choices[2]}}\n4) {{choices[3]}}\nReply:"
doc_to_choice: ["1", "2", "3", "4"]
doc_to_target: answer
metric_list: [{metric: acc}]
`)},
		"test.jsonl": {Data: []byte(test.String())},
		"dev.jsonl":  {Data: []byte(dev.String())},
	}})
	if err != nil {
		b.Fatal(err)
	}
	task, err := index.Task("t")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n, bytes := 0, 0
		for s, err := range task.Samples(b.Context(), tasks.Variant{Style: tasks.Direct, Shots: 5}, tasks.SampleOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
			bytes += len(s.Requests[0].Prompt)
		}
		if n != rows {
			b.Fatalf("%d samples", n)
		}
		b.ReportMetric(float64(bytes)/float64(n), "bytes/prompt")
	}
}

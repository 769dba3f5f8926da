package tasks_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/tasks"
)

// describeGroup writes a group as one line: NAME[members], with a task's default number of worked examples.
func describeGroup(t *testing.T, g *tasks.Group) string {
	t.Helper()
	var parts []string
	for _, m := range g.Members {
		if m.Group != nil {
			parts = append(parts, describeGroup(t, m.Group))
			continue
		}
		task, err := m.Task.Load()
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, fmt.Sprintf("%s:%d", m.Task.Name, task.Shots(tasks.Direct).Default))
	}
	return g.Name + "[" + strings.Join(parts, " ") + "]"
}

// Groups follow lm-evaluation-harness 4e7e0d47f, tasks/_factory.py lines 85 to 233.
func TestGroup(t *testing.T) {
	keys := "dataset_path: json\ndataset_kwargs: {data_files: {test: d.jsonl}}\ntest_split: test\ndoc_to_text: q\ndoc_to_target: a\n"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{
		"a.yaml": file("task: a\ntag: t\n" + keys), "b.yaml": file("task: b\ntag: [t, u]\n" + keys), "c.yaml": file("task: c\nnum_fewshot: 0\n" + keys),
		"d.jsonl": file(strings.Join(rows(4), "\n")),
		"in.yaml": file("group: in\nnum_fewshot: 1\ntask: [c]\naggregate_metric_list: {metric: acc, weight_by_size: truez}\n"),
		"out.yaml": file("group: out\ngroup_alias: Out\ntask:\n- t\n- {task: c, num_fewshot: 2}\n- in\n- {group: in, num_fewshot: 3}\n- {group: new, task: [a]}\n" +
			"- {task: own, " + strings.ReplaceAll(strings.TrimSpace(keys), "\n", ", ") + "}\n" +
			"aggregate_metric_list:\n- {metric: acc, filter_list: none, weight_by_size: no}\n- {metric: f1, aggregation: mean, filter_list: [x, y]}\nmetadata: {version: 2}\n"),
		"loop.yaml": file("group: loop\ntask: [{group: loop2, task: [loop]}]\n"), "bad.yaml": file("group: bad\ntask: [missing]\n"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(index.Groups(), " "); got != "bad in loop out" {
		t.Errorf("Groups = %s", got)
	}
	g, err := index.Group("out")
	if err != nil {
		t.Fatal(err)
	}
	want := "out[a:0 b:0 c:2 in[c:1] in[c:3] out::new[a:0] out::own:0]"
	if got := describeGroup(t, g); got != want {
		t.Errorf("out is %s, want %s", got, want)
	}
	aggregates := []tasks.Aggregate{{Metric: "acc", Filters: []string{"none"}, Function: "mean"}, {Metric: "f1", Filters: []string{"x", "y"}, Function: "mean", WeightBySize: true}}
	if diff := cmp.Diff(aggregates, g.Aggregates); diff != "" || g.Alias != "Out" || g.Version != "2" {
		t.Errorf("alias %s, version %s, aggregates %s", g.Alias, g.Version, diff)
	}
	if in, err := index.Group("in"); err != nil || !in.Aggregates[0].WeightBySize {
		t.Errorf("truez is false: %+v, %v", in, err)
	}
	refs, err := index.Resolve("out")
	if err != nil || len(refs) != 4 {
		t.Errorf("Resolve gives %d tasks, %v", len(refs), err)
	}
	for name, want := range map[string]string{
		"loop":  "loop.yaml:1:8: group: loop holds itself",
		"bad":   `bad.yaml:2:8: group bad: there is no task "missing"`,
		"other": `no task is called "other"`,
	} {
		if _, err := index.Group(name); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	cells, err := tasks.Suite{Name: "s", Entries: []tasks.Entry{{Task: "in"}, {Task: "t"}}}.Cells(index)
	if err != nil || len(cells) != 3 || cells[0].Variant.Shots != 1 {
		t.Errorf("cells %+v, %v", cells, err)
	}
}

// Compat mode draws as Python does and may show a sample to itself; the default mends both.
func TestCompatDraws(t *testing.T) {
	task := load(t, "doc_to_text: '{{q}}'\ndoc_to_target: a\n", rows(20)...)
	v := tasks.Variant{Style: tasks.Direct, Shots: 6}
	// random.Random(1234).sample(range(20), 6), twice: CPython 3.11.
	got := collect(t, task, v, tasks.SampleOptions{Compat: true, Limit: 2})
	for i, want := range []string{"14 3 0 2 1 10", "2 3 11 7 0 15"} {
		prompt := ""
		for _, n := range strings.Fields(want) {
			prompt += "q" + n + " a" + n + "\n\n"
		}
		if prompt += fmt.Sprintf("q%d", i); got[i].Requests[0].Prompt != prompt {
			t.Errorf("prompt %q, want %q", got[i].Requests[0].Prompt, prompt)
		}
	}
	if got[0].Raw == nil || got[0].Raw.Context != got[0].Requests[0].Prompt {
		t.Errorf("raw sample %+v", got[0].Raw)
	}
	for _, s := range collect(t, task, v, tasks.SampleOptions{}) {
		if strings.Count(s.Requests[0].Prompt+"\n", "q"+s.ID+"\n")+strings.Count(s.Requests[0].Prompt, "q"+s.ID+" ") != 1 {
			t.Errorf("sample %s is shown to itself: %q", s.ID, s.Requests[0].Prompt)
		}
	}
	if len(tasks.Quirks()) == 0 || task.HarnessShots(tasks.Direct, 3) != 3 {
		t.Error("no quirks, or another number of worked examples")
	}
}

// A question that is the number of a choice is asked once for each choice.
func TestQuestionDependsOnChoice(t *testing.T) {
	keys := "output_type: multiple_choice\ndoc_to_text: n\ndoc_to_target: a\ndoc_to_choice: c\ngen_prefix: P\nmetric_list: [{metric: acc_mutual_info}]\n"
	task := load(t, keys, `{"n":1,"a":"end","c":["x","y"]}`, `{"n":0,"a":"stop","c":["u","v"]}`)
	if yes, err := task.DependsOnChoice(tasks.Direct); !yes || err != nil {
		t.Errorf("DependsOnChoice = %v, %v", yes, err)
	}
	for _, compat := range []bool{false, true} {
		s := collect(t, task, tasks.Variant{Style: tasks.Direct, Shots: 1}, tasks.SampleOptions{Compat: compat, Limit: 1})[0]
		if len(s.Requests) != 3 || s.Inputs != 2 || !s.Unconditional || fmt.Sprint(s.Gold, s.Targets) != "[1] [end]" {
			t.Fatalf("compat %v: %+v", compat, s)
		}
		if got := s.Requests[1]; got.Prompt != "u P stop\n\nyP" && compat == false || got.Continuations[0] != " end" {
			t.Errorf("compat %v: %+v", compat, got)
		}
		if got := s.Requests[2]; got.Prompt != "" || fmt.Sprint(got.Continuations) != "[ x  y]" {
			t.Errorf("compat %v: %+v", compat, got)
		}
	}
}

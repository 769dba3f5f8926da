package builtin_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/builtin"
)

// item is a line of the ladder's items.jsonl: what the recorded answers were given to.
type item struct {
	Task      string  `json:"task"`
	ID        int     `json:"id"`
	Prompt    string  `json:"prompt"`
	Answer    string  `json:"answer"`
	Chance    float64 `json:"chance"`
	MaxTokens int     `json:"max_new_tokens"`
	Grader    string  `json:"grader"`
}

// shared finds a file of the folder of measured data beside the module.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("ONSET_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	file := filepath.Join(dir, name)
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the ladder's recorded items are not here: %v (set ONSET_SHARED)", err)
	}
	return file
}

func readItems(t *testing.T) map[string][]item {
	f, err := os.Open(shared(t, "ladder/items.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := make(map[string][]item)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var i item
		if err := json.Unmarshal(lines.Bytes(), &i); err != nil {
			t.Fatal(err)
		}
		out[i.Task] = append(out[i.Task], i)
	}
	return out
}

// place gives the task and variant that an item's task name stands for.
func place(name string) (task string, v tasks.Variant) {
	v.Style = tasks.Direct
	if rest, ok := strings.CutPrefix(name, "icl_"); ok {
		task, rest, _ = strings.Cut(rest, "_")
		v.Shots, _ = strconv.Atoi(strings.TrimSuffix(rest, "shot"))
		return task, v
	}
	switch name {
	case "inst_seen":
		return "instruction_seen", v
	case "inst_heldout_combo":
		return "instruction_heldout", v
	}
	task, style, styled := strings.Cut(name, "_")
	if styled {
		v.Style = tasks.Style(style)
	}
	return task, v
}

// TestPrompts holds every prompt, answer and limit to what the recorded models were asked, byte for byte.
func TestPrompts(t *testing.T) {
	items := readItems(t)
	if len(items) != 33 {
		t.Fatalf("%d recorded tasks, want 33", len(items))
	}
	index, err := tasks.NewIndex(builtin.Source())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range items {
		taskName, variant := place(name)
		task, err := index.Task(taskName)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := task.Count(t.Context(), variant); n != len(want) || err != nil {
			t.Errorf("%s: Count = %d, %v; want %d", name, n, err, len(want))
		}
		n := 0
		for s, err := range task.Samples(t.Context(), variant, tasks.SampleOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			checkItem(t, want[n], s)
			n++
		}
		if n != len(want) {
			t.Errorf("%s: %d samples, want %d", name, n, len(want))
		}
	}
}

func checkItem(t *testing.T, want item, s tasks.Sample) {
	t.Helper()
	r := s.Requests[0]
	if r.Prompt != want.Prompt || s.Targets[0] != want.Answer || r.Sampling.MaxTokens != want.MaxTokens ||
		s.ID != fmt.Sprint(want.ID) || s.Index != want.ID || r.Kind != backends.Generate || r.Sampling.Temperature != 0 {
		t.Errorf("%s %d: got %+v, want %+v", want.Task, want.ID, s, want)
	}
	exact := want.Grader == "exact up to ;"
	if stop := fmt.Sprint(r.Sampling.Stop); exact != (stop == "[;]") || !exact && stop != "[]" {
		t.Errorf("%s %d: stops %q under grader %q", want.Task, want.ID, r.Sampling.Stop, want.Grader)
	}
	// The tasks with the longest prompts measure no target's log-probability: it would double the time of the demo.
	if long := strings.HasPrefix(want.Task, "icl_dict") || strings.HasPrefix(want.Task, "icl_rule"); long {
		if len(s.Requests) != 1 {
			t.Errorf("%s %d: %d requests, want 1", want.Task, want.ID, len(s.Requests))
		}
		return
	}
	if exact && (len(s.Requests) != 2 || s.Requests[1].Prompt != r.Prompt || s.Requests[1].Continuations[0] != want.Answer) {
		t.Errorf("%s %d: companion %+v", want.Task, want.ID, s.Requests)
	}
}

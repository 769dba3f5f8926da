package tasks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/lmevaltest"
	"github.com/onset-eval/onset/tasks/pyval"
)

// goldenRun is what the unmodified lm-evaluation-harness (commit 4e7e0d47f) asked of a fake model.
type goldenRun struct {
	Task      string `json:"task"`
	Shots     *int   `json:"shots"`
	Chat      bool   `json:"chat"`
	Multiturn bool   `json:"multiturn"`
	System    string `json:"system"`
	Requests  []struct {
		Type  string            `json:"type"`
		Task  string            `json:"task"`
		DocID int               `json:"doc_id"`
		Idx   int               `json:"idx"`
		Rep   int               `json:"rep"`
		Args  []json.RawMessage `json:"args"`
	} `json:"requests"`
	Results struct {
		Shots map[string]int `json:"n-shot"`
	} `json:"results"`
	Samples map[string][]struct {
		DocID      int    `json:"doc_id"`
		DocHash    string `json:"doc_hash"`
		PromptHash string `json:"prompt_hash"`
		TargetHash string `json:"target_hash"`
	} `json:"samples"`
	TaskHash   string            `json:"task_hash"`
	TaskHashes map[string]string `json:"task_hashes"`
}

// TestLMEvalGolden holds requests and hashes in compat mode to those of the harness, one recorded run each:
// requests byte for byte.
func TestLMEvalGolden(t *testing.T) {
	dir := lmevaltest.Dir(t)
	files, err := filepath.Glob(filepath.Join(dir, "golden", "*@*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded runs in %s: %v", dir, err)
	}
	index := lmevaltest.Index(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) { replay(t, index, file) })
	}
}

func replay(t *testing.T, index *tasks.Index, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var run goldenRun
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatal(err)
	}
	refs, err := index.Resolve(run.Task)
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Requests) == 0 || len(refs) == 0 {
		t.Fatal("the run asks nothing")
	}
	names := make(map[string]bool)
	for _, ref := range refs {
		names[ref.Name] = true
		task, err := ref.Load()
		if err != nil {
			t.Fatal(err)
		}
		replayTask(t, task, run)
	}
	for _, name := range slices.Sorted(maps.Keys(run.Samples)) {
		if !names[name] {
			t.Errorf("%s has no task %s", run.Task, name)
		}
	}
}

func replayTask(t *testing.T, task *tasks.Task, run goldenRun) {
	name := task.Name()
	v := tasks.Variant{Style: tasks.Direct, Shots: task.Shots(tasks.Direct).Default}
	if n, ok := run.Results.Shots[name]; ok {
		v.Shots = n
	} else if run.Shots != nil {
		v.Shots = *run.Shots
	}
	o := tasks.SampleOptions{Compat: true}
	if run.Chat {
		o.Template, o.Fold, o.System = lmevaltest.Template, !run.Multiturn, run.System
	}
	requests := make(map[string]string)
	var want []string
	for _, r := range run.Requests {
		if r.Task == name {
			key := fmt.Sprintf("%d.%d.%d", r.DocID, r.Idx, r.Rep)
			requests[key] = r.Type + " " + canonical(t, r.Args)
			want = append(want, key)
		}
	}
	hashes := make(map[int]tasks.Hashes)
	asked := 0
	for s, err := range task.Samples(t.Context(), v, o) {
		if err != nil {
			t.Fatal(err)
		}
		if hashes[s.Index], err = s.Raw.Hashes(); err != nil {
			t.Fatal(err)
		}
		instances, err := task.Instances(tasks.Direct, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range instances {
			for rep := range task.Repeats(tasks.Direct) {
				key := fmt.Sprintf("%d.%d.%d", s.Index, in.Index, rep)
				if _, ok := requests[key]; !ok && rep > 0 {
					continue // repeats of log-likelihoods are recorded once
				}
				asked++
				if diff := cmp.Diff(requests[key], in.Type+" "+dump(t, in.Args)); diff != "" {
					t.Fatalf("request %s (-want +got)\n%s", key, diff)
				}
			}
		}
	}
	if asked != len(want) {
		t.Errorf("%s: %d requests, want %d", name, asked, len(want))
	}
	var records []tasks.Hashes
	for _, r := range run.Samples[name] {
		h := tasks.Hashes{Doc: r.DocHash, Prompt: r.PromptHash, Target: r.TargetHash}
		if got := hashes[r.DocID]; got != h {
			t.Errorf("%s: hashes of sample %d are %+v, want %+v", name, r.DocID, got, h)
		}
		records = append(records, hashes[r.DocID])
	}
	if len(records) == 0 {
		t.Errorf("%s: no sample is recorded", name)
	}
	hash := run.TaskHash
	if h, ok := run.TaskHashes[name]; ok {
		hash = h
	}
	if got := tasks.TaskHash(records); hash != "" && run.Task == name && got != hash {
		t.Errorf("%s: task hash %s, want %s", name, got, hash)
	}
}

// canonical writes recorded arguments with Python's spacing, and keys in their order.
func canonical(t *testing.T, args []json.RawMessage) string {
	var list []any
	for _, a := range args {
		v, err := decode(a)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return dump(t, list)
}

func dump(t *testing.T, args []pyval.Value) string {
	s, err := pyval.JSON(pyval.List(args), false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decode reads JSON with the order of keys, and 1 and 1.0 apart.
func decode(text json.RawMessage) (pyval.Value, error) {
	line := append([]byte(`{"v":`), append(bytes.TrimSpace(text), '}')...)
	var compact bytes.Buffer
	if err := json.Compact(&compact, line); err != nil {
		return nil, err
	}
	f := dataset.File{FS: fstest.MapFS{"v.jsonl": {Data: compact.Bytes()}}, Path: "v.jsonl", Format: dataset.JSON}
	for row, err := range dataset.Rows(f) {
		if err != nil {
			return nil, err
		}
		v, _ := row.Values.Get("v")
		return v, nil
	}
	return nil, errors.New("nothing was read of " + strconv.Quote(compact.String()))
}

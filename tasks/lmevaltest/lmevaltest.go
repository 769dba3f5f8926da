// Package lmevaltest reads recorded runs of lm-evaluation-harness for tests: the task files, the made-up documents, and
// what the unmodified harness asked and computed. The folder is that of ONSET_LMEVAL_DATA, or the one beside the project.
package lmevaltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Run is one recorded run.
type Run struct {
	Task      string `json:"task"`
	Shots     *int   `json:"shots"`
	Chat      bool   `json:"chat"`
	Multiturn bool   `json:"multiturn"`
	System    string `json:"system"`
	Requests  []struct {
		Type  string          `json:"type"`
		Task  string          `json:"task"`
		DocID int             `json:"doc_id"`
		Idx   int             `json:"idx"`
		Rep   int             `json:"rep"`
		Resp  json.RawMessage `json:"resp"`
	} `json:"requests"`
	Results struct {
		Results map[string]map[string]any             `json:"results"`
		Groups  map[string]map[string]any             `json:"groups"`
		Configs map[string]map[string]json.RawMessage `json:"configs"`
		Shots   map[string]int                        `json:"n-shot"`
	} `json:"results"`
}

// Dir gives the folder of recorded runs, and skips the test where the default one is missing.
func Dir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("ONSET_LMEVAL_DATA"); dir != "" {
		return dir
	}
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			break
		}
		if at == filepath.Dir(at) {
			t.Fatal("the test runs outside of the module")
		}
		at = filepath.Dir(at)
	}
	dir := filepath.Join(filepath.Dir(at), "shared", "lmeval")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the recorded runs of lm-evaluation-harness are not at %s: set ONSET_LMEVAL_DATA", dir)
	}
	return dir
}

// Runs gives the recorded runs by name; there is at least one.
func Runs(t testing.TB) map[string]Run {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Dir(t), "golden", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded runs in %s: %v", Dir(t), err)
	}
	out := make(map[string]Run)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var run Run
		if err := json.Unmarshal(text, &run); err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".json")] = run
	}
	return out
}

// Index indexes the task files with the made-up documents as their data. An included file that the folder lacks is
// written anew from the configuration that a run recorded.
func Index(t testing.TB) *tasks.Index {
	t.Helper()
	dir := Dir(t)
	folder := filepath.Join(t.TempDir(), "tasks")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(dir, "tasks"))); err != nil {
		t.Fatal(err)
	}
	completeIncludes(t, folder)
	source, err := tasks.PathSource(folder)
	if err != nil {
		t.Fatal(err)
	}
	index, err := tasks.OpenIndex(tasks.IndexOptions{Data: madeUp(t, filepath.Join(dir, "datasets.json"))}, source)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// completeIncludes writes the included files that are missing.
func completeIncludes(t testing.TB, folder string) {
	t.Helper()
	runs := Runs(t)
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := os.Chmod(path, 0o644); err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		include, task := key(text, "include"), key(text, "task")
		if include == "" || task == "" {
			return nil
		}
		base := filepath.Join(filepath.Dir(path), include)
		if _, err := os.Stat(base); err == nil {
			return nil
		}
		for _, run := range runs {
			if config := run.Results.Configs[task]; config != nil {
				return os.WriteFile(base, recorded(t, config, text), 0o644)
			}
		}
		return fmt.Errorf("%s includes %s, which is not there, and no run recorded its configuration", path, include)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// key gives a task file's value of a key that stands on a line of its own.
func key(text []byte, name string) string {
	for line := range strings.Lines(string(text)) {
		k, v, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && strings.Trim(k, `"`) == name && !strings.HasPrefix(line, " ") {
			return strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return ""
}

// recorded writes a recorded configuration as a task file, without what the including file says itself, what is the
// default of another key, and what is not set.
func recorded(t testing.TB, config map[string]json.RawMessage, own []byte) []byte {
	t.Helper()
	out := make(map[string]json.RawMessage)
	for k, v := range config {
		if string(v) == "null" || k == "task" || k == "unsafe_code" || k == "generation_kwargs" || key(own, k) != "" {
			continue
		}
		out[k] = v
	}
	var fewshot map[string]json.RawMessage
	if raw := out["fewshot_config"]; raw != nil {
		if err := json.Unmarshal(raw, &fewshot); err != nil {
			t.Fatal(err)
		}
		delete(out, "fewshot_config")
		if s := fewshot["sampler"]; s != nil {
			out["fewshot_config"] = json.RawMessage(`{"sampler": ` + string(s) + `}`)
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// madeUp provides the datasets of a file: "path|name" to split to rows.
func madeUp(t testing.TB, file string) tasks.Provider {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var data map[string]map[string][]json.RawMessage
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	return func(path, name string, _ tasks.Options) (map[string][]dataset.File, error) {
		splits := data[path+"|"+name]
		if name == "" {
			splits = data[path+"|None"]
		}
		if splits == nil {
			return nil, fmt.Errorf("no rows were recorded of %s, %s", path, name)
		}
		out := make(map[string][]dataset.File)
		for split, rows := range splits {
			var b bytes.Buffer
			for _, row := range rows {
				if err := json.Compact(&b, row); err != nil {
					return nil, err
				}
				b.WriteByte('\n')
			}
			out[split] = []dataset.File{{FS: fstest.MapFS{"rows.jsonl": {Data: b.Bytes()}}, Path: "rows.jsonl", Format: dataset.JSON}}
		}
		return out, nil
	}
}

// Template is the chat template of the recorded runs.
func Template(messages []backends.Message, generate bool) (string, error) {
	list := make(pyval.List, len(messages))
	for i, m := range messages {
		d := new(pyval.Dict)
		d.Set("role", m.Role)
		d.Set("content", m.Content)
		list[i] = d
	}
	s, err := pyval.JSON(list, false)
	if generate {
		s += "<gen>"
	}
	return s, err
}

// Options say how a run's samples are made, in compat mode.
func (r *Run) Options() tasks.SampleOptions {
	o := tasks.SampleOptions{Compat: true}
	if r.Chat {
		o.Template, o.Fold, o.System = Template, !r.Multiturn, r.System
	}
	return o
}

// Variant is how a task was asked in the run.
func (r *Run) Variant(task *tasks.Task) tasks.Variant {
	v := tasks.Variant{Style: tasks.Direct, Shots: task.Shots(tasks.Direct).Default}
	if n, ok := r.Results.Shots[task.Name()]; ok {
		v.Shots = n
	} else if r.Shots != nil {
		v.Shots = *r.Shots
	}
	return v
}

// Responses gives what the fake model answered to a sample of a task, draw by draw, as a backend would.
func (r *Run) Responses(t testing.TB, task string, s *tasks.Sample) [][]backends.Response {
	t.Helper()
	type at struct{ idx, rep int }
	recorded := make(map[at]json.RawMessage)
	draws := 1
	for _, q := range r.Requests {
		if q.Task == task && q.DocID == s.Index {
			recorded[at{q.Idx, q.Rep}] = q.Resp
			draws = max(draws, q.Rep+1)
		}
	}
	out := make([][]backends.Response, draws)
	for rep := range out {
		idx := 0
		for _, q := range s.Requests {
			n := max(1, len(q.Continuations))
			var response backends.Response
			for range n {
				raw, ok := recorded[at{idx, rep}]
				if !ok {
					break // onset's companion request
				}
				idx++
				read(t, raw, q.Kind, &response)
			}
			out[rep] = append(out[rep], response)
		}
	}
	return out
}

func read(t testing.TB, raw json.RawMessage, kind backends.Kind, r *backends.Response) {
	t.Helper()
	var err error
	switch kind {
	case backends.Generate:
		err = json.Unmarshal(raw, &r.Text)
	case backends.LogLikelihood:
		var pair [2]any
		err = json.Unmarshal(raw, &pair)
		sum, _ := pair[0].(float64)
		greedy, _ := pair[1].(bool)
		r.LogProbs = append(r.LogProbs, backends.LogProb{Sum: sum, Greedy: greedy, Tokens: 1})
	default:
		var sum float64
		err = json.Unmarshal(raw, &sum)
		r.LogProbs = append(r.LogProbs, backends.LogProb{Sum: sum, Tokens: 1})
	}
	if err != nil {
		t.Fatalf("read the response %s: %v", raw, err)
	}
}

package tasks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends"
)

// goldenRun is what the unmodified lm-evaluation-harness (commit 4e7e0d47f) asked of a fake model.
type goldenRun struct {
	Task     string `json:"task"`
	Requests []struct {
		Type  string            `json:"type"`
		DocID int               `json:"doc_id"`
		Idx   int               `json:"idx"`
		Rep   int               `json:"rep"`
		Args  []json.RawMessage `json:"args"`
	} `json:"requests"`
}

// atLeast is the number of recorded runs that are reproduced; it rises as more of the dialect is read.
const atLeast = 6

// TestDialect holds prompts and continuations to those of the harness that the dialect comes from. Runs
// that draw worked examples at random are left out: onset draws them in another way, on purpose.
func TestDialect(t *testing.T) {
	root := os.Getenv("ONSET_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	root = filepath.Join(root, "lmeval")
	text, err := os.ReadFile(filepath.Join(root, "datasets.json"))
	if err != nil {
		t.Skipf("the recorded runs are not here: %v (set ONSET_SHARED)", err)
	}
	var data map[string]map[string][]json.RawMessage
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	golden, err := filepath.Glob(filepath.Join(root, "golden", "*@*.json"))
	if err != nil || len(golden) == 0 {
		t.Fatalf("no recorded runs: %v", err)
	}
	equal := 0
	for _, file := range golden {
		name, shots, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "@")
		if err := replay(t, os.DirFS(filepath.Join(root, "tasks")), data, name, shots, file); err != nil {
			t.Logf("%s@%s: left out: %v", name, shots, err)
			continue
		}
		equal++
	}
	if equal < atLeast {
		t.Errorf("%d recorded runs are reproduced, want %d", equal, atLeast)
	}
}

// replay compares one run; an error says why the run is left out.
func replay(t *testing.T, tree fs.FS, data map[string]map[string][]json.RawMessage, name, shots, file string) error {
	d, fsys, err := localTask(tree, data, name)
	if err != nil {
		return err
	}
	task, err := loadTask(fsys, d, name)
	if err != nil {
		return err
	}
	l := task.layouts[Direct]
	v := Variant{Style: Direct, Shots: l.shots}
	if shots != "default" {
		if v.Shots, err = strconv.Atoi(shots); err != nil {
			return errors.New("chat templates are another issue")
		}
	}
	if v.Shots > 0 && l.sampler != sampleFirst {
		return errors.New("examples are drawn at random")
	}
	var run goldenRun
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatal(err)
	}
	want := make(map[int]string)
	for _, r := range run.Requests {
		if r.Rep == 0 {
			want[r.DocID] += describeArgs(r.Type, r.Args)
		}
	}
	n := 0
	for s, err := range task.Samples(t.Context(), v, SampleOptions{}) {
		if err != nil {
			if strings.Contains(err.Error(), "not supported yet") {
				return err
			}
			t.Errorf("%s@%s: %v", name, shots, err)
			return nil
		}
		if got := describeSample(s); got != want[s.Index] {
			t.Errorf("%s@%s: sample %d is\n%s\nwant\n%s", name, shots, s.Index, got, want[s.Index])
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%s@%s: %d samples, want %d", name, shots, n, len(want))
	}
	return nil
}

// localTask gives a task file that includes the named one and reads the recorded rows.
func localTask(tree fs.FS, data map[string]map[string][]json.RawMessage, name string) (string, fs.FS, error) {
	index, err := NewIndex(Source{FS: tree})
	if err != nil {
		return "", nil, err
	}
	found := index.tasks[name]
	if found == nil {
		return "", nil, errors.New("it is no task of its own")
	}
	file, _, _ := strings.Cut(found.places[0], ":")
	d, err := readDocument(tree, file, nil)
	if err != nil {
		return "", nil, err
	}
	key := "|"
	if p, err := d.field("dataset_path").Text(); err == nil {
		key = p + key
	}
	if f := d.field("dataset_name"); f.Set() && !f.IsNull() {
		n, _ := f.Name()
		key += n
	}
	fsys := fstest.MapFS{}
	if err := copyTree(fsys, tree); err != nil {
		return "", nil, err
	}
	files := make([]string, 0)
	for _, split := range slices.Sorted(maps.Keys(data[key])) {
		fsys[split+".jsonl"] = &fstest.MapFile{Data: bytes.Join(compact(data[key][split]), []byte("\n"))}
		files = append(files, fmt.Sprintf("%q: %q", split, split+".jsonl"))
	}
	wrapper := fmt.Sprintf("include: %q\ndataset_path: json\ndataset_kwargs: {data_files: {%s}}\n", file, strings.Join(files, ", "))
	fsys["wrapper.yaml"] = &fstest.MapFile{Data: []byte(wrapper)}
	return "wrapper.yaml", fsys, nil
}

func copyTree(to fstest.MapFS, from fs.FS) error {
	return fs.WalkDir(from, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, name)
		to[path.Clean(name)] = &fstest.MapFile{Data: data}
		return err
	})
}

func compact(rows []json.RawMessage) [][]byte {
	out := make([][]byte, len(rows))
	for i, r := range rows {
		var b bytes.Buffer
		if err := json.Compact(&b, r); err != nil {
			panic(err)
		}
		out[i] = b.Bytes()
	}
	return out
}

func describeArgs(kind string, args []json.RawMessage) string {
	var texts [2]string
	for i, a := range args {
		if i < 2 {
			_ = json.Unmarshal(a, &texts[i]) // the second is an object for generation, and compared below
		}
	}
	var kwargs struct {
		Until     any  `json:"until"`
		MaxTokens *int `json:"max_gen_toks"`
	}
	if kind != "generate_until" {
		return fmt.Sprintf("%s %q %q\n", kind, texts[0], texts[1])
	}
	if err := json.Unmarshal(args[1], &kwargs); err != nil {
		return err.Error()
	}
	if kwargs.MaxTokens == nil {
		n := defaultMaxTokens
		kwargs.MaxTokens = &n
	}
	if s, ok := kwargs.Until.(string); ok {
		kwargs.Until = []any{s}
	}
	return fmt.Sprintf("%s %q until %q, %d tokens\n", kind, texts[0], kwargs.Until, *kwargs.MaxTokens)
}

func describeSample(s Sample) string {
	r := s.Requests[0]
	switch r.Kind {
	case backends.Generate:
		return fmt.Sprintf("generate_until %q until %q, %d tokens\n", r.Prompt, r.Sampling.Stop, r.Sampling.MaxTokens)
	case backends.LogLikelihoodRolling:
		return fmt.Sprintf("loglikelihood_rolling %q %q\n", r.Prompt, "")
	default:
		out := ""
		for _, c := range r.Continuations {
			out += fmt.Sprintf("loglikelihood %q %q\n", r.Prompt, c)
		}
		return out
	}
}

package local_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
)

// sharedDir gives the folder of the data that is kept beside the project, or skips the test.
func sharedDir(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("ONSET_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the reference data %s is not here: it is kept beside the project, and a user's checkout has none", name)
	}
	return dir
}

// item is a question of the ladder's held-out set.
type item struct {
	Task      string `json:"task"`
	ID        int    `json:"id"`
	Prompt    string `json:"prompt"`
	MaxTokens int    `json:"max_new_tokens"`
}

// answer is what a model gave for it in PyTorch.
type answer struct {
	Model  string `json:"model"`
	Task   string `json:"task"`
	ID     int    `json:"id"`
	Output string `json:"output"`
}

func (a answer) key() string { return fmt.Sprintf("%s/%s/%d", a.Model, a.Task, a.ID) }

func readLines[T any](t *testing.T, path string, zipped bool) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	if zipped {
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines = bufio.NewScanner(z)
	}
	lines.Buffer(nil, 1<<20)
	var out []T
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := lines.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%s: %d lines, %v", path, len(out), err)
	}
	return out
}

// TestAnswersEqualPyTorch asks every item of every checkpoint and compares the greedy answers with those recorded.
func TestAnswersEqualPyTorch(t *testing.T) {
	dir := sharedDir(t, "ladder")
	items := readLines[item](t, filepath.Join(dir, "items.jsonl"), false)
	for _, family := range []string{"seed0", "seed1"} {
		recorded := make(map[string]string)
		for _, a := range readLines[answer](t, filepath.Join(dir, family, "outputs.jsonl.gz"), true) {
			recorded[a.key()] = a.Output
		}
		sizes := 8
		if testing.Short() {
			sizes = 3
		}
		for size := range sizes {
			model := fmt.Sprintf("s%d", size)
			t.Run(family+"/"+model, func(t *testing.T) {
				compareAnswers(t, filepath.Join(dir, family, model), model, items, recorded)
			})
		}
	}
}

func compareAnswers(t *testing.T, dir, model string, items []item, recorded map[string]string) {
	b, err := local.Open(context.Background(), dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	got := make([]string, len(items))
	group := pool.New().WithErrors().WithMaxGoroutines(b.Info().Parallel)
	for i, it := range items {
		group.Go(func() error {
			resp, err := b.Do(context.Background(), backends.Request{
				Kind: backends.Generate, Prompt: it.Prompt, Sampling: backends.Sampling{MaxTokens: it.MaxTokens},
			})
			got[i] = resp.Text
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, it := range items {
		key := answer{Model: model, Task: it.Task, ID: it.ID}.key()
		want, ok := recorded[key]
		if !ok {
			t.Fatalf("no recorded answer for %s", key)
		}
		if got[i] != want && !isTie(t, b, filepath.Base(filepath.Dir(dir))+"/"+key, it.Prompt, got[i], want) {
			t.Errorf("%s: %q gives %q, PyTorch gave %q", key, it.Prompt, got[i], want)
		}
	}
}

// ties lists the items whose two best tokens are so close that rounding decides between them, with the margin between
// PyTorch's answer and ours in nats, as measured by this test.
var ties = map[string]float64{
	"seed1/s2/add3_direct/184": 1e-6,
}

// isTie reports whether the item is a known tie, and measures that it is one still.
func isTie(t *testing.T, b *local.Backend, key, prompt, got, want string) bool {
	listed, ok := ties[key]
	if !ok {
		return false
	}
	resp, err := b.Do(context.Background(), backends.Request{
		Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{got, want},
	})
	if err != nil {
		t.Fatal(err)
	}
	margin := math.Abs(resp.LogProbs[0].Sum - resp.LogProbs[1].Sum)
	t.Logf("%s is a tie: %q and %q are %.2g nats apart", key, got, want, margin)
	return margin <= 2*listed
}

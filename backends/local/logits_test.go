package local

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// TestLogitsEqualReference compares the logits after a prompt with those of an independent float64 program
// (reference_logits.json, see testdata/ladder/train), for every kernel set of this machine.
func TestLogitsEqualReference(t *testing.T) {
	root := os.Getenv("ONSET_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(root, "ladder", "reference_logits.json"))
	if err != nil {
		t.Skip("the reference logits are not here: they are kept beside the project, and a user's checkout has none")
	}
	var cases []struct {
		Size, Prompt string
		IDs          []int     `json:"ids"`
		Want         []float64 `json:"last_logits"`
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, set := range kernels.All() {
		worst := 0.0
		for _, c := range cases {
			b, err := load(context.Background(), os.DirFS(filepath.Join("ladder", "checkpoints", "seed0", c.Size)), c.Size, Options{Kernels: set.Name()})
			if err != nil {
				t.Fatal(err)
			}
			ids := b.tok.Encode(c.Prompt, true)
			if len(ids) != len(c.IDs) {
				t.Fatalf("%q has the ids %v, want %v", c.Prompt, ids, c.IDs)
			}
			for i := range ids {
				if ids[i] != c.IDs[i] {
					t.Fatalf("%q has the ids %v, want %v", c.Prompt, ids, c.IDs)
				}
			}
			got := lastLogits(b, ids)
			if len(got) != len(c.Want) {
				t.Fatalf("%d logits, want %d", len(got), len(c.Want))
			}
			for i, w := range c.Want {
				diff := math.Abs(float64(got[i]) - w)
				worst = max(worst, diff)
				// The reference is rounded to four decimals.
				if !(diff <= 1e-4+0.5e-4) {
					t.Errorf("%s, %s, %q: logit %d is %v, want %v", set.Name(), c.Size, c.Prompt, i, got[i], w)
				}
			}
		}
		t.Logf("%s: largest difference %.2g over %d prompts", set.Name(), worst, len(cases))
	}
}

// lastLogits runs ids through the model and gives the logits after the last.
func lastLogits(b *Backend, ids []int) []float32 {
	ex := newCPUExecutor(b.model, b.kernels, nil, Options{})
	s := newScheduler(b, ex, 1, Options{})
	x := &text{w: new(work), state: &progress{number: 1}, ids: ids, gen: new(generation)}
	s.tree.enter(x)
	s.step++
	s.walk(x)
	ex.forward(s.rows, []int{len(ids) - 1})
	return b.model.logits(b.kernels, ex.scratch, 0, 1)
}

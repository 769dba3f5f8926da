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

// The largest differences to transformers on real checkpoints, in float32.
const (
	realLogits   = 1e-3
	realRelative = 2e-5 // of the largest logit, in addition
	realLog      = 5e-4 // of a token's log-probability, in nats
	realSum      = 2e-3 // of the summed log-probability of the last tokens
	realSummed   = 10   // that many
)

// TestRealCheckpoints compares the checkpoints of a folder with goldens that testdata/parity/real.py wrote beside them.
func TestRealCheckpoints(t *testing.T) {
	root := os.Getenv("ONSET_PARITY_DIR")
	if root == "" {
		t.Skip("ONSET_PARITY_DIR names no folder of checkpoints with goldens by testdata/parity/real.py")
	}
	paths, err := filepath.Glob(filepath.Join(root, "*", "parity.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no folders with a parity.json: %v", root, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) { compareReal(t, filepath.Dir(path)) })
	}
}

func compareReal(t *testing.T, dir string) {
	var g struct {
		Prompts []struct {
			IDs  []int `json:"ids"`
			Logs []float64
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "parity.json"))
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	if err != nil || len(g.Prompts) == 0 {
		t.Fatalf("%d prompts, %v", len(g.Prompts), err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "parity.f32"))
	if err != nil {
		t.Fatal(err)
	}
	all := float32s(raw)
	b, err := Open(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	vocab := len(all) / len(g.Prompts)
	worst := struct{ logit, log, sum float64 }{}
	for i, p := range g.Prompts {
		at := make([]int, len(p.IDs))
		for j := range at {
			at[j] = j
		}
		_, logits := compute(b.model, kernels.Best(), p.IDs, at, 128)
		size, sum := b.model.vocab, 0.0
		for j, want := range p.Logs {
			d := float64(logits[j*size+p.IDs[j+1]]) - float64(kernels.Best().LogSumExp(logits[j*size:(j+1)*size])) - want
			worst.log = max(worst.log, math.Abs(d))
			if j >= len(p.Logs)-realSummed {
				sum += d
			}
		}
		worst.sum = max(worst.sum, math.Abs(sum))
		got, want := logits[len(logits)-size:][:vocab], all[i*vocab:(i+1)*vocab]
		most, best, second := 0.0, float32(math.Inf(-1)), float32(math.Inf(-1))
		for _, v := range want {
			most = max(most, math.Abs(float64(v)))
			if v > best {
				best, second = v, best
			} else if v > second {
				second = v
			}
		}
		bound := realLogits + realRelative*most
		d := farthest(got, want)
		worst.logit = max(worst.logit, d)
		if !(d <= bound) {
			t.Errorf("prompt %d of %d tokens: logits differ by %.3g, more than %.3g", i, len(p.IDs), d, bound)
		}
		if float64(best-second) > 4*bound && kernels.Best().ArgMax(got) != kernels.Best().ArgMax(want) {
			t.Errorf("prompt %d: token %d is the best, and %d is for transformers", i, kernels.Best().ArgMax(got), kernels.Best().ArgMax(want))
		}
	}
	t.Logf("%d prompts: logits within %.2g, log-probabilities within %.2g, sums of %d within %.2g", len(g.Prompts), worst.logit, worst.log, realSummed, worst.sum)
	if worst.log > realLog || worst.sum > realSum {
		t.Errorf("log-probabilities differ by %.3g, sums by %.3g", worst.log, worst.sum)
	}
}

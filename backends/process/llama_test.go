//go:build unix

package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/openai"
	"github.com/onset-eval/onset/backends/process"
)

// item is an item of the ladder's tasks.
type item struct {
	Task, Prompt, Answer string
	MaxTokens            int `json:"max_new_tokens"`
}

// items gives every n-th item of the ladder's.
func items(t *testing.T, n int) []item {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "ladder", "items.jsonl"))
	if err != nil {
		t.Skipf("the ladder's items lie beside the project: %v", err)
	}
	defer func() { _ = f.Close() }()
	var out []item
	lines := bufio.NewScanner(f)
	for i := 0; lines.Scan(); i++ {
		if i%n != 0 {
			continue
		}
		var it item
		if err := json.Unmarshal(lines.Bytes(), &it); err != nil {
			t.Fatal(err)
		}
		out = append(out, it)
	}
	if len(out) < 20 {
		t.Fatalf("%d items", len(out))
	}
	return out
}

// openLlama converts a checkpoint of the ladder and opens it in a llama.cpp server.
func openLlama(t testing.TB, server, checkpoint, kind string) backends.Backend {
	t.Helper()
	python := os.Getenv("ONSET_GGUF_PYTHON")
	if python == "" {
		python = "python3"
	}
	file := filepath.Join(t.TempDir(), kind+".gguf")
	if out, err := exec.Command(python, filepath.Join("testdata", "gguf_of.py"), checkpoint, file, kind).CombinedOutput(); err != nil {
		t.Fatalf("convert %s: %v\n%s", checkpoint, err, out)
	}
	all := process.Kinds()
	args := map[string]string{"args": "--ctx-size 512 --parallel 4 --threads 2 --no-webui"}
	if kind == "f32" {
		args["args"] += " --cache-type-k f32 --cache-type-v f32 --flash-attn off"
	}
	b, err := process.OpenServer(t.Context(), process.ServerOptions{
		Kind: all[slices.IndexFunc(all, func(k process.Kind) bool { return k.Name == "llama-server" })], Command: []string{server}, Model: file,
		Args: args, Start: 2 * time.Minute,
		Connect: func(ctx context.Context, base, model string) (backends.Backend, error) {
			m := backends.Model{Ref: backends.Ref{Provider: "llama-server", Model: model}, BaseURL: base + "/v1", Args: map[string]string{"server": "llama-server"}}
			return openai.Open(ctx, openai.Options{Model: m})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func llamaServer(t *testing.T) string {
	server := os.Getenv("ONSET_LLAMA_SERVER")
	if server == "" {
		t.Skip("ONSET_LLAMA_SERVER names no llama.cpp server; ONSET_GGUF_PYTHON names a Python with the package gguf")
	}
	return server
}

// compared sums up how far two engines lie apart.
type compared struct {
	mu               sync.Mutex // guards what follows
	texts, sameTexts int
	tokens           int
	worst, sum       float64 // nats a token
	greedy           int     // flags that differ
	differences      []string
}

// TestLlamaServer holds a llama.cpp server, which nobody here wrote, against the engine in process on checkpoints of the
// ladder: greedy texts, and log-likelihoods of the right answers by forced decoding.
func TestLlamaServer(t *testing.T) {
	server := llamaServer(t)
	for _, c := range []struct {
		size, kind string
		// worst is how far the log-likelihood of one answer may lie apart, in nats a token. Half precision rounds to 11
		// bits, and llama.cpp rounds the activations of f16 matrices too.
		worst, mean float64
	}{
		{"s3", "f32", 1e-3, 1e-4}, {"s6", "f32", 1e-3, 1e-4}, {"s3", "f16", 0.1, 0.01}, {"s6", "f16", 0.1, 0.01},
	} {
		t.Run(c.size+" "+c.kind, func(t *testing.T) {
			checkpoint := filepath.Join("..", "local", "ladder", "checkpoints", "seed0", c.size)
			ours, err := local.Open(t.Context(), checkpoint, local.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = ours.Close() }()
			theirs := openLlama(t, server, checkpoint, c.kind)
			var found compared
			group := pool.New().WithErrors().WithMaxGoroutines(theirs.Info().Parallel)
			for _, it := range items(t, 29) {
				group.Go(func() error { return found.compare(t.Context(), ours, theirs, it) })
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			mean := found.sum / float64(found.tokens)
			t.Logf("%d of %d greedy texts are equal; %d tokens scored: the worst answer is %.2g nats a token apart, the mean %.2g; %d greedy flags differ",
				found.sameTexts, found.texts, found.tokens, found.worst, mean, found.greedy)
			for _, d := range found.differences {
				t.Log(d)
			}
			if found.worst > c.worst || mean > c.mean {
				t.Errorf("log-likelihoods lie further apart than %g, and %g in the mean", c.worst, c.mean)
			}
			if least := map[string]int{"f32": found.texts - 1, "f16": found.texts * 98 / 100}[c.kind]; found.sameTexts < least {
				t.Errorf("%d of %d texts are equal, want %d", found.sameTexts, found.texts, least)
			}
		})
	}
}

func (f *compared) compare(ctx context.Context, ours, theirs backends.Backend, it item) error {
	gen := backends.Request{Kind: backends.Generate, Prompt: it.Prompt, Sampling: backends.Sampling{MaxTokens: it.MaxTokens, Stop: []string{"\n"}}}
	score := backends.Request{Kind: backends.LogLikelihood, Prompt: it.Prompt, Continuations: []string{it.Answer}}
	text1, err := ours.Do(ctx, gen)
	if err != nil {
		return err
	}
	text2, err := theirs.Do(ctx, gen)
	if err != nil {
		return fmt.Errorf("%q: %w", it.Prompt, err)
	}
	score1, err := ours.Do(ctx, score)
	if err != nil {
		return err
	}
	score2, err := theirs.Do(ctx, score)
	if err != nil {
		return fmt.Errorf("%q: %w", it.Prompt, err)
	}
	a, b := score1.LogProbs[0], score2.LogProbs[0]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.texts++
	if text1.Text == text2.Text {
		f.sameTexts++
	} else {
		f.differences = append(f.differences, fmt.Sprintf("%q: %q here, %q there", it.Prompt, text1.Text, text2.Text))
	}
	if a.Tokens != b.Tokens {
		return fmt.Errorf("%q after %q is %d tokens here and %d there", it.Answer, it.Prompt, a.Tokens, b.Tokens)
	}
	apart := math.Abs(a.Sum-b.Sum) / float64(a.Tokens)
	f.tokens += a.Tokens
	f.sum += apart * float64(a.Tokens)
	if f.worst = max(f.worst, apart); a.Greedy != b.Greedy {
		f.greedy++
	}
	return nil
}

// TestLlamaServerConforms runs the conformance suite on the real server.
func TestLlamaServerConforms(t *testing.T) {
	server := llamaServer(t)
	checkpoint := filepath.Join("..", "local", "ladder", "checkpoints", "seed0", "s6")
	b := openLlama(t, server, checkpoint, "f32")
	backendtest.Run(t, func(testing.TB) backends.Backend { return &unclosed{Backend: b} }, backendtest.Options{
		Prompts: []string{"Sum: 1 2 3 4", "Map: a:b c:d a:", "Q"}, Additive: true, OneModel: true, Tolerance: 1e-2, StopHidden: true,
	})
}

// unclosed leaves a server running that several checks share. Its own end is checked elsewhere.
type unclosed struct {
	backends.Backend
	closed atomic.Bool
}

func (u *unclosed) Close() error {
	u.closed.Store(true)
	return nil
}

func (u *unclosed) Do(ctx context.Context, r backends.Request) (backends.Response, error) {
	if u.closed.Load() {
		return backends.Response{}, backends.Errorf(backends.KindClosed, "ask", "it was closed")
	}
	return u.Backend.Do(ctx, r)
}

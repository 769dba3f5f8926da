package local

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	concpool "github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
)

// numeralTokenizer is a tokenizer.json whose tokens are the numbers below n, one a word.
func numeralTokenizer(n int) []byte {
	vocab := make(map[string]int)
	for i := range n {
		vocab[strconv.Itoa(i)] = i
	}
	data, err := json.Marshal(map[string]any{
		"version": "1.0", "added_tokens": []any{}, "normalizer": nil, "post_processor": nil, "decoder": nil,
		"pre_tokenizer": map[string]any{"type": "WhitespaceSplit"},
		"model":         map[string]any{"type": "WordLevel", "vocab": vocab, "unk_token": "0"},
	})
	if err != nil {
		panic(err)
	}
	return data
}

// words writes ids as a text of that tokenizer.
func words(ids []int) string {
	var out []string
	for _, id := range ids {
		out = append(out, strconv.Itoa(id))
	}
	return strings.Join(out, " ")
}

// openNumerals opens a golden's checkpoint as a user does, with a tokenizer of numbers.
func openNumerals(t *testing.T, g golden, o Options) *Backend {
	t.Helper()
	for _, config := range g.Configs {
		vocab := 0
		for name, shape := range g.Tensors {
			if strings.Contains(name, "word_embeddings.weight") || strings.Contains(name, "embed_tokens.weight") ||
				strings.Contains(name, "wte.weight") || strings.Contains(name, "embed_in.weight") {
				vocab = shape[0]
			}
		}
		b, err := OpenFS(context.Background(), fstest.MapFS{
			"config.json": {Data: config}, "model.safetensors": {Data: g.file(asStored)}, "tokenizer.json": {Data: numeralTokenizer(vocab)},
			"tokenizer_config.json": {Data: []byte(`{"bos_token": "1", "mask_token": "4", "cls_token": "1"}`)},
		}, "golden", o)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	t.Fatal("no config")
	return nil
}

// logProb is the log-probability of a token by a row of logits, in float64.
func logProb(logits []float32, token int) float64 {
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v))
	}
	return float64(logits[token]) - math.Log(sum)
}

// TestBackendParity asks for what transformers' logits tell: the log-probability of the token after each position of the
// goldens, all requests at once, and 64 generated tokens.
func TestBackendParity(t *testing.T) {
	for name, g := range readGoldens(t) {
		if len(g.Generated) == 0 {
			continue // masked models are asked otherwise
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openNumerals(t, g, Options{Threads: 2})
			defer func() { _ = b.Close() }()
			group := concpool.New().WithErrors()
			for _, p := range g.Prompts {
				vocab := len(p.Logits) / len(p.At)
				for i, at := range p.At {
					if positionsDependOnLength(name) && at+1 != len(p.IDs) && len(p.IDs) > 32 {
						continue // the golden is of the whole text's positions
					}
					row := p.Logits[i*vocab : (i+1)*vocab]
					group.Go(func() error { return checkScore(b, p.IDs[:at+1], row, 3+at%7) })
				}
			}
			group.Go(func() error { return checkGeneration(b, g) })
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func positionsDependOnLength(name string) bool { return strings.Contains(name, "longrope") }

func checkScore(b *Backend, prompt []int, logits []float32, token int) error {
	resp, err := b.Do(context.Background(), backends.Request{
		Kind: backends.LogLikelihood, Prompt: words(prompt), Continuations: []string{" " + strconv.Itoa(token), " " + words([]int{token, 7})},
	})
	if err != nil {
		return err
	}
	if got, want := resp.LogProbs[0].Sum, logProb(logits, token); !(math.Abs(got-want) <= 2*logitsBound) {
		return fmt.Errorf("token %d after %d tokens has the log-probability %v, want %v", token, len(prompt), got, want)
	}
	return nil
}

func checkGeneration(b *Backend, g golden) error {
	resp, err := b.Do(context.Background(), backends.Request{
		Kind: backends.Generate, Prompt: words(g.Prompts[0].IDs), Sampling: backends.Sampling{MaxTokens: len(g.Generated)},
	})
	if err != nil {
		return err
	}
	got := strings.Fields(resp.Text)
	for i, want := range g.Generated {
		if g.Margins[i] < 1e-3 {
			return nil // a tie
		}
		if b.model.eos != nil && want == b.model.eos[0] {
			return nil
		}
		if i >= len(got) || got[i] != strconv.Itoa(want) {
			return fmt.Errorf("token %d of %q is not %d (the margin is %g)", i, resp.Text, want, g.Margins[i])
		}
	}
	return nil
}

package local

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// letterFiles is a checkpoint of which TestParity knows that it computes what transformers does, with a tokenizer of
// letters, as BERT's are.
func letterFiles(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	goldens := readGoldens(t)
	g, ok := goldens[name]
	if !ok {
		t.Fatalf("no golden %q", name)
	}
	vocab := map[string]int{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
	var added []any
	for text, id := range vocab {
		added = append(added, map[string]any{"id": id, "content": text, "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false})
	}
	for c := byte(' '); c <= 'z'; c++ {
		vocab[string(rune(c))] = len(vocab)
	}
	tok, err := json.Marshal(map[string]any{
		"version": "1.0", "added_tokens": added, "normalizer": nil, "decoder": nil,
		"pre_tokenizer":  map[string]any{"type": "Split", "pattern": map[string]any{"Regex": "."}, "behavior": "Isolated", "invert": false},
		"post_processor": map[string]any{"type": "BertProcessing", "cls": []any{"[CLS]", 2}, "sep": []any{"[SEP]", 3}},
		"model":          map[string]any{"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range g.Configs {
		return fstest.MapFS{
			"config.json": {Data: config}, "model.safetensors": {Data: g.file(asStored)}, "tokenizer.json": {Data: tok},
			"tokenizer_config.json": {Data: []byte(`{"cls_token": "[CLS]", "mask_token": "[MASK]"}`)},
		}
	}
	t.Fatal("the golden has no config")
	return nil
}

func openMasked(t testing.TB, o Options) *Backend { return openLetters(t, "bert", o) }

func openLetters(t testing.TB, name string, o Options) *Backend {
	t.Helper()
	b, err := OpenFS(context.Background(), letterFiles(t, name), name, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPseudoLogLikelihood compares scores with log-softmaxes of the logits of one masked copy after the other.
func TestPseudoLogLikelihood(t *testing.T) {
	b := openMasked(t, Options{})
	defer func() { _ = b.Close() }()
	score := func(ids []int, from, to int) (sum float64) {
		for p := from; p < to; p++ {
			copied := slices.Clone(ids)
			copied[p] = b.mask
			_, logits := compute(b.model, kernels.Best(), copied, []int{p}, len(copied))
			total := 0.0
			for _, z := range logits {
				total += math.Exp(float64(z))
			}
			sum += float64(logits[ids[p]]) - math.Log(total)
		}
		return sum
	}
	text := func(s string) []int { return b.tok.Encode(s, false) }
	surround := func(ids []int) []int { return slices.Concat([]int{2}, ids, []int{3}) }
	prompt, choices := "abc def ", []string{"gh", "i", "xyz abc"}
	resp, err := b.Do(context.Background(), backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: choices})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range choices {
		whole := text(prompt + c)
		// White space at the prompt's end belongs to the continuation.
		want := score(surround(whole), len(prompt), 1+len(whole))
		if p := resp.LogProbs[i]; math.Abs(p.Sum-want) > 1e-5 || p.Tokens != len(c)+1 {
			t.Errorf("%q has %+v, want %g", c, p, want)
		}
	}
	room := b.model.context - 2
	for _, n := range []int{1, 5, room, room + 1, 2*room + 7} {
		s := strings.Repeat("hello world, it is me. ", n)[:n]
		ids, want := text(s), 0.0
		for at := 0; at < n; {
			fresh := min(room, n-at)
			at += fresh
			window := ids[max(0, at-room):at]
			want += score(surround(window), 1+len(window)-fresh, 1+len(window))
		}
		resp, err := b.Do(context.Background(), backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: s})
		if err != nil {
			t.Fatal(err)
		}
		if p := resp.LogProbs[0]; math.Abs(p.Sum-want) > 1e-5*float64(n+1) || p.Tokens != n {
			t.Errorf("a text of %d tokens has %+v, want %g", n, p, want)
		}
	}
}

// TestMaskedOverflow drops what does not fit from the prompt's left and keeps the token that begins texts.
func TestMaskedOverflow(t *testing.T) {
	b := openMasked(t, Options{})
	defer func() { _ = b.Close() }()
	prompt := strings.Repeat("abcdefg ", 40)
	req := backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{"xyz"}}
	w, err := b.plan(&req)
	if err != nil {
		t.Fatal(err)
	}
	p := w.parts[0]
	if len(p.ids) != b.model.context || p.ids[0] != 2 || p.ids[len(p.ids)-1] != 3 || p.to-p.from != 4 || w.dropped != len(prompt)+3-(b.model.context-2) {
		t.Errorf("the part is %+v, %d tokens dropped", p, w.dropped)
	}
	req.Continuations = []string{prompt}
	if _, err := b.plan(&req); backends.KindOf(err) != backends.KindInvalid {
		t.Errorf("a continuation longer than the context gives %v", err)
	}
	if _, err := b.Do(context.Background(), backends.Request{Kind: backends.Generate, Prompt: "a"}); backends.KindOf(err) != backends.KindUnsupported {
		t.Errorf("to generate gives %v", err)
	}
}

func TestMaskedConformance(t *testing.T) {
	backendtest.Run(t, func(t testing.TB) backends.Backend { return openMasked(t, Options{}) }, backendtest.Options{
		Prompts: []string{"abc def ", "hello world"}, Tolerance: 1e-5,
	})
}

// TestMaskedResultsDependOnTheRequestAlone is D1 of determinism for masked models.
func TestMaskedResultsDependOnTheRequestAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	var reqs []backends.Request
	for i := range 12 {
		prompt := strings.Repeat(fmt.Sprintf("add %d to it ", i), 1+rng.IntN(2))
		if i%2 == 0 {
			reqs = append(reqs, backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: prompt[:1+rng.IntN(len(prompt))]})
		} else {
			reqs = append(reqs, backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{"a", "bcd", "efg hij"}})
		}
	}
	var want []backends.Response
	for _, set := range kernels.All() {
		for _, o := range []Options{{Threads: 1}, {Threads: 2, StepTokens: 1}, {Threads: 16, StepTokens: 1000}, {Threads: 2, apart: -1, CacheBytes: 1}} {
			if set.Name() == "generic" && o.Threads != 2 {
				continue
			}
			for _, atOnce := range []int{1, 12} {
				o.Kernels = set.Name()
				got := askShuffled(t, openMasked(t, o), reqs, atOnce, rng)
				if want == nil {
					want = got
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%+v, %d at once: other results", o, atOnce)
				}
			}
		}
	}
}

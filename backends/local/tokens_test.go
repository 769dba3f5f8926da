package local

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// TestTokensEqualHarness compares the tokens of requests with those of lm-evaluation-harness's model of the kind "hf"
// (testdata/tokens.py), for the special tokens of several families.
func TestTokensEqualHarness(t *testing.T) {
	data, err := os.ReadFile("testdata/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var families []struct {
		Name       string
		Tokenizer  json.RawMessage
		Config     map[string]*string
		BOS, First int
		Scores     []struct {
			Context, Continuation string
			ContextIDs            []int `json:"context_ids"`
			ContinuationIDs       []int `json:"continuation_ids"`
		}
		Prompts []struct {
			Prompt string
			IDs    []int `json:"ids"`
		}
	}
	if err := json.Unmarshal(data, &families); err != nil || len(families) == 0 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	for _, f := range families {
		tok, err := tokenizer.Parse("tokenizer.json", f.Tokenizer)
		if err != nil {
			t.Fatal(err)
		}
		named := make(map[string]string)
		for name, text := range f.Config {
			if text != nil {
				named[name] = *text
			}
		}
		m := &model{spec: spec{vocab: tok.Size(), context: 100, bos: f.BOS, causal: true}}
		sp, err := findSpecials(&m.spec, tok, named)
		if err != nil || sp.first != f.First {
			t.Fatalf("%s: texts begin with %d, %v, want %d", f.Name, sp.first, err, f.First)
		}
		b := &Backend{model: m, tok: tok, specials: sp, info: backends.Info{Kinds: backends.Kinds[:]}}
		if len(f.Scores) == 0 || len(f.Prompts) == 0 {
			t.Fatalf("%s has no cases", f.Name)
		}
		for _, s := range f.Scores {
			w, err := b.plan(&backends.Request{Kind: backends.LogLikelihood, Prompt: s.Context, Continuations: []string{s.Continuation}})
			switch {
			case len(s.ContinuationIDs) == 0:
				if backends.KindOf(err) != backends.KindInvalid {
					t.Errorf("%s: %q and %q, which add no token, give %v", f.Name, s.Context, s.Continuation, err)
				}
			case err != nil:
				t.Errorf("%s: %q and %q: %v", f.Name, s.Context, s.Continuation, err)
			default:
				if p := w.parts[0]; !slices.Equal(p.ids[:p.from], s.ContextIDs) || !slices.Equal(p.ids[p.from:], s.ContinuationIDs) {
					t.Errorf("%s: %q and %q have the tokens %v from %d, want %v and %v", f.Name, s.Context, s.Continuation, p.ids, p.from, s.ContextIDs, s.ContinuationIDs)
				}
			}
		}
		for _, p := range f.Prompts {
			if got := b.promptIDs(p.Prompt); !slices.Equal(got, p.IDs) {
				t.Errorf("%s: %q has the tokens %v, want %v", f.Name, p.Prompt, got, p.IDs)
			}
		}
	}
}

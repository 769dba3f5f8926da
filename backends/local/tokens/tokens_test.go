package tokens_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends/local/tokens"
)

// words encodes a text as its words with the space before them, as byte-pair tokenizers do, each by its length.
func words(text string) ([]int, error) {
	var ids []int
	for text != "" {
		n := strings.IndexByte(text[1:], ' ') + 1
		if n == 0 {
			n = len(text)
		}
		ids, text = append(ids, n), text[n:]
	}
	return ids, nil
}

func TestSplit(t *testing.T) {
	for name, tc := range map[string]struct {
		prompt, continuation string
		first                int
		want                 tokens.Part
		err                  error
	}{
		"space in the continuation": {"ab cde", " f", 9, tokens.Part{IDs: []int{2, 4, 2}, From: 2}, nil},
		"space in the prompt":       {"ab cde ", "fg", 9, tokens.Part{IDs: []int{2, 4, 3}, From: 2}, nil},
		"empty prompt":              {"", "ab", 9, tokens.Part{IDs: []int{9, 2}, From: 1}, nil},
		"blank prompt":              {" ", "ab", 9, tokens.Part{IDs: []int{9, 3}, From: 1}, nil},
		"no first token":            {"", "ab", -1, tokens.Part{}, tokens.ErrNoFirst},
		"nothing added":             {"ab", "c", 9, tokens.Part{}, tokens.ErrNothing},
	} {
		got, err := tokens.Split(words, tc.first, tc.prompt, tc.continuation)
		if !errors.Is(err, tc.err) || !cmp.Equal(got, tc.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestWindowsAndCut(t *testing.T) {
	ids := []int{1, 2, 3, 4, 5, 6, 7}
	for size, want := range map[int][]tokens.Part{
		0: {{IDs: []int{9, 1, 2, 3, 4, 5, 6, 7}, From: 1}},
		8: {{IDs: []int{9, 1, 2, 3, 4, 5, 6, 7}, From: 1}},
		4: {{IDs: []int{9, 1, 2, 3}, From: 1}, {IDs: []int{3, 4, 5, 6}, From: 1}, {IDs: []int{4, 5, 6, 7}, From: 3}},
	} {
		if d := cmp.Diff(want, tokens.Windows(ids, 9, size)); d != "" {
			t.Errorf("windows of %d: %s", size, d)
		}
	}
	p, dropped := tokens.Part{IDs: ids, From: 5}.Cut(4)
	if dropped != 3 || !cmp.Equal(p, tokens.Part{IDs: ids[3:], From: 2}) {
		t.Errorf("cut: %+v, %d dropped", p, dropped)
	}
	if p, dropped := (tokens.Part{IDs: ids, From: 2}).Cut(4); dropped != 3 || p.From != 1 {
		t.Errorf("cut into the continuation: %+v, %d", p, dropped)
	}
}

func checkpoint() string { return filepath.Join("..", "ladder", "checkpoints", "seed0", "s0") }

func TestCodec(t *testing.T) {
	c, err := tokens.Open(checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	if c.Context() == 0 || c.First() < 0 || !strings.HasPrefix(c.Hash(), "sha256:") {
		t.Errorf("%d, %d, %s", c.Context(), c.First(), c.Hash())
	}
	ids, err := c.Encode("abc")
	if err != nil || c.Decode(ids) != "abc" {
		t.Errorf("%v gives %q, %v", ids, c.Decode(ids), err)
	}
	if got := c.Prompt(""); len(got) != 1 {
		t.Errorf("an empty prompt is %v", got)
	}
	long := slices.Repeat(ids, 10)
	if got, dropped := c.Fit(long, 16, 4); len(got) != 12 || dropped != len(long)-12 || got[len(got)-1] != long[len(long)-1] {
		t.Errorf("%d of %d fit, %d dropped", len(got), len(long), dropped)
	}
	if _, err := tokens.Open(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestBeginning takes the tokens that begin texts from where checkpoints have them.
func TestBeginning(t *testing.T) {
	tok, err := os.ReadFile(filepath.Join(checkpoint(), "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		files map[string]string
		first int
	}{
		"nothing":  {nil, -1},
		"bos":      {map[string]string{"config.json": `{"bos_token_id":5,"eos_token_id":6}`}, 5},
		"eos":      {map[string]string{"config.json": `{"bos_token_id":null,"eos_token_id":[6,7]}`}, 6},
		"one down": {map[string]string{"config.json": `{"text_config":{"bos_token_id":8}}`}, 8},
	} {
		dir := t.TempDir()
		files := map[string]string{"tokenizer.json": string(tok)}
		for k, v := range tc.files {
			files[k] = v
		}
		for file, data := range files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := tokens.Open(dir)
		if err != nil || c.First() != tc.first {
			t.Errorf("%s: %d, %v", name, c.First(), err)
		}
	}
}

package local

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends"
)

// TestWindows compares windows with those of lm-evaluation-harness (testdata/windows.py).
func TestWindows(t *testing.T) {
	data, err := os.ReadFile("testdata/windows.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Size, Length int
		Windows      []struct{ Context, Scored []int }
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		ids := make([]int, c.Length)
		for i := range ids {
			ids[i] = i + 1
		}
		got := windows(ids, 0, c.Size)
		if len(got) != len(c.Windows) {
			t.Fatalf("%d tokens in a context of %d: %d windows, want %d", c.Length, c.Size, len(got), len(c.Windows))
		}
		for i, w := range c.Windows {
			if p := got[i]; !slices.Equal(p.ids[:p.from], w.Context) || !slices.Equal(p.ids[p.from:], w.Scored) {
				t.Errorf("%d tokens in a context of %d: window %d is %v from %d, want %v and %v", c.Length, c.Size, i, p.ids, p.from, w.Context, w.Scored)
			}
		}
	}
}

// TestOverflow holds truncation to lm-evaluation-harness's: of a context and a continuation the last tokens that fit
// stay, all but the last of which are fed; of a prompt so many that the tokens to be generated fit behind it.
func TestOverflow(t *testing.T) {
	s := idle(t, "s1", Options{}, 1)
	b := s.b
	size := b.model.context
	prompt := strings.Repeat("the old dog sees ", 20)
	ids := b.encode(prompt)
	w, err := b.plan(&backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{"a", "a man"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []string{"a", "a man"} {
		all := b.encode(prompt + c)
		p := w.parts[i]
		n := len(all) - len(b.encode(strings.TrimRight(prompt, " ")))
		if !slices.Equal(p.ids, all[len(all)-size-1:]) || len(p.ids)-p.from != n {
			t.Errorf("%q is scored from %d of %d tokens on", c, p.from, len(p.ids))
		}
		if i == 1 && w.dropped != len(all)-size-1 {
			t.Errorf("%d tokens are dropped, want %d", w.dropped, len(all)-size-1)
		}
	}
	w, err = b.plan(&backends.Request{Kind: backends.Generate, Prompt: prompt, Sampling: backends.Sampling{MaxTokens: 10}})
	if err != nil || !slices.Equal(w.parts[0].ids, ids[len(ids)-size+10:]) || w.dropped != len(ids)-size+10 || w.maxTokens != 10 {
		t.Errorf("a prompt of %d tokens is cut to %d, %d dropped, %v", len(ids), len(w.parts[0].ids), w.dropped, err)
	}
	_, err = b.plan(&backends.Request{Kind: backends.LogLikelihood, Prompt: "a", Continuations: []string{prompt}})
	if backends.KindOf(err) != backends.KindInvalid {
		t.Errorf("a continuation that is longer than the context gives %v", err)
	}
}

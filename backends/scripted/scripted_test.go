package scripted_test

import (
	"errors"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/scripted"
)

func TestModes(t *testing.T) {
	for _, c := range []struct {
		name string
		args map[string]string
		want string
	}{{"echo", nil, "last line"}, {"constant", map[string]string{"text": "yes"}, "yes"}, {"constant", nil, ""}} {
		b, err := scripted.Open(c.name, c.args)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := b.Do(t.Context(), backends.Request{Kind: backends.Generate, Prompt: "first\nlast line"})
		if err != nil || resp.Text != c.want {
			t.Errorf("%s answers %q, %v; want %q", c.name, resp.Text, err, c.want)
		}
	}
	b, err := scripted.Open("failing", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Do(t.Context(), backends.Request{Kind: backends.Generate}); !backends.KindOf(err).Temporary() {
		t.Errorf("the failing model gives %v, want a passing failure", err)
	}
	var unknown *scripted.UnknownError
	if _, err := scripted.Open("ecko", nil); !errors.As(err, &unknown) || unknown.Hint() == "" {
		t.Errorf("an unknown name gives %v", err)
	}
}

func TestUnknownArgument(t *testing.T) {
	if _, err := scripted.Open("constant", map[string]string{"txt": "x"}); err == nil {
		t.Error("a misspelt argument is taken for none")
	}
}

// TestCut sees that a text ends where a model would end it that writes it character by character, in whatever order the
// stop strings are listed.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		text     string
		sampling backends.Sampling
		want     string
		stop     backends.StopReason
	}{
		{"abcd", backends.Sampling{Stop: []string{"bc", "cd"}}, "a", backends.StopString},
		{"abcd", backends.Sampling{Stop: []string{"cd", "bc"}}, "a", backends.StopString},
		{"abcd", backends.Sampling{Stop: []string{"c", "bc"}}, "a", backends.StopString},
		{"abcd", backends.Sampling{Stop: []string{"c", "abcd"}}, "ab", backends.StopString},
		{"abcd", backends.Sampling{Stop: []string{"cd"}, MaxTokens: 3}, "abc", backends.StopLength},
		{"abcd", backends.Sampling{Stop: []string{""}, MaxTokens: 4}, "abcd", backends.StopEOS},
		{"é\xff\xffb", backends.Sampling{MaxTokens: 3}, "é\xff\xff", backends.StopLength},
	} {
		b, err := scripted.Open("constant", map[string]string{"text": c.text})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := b.Do(t.Context(), backends.Request{Kind: backends.Generate, Sampling: c.sampling})
		if err != nil || resp.Text != c.want || resp.Stop != c.stop {
			t.Errorf("%q under %+v is %q, stop %q, %v; want %q, stop %q", c.text, c.sampling, resp.Text, resp.Stop, err, c.want, c.stop)
		}
	}
}

func BenchmarkDo(b *testing.B) {
	m, err := scripted.Open("echo", nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := m.Do(b.Context(), backends.Request{Kind: backends.Generate, Prompt: "p"}); err != nil {
			b.Fatal(err)
		}
	}
}

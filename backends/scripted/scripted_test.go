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

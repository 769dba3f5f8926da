package tasks_test

import (
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

func TestChatTemplate(t *testing.T) {
	render, err := tasks.ChatTemplate("{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m['content'] | trim }}</s>\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}", map[string]string{"bos_token": "^"})
	if err != nil {
		t.Fatal(err)
	}
	turns := []backends.Message{{Role: "user", Content: "1+1? "}, {Role: "assistant", Content: "It is "}}
	for _, c := range []struct {
		turns    []backends.Message
		generate bool
		want     string
	}{
		{turns[:1], true, "^<user>1+1?</s>\n<assistant>"},
		{turns, false, "^<user>1+1?</s>\n<assistant>It is"},
		{nil, false, "^"},
	} {
		got, err := render(c.turns, c.generate)
		if err != nil || got != c.want {
			t.Errorf("%q, %v, want %q", got, err, c.want)
		}
	}
	if _, err := tasks.ChatTemplate("{% for %}", nil); err == nil {
		t.Error("a broken template compiles")
	}
}

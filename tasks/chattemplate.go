package tasks

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks/pyval"
	"github.com/onset-eval/onset/tasks/template"
)

// ChatTemplate compiles a model's Jinja chat template for SampleOptions.Template: messages become the model's text, with
// the start of an answer, or with the last message left open where it is the start of one, as transformers'
// apply_chat_template does with add_generation_prompt and continue_final_message. tokens are further names that templates
// know, as bos_token.
func ChatTemplate(source string, tokens map[string]string) (func(messages []backends.Message, generate bool) (string, error), error) {
	t, err := template.CompileWith(source, template.ChatOptions(time.Now))
	if err != nil {
		return nil, err
	}
	return func(messages []backends.Message, generate bool) (string, error) {
		list := make(pyval.List, len(messages))
		for i, m := range messages {
			d := new(pyval.Dict)
			d.Set("role", m.Role)
			d.Set("content", m.Content)
			list[i] = d
		}
		vars := new(pyval.Dict)
		for _, name := range slices.Sorted(maps.Keys(tokens)) {
			vars.Set(name, tokens[name])
		}
		vars.Set("messages", list)
		vars.Set("add_generation_prompt", generate)
		text, err := t.Render(vars)
		if err != nil || generate || len(messages) == 0 {
			return text, err
		}
		return openEnd(text, messages[len(messages)-1].Content), nil
	}, nil
}

// openEnd cuts what a template puts after the last message, so that the model goes on with it.
func openEnd(text, last string) string {
	for _, whole := range []string{last, strings.TrimSpace(last)} {
		if at := strings.LastIndex(text, whole); whole != "" && at >= 0 {
			return text[:at+len(whole)]
		}
	}
	return text
}

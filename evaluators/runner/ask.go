package runner

import (
	"fmt"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

// SampleOptions says how a cell's samples are made for a model.
func SampleOptions(a Ask, c tasks.Cell, info backends.Info) (tasks.SampleOptions, error) {
	o := c.Options()
	o.Kinds, o.Messages = info.Kinds, info.Messages
	o.Compat, o.System, o.Letters = a.Compat, a.System, byLetter(a, c, info)
	if !a.ChatTemplate {
		return o, nil
	}
	o.Fold = !a.Multiturn
	if info.Messages {
		return o, nil // the model renders turns itself
	}
	if info.ChatTemplate == "" {
		return o, &NoTemplateError{Model: info.Model}
	}
	render, err := tasks.ChatTemplate(info.ChatTemplate, info.Details)
	if err != nil {
		return o, fmt.Errorf("read the chat template: %w", err)
	}
	o.Template = render
	return o, nil
}

// NoTemplateError says that a model has no chat template.
type NoTemplateError struct{ Model string }

func (e *NoTemplateError) Error() string { return fmt.Sprintf("%s has no chat template", e.Model) }

// Hint says what to do.
func (e *NoTemplateError) Hint() string {
	return "leave --apply-chat-template out: the model takes plain text"
}

// Harnessed says whether some cell is judged by lm-evaluation-harness's own rules.
func Harnessed(p Plan) bool {
	cells, err := bind(p)
	return err == nil && slices.ContainsFunc(cells, func(c cell) bool { return c.harness != nil })
}

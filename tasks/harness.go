package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Raw is a sample as lm-evaluation-harness has it: what its metrics and its sample files are made of.
type Raw struct {
	// Doc is the document after process_docs. Nobody changes it.
	Doc *pyval.Dict
	// Target is what doc_to_target gives: a text, a whole number, a list.
	Target pyval.Value
	// Choices are what doc_to_choice gives; nil where the task has none.
	Choices []pyval.Value
	// Context is the first argument of the sample's first request.
	Context string
}

// Hashes are those of a sample record, in hex.
type Hashes struct{ Doc, Prompt, Target string }

// Hashes gives the hashes of the sample's record as the harness's --log_samples writes them.
func (r *Raw) Hashes() (Hashes, error) {
	doc, err := pyval.JSON(r.Doc, true)
	if err != nil {
		return Hashes{}, err
	}
	return Hashes{Doc: HashText(doc), Prompt: HashText(r.Context), Target: HashText(pyval.Str(r.Target))}, nil
}

// TaskHash gives the harness's task_hash of the records of a task, in their order: each sample once for each
// filter pipeline.
func TaskHash(records []Hashes) string {
	var b strings.Builder
	for _, h := range records {
		b.WriteString(h.Doc)
		b.WriteString(h.Prompt)
		b.WriteString(h.Target)
	}
	return HashText(b.String())
}

// HashText is the SHA-256 of a text in hex, as the harness hashes all texts.
func HashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// contextOf gives the harness's first argument of a request: its prompt, or its messages as JSON.
func contextOf(r backends.Request) (string, error) {
	if r.Messages == nil {
		return r.Prompt, nil
	}
	list := make(pyval.List, len(r.Messages))
	for i, m := range r.Messages {
		d := new(pyval.Dict)
		d.Set("role", m.Role)
		d.Set("content", m.Content)
		list[i] = d
	}
	return pyval.JSON(list, false)
}

// Instance is one request as the harness makes it.
type Instance struct {
	// Type is loglikelihood, loglikelihood_rolling or generate_until.
	Type string
	// Index numbers the requests of a sample from 0.
	Index int
	// Args are its arguments: texts, and the generation_kwargs of generate_until.
	Args []pyval.Value
}

// Instances gives a sample's requests as the harness makes them, without repeats and without onset's companion.
func (t *Task) Instances(style Style, s Sample) ([]Instance, error) {
	l := t.layouts[style]
	if l == nil {
		return nil, &VariantError{Task: t.name, Field: "style", Msg: "there is no style " + string(style)}
	}
	var out []Instance
	add := func(kind string, args ...pyval.Value) {
		out = append(out, Instance{Type: kind, Index: len(out), Args: args})
	}
	for i, r := range s.Requests {
		context, err := contextOf(r)
		if err != nil {
			return nil, err
		}
		switch {
		case r.Kind == backends.LogLikelihood && (l.output == multipleChoice || l.output == logLikelihood && i == 0):
			for _, c := range r.Continuations {
				add(string(logLikelihood), context, c)
			}
		case r.Kind == backends.LogLikelihoodRolling:
			add(string(logLikelihoodRolled), context)
		case r.Kind == backends.Generate:
			add(string(generateUntil), context, l.kwargs)
		}
	}
	return out, nil
}

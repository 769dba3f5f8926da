package tasks

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/onset-eval/onset/backends"
)

// SampleOptions say for whom samples are made. The zero value is a model that takes text and serves all
// kinds, and every sample.
type SampleOptions struct {
	// Kinds are those that the model serves: a companion request of another kind is left out. nil is all.
	Kinds []backends.Kind
	// Messages is true for a model that takes messages.
	Messages bool
	// Limit > 0 bounds the number of samples, counted from the first.
	Limit int
	// Sampling changes how text is generated.
	Sampling SamplingPatch
	// Compat asks to the byte what lm-evaluation-harness 4e7e0d47f asks, its quirks included. A variant's seed of
	// 0 is then the harness's own, 1234. Samples must be read from the first.
	Compat bool
	// Raw fills in Sample.Raw, as Compat does.
	Raw bool
	// System is an instruction that stands before the task's description.
	System string
	// Template renders messages as the model's text: a chat template. generate asks for the start of an answer;
	// without it the last message is the start of one and goes on. nil is none.
	Template func(messages []backends.Message, generate bool) (string, error)
	// Letters asks multiple-choice samples for the letter of a choice, of a model that gives no log-likelihoods.
	Letters bool
	// Fold makes one turn of the worked examples and the question, for a model that takes messages or has a template.
	Fold bool
}

// chat reports whether a sample is asked in turns.
func (o SampleOptions) chat() bool { return o.Messages || o.Template != nil }

// serves reports whether requests of kind k may be made.
func (o SampleOptions) serves(k backends.Kind) bool {
	return o.Kinds == nil || slices.Contains(o.Kinds, k)
}

// Samples gives the samples of one variant, in the order of the data, the same each time. They are read as
// they are asked for, so that the number of rows costs no memory. An error, that of a variant which the
// task does not have included, comes last.
func (t *Task) Samples(ctx context.Context, v Variant, o SampleOptions) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		m, err := t.maker(ctx, v, o)
		if err != nil {
			yield(Sample{}, err)
			return
		}
		n := 0
		for row, err := range t.eval.each() {
			if err == nil {
				err = ctx.Err()
			}
			var s Sample
			skip := false
			if err == nil {
				s, err = m.sample(row)
				skip = errors.Is(err, errOtherShots)
			}
			if skip {
				continue
			}
			if err != nil {
				yield(Sample{}, fmt.Errorf("task %s: %w", t.name, Source{Name: t.source}.wrap(err)))
				return
			}
			s.Index = n
			n++
			if !yield(s, nil) || n == o.Limit {
				return
			}
		}
	}
}

// Count gives the number of samples of a variant. It reads no data.
func (t *Task) Count(_ context.Context, v Variant) (int, error) {
	if err := t.Check(v); err != nil {
		return 0, err
	}
	if t.extras.examples != "" {
		return t.eval.byShots[v.Shots], nil
	}
	return t.eval.rows, nil
}

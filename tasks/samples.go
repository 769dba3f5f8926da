package tasks

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/stream"
	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
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
}

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
		for row, err := range dataset.Rows(t.eval.files...) {
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

// errOtherShots marks a row of another number of worked examples.
var errOtherShots = errors.New("the row belongs to another number of worked examples")

// maker makes the samples of one variant.
type maker struct {
	task     *Task
	variant  Variant
	options  SampleOptions
	layout   *layout
	sampling backends.Sampling
	pool     []dataset.Row
}

func (t *Task) maker(ctx context.Context, v Variant, o SampleOptions) (*maker, error) {
	if err := t.Check(v); err != nil {
		return nil, err
	}
	m := &maker{task: t, variant: v, options: o, layout: t.layouts[v.Style]}
	m.sampling = o.Sampling.Apply(m.layout.sampling)
	if m.sampling.Temperature > 0 {
		m.sampling.Seed = stream.Seed(v.Seed, "sampling", t.name)
	}
	if v.Shots > 0 && t.extras.examples == "" {
		var err error
		if m.pool, err = t.pools[m.layout.pool].load(ctx, t.name); err != nil {
			return nil, fmt.Errorf("task %s: read the worked examples: %w", t.name, Source{Name: t.source}.wrap(err))
		}
	}
	return m, nil
}

// sample makes the sample of one row.
func (m *maker) sample(row dataset.Row) (Sample, error) {
	t, l, names := m.task, m.layout, m.task.eval.columns
	docs, err := ownExamples(row, t.extras.examples)
	if err != nil {
		return Sample{}, err
	}
	if t.extras.examples != "" && len(docs) != m.variant.Shots {
		return Sample{}, errOtherShots
	}
	var s Sample
	if s.ID, err = sampleID(row, t.extras.id); err != nil {
		return Sample{}, err
	}
	var exampleNames columns // nil: an example that a row brings has its own
	if m.pool != nil {
		exampleNames = t.pools[l.pool].split.columns
		order := inOrder
		if l.sampler != sampleFirst {
			order = shuffled(m.variant.Seed, t.name, s.ID)
		}
		docs = drawExamples(m.pool, row, m.variant.Shots, order)
		if len(docs) < m.variant.Shots {
			return Sample{}, rowError(row, fmt.Errorf("only %d rows of %q differ from this one, %d worked examples are asked for",
				len(docs), l.pool, m.variant.Shots))
		}
	}
	examples := make([]asked, len(docs))
	for i, doc := range docs {
		if examples[i], err = l.shot.example(doc, exampleNames); err != nil {
			return Sample{}, rowError(row, fmt.Errorf("worked example %d: %w", i, err))
		}
	}
	if err := m.ask(&s, row.Values, names, examples); err != nil {
		return Sample{}, rowError(row, err)
	}
	return s, nil
}

// ask fills in what is asked, what is right, and how probably a guess is.
func (m *maker) ask(s *Sample, doc *pyval.Dict, names columns, examples []asked) error {
	l := m.layout
	var err error
	if s.Targets, s.Choices, s.Gold, err = l.eval.answers(doc, names); err != nil {
		return err
	}
	if l.output == logLikelihoodRolled {
		s.Text, s.Targets = s.Targets[0], nil
		s.Requests = []backends.Request{{Kind: backends.LogLikelihoodRolling, Prompt: s.Text}}
		return nil
	}
	question, err := l.eval.question(doc, names)
	if err != nil {
		return err
	}
	var description string
	if l.description.isSet {
		if description, err = l.description.text(doc, names); err != nil {
			return err
		}
	}
	r := backends.Request{Kind: l.output.kind()}
	delimiter := l.eval.targetDelimiter
	if m.options.Messages {
		r.Messages = l.messages(description, examples, question)
		delimiter = ""
	} else {
		r.Prompt = l.textPrompt(description, examples, question)
	}
	if s.Requests, err = m.requests(r, *s, delimiter); err != nil {
		return err
	}
	shown := make([]string, len(examples))
	for i, e := range examples {
		shown[i] = e.answer
	}
	s.Chance, err = m.task.extras.chance.of(doc, names, shown, *s)
	return err
}

// requests completes the main request and adds the companion.
func (m *maker) requests(r backends.Request, s Sample, delimiter string) ([]backends.Request, error) {
	companion := r
	companion.Kind = backends.LogLikelihood
	companion.Continuations = []string{delimiter + s.Targets[0]}
	switch m.layout.output {
	case multipleChoice:
		if len(s.Gold) == 0 {
			return nil, fmt.Errorf("doc_to_target: %q is none of the choices", s.Targets[0])
		}
		for _, c := range s.Choices {
			r.Continuations = append(r.Continuations, delimiter+c)
		}
		return []backends.Request{r}, nil
	case logLikelihood:
		r.Continuations = []string{s.Targets[0]} // the dialect lets the target bring its own blank
		return []backends.Request{r}, nil
	default:
		r.Sampling = m.sampling
		if m.layout.companion && s.Targets[0] != "" && m.options.serves(backends.LogLikelihood) {
			return []backends.Request{r, companion}, nil
		}
		return []backends.Request{r}, nil
	}
}

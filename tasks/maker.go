package tasks

import (
	"context"
	"errors"
	"fmt"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/stream"
	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// errOtherShots marks a row of another number of worked examples.
var errOtherShots = errors.New("the row belongs to another number of worked examples")

// maker makes the samples of one variant, in the order of the data.
type maker struct {
	task     *Task
	variant  Variant
	options  SampleOptions
	layout   *layout
	sampling backends.Sampling
	pool     []dataset.Row
	names    columns   // that worked examples may be asked for
	sequence *sequence // in compat mode, with worked examples
	inputs   *bool     // whether questions depend on the choice; in compat mode the first document decides
}

func (t *Task) maker(ctx context.Context, v Variant, o SampleOptions) (*maker, error) {
	if l := t.layouts[v.Style]; o.Compat && l != nil && l.output == logLikelihoodRolled {
		v.Shots = 0 // the harness takes any number, and shows none
	}
	if err := t.Check(v); err != nil {
		return nil, err
	}
	m := &maker{task: t, variant: v, options: o, layout: t.layouts[v.Style]}
	m.sampling = o.Sampling.Apply(m.layout.sampling)
	if m.sampling.Temperature > 0 {
		m.sampling.Seed = stream.Seed(v.Seed, "sampling", t.name)
	}
	if !o.Compat {
		inputs, err := t.inputs[v.Style]()
		if err != nil {
			return nil, err
		}
		m.inputs = &inputs
	}
	if v.Shots == 0 || t.extras.examples != "" {
		return m, nil
	}
	p := t.pools[m.layout.fewshot.key()]
	var err error
	if m.pool, err = p.load(ctx, t.name, o.Compat); err != nil {
		return nil, fmt.Errorf("task %s: read the worked examples: %w", t.name, Source{Name: t.source}.wrap(err))
	}
	if p.split != nil {
		m.names = p.split.columns
	}
	if o.Compat {
		m.names = t.eval.columns
		m.sequence = newSequence(v.Seed, m.layout, t.testSplit, m.pool)
	}
	return m, nil
}

// sample makes the sample of one row.
func (m *maker) sample(row dataset.Row) (Sample, error) {
	t := m.task
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
	if err := m.decideInputs(row); err != nil {
		return Sample{}, err
	}
	if m.pool != nil {
		if docs, err = m.draw(row, s.ID); err != nil {
			return Sample{}, rowError(row, err)
		}
	}
	examples := make([]example, len(docs))
	for i, doc := range docs {
		if examples[i], err = m.example(doc); err != nil {
			return Sample{}, rowError(row, fmt.Errorf("worked example %d: %w", i, err))
		}
	}
	if err := m.ask(&s, row.Values, examples); err != nil {
		return Sample{}, rowError(row, err)
	}
	return s, nil
}

// draw chooses the worked examples of a row.
func (m *maker) draw(row dataset.Row, id string) ([]*pyval.Dict, error) {
	var docs []*pyval.Dict
	if m.sequence != nil {
		var err error
		if docs, err = m.sequence.draw(row.Values, m.variant.Shots); err != nil {
			return nil, err
		}
	} else {
		order := inOrder
		if m.layout.fewshot.sampler != sampleFirst {
			order = shuffled(m.variant.Seed, m.task.name, id)
		}
		docs = drawExamples(m.pool, row, m.variant.Shots, order)
	}
	if len(docs) < m.variant.Shots {
		return nil, fmt.Errorf("only %d rows of %q differ from this one, %d worked examples are asked for",
			len(docs), m.layout.fewshot.split, m.variant.Shots)
	}
	return docs, nil
}

// example lays out a worked example.
func (m *maker) example(doc *pyval.Dict) (example, error) {
	t, compat := m.layout.shot, m.options.Compat
	hasChoices := t.choice.isSet
	if compat {
		hasChoices = m.layout.eval.choice.isSet
	}
	var e example
	q, err := t.text.question(doc, m.names, hasChoices)
	if err != nil {
		return e, err
	}
	a, err := t.answer(doc, m.names, hasChoices, compat)
	if err != nil {
		return e, err
	}
	if t.prefix.isSet {
		if e.prefix, err = t.prefix.text(doc, nil); err != nil {
			return e, err
		}
	}
	if i, ok := asIndex(q); ok && a.options != nil && *m.inputs {
		if i < 0 || i >= len(a.choices) {
			return e, fmt.Errorf("doc_to_text: %d is none of the %d choices, which count from 0", i, len(a.choices))
		}
		q, a.options = a.choices[i], nil
		if compat {
			e.answer, e.has, err = a.shown(true)
		} else {
			e.answer, e.has = pyval.Str(a.raw), a.raw != nil && a.raw != ""
		}
		e.question = q.(string)
		return e, err
	}
	if e.question, err = m.questionText(t, q); err != nil {
		return e, err
	}
	e.answer, e.has, err = a.shown(compat)
	if err == nil && m.letters() {
		return m.letteredExample(e, a)
	}
	return e, err
}

// questionText gives a question that depends on nothing.
func (m *maker) questionText(t turn, q pyval.Value) (string, error) {
	if _, tuple := q.(pyval.Tuple); tuple { // no data holds one: it is a comma that the function's author did not mean
		return "", &hooks.UpstreamError{Err: errors.New("doc_to_text: the function gives a tuple where text is expected")}
	}
	if _, ok := pyval.TextOf(q); !ok && m.options.Compat {
		return "", fmt.Errorf("doc_to_text: text is expected, not %s", pyval.Repr(q))
	}
	return t.text.textOf(q)
}

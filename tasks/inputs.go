package tasks

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// dependent reports whether the style's questions depend on the choice: doc_to_text gives the number of a choice
// for every document. Documents are read up to the first for which it does not.
func (t *Task) dependent(l *layout) (bool, error) {
	if l.output != multipleChoice {
		return false, nil
	}
	for row, err := range t.eval.each() {
		if err != nil {
			return false, Source{Name: t.source}.wrap(err)
		}
		if yes, err := l.dependsOn(row.Values, t.eval.columns); !yes || err != nil {
			return false, nil // an error is the sample's to tell
		}
	}
	return true, nil
}

// DependsOnChoice reports whether the style's questions depend on the choice, so that a sample asks one question for
// each: see Sample.Inputs. It may read data.
func (t *Task) DependsOnChoice(s Style) (bool, error) {
	if t.inputs[s] == nil {
		return false, nil
	}
	return t.inputs[s]()
}

// OutputType gives the dialect's word for what the style asks: generate_until, multiple_choice, loglikelihood or
// loglikelihood_rolling; "" for a style that the task does not have.
func (t *Task) OutputType(s Style) string {
	if l := t.layouts[s]; l != nil {
		return string(l.output)
	}
	return ""
}

// HasChoices reports whether the style has doc_to_choice.
func (t *Task) HasChoices(s Style) bool {
	l := t.layouts[s]
	return l != nil && l.eval.choice.isSet
}

// Scoring lists the functions that judge the style's answers, in the order of its keys. They are Python's, so
// whoever scores the task needs equivalents.
func (t *Task) Scoring(s Style) []*hooks.Found {
	l := t.layouts[s]
	if l == nil {
		return nil
	}
	var out []*hooks.Found
	add := func(f *hooks.Found) {
		if f != nil {
			out = append(out, f)
		}
	}
	add(l.results)
	for _, m := range l.metrics {
		add(m.Func)
		add(m.AggregationFunc)
	}
	for _, p := range l.pipelines {
		for _, f := range p.Filters {
			add(f.Func)
		}
	}
	return out
}

// dependsOn reports whether one document's question is the number of a choice.
func (l *layout) dependsOn(doc *pyval.Dict, names columns) (bool, error) {
	if !l.eval.choice.isSet {
		return false, nil
	}
	v, err := l.eval.text.question(doc, names, true)
	if err != nil {
		return false, err
	}
	_, yes := asIndex(v)
	return yes, nil
}

// decideInputs lets the first document decide for all, as the harness does.
func (m *maker) decideInputs(row dataset.Row) error {
	if m.inputs != nil {
		return nil
	}
	yes, err := m.layout.dependsOn(row.Values, m.task.eval.columns)
	if err != nil {
		return rowError(row, fmt.Errorf("the first document: %w", err))
	}
	m.inputs = &yes
	return nil
}

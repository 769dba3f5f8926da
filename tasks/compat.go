package tasks

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyrandom"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Quirk is something that lm-evaluation-harness does and should not. Compat mode keeps it, the default mends it.
type Quirk struct{ Name, Doc string }

// Quirks lists those of this package, for a run's header.
func Quirks() []Quirk {
	return []Quirk{
		{"fewshot-self-leak", "a task whose only split is the asked one draws a sample as its own worked example"},
		{"fewshot-sequential-draws", "the worked examples of a sample depend on the samples before it, and on the number of processes"},
		{"first-document-typing", "whether a question depends on the choice is decided on the first document for all"},
		{"fewshot-columns", "worked examples are asked for the columns of the asked split instead of their own"},
		{"yaml-truth-choices", "the unquoted choices yes, no, on and off become True and False"},
		{"gpqa-shuffle", "the order of GPQA's options depends on what was loaded before; compat mode mends it too, since no run repeats it"},
		{"text-column-choices", "a column of text that gives the choices is cut into characters"},
	}
}

// defaultSeed is the harness's fewshot_random_seed.
const defaultSeed = 1234

// HarnessShots gives the number of worked examples that the harness shows where asked is asked for: none where the
// task's num_fewshot says 0.
func (t *Task) HarnessShots(s Style, asked int) int {
	if l := t.layouts[s]; l != nil && l.shotsStated && l.shots == 0 {
		return 0
	}
	return asked
}

// sequence draws worked examples as the harness does: one stream for all samples, in the order of the data.
type sequence struct {
	rng     *pyrandom.Random
	first   bool // take the first of the pool
	without bool // leave out the asked document
	rows    []dataset.Row
}

func newSequence(seed uint64, l *layout, testSplit string, rows []dataset.Row) *sequence {
	if seed == 0 {
		seed = defaultSeed
	}
	return &sequence{rng: pyrandom.New(int64(seed)), first: l.fewshot.sampler == sampleFirst,
		without: l.fewshot.named == testSplit, rows: rows}
}

// draw gives the k examples of the next sample.
func (s *sequence) draw(self *pyval.Dict, k int) ([]*pyval.Dict, error) {
	without := s.without && (self.Len() > 0 || s.first)
	keep := func(doc *pyval.Dict) bool { return !without || !pyval.Equal(doc, self) }
	if s.first {
		return s.take(k, keep), nil
	}
	n := k
	if without {
		n++
	}
	out, err := s.sample(s.rows, n)
	if err != nil || !without {
		return out, err
	}
	kept := make([]*pyval.Dict, 0, k)
	for _, doc := range out {
		if keep(doc) && len(kept) < k {
			kept = append(kept, doc)
		}
	}
	if len(kept) == k {
		return kept, nil
	}
	var others []dataset.Row
	for _, row := range s.rows {
		if keep(row.Values) {
			others = append(others, row)
		}
	}
	return s.sample(others, k)
}

// take gives the first k documents to keep, or fewer.
func (s *sequence) take(k int, keep func(*pyval.Dict) bool) []*pyval.Dict {
	out := make([]*pyval.Dict, 0, k)
	for _, row := range s.rows {
		if len(out) < k && keep(row.Values) {
			out = append(out, row.Values)
		}
	}
	return out
}

func (s *sequence) sample(rows []dataset.Row, n int) ([]*pyval.Dict, error) {
	if n > len(rows) {
		return nil, fmt.Errorf("%d worked examples are drawn of %d rows: compat mode draws one more than is asked for where the split may hold the sample", n, len(rows))
	}
	out := make([]*pyval.Dict, n)
	for i, at := range s.rng.Sample(len(rows), n) {
		out[i] = rows[at].Values
	}
	return out, nil
}

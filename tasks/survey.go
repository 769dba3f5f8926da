package tasks

import (
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"sync"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// split is what one pass over a split's files finds out.
type split struct {
	name    string
	files   []dataset.File
	process *hooks.Found // process_docs; nil for none
	digests []string
	rows    int
	byShots map[int]int // rows by the number of worked examples that they bring
	columns columns     // every column that some row has

	whole func() ([]dataset.Row, error) // all rows, where process_docs needs all; else nil
}

// each gives the split's rows after process_docs. They are read anew each time, but where process_docs needs all
// of them at once.
func (s *split) each() iter.Seq2[dataset.Row, error] {
	switch {
	case s.whole != nil:
		return func(yield func(dataset.Row, error) bool) {
			rows, err := s.whole()
			if err != nil {
				yield(dataset.Row{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
		}
	case s.process == nil:
		return dataset.Rows(s.files...)
	}
	return func(yield func(dataset.Row, error) bool) {
		n := 0
		for row, err := range dataset.Rows(s.files...) {
			if err == nil {
				if row.Values, err = s.process.Func.Row(row.Values); err != nil {
					err = rowError(row, fmt.Errorf("process_docs: %s: %w", s.process.Name(), err))
				}
			}
			if err == nil && row.Values == nil {
				continue
			}
			row.Index = n
			n++
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// readWhole reads all rows and calls process_docs once.
func (s *split) readWhole() ([]dataset.Row, error) {
	var docs []*pyval.Dict
	var last dataset.Row
	for row, err := range dataset.Rows(s.files...) {
		if err != nil {
			return nil, err
		}
		docs = append(docs, row.Values)
		last = row
	}
	docs, err := s.process.Func.All(docs)
	if err != nil {
		return nil, &dataset.Error{File: last.File, Err: fmt.Errorf("process_docs: %s: %w", s.process.Name(), err)}
	}
	rows := make([]dataset.Row, len(docs))
	for i, doc := range docs {
		rows[i] = dataset.Row{Values: doc, Index: i, File: last.File}
	}
	return rows, nil
}

// survey reads the split once. It keeps eight bytes a row, for finding samples with the same name.
func survey(name string, files []dataset.File, process *hooks.Found, x extras) (*split, error) {
	s := &split{name: name, files: files, process: process, byShots: make(map[int]int), columns: make(columns)}
	if process != nil && process.Func.All != nil {
		s.whole = sync.OnceValues(s.readWhole)
	}
	for _, f := range files {
		digest, err := f.Digest()
		if err != nil {
			return nil, err
		}
		s.digests = append(s.digests, digest)
	}
	var ids []uint64
	seed := maphash.MakeSeed()
	for row, err := range s.each() {
		if err != nil {
			return nil, err
		}
		s.rows++
		for _, c := range row.Values.Keys() {
			s.columns[c] = true
		}
		examples, err := ownExamples(row, x.examples)
		if err != nil {
			return nil, err
		}
		s.byShots[len(examples)]++
		if x.id != "" {
			id, err := sampleID(row, x.id)
			if err != nil {
				return nil, err
			}
			ids = append(ids, maphash.String(seed, fmt.Sprint(len(examples), " ", id)))
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) < s.rows && x.id != "" {
		return s, s.findTwins(x)
	}
	return s, nil
}

// findTwins reads the rows again and names the first two samples of the same name; none where only their
// hashes were equal.
func (s *split) findTwins(x extras) error {
	type name struct {
		shots int
		id    string
	}
	seen := make(map[name]dataset.Row)
	for row, err := range s.each() {
		if err != nil {
			return err
		}
		examples, err := ownExamples(row, x.examples)
		if err != nil {
			return err
		}
		id, err := sampleID(row, x.id)
		if err != nil {
			return err
		}
		at := name{len(examples), id}
		if first, ok := seen[at]; ok {
			return rowError(row, fmt.Errorf("the sample %q is at line %d of %s too: names must differ", id, first.Line, first.File))
		}
		seen[at] = dataset.Row{File: row.File, Line: row.Line}
	}
	return nil
}

func rowError(row dataset.Row, err error) error {
	return &dataset.Error{File: row.File, Line: row.Line, Err: err}
}

// sampleID names a row's sample: by its column, or by its number where the task names none.
func sampleID(row dataset.Row, column string) (string, error) {
	if column == "" {
		return fmt.Sprint(row.Index), nil
	}
	switch v, _ := row.Values.Get(column); v := v.(type) {
	case string:
		if v != "" {
			return v, nil
		}
	case int64:
		return pyval.Str(v), nil
	}
	return "", rowError(row, fmt.Errorf("the column %q, which names samples, is no text or whole number here", column))
}

// ownExamples gives the worked examples that a row brings; none where column is empty.
func ownExamples(row dataset.Row, column string) ([]*pyval.Dict, error) {
	if column == "" {
		return nil, nil
	}
	v, ok := row.Values.Get(column)
	if !ok || v == nil {
		return nil, nil
	}
	list, ok := v.(pyval.List)
	if !ok {
		return nil, rowError(row, fmt.Errorf("the column %q, which holds worked examples, is no list", column))
	}
	out := make([]*pyval.Dict, len(list))
	for i, e := range list {
		if out[i], ok = e.(*pyval.Dict); !ok {
			return nil, rowError(row, fmt.Errorf("the worked example %d in %q is no object", i, column))
		}
	}
	return out, nil
}

package tasks

import (
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
)

// split is what one pass over a split's files finds out.
type split struct {
	name    string
	files   []dataset.File
	digests []string
	rows    int
	byShots map[int]int // rows by the number of worked examples that they bring
	columns columns     // every column that some row has
}

// survey reads the split once. It keeps eight bytes a row, for finding samples with the same name.
func survey(name string, files []dataset.File, x extras) (*split, error) {
	s := &split{name: name, files: files, byShots: make(map[int]int), columns: make(columns)}
	for _, f := range files {
		digest, err := f.Digest()
		if err != nil {
			return nil, err
		}
		s.digests = append(s.digests, digest)
	}
	var ids []uint64
	seed := maphash.MakeSeed()
	for row, err := range dataset.Rows(files...) {
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
		return s, findTwins(files, x)
	}
	return s, nil
}

// findTwins reads the rows again and names the first two samples of the same name; none where only their
// hashes were equal.
func findTwins(files []dataset.File, x extras) error {
	type name struct {
		shots int
		id    string
	}
	seen := make(map[name]dataset.Row)
	for row, err := range dataset.Rows(files...) {
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

package dataset

import (
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// Dataset is the splits of one configuration, in the order in which the repository has them.
type Dataset struct {
	Splits []*Split
	// From says where the files lie: a folder, or ORG/NAME@COMMIT.
	From string
	// Revision is the commit of the hub; "" where the data are no snapshot of it.
	Revision string
}

// Split gives the split of a name.
func (d *Dataset) Split(name string) (*Split, error) {
	names := make([]string, len(d.Splits))
	for i, s := range d.Splits {
		if s.Name == name {
			return s, nil
		}
		names[i] = s.Name
	}
	hint := ""
	if near := yamlfile.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return nil, fmt.Errorf("%s has no split %q: it has %s%s", d.From, name, strings.Join(names, ", "), hint)
}

// Split is rows that lie in one or more files. It may be read by many at once.
type Split struct {
	Name  string
	Files []File

	mu     sync.Mutex // guards counts
	counts []int      // rows in each file; nil until they were counted
}

// Rows gives all rows. JSON and CSV files are read once before, the first time, to find the types of their
// columns.
func (s *Split) Rows() iter.Seq2[Row, error] { return Rows(s.Files...) }

// RowsFrom gives the rows from the one numbered first on, counting from 0. Parquet is sought in, other files
// are read over.
func (s *Split) RowsFrom(first int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		counts, err := s.count()
		if err != nil {
			yield(Row{}, err)
			return
		}
		skip, i := first, 0
		for i < len(counts) && skip >= counts[i] {
			skip -= counts[i]
			i++
		}
		rowsFrom(skip, first, s.Files[i:])(yield)
	}
}

// At gives one row. Reading many so costs more than Rows, but for Parquet.
func (s *Split) At(i int) (Row, error) {
	if i >= 0 {
		for row, err := range s.RowsFrom(i) {
			return row, err
		}
	}
	return Row{}, fmt.Errorf("split %s has no row %d", s.Name, i)
}

// Len counts the rows: from the footers of Parquet files, else by one pass.
func (s *Split) Len() (int, error) {
	counts, err := s.count()
	n := 0
	for _, c := range counts {
		n += c
	}
	return n, err
}

func (s *Split) count() ([]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts != nil {
		return s.counts, nil
	}
	counts := make([]int, len(s.Files))
	for i, f := range s.Files {
		n, err := f.count()
		if err != nil {
			return nil, err
		}
		counts[i] = n
	}
	s.counts = counts
	return counts, nil
}

// count counts the rows of a file as cheaply as its format allows.
func (f File) count() (n int, err error) {
	if sh := f.options().shape; sh != nil {
		if err := sh.scan(); err != nil {
			return 0, err
		}
		for i, other := range sh.files {
			if other.FS == f.FS && other.Path == f.Path {
				return sh.rows[i], nil
			}
		}
	}
	switch f.Format {
	case Parquet:
		p, closer, err := f.parquetFile()
		if err != nil {
			return 0, &Error{File: f.Path, Err: err}
		}
		defer func() { _ = closer.Close() }() // it was only read
		for _, g := range p.RowGroups() {
			n += int(g.NumRows())
		}
		return n, nil
	case Arrow:
		return f.countArrow()
	}
	for _, err := range f.rows(0) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// countArrow adds up the lengths of the batches.
func (f File) countArrow() (n int, err error) {
	r, err := f.open()
	if err != nil {
		return 0, &Error{File: f.Path, Err: err}
	}
	defer func() { _ = r.Close() }() // it was only read
	err = guarded(func() error {
		stream, err := f.arrowReader(r)
		if err != nil {
			return err
		}
		defer stream.Release()
		for stream.Next() {
			n += int(stream.RecordBatch().NumRows())
		}
		return stream.Err()
	})
	if err != nil {
		return 0, &Error{File: f.Path, Err: err}
	}
	return n, nil
}

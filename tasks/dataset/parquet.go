package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/parquet-go/parquet-go"

	"github.com/onset-eval/onset/tasks/pyval"
)

// parquetBatch is how many rows are read at once.
const parquetBatch = 64

// parquetFile opens a Parquet file for reading; the caller closes what it gives.
func (f File) parquetFile() (*parquet.File, io.Closer, error) {
	if plainName(f.Path) != f.Path {
		return nil, nil, errors.New("a compressed Parquet file cannot be read: decompress it, its pages are compressed already")
	}
	file, err := f.FS.Open(f.Path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil {
		if at, ok := file.(io.ReaderAt); !ok {
			err = errors.New("the Parquet file cannot be read at random here")
		} else {
			var p *parquet.File
			err = guarded(func() (err error) {
				p, err = openParquet(at, info)
				return err
			})
			if err == nil {
				return p, file, nil
			}
		}
	}
	_ = file.Close()
	return nil, nil, err
}

func openParquet(at io.ReaderAt, info fs.FileInfo) (*parquet.File, error) {
	if err := checkFooter(at, info.Size()); err != nil {
		return nil, err
	}
	p, err := parquet.OpenFile(at, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(64<<10))
	if err != nil {
		return nil, fmt.Errorf("read as Parquet: %w", err)
	}
	return p, nil
}

// parquetRows reads the file row group by row group. Line counts rows from 1; from skips that many rows
// without reading their row groups. What panics below on hostile input becomes an error.
func (f File) parquetRows(from int, yield func(Row, error) bool) {
	row := from
	stopped := false
	p, closer, err := f.parquetFile()
	if err != nil {
		yield(Row{}, &Error{File: f.Path, Err: err})
		return
	}
	defer func() { _ = closer.Close() }() // it was only read
	err = guarded(func() error {
		schema, err := parquetSchema(p, f.options())
		if err != nil {
			return err
		}
		skip := int64(from)
		for i, group := range p.RowGroups() {
			if n := group.NumRows(); skip >= n {
				skip -= n
				continue
			}
			if err := checkGroup(p, i); err != nil {
				return err
			}
			err := readGroup(group, skip, func(flat parquet.Row) (bool, error) {
				row++
				values, err := schema.assemble(flat)
				if err != nil {
					return false, err
				}
				var ok bool
				unguarded(func() { ok = yield(Row{Values: values, File: f.Path, Line: row}, nil) })
				stopped = !ok
				return ok, nil
			})
			if err != nil || stopped {
				return err
			}
			skip = 0
		}
		return nil
	})
	if err != nil && !stopped {
		yield(Row{}, &Error{File: f.Path, Line: max(row, 1), Err: err})
	}
}

func readGroup(group parquet.RowGroup, skip int64, emit func(parquet.Row) (bool, error)) error {
	rows := group.Rows()
	defer func() { _ = rows.Close() }() // it was only read
	if skip > 0 {
		if err := rows.SeekToRow(skip); err != nil {
			return fmt.Errorf("seek row %d: %w", skip, err)
		}
	}
	buf := make([]parquet.Row, parquetBatch)
	left := group.NumRows() - skip
	for left > 0 {
		n, err := rows.ReadRows(buf)
		for _, r := range buf[:n] {
			if ok, err := emit(r); err != nil || !ok {
				return err
			}
		}
		left -= int64(n)
		if errors.Is(err, io.EOF) && left > 0 || err == nil && n == 0 {
			return fmt.Errorf("the data end %d rows too early", left)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// assemble makes the nested values of a row from its leaves (the record assembly of the Dremel paper,
// Melnik et al. 2010, section 4.2).
func (s *parquetRoot) assemble(flat parquet.Row) (*pyval.Dict, error) {
	for i := range s.leaves {
		s.leaves[i].values, s.leaves[i].at = nil, 0
	}
	for start := 0; start < len(flat); {
		c := flat[start].Column()
		end := start + 1
		for end < len(flat) && flat[end].Column() == c {
			end++
		}
		if c < 0 || c >= len(s.leaves) {
			return nil, fmt.Errorf("there is no column %d", c)
		}
		s.leaves[c].values = flat[start:end]
		start = end
	}
	values := new(pyval.Dict)
	for _, field := range s.fields {
		v, err := field.read(s)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", field.name, err)
		}
		values.Set(field.name, v)
	}
	return values, nil
}

// Package dataset reads the rows of data files as values with ordered columns.
//
// Open finds the files of a dataset: in a folder, in a copy of a repository, in the caches that Python's
// libraries share, or on the hub, in this order; what is on this machine whole takes no network call. Rows
// reads files that are known.
//
// Rows are streamed: no reader holds a file in memory, so a file of any number of rows may be read. Rows gives
// a value the type that the file gives it. Open gives the rows that load_dataset of Python's datasets 5 gives,
// which makes the columns of all rows the same; dates, times and decimals, which have no value here, are the
// text that str gives of them, and bytes are refused.
//
// It differs from Python where that depends on chance or coerces: a JSON array keeps dates as texts, types are
// found over all files of a split and not over the first block, and a configuration without a README.md may be
// a folder of its name.
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Row is one document of a dataset.
type Row struct {
	// Values are the columns, in the order of the file. The reader keeps no reference to them.
	Values *pyval.Dict
	// Index counts the rows of all files read together from 0.
	Index int
	// File and Line say where the row begins; lines count from 1, and are rows in Parquet and Arrow.
	File string
	Line int

	fromArray bool // of a JSON array, where texts are never times
}

// Format is how rows are written in a file.
type Format string

// The formats.
const (
	// JSON is one JSON object a line, or one JSON array of objects.
	JSON Format = "json"
	// CSV has a header line; every value is a string, unless Options.CSV says otherwise.
	CSV Format = "csv"
	// Parquet is read row group by row group.
	Parquet Format = "parquet"
	// Arrow is an IPC stream, as the cache of `datasets` holds, or an Arrow file.
	Arrow Format = "arrow"
	// Text gives one column, "text", with a line in each row unless Options.SampleBy says otherwise.
	Text Format = "text"
)

// File is a data file. One whose name ends in .gz or .zst is decompressed.
type File struct {
	FS      fs.FS
	Path    string
	Format  Format
	Options *Options // nil is the zero value
}

// Error says what is wrong in a data file, and where.
type Error struct {
	File string
	Line int // counts from 1, and is a row in Parquet and Arrow; 0 is unknown
	Err  error
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Rows gives the rows of the files, one file after the other. After an error, which is an *Error, there
// are no more rows. A file is open only while it is read.
func Rows(files ...File) iter.Seq2[Row, error] { return rowsFrom(0, 0, files) }

// rowsFrom skips the first rows of the first file; index is the number of the first row that is given.
func rowsFrom(skip, index int, files []File) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, f := range files {
			for row, err := range f.rows(skip) {
				if err != nil {
					yield(Row{}, err)
					return
				}
				row.Index = index
				index++
				if !yield(row, nil) {
					return
				}
			}
			skip = 0
		}
	}
}

// rows gives the rows of the file from the one numbered skip on, counting from 0, with the types that their
// split has.
func (f File) rows(skip int) iter.Seq2[Row, error] {
	o := f.options()
	return func(yield func(Row, error) bool) {
		if o.shape != nil && (f.Format == JSON || f.Format == CSV) {
			if err := o.shape.scan(); err != nil {
				yield(Row{}, err)
				return
			}
		}
		f.plainRows(skip, func(row Row, err error) bool {
			if err == nil && o.shape != nil && f.Format == JSON {
				row.Values = o.shape.root.fitDict(row.Values, !row.fromArray)
			}
			if err == nil && len(o.Labels) > 0 {
				err = o.relabel(row)
			}
			if err != nil {
				yield(Row{}, err)
				return false
			}
			return yield(row, nil)
		})
	}
}

// plainRows reads the file as its format is.
func (f File) plainRows(skip int, yield func(Row, error) bool) {
	if f.Format == Parquet { // seeks instead of skipping
		f.parquetRows(skip, yield)
		return
	}
	r, err := f.open()
	if err != nil {
		yield(Row{}, &Error{File: f.Path, Err: err})
		return
	}
	defer func() { _ = r.Close() }() // it was only read
	emit := func(row Row, err error) bool {
		if err == nil && skip > 0 {
			skip--
			return true
		}
		return yield(row, err)
	}
	switch o := f.options(); {
	case f.Format == JSON:
		f.jsonRows(r, emit)
	case f.Format == CSV && o.CSV != nil:
		f.typedCSV(r, emit)
	case f.Format == CSV:
		f.csvRows(r, emit)
	case f.Format == Arrow:
		f.arrowRows(r, emit)
	case f.Format == Text:
		f.textRows(r, emit)
	default:
		yield(Row{}, &Error{File: f.Path, Err: fmt.Errorf("data format %q is unknown", f.Format)})
	}
}

// Digest gives "sha256:" and the hex digest of the file's bytes as they are stored.
func (f File) Digest() (string, error) {
	r, err := f.FS.Open(f.Path)
	if err != nil {
		return "", &Error{File: f.Path, Err: err}
	}
	defer func() { _ = r.Close() }() // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", &Error{File: f.Path, Err: err}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

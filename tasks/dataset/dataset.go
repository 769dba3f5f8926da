// Package dataset reads the rows of data files as values with ordered columns.
//
// Rows are streamed: no reader holds a file in memory, so a file of any number of rows may be read. A
// value has the type that the file gives it; nothing is coerced.
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Row is one document of a dataset.
type Row struct {
	// Values are the columns, in the order of the file. The reader keeps no reference to them.
	Values *pyval.Dict
	// Index counts the rows of all files read together from 0.
	Index int
	// File and Line say where the row begins; lines count from 1.
	File string
	Line int
}

// Format is how rows are written in a file.
type Format string

// The formats.
const (
	// JSON is one JSON object a line, or one JSON array of objects.
	JSON Format = "json"
	// CSV has a header line; every value is a string.
	CSV Format = "csv"
)

// File is a data file. A name ending in .gz is decompressed.
type File struct {
	FS     fs.FS
	Path   string
	Format Format
}

// Error says what is wrong in a data file, and where.
type Error struct {
	File string
	Line int // counts from 1; 0 is unknown
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
func Rows(files ...File) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		index := 0
		for _, f := range files {
			for row, err := range f.rows() {
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
		}
	}
}

func (f File) rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		r, err := f.open()
		if err != nil {
			yield(Row{}, &Error{File: f.Path, Err: err})
			return
		}
		defer func() { _ = r.Close() }() // it was only read
		switch f.Format {
		case JSON:
			f.jsonRows(r, yield)
		case CSV:
			f.csvRows(r, yield)
		default:
			yield(Row{}, &Error{File: f.Path, Err: fmt.Errorf("data format %q is unknown", f.Format)})
		}
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

func (f File) open() (io.ReadCloser, error) {
	file, err := f.FS.Open(f.Path)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(path.Ext(f.Path), ".gz") {
		return file, nil
	}
	z, err := gzip.NewReader(file)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("read as gzip: %w", err)
	}
	return &gzipFile{Reader: z, file: file}, nil
}

// gzipFile closes the file below its decompressor.
type gzipFile struct {
	*gzip.Reader
	file fs.File
}

func (g *gzipFile) Close() error {
	return errors.Join(g.Reader.Close(), g.file.Close())
}

package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// csvRows reads RFC 4180 with a header line. Types are not guessed, so "007" stays itself.
func (f File) csvRows(r io.Reader, yield func(Row, error) bool) {
	c := csv.NewReader(r)
	fail := func(line int, err error) { yield(Row{}, &Error{File: f.Path, Line: line, Err: err}) }
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return
	}
	if err == nil {
		err = checkHeader(header)
	}
	if err != nil {
		fail(1, plainCSV(err))
		return
	}
	c.ReuseRecord = true
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fail(errorLine(err), plainCSV(err))
			return
		}
		line, _ := c.FieldPos(0)
		values := new(pyval.Dict)
		for i, v := range record {
			if !utf8.ValidString(v) {
				fail(line, fmt.Errorf("column %q is not valid UTF-8", header[i]))
				return
			}
			values.Set(header[i], v)
		}
		if !yield(Row{Values: values, File: f.Path, Line: line}, nil) {
			return
		}
	}
}

func errorLine(err error) int {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return parse.StartLine
	}
	return 0
}

func checkHeader(header []string) error {
	seen := make(map[string]bool)
	for i, name := range header {
		if i == 0 && len(name) >= 3 && name[:3] == "\xef\xbb\xbf" {
			header[i] = name[3:]
			name = header[i]
		}
		if !utf8.ValidString(name) {
			return errors.New("the header is not valid UTF-8")
		}
		if seen[name] {
			return fmt.Errorf("the column %q stands twice in the header", name)
		}
		seen[name] = true
	}
	return nil
}

func plainCSV(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	if errors.Is(err, csv.ErrFieldCount) {
		return errors.New("the row has another number of fields than the header")
	}
	return fmt.Errorf("malformed CSV: %w", parse.Err)
}

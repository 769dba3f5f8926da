package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

// maxText bounds the size in bytes of one row of a text file, so that a file without line ends is an error.
const maxText = 256 << 20

// SampleBy says what one row of a text file is.
type SampleBy string

// What a row of a text file is; the zero value is SampleLine.
const (
	SampleLine      SampleBy = "line"
	SampleParagraph SampleBy = "paragraph" // ends at an empty line
	SampleDocument  SampleBy = "document"  // the whole file
)

// textRows gives rows with the one column "text". Line ends are \n, \r\n or \r, as Python's text files have
// them.
func (f File) textRows(r io.Reader, yield func(Row, error) bool) {
	lines := &textLines{b: bufio.NewReaderSize(r, 1<<16)}
	by := f.options().SampleBy
	var row strings.Builder
	start := 1
	emit := func(next int) bool {
		if row.Len() == 0 && by != SampleLine && by != "" {
			start = next
			return true
		}
		values := new(pyval.Dict)
		values.Set("text", row.String())
		row.Reset()
		at := start
		start = next
		return yield(Row{Values: values, File: f.Path, Line: at}, nil)
	}
	for n := 1; ; n++ {
		line, ended, err := lines.next(maxText - row.Len())
		if err == nil && !utf8.ValidString(line) {
			err = errors.New("the line is not valid UTF-8")
		}
		if errors.Is(err, io.EOF) {
			if row.Len() > 0 || by == SampleDocument {
				emit(n)
			}
			return
		}
		if err != nil {
			yield(Row{}, &Error{File: f.Path, Line: n, Err: err})
			return
		}
		switch by {
		case SampleLine, "":
			row.WriteString(line)
			if !emit(n + 1) {
				return
			}
		case SampleDocument:
			row.WriteString(line)
			if ended {
				row.WriteByte('\n')
			}
		default:
			// A paragraph ends at two line ends, so an empty line ends one unless it is the row's first.
			if text := row.String(); line == "" && ended && strings.HasSuffix(text, "\n") {
				row.Reset()
				row.WriteString(text[:len(text)-1])
				if !emit(n + 1) {
					return
				}
				continue
			}
			row.WriteString(line)
			if ended {
				row.WriteByte('\n')
			}
		}
	}
}

// textLines reads lines with universal line ends.
type textLines struct {
	b *bufio.Reader
}

// next gives the next line without its end, and whether it had one.
func (l *textLines) next(limit int) (line string, ended bool, err error) {
	var b strings.Builder
	for {
		c, err := l.b.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && b.Len() > 0:
			return b.String(), false, nil
		case err != nil:
			return "", false, err
		case c == '\r':
			if next, err := l.b.Peek(1); err == nil && next[0] == '\n' {
				_, _ = l.b.Discard(1) // it was just peeked at
			}
			return b.String(), true, nil
		case c == '\n':
			return b.String(), true, nil
		}
		if b.Len() >= limit {
			return "", false, fmt.Errorf("a row is longer than %d MiB", maxText>>20)
		}
		b.WriteByte(c)
	}
}

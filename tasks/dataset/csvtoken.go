package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxRecord bounds the size in bytes of one CSV record, so that a quote that never closes is an error.
const maxRecord = 64 << 20

// csvTokens splits CSV as the parser of pandas does: a quote opens only at the start of a field, text after
// the closing quote belongs to the field, a line ends at \n, \r\n or \r, and blank lines are passed over.
type csvTokens struct {
	b       *bufio.Reader
	comma   byte
	quote   byte
	noQuote bool
	line    int // lines read so far
}

func newCSVTokens(r io.Reader, o CSVOptions) *csvTokens {
	t := &csvTokens{b: bufio.NewReaderSize(r, 1<<16), comma: o.Comma, quote: o.Quote, noQuote: o.NoQuote}
	if t.comma == 0 {
		t.comma = ','
	}
	if t.quote == 0 {
		t.quote = '"'
	}
	if bom, _ := t.b.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = t.b.Discard(3) // they were just peeked at
	}
	return t
}

// skipLines passes over lines of the file, whatever is in them.
func (t *csvTokens) skipLines(n int) error {
	lines := textLines{b: t.b}
	for range n {
		if _, _, err := lines.next(maxRecord); err != nil {
			return err
		}
		t.line++
	}
	return nil
}

// record gives the next record that is not blank, with the line at which it begins; io.EOF at the end.
func (t *csvTokens) record() (fields []string, line int, err error) {
	for {
		line = t.line + 1
		fields, blank, err := t.one()
		if err != nil {
			return nil, max(line, 1), err
		}
		if !blank {
			return fields, line, nil
		}
	}
}

func (t *csvTokens) one() (fields []string, blank bool, err error) {
	var field strings.Builder
	size, quoted, inQuote := 0, false, false
	start := true // of a field
	blank = true
	finish := func() error {
		s := field.String()
		if !utf8.ValidString(s) {
			return fmt.Errorf("field %d is not valid UTF-8", len(fields)+1)
		}
		fields = append(fields, s)
		field.Reset()
		start, quoted = true, false
		return nil
	}
	for {
		c, err := t.b.ReadByte()
		if errors.Is(err, io.EOF) {
			switch {
			case inQuote:
				return nil, false, errors.New("a quoted field is not closed")
			case blank:
				return nil, true, io.EOF
			}
			return fields, false, errors.Join(finish())
		}
		if err != nil {
			return nil, false, err
		}
		if size++; size > maxRecord {
			return nil, false, fmt.Errorf("a record is longer than %d MiB", maxRecord>>20)
		}
		switch {
		case inQuote && c == t.quote:
			if next, err := t.b.Peek(1); err == nil && next[0] == t.quote {
				_, _ = t.b.Discard(1) // it was just peeked at
				field.WriteByte(c)
			} else {
				inQuote = false
			}
		case inQuote:
			t.count(c)
			field.WriteByte(c)
		case c == t.quote && !t.noQuote && start && !quoted:
			inQuote, quoted, start, blank = true, true, false, false
		case c == t.comma:
			blank = false
			if err := finish(); err != nil {
				return nil, false, err
			}
		case c == '\n' || c == '\r':
			t.count(c)
			if c == '\r' {
				if next, err := t.b.Peek(1); err == nil && next[0] == '\n' {
					_, _ = t.b.Discard(1) // it was just peeked at
					t.line++
				}
			}
			if blank {
				return nil, true, nil
			}
			return fields, false, errors.Join(finish())
		default:
			if c != ' ' && c != '\t' {
				blank = false
			}
			start = false
			field.WriteByte(c)
		}
	}
}

// count counts line ends; \r\n is one, counted at its \n.
func (t *csvTokens) count(c byte) {
	if c == '\r' {
		if next, err := t.b.Peek(1); err == nil && next[0] == '\n' {
			return
		}
	}
	if c == '\n' || c == '\r' {
		t.line++
	}
}

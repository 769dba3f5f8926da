package dataset

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// lineCounter remembers where lines end in what was read through it, so that an offset becomes a line.
// Offsets must be asked for in rising order.
type lineCounter struct {
	r    io.Reader
	read int64   // bytes read so far
	ends []int64 // offsets just after the line ends not yet passed
	line int     // the line at the last offset asked for
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.ends = append(c.ends, c.read+int64(i)+1)
		}
	}
	c.read += int64(n)
	return n, err
}

// at gives the line of the byte at offset.
func (c *lineCounter) at(offset int64) int {
	passed := 0
	for passed < len(c.ends) && c.ends[passed] <= offset {
		passed++
	}
	c.ends = c.ends[passed:]
	c.line += passed
	return c.line
}

// startOf gives the offset of the value that the decoder reads next, which it has peeked at.
func (c *lineCounter) startOf(dec *jsontext.Decoder) int64 {
	offset := dec.InputOffset()
	for _, b := range dec.UnreadBuffer() {
		switch b {
		case ' ', '\t', '\r', '\n', ',':
			offset++
		default:
			return offset
		}
	}
	return offset
}

func errorOffset(err error, dec *jsontext.Decoder) int64 {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return syntax.ByteOffset
	}
	return dec.InputOffset()
}

// plain says what is wrong with the JSON in words that name the key and leave out the library.
func plain(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		name := ""
		if errors.As(err, &syntax) {
			name = syntax.JSONPointer.LastToken()
		}
		return fmt.Errorf("the key %q stands twice in one object", name)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON value is cut off")
	case errors.As(err, &syntax):
		if syntax.JSONPointer != "" {
			return fmt.Errorf("malformed JSON at %s: %w", syntax.JSONPointer, syntax.Err)
		}
		return fmt.Errorf("malformed JSON: %w", syntax.Err)
	}
	return err
}

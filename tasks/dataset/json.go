package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/tasks/pyval"
)

// jsonRows reads an array of objects where the first character is a bracket, else one object a line.
func (f File) jsonRows(r io.Reader, yield func(Row, error) bool) {
	b := bufio.NewReaderSize(r, 1<<16)
	if bom, _ := b.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = b.Discard(3) // they were just peeked at
	}
	if field := f.options().Field; field != "" {
		f.jsonField(b, field, yield)
		return
	}
	first, skipped, err := peekText(b)
	switch {
	case errors.Is(err, io.EOF):
	case err != nil:
		yield(Row{}, &Error{File: f.Path, Err: err})
	case first == '[':
		f.jsonArray(b, skipped, yield)
	default:
		f.jsonLines(b, skipped, yield)
	}
}

// peekText gives the first byte that is not blank, and how many line ends it passed.
func peekText(b *bufio.Reader) (first byte, lines int, err error) {
	for {
		c, err := b.ReadByte()
		if err != nil {
			return 0, lines, err
		}
		switch c {
		case '\n':
			lines++
		case ' ', '\t', '\r':
		default:
			return c, lines, b.UnreadByte()
		}
	}
}

func (f File) jsonLines(b *bufio.Reader, line int, yield func(Row, error) bool) {
	var buf []byte
	dec := jsontext.NewDecoder(bytes.NewReader(nil))
	for {
		var err error
		buf, err = readLine(b, buf[:0])
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Row{}, &Error{File: f.Path, Line: line + 1, Err: err})
			return
		}
		end := err != nil
		line++
		if len(bytes.TrimSpace(buf)) > 0 {
			dec.Reset(bytes.NewReader(buf))
			values, err := readObject(dec)
			if err == nil {
				err = expectEnd(dec)
			}
			if err != nil {
				yield(Row{}, &Error{File: f.Path, Line: line, Err: err})
				return
			}
			if !yield(Row{Values: values, File: f.Path, Line: line}, nil) {
				return
			}
		}
		if end {
			return
		}
	}
}

// readLine appends the next line to buf, however long, without its end. The last line comes with io.EOF.
func readLine(b *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := b.ReadSlice('\n')
		buf = append(buf, part...)
		if err == nil {
			return buf[:len(buf)-1], nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, err
		}
	}
}

func (f File) jsonArray(b *bufio.Reader, skipped int, yield func(Row, error) bool) {
	counter := &lineCounter{r: b, line: skipped + 1}
	f.jsonItems(jsontext.NewDecoder(counter), counter, true, yield)
}

// jsonField reads the array that one key of the file's object holds.
func (f File) jsonField(b *bufio.Reader, field string, yield func(Row, error) bool) {
	counter := &lineCounter{r: b, line: 1}
	dec := jsontext.NewDecoder(counter)
	fail := func(err error) {
		yield(Row{}, &Error{File: f.Path, Line: counter.at(errorOffset(err, dec)), Err: plain(err)})
	}
	tok, err := dec.ReadToken()
	if err == nil && tok.Kind() != jsontext.KindBeginObject {
		err = fmt.Errorf("the field %q is asked for, and the file holds %s", field, kindName(tok.Kind()))
	}
	for err == nil {
		if tok, err = dec.ReadToken(); err != nil {
			break
		}
		if tok.Kind() == jsontext.KindEndObject {
			err = fmt.Errorf("the file's object has no key %q", field)
			break
		}
		if tok.String() != field {
			err = dec.SkipValue()
			continue
		}
		if k := dec.PeekKind(); k != jsontext.KindBeginArray && k != jsontext.KindInvalid {
			err = fmt.Errorf("the field %q holds %s where a list of objects is due", field, kindName(k))
			break
		}
		f.jsonItems(dec, counter, false, yield)
		return
	}
	fail(err)
}

// jsonItems reads an array of objects; whole says that nothing may follow it.
func (f File) jsonItems(dec *jsontext.Decoder, counter *lineCounter, whole bool, yield func(Row, error) bool) {
	fail := func(err error) {
		yield(Row{}, &Error{File: f.Path, Line: counter.at(errorOffset(err, dec)), Err: plain(err)})
	}
	if _, err := dec.ReadToken(); err != nil {
		fail(err)
		return
	}
	for dec.PeekKind() != ']' {
		if dec.PeekKind() == jsontext.KindInvalid {
			_, err := dec.ReadToken()
			fail(err)
			return
		}
		line := counter.at(counter.startOf(dec))
		values, err := readObject(dec)
		if err != nil {
			yield(Row{}, &Error{File: f.Path, Line: counter.at(dec.InputOffset()), Err: err})
			return
		}
		if !yield(Row{Values: values, File: f.Path, Line: line, fromArray: true}, nil) {
			return
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		fail(err)
		return
	}
	if !whole {
		return
	}
	if err := expectEnd(dec); err != nil {
		fail(err)
	}
}

func expectEnd(dec *jsontext.Decoder) error {
	switch _, err := dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return plain(err)
	}
	return errors.New("there is text after the end of the JSON value")
}

func readObject(dec *jsontext.Decoder) (*pyval.Dict, error) {
	if k := dec.PeekKind(); k != jsontext.KindBeginObject && k != jsontext.KindInvalid {
		return nil, fmt.Errorf("a row is a JSON object, not %s", kindName(k))
	}
	v, err := readValue(dec)
	if err != nil {
		return nil, plain(err)
	}
	return v.(*pyval.Dict), nil
}

func readValue(dec *jsontext.Decoder) (pyval.Value, error) {
	tok, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case jsontext.KindNull:
		return nil, nil
	case jsontext.KindFalse, jsontext.KindTrue:
		return tok.Bool(), nil
	case jsontext.KindString:
		return tok.String(), nil
	case jsontext.KindNumber:
		return readNumber(tok.String())
	case jsontext.KindBeginArray:
		list := pyval.List{}
		for dec.PeekKind() != jsontext.KindEndArray {
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.ReadToken()
		return list, err
	default: // the reader gives no end where a value is due
		return readMembers(dec)
	}
}

// readMembers reads an object whose opening brace was read.
func readMembers(dec *jsontext.Decoder) (pyval.Value, error) {
	dict := new(pyval.Dict)
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		v, err := readValue(dec)
		if err != nil {
			return nil, err
		}
		dict.Set(key, v)
	}
	_, err := dec.ReadToken()
	return dict, err
}

// readNumber reads a number as Python's json does: without a fraction or exponent it is an integer.
func readNumber(s string) (pyval.Value, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	} else if errors.Is(err, strconv.ErrRange) {
		return nil, fmt.Errorf("the integer %s is out of range: beyond 64 bits", s)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %s is out of range", s)
	}
	return v, nil
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindFalse, jsontext.KindTrue:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginArray:
		return "an array"
	default:
		return "something else"
	}
}

package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// arrowFrames reads the messages of an Arrow stream
// (https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format). The library trusts the
// lengths in a message, so that a few bytes could ask for all memory; here they are checked first.
type arrowFrames struct {
	r     io.Reader
	limit int64 // bytes that one message may have
}

var _ ipc.MessageReader = (*arrowFrames)(nil)

// Release and Retain do nothing: the collector frees messages.
func (a *arrowFrames) Release() {}

// Retain does nothing.
func (a *arrowFrames) Retain() {}

// Message gives the next message; io.EOF at the end.
func (a *arrowFrames) Message() (*ipc.Message, error) {
	n, err := a.word()
	if err == nil && n == 0xFFFFFFFF { // written since Arrow 0.15
		n, err = a.word()
	}
	if err != nil || n == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, err
	}
	meta, err := a.bytes(int64(n))
	if err != nil {
		return nil, err
	}
	length := int64(0)
	err = guarded(func() error {
		f := flat(meta)
		length, err = f.message()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the message's description: %w", err)
	}
	body, err := a.bytes(length)
	if err != nil {
		return nil, err
	}
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

func (a *arrowFrames) word() (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(a.r, b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}

func (a *arrowFrames) bytes(n int64) ([]byte, error) {
	if n < 0 || n > a.limit {
		return nil, fmt.Errorf("a message of %d bytes does not fit in the file", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(a.r, b); err != nil {
		return nil, fmt.Errorf("the stream is cut off: %w", io.ErrUnexpectedEOF)
	}
	return b, nil
}

// flat is a flatbuffer. What lies outside of it panics, which guarded makes an error.
type flat []byte

var errFlat = errors.New("a length is beyond the data")

func (f flat) u32(at int) int { return int(binary.LittleEndian.Uint32(f[at:])) }

// field gives where a field of the table lies; 0 where it is not set.
func (f flat) field(table, n int) int {
	vtable := table - int(int32(f.u32(table)))
	if 4+2*n >= int(binary.LittleEndian.Uint16(f[vtable:])) {
		return 0
	}
	if off := int(binary.LittleEndian.Uint16(f[vtable+4+2*n:])); off != 0 {
		return table + off
	}
	return 0
}

// child gives the table that a field refers to; 0 where it is not set.
func (f flat) child(table, n int) int {
	if at := f.field(table, n); at != 0 {
		return at + f.u32(at)
	}
	return 0
}

// vector checks that a vector, or a text, lies in the data, and gives its start and length.
func (f flat) vector(table, n, size int) (start, length int, err error) {
	at := f.child(table, n)
	if at == 0 {
		return 0, 0, nil
	}
	length = f.u32(at)
	if length > (len(f)-at-4)/size {
		return 0, 0, errFlat
	}
	return at + 4, length, nil
}

// message checks a message and gives the length of its body. The numbers are those of the fields and kinds in
// Arrow's format/Message.fbs and format/Schema.fbs.
func (f flat) message() (body int64, err error) {
	root := f.u32(0)
	if at := f.field(root, 3); at != 0 {
		body = int64(binary.LittleEndian.Uint64(f[at:]))
	}
	if err := f.pairs(root, 4); err != nil {
		return 0, err
	}
	kind, header := f.field(root, 1), f.child(root, 2)
	if kind == 0 || header == 0 {
		return 0, errors.New("it has no header")
	}
	switch f[kind] {
	case 1:
		budget := len(f)
		return body, errors.Join(f.pairs(header, 2), f.list(header, 3, 8), f.columns(header, 1, 0, &budget))
	case 2:
		if data := f.child(header, 1); data != 0 {
			return body, f.batch(data)
		}
		return body, errors.New("a dictionary has no data")
	case 3:
		return body, f.batch(header)
	}
	return body, nil
}

func (f flat) list(table, n, size int) error {
	_, _, err := f.vector(table, n, size)
	return err
}

// batch checks the nodes, buffers and counts of a record batch.
func (f flat) batch(table int) error {
	return errors.Join(f.list(table, 1, 16), f.list(table, 2, 16), f.list(table, 4, 8))
}

// pairs checks custom metadata.
func (f flat) pairs(table, n int) error {
	start, length, err := f.vector(table, n, 4)
	for i := range length {
		at := start + 4*i
		pair := at + f.u32(at)
		if err := errors.Join(f.list(pair, 0, 1), f.list(pair, 1, 1)); err != nil {
			return err
		}
	}
	return err
}

// columns checks the fields of a schema and all in them. Many may refer to one table, so that budget bounds
// how many are followed.
func (f flat) columns(table, n, depth int, budget *int) error {
	start, length, err := f.vector(table, n, 4)
	if err != nil {
		return err
	}
	if depth > maxNesting {
		return errFlat
	}
	for i := range length {
		if *budget--; *budget < 0 {
			return errFlat
		}
		at := start + 4*i
		column := at + f.u32(at)
		if err := errors.Join(f.list(column, 0, 1), f.pairs(column, 6)); err != nil {
			return err
		}
		if kind, of := f.field(column, 2), f.child(column, 3); kind != 0 && of != 0 && f[kind] == 14 { // a union
			if err := f.list(of, 1, 4); err != nil {
				return err
			}
		}
		if err := f.columns(column, 5, depth+1, budget); err != nil {
			return err
		}
	}
	return nil
}

package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/onset-eval/onset/tasks/pyval"
)

// arrowMagic begins an Arrow file; a stream begins with its schema.
const arrowMagic = "ARROW1\x00\x00"

// maxAllocation bounds in bytes what one buffer of a columnar file may ask for.
const maxAllocation = 1 << 30

// arrowRows reads an Arrow IPC stream, as the cache of `datasets` holds, or an Arrow file, one batch at a
// time. Line counts rows from 1. What panics below on hostile input becomes an error.
func (f File) arrowRows(r io.Reader, yield func(Row, error) bool) {
	row := 0
	stopped := false
	err := guarded(func() error {
		stream, err := f.arrowReader(r)
		if err != nil {
			return err
		}
		defer stream.Release()
		for stream.Next() {
			batch := stream.RecordBatch()
			columns := make([]arrowColumn, 0, batch.NumCols())
			for i, field := range batch.Schema().Fields() {
				if f.options().without(field.Name) {
					continue
				}
				read, err := arrowReader(batch.Column(i))
				if err != nil {
					return fmt.Errorf("column %q: %w", field.Name, err)
				}
				columns = append(columns, arrowColumn{field.Name, read})
			}
			for i := range int(batch.NumRows()) {
				values := new(pyval.Dict)
				for _, c := range columns {
					v, err := c.read(i)
					if err != nil {
						return fmt.Errorf("column %q: %w", c.name, err)
					}
					values.Set(c.name, v)
				}
				row++
				var ok bool
				unguarded(func() { ok = yield(Row{Values: values, File: f.Path, Line: row}, nil) })
				if !ok {
					stopped = true
					return nil
				}
			}
		}
		if err := stream.Err(); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read as an Arrow stream: %w", err)
		}
		return nil
	})
	if err != nil && !stopped {
		yield(Row{}, &Error{File: f.Path, Line: row + 1, Err: err})
	}
}

// arrowReader opens the stream. An Arrow file holds one between its magic and its footer.
func (f File) arrowReader(r io.Reader) (*ipc.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := b.Peek(len(arrowMagic)); bytes.Equal(magic, []byte(arrowMagic)) {
		_, _ = b.Discard(len(arrowMagic)) // it was just peeked at
	}
	if _, err := b.Peek(1); errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	}
	// What a message claims to hold is bounded by the file, and by its compression where it has one.
	part, whole := int64(maxAllocation), int64(maxAllocation)
	if info, err := fs.Stat(f.FS, f.Path); err == nil && plainName(f.Path) == f.Path {
		part, whole = min(part, info.Size()), min(whole, info.Size()*1000+1<<20)
	}
	stream, err := ipc.NewReaderFromMessageReader(&arrowFrames{b, part}, ipc.WithAllocator(limited{memory.DefaultAllocator, int(whole)}))
	if err != nil {
		return nil, fmt.Errorf("read as an Arrow stream: %w", err)
	}
	return stream, nil
}

type arrowColumn struct {
	name string
	read func(i int) (pyval.Value, error)
}

// limited refuses allocations that no honest file of rows needs.
type limited struct {
	memory.Allocator
	most int // bytes
}

func (l limited) Allocate(size int) []byte {
	if size < 0 || size > l.most {
		panic(fmt.Sprintf("a buffer of %d bytes is asked for", size))
	}
	return l.Allocator.Allocate(size)
}

func (l limited) Reallocate(size int, b []byte) []byte {
	if size < 0 || size > l.most {
		panic(fmt.Sprintf("a buffer of %d bytes is asked for", size))
	}
	return l.Allocator.Reallocate(size, b)
}

// fromCaller carries a panic of the caller's own code through guarded.
type fromCaller struct{ value any }

// guarded runs f, which calls a library that may panic on malformed data, and makes such a panic an error.
// A panic within unguarded goes on.
func guarded(f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case fromCaller:
			panic(p.value)
		default:
			err = fmt.Errorf("the data are malformed: %v", p)
		}
	}()
	return f()
}

// unguarded runs the caller's code from within guarded.
func unguarded(f func()) {
	done := false
	defer func() {
		if !done {
			if p := recover(); p != nil {
				panic(fromCaller{p})
			}
		}
	}()
	f()
	done = true
}

package runlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"github.com/sourcegraph/conc/stream"
)

// maxLine bounds a line in bytes, so that a damaged file cannot fill the memory.
const maxLine = 256 << 20

// errStopped says that the caller wants no more lines.
var errStopped = errors.New("stopped")

// lines calls each with every readable line of the segment at path until it returns false, which gives errStopped.
func (r *Reader) lines(path string, warn *Warnings, each func(line) bool) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(path, zstdExt) {
		path += zstdExt // its writer closed it since the directory was listed
		f, err = os.Open(path)
	}
	if err != nil {
		return fmt.Errorf("read segment: %w", err)
	}
	defer func() { _ = f.Close() }()
	var in io.Reader = f
	if strings.HasSuffix(path, zstdExt) {
		dec, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return fmt.Errorf("read segment %s: %w", path, err)
		}
		defer dec.Close()
		in = dec
	}
	return r.scan(in, filepath.Base(path), warn, each)
}

// rawLine is a line as it stands in the file.
type rawLine struct {
	n    int // from 1
	data []byte
	err  error // why it cannot be read; nil or errLongLine
	last bool  // no line feed ends it
}

// batchLines is the number of lines that are decoded together, on one goroutine.
const batchLines = 256

// scan is lines for what in gives, under that name. Lines are decoded on all processors and given in order.
func (r *Reader) scan(in io.Reader, name string, warn *Warnings, each func(line) bool) error {
	buf := bufio.NewReaderSize(in, 256<<10)
	var stopped atomic.Bool
	decoders := stream.New().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	var long []byte
	var batch []rawLine
	submit := func() {
		lines := batch
		batch = make([]rawLine, 0, batchLines)
		decoders.Go(func() stream.Callback {
			decoded := make([]line, len(lines))
			for i, raw := range lines {
				if raw.err == nil {
					decoded[i], lines[i].err = r.view(raw.data, r.json)
				}
			}
			return func() {
				for i, raw := range lines {
					if !stopped.Load() && !give(raw, decoded[i], name, warn, each) {
						stopped.Store(true)
					}
				}
			}
		})
	}
	for n := 1; !stopped.Load(); n++ {
		data, err := readLine(buf, &long)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLongLine) {
			// A read that breaks off, or compressed data that is damaged: what came before it stands.
			batch = append(batch, rawLine{n: n, err: fmt.Errorf("the rest of the file: %w", err)})
			break
		}
		raw := rawLine{n: n, last: errors.Is(err, io.EOF)}
		if errors.Is(err, errLongLine) {
			raw.err = err
		} else {
			raw.data = bytes.Clone(bytes.TrimSpace(data))
		}
		if len(raw.data) > 0 || raw.err != nil {
			batch = append(batch, raw)
		}
		if raw.last {
			break
		}
		if len(batch) == batchLines {
			submit()
		}
	}
	submit()
	decoders.Wait()
	if stopped.Load() {
		return errStopped
	}
	return nil
}

// give hands a line on, or notes why it cannot. It is false where the caller wants no more.
func give(raw rawLine, l line, name string, warn *Warnings, each func(line) bool) bool {
	switch {
	case raw.err == nil:
		return each(l)
	case raw.last:
		warn.Torn++
	default:
		warn.corrupt(name, raw.n, raw.err)
	}
	return true
}

var errLongLine = fmt.Errorf("longer than %d bytes", maxLine)

// readLine gives the next line, valid until the next call, with io.EOF where no line feed ends it.
func readLine(in *bufio.Reader, long *[]byte) ([]byte, error) {
	part, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return part, err
	}
	*long = append((*long)[:0], part...)
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = in.ReadSlice('\n')
		if tooLong = tooLong || len(*long)+len(part) > maxLine; !tooLong {
			*long = append(*long, part...)
		}
	}
	if tooLong && err == nil {
		return nil, errLongLine
	}
	if tooLong {
		return (*long)[:0], err
	}
	return *long, err
}

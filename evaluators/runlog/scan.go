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
	"strings"

	"github.com/klauspost/compress/zstd"
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

// scan is lines for what in gives, under that name.
func (r *Reader) scan(in io.Reader, name string, warn *Warnings, each func(line) bool) error {
	buf := bufio.NewReaderSize(in, 256<<10)
	var long []byte
	for n := 1; ; n++ {
		data, err := readLine(buf, &long)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLongLine) {
			// A read that breaks off, or compressed data that is damaged: what came before it stands.
			warn.corrupt(name, n, fmt.Errorf("the rest of the file: %w", err))
			return nil
		}
		last := errors.Is(err, io.EOF)
		switch data = bytes.TrimSpace(data); {
		case errors.Is(err, errLongLine):
			warn.corrupt(name, n, err)
		case len(data) > 0:
			l, err := r.view(data, r.json)
			switch {
			case err == nil:
				if !each(l) {
					return errStopped
				}
			case last:
				warn.Torn++
			default:
				warn.corrupt(name, n, err)
			}
		}
		if last {
			return nil
		}
	}
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

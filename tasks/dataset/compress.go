package dataset

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory in bytes that a zstd frame may ask for; zstd itself refuses more by default.
const maxWindow = 128 << 20

// plainName gives the name without the ending of a compression.
func plainName(name string) string {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".gz", ".zst":
		return name[:len(name)-len(ext)]
	}
	return name
}

// open opens the file, decompressed where its name ends in .gz or .zst.
func (f File) open() (io.ReadCloser, error) {
	file, err := f.FS.Open(f.Path)
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(path.Ext(f.Path)) {
	case ".gz":
		z, err := gzip.NewReader(file)
		if err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("read as gzip: %w", err)
		}
		return &stacked{Reader: z, closers: []io.Closer{z, file}}, nil
	case ".zst":
		z, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("read as zstd: %w", err)
		}
		c := z.IOReadCloser()
		return &stacked{Reader: c, closers: []io.Closer{c, file}}, nil
	}
	return file, nil
}

// stacked closes the file below its decompressor.
type stacked struct {
	io.Reader
	closers []io.Closer
}

func (s *stacked) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

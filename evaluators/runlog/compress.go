package runlog

import (
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// The names of segments end in plainExt, and in plainExt and zstdExt where they are compressed.
const (
	plainExt = ".jsonl"
	zstdExt  = ".zst"
)

// compressAbove is the size in bytes from which a closed segment is compressed: below it the saving is not
// worth a file that grep cannot read.
const compressAbove = 1 << 20

// compressSegment replaces the segment at path with a compressed one of the same name and zstdExt. A crash
// leaves the one or both, which say the same.
func compressSegment(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := in.Stat()
	if err != nil || info.Size() < compressAbove {
		return errors.Join(err, in.Close())
	}
	err = replaceFile(path+zstdExt, func(out *os.File) error {
		enc, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		_, err = io.Copy(enc, in)
		return errors.Join(err, enc.Close())
	})
	if err := errors.Join(err, in.Close()); err != nil {
		return err
	}
	return os.Remove(path)
}

package packcache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends/local/internal/mapfile"
)

// The format of a packed file, all numbers little-endian:
//
//	16 bytes  magic
//	…         blobs, each at a multiple of align, in parts with a CRC-32C each
//	…         the index, JSON
//	48 bytes  trailer: offset and length of the index (8 bytes each), SHA-256 of magic, index, offset and length
//
// The trailer comes last, so a file that was not written to its end has none.
const (
	magic       = "onset packed 01\n"
	align       = 4096
	trailerSize = 8 + 8 + sha256.Size
	maxIndex    = 256 << 20
	verifiedExt = ".verified"
	lockExt     = ".lock"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Entry describes a blob.
type Entry struct {
	Name string `json:"name"`
	// Format says what the bytes are; it and the sizes mean what the caller lets them.
	Format string `json:"format"`
	N      int    `json:"n"`
	K      int    `json:"k"`
}

type blob struct {
	Entry
	Offset int64    `json:"offset"`
	Size   int64    `json:"size"`
	Part   int64    `json:"part"` // bytes of each part but the last
	Sums   []uint32 `json:"sums"` // of the parts
}

type index struct {
	Weights string `json:"weights"`
	Layout  string `json:"layout"`
	Blobs   []blob `json:"blobs"`
}

// DamagedError says why a packed file cannot be used. Packing again and replacing it is the remedy.
type DamagedError struct{ Path, Msg string }

func (e *DamagedError) Error() string { return fmt.Sprintf("packed weights %s: %s", e.Path, e.Msg) }

// File is a packed file that is mapped. It is read-only and may be used concurrently.
type File struct {
	path  string
	m     *mapfile.Mapping
	blobs map[string]blob
}

// Open maps the packed form of weights in a layout. It is fs.ErrNotExist where there is none, and a *DamagedError where
// there is one that is not what its writer wrote: the index is checked always, every part's checksum the first time
// that a file is met, or met again changed (see Identity).
func (d Dir) Open(ctx context.Context, weights, layout string) (*File, error) {
	path, err := d.packedPath(weights, layout)
	if err != nil {
		return nil, err
	}
	read := time.Now()
	id, err := Identify(path)
	if err != nil {
		return nil, err
	}
	m, err := mapfile.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, m: m}
	if err := f.readIndex(weights, layout); err != nil {
		_ = m.Close()
		return nil, err
	}
	if err := f.verifyOnce(ctx, id, read); err != nil {
		_ = m.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) damaged(format string, args ...any) error {
	return &DamagedError{f.path, fmt.Sprintf(format, args...)}
}

func (f *File) readIndex(weights, layout string) error {
	data := f.m.Data
	if len(data) < len(magic)+trailerSize || string(data[:len(magic)]) != magic {
		return f.damaged("it does not begin as one")
	}
	trailer := data[len(data)-trailerSize:]
	at, size := binary.LittleEndian.Uint64(trailer), binary.LittleEndian.Uint64(trailer[8:])
	end := uint64(len(data) - trailerSize)
	if size > maxIndex || size > end || at != end-size || at < uint64(len(magic)) {
		return f.damaged("its end does not fit")
	}
	raw := data[at:end]
	if want := trailerSum(raw, trailer[:16]); !bytes.Equal(want, trailer[16:]) {
		return f.damaged("the checksum of its index is wrong")
	}
	var x index
	if err := json.Unmarshal(raw, &x); err != nil {
		return f.damaged("its index: %v", err)
	}
	if x.Weights != weights || x.Layout != layout {
		return f.damaged("it holds %s in layout %q", x.Weights, x.Layout)
	}
	f.blobs = make(map[string]blob, len(x.Blobs))
	for _, b := range x.Blobs {
		if b.Offset < int64(len(magic)) || b.Offset%align != 0 || b.Size < 0 || b.Size > int64(at)-b.Offset || b.Part < 1 ||
			int64(len(b.Sums)) != parts(b.Size, b.Part) {
			return f.damaged("the place of %q does not fit", b.Name)
		}
		if _, twice := f.blobs[b.Name]; twice {
			return f.damaged("%q stands there twice", b.Name)
		}
		f.blobs[b.Name] = b
	}
	return nil
}

// trailerSum is the checksum of the index and of where it is.
func trailerSum(raw, place []byte) []byte {
	h := sha256.New()
	h.Write([]byte(magic))
	h.Write(raw)
	h.Write(place)
	return h.Sum(nil)
}

func parts(size, part int64) int64 { return (size + part - 1) / part }

// verifyOnce checks all parts, unless that was done before with the file as it is.
func (f *File) verifyOnce(ctx context.Context, id Identity, read time.Time) error {
	side := f.path + verifiedExt
	var known Identity
	if readJSON(side, &known) == nil && known == id {
		now := time.Now()
		_ = os.Chtimes(side, now, now) // says when the file was last used; a cache that only others may write to is fine
		return nil
	}
	if err := f.Verify(ctx); err != nil {
		return err
	}
	if after, err := Identify(f.path); err == nil && after == id && id.settled(read) {
		_ = writeJSON(side, id) // else the next start checks again
	}
	return nil
}

// Verify checks every part against its checksum, reading the whole file, on all processors.
func (f *File) Verify(ctx context.Context) error {
	var wrong atomic.Pointer[string]
	p := pool.New().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for name, b := range f.blobs {
		for i, want := range b.Sums {
			if ctx.Err() != nil || wrong.Load() != nil {
				break
			}
			lo := b.Offset + int64(i)*b.Part
			part := f.m.Data[lo:min(lo+b.Part, b.Offset+b.Size)]
			p.Go(func() {
				if crc32.Checksum(part, castagnoli) != want {
					wrong.Store(&name)
				}
			})
		}
	}
	p.Wait()
	if name := wrong.Load(); name != nil {
		return f.damaged("the checksum of %q is wrong", *name)
	}
	return ctx.Err()
}

// Blob gives a blob by its name. The bytes belong to the file, must not be written to, and begin at a multiple of 64.
func (f *File) Blob(name string) (Entry, []byte, bool) {
	b, ok := f.blobs[name]
	if !ok {
		return Entry{}, nil, false
	}
	return b.Entry, f.m.Data[b.Offset : b.Offset+b.Size : b.Offset+b.Size], true
}

// Bytes is the size of the file.
func (f *File) Bytes() int64 { return int64(len(f.m.Data)) }

// Path is where the file lies.
func (f *File) Path() string { return f.path }

// Close ends the mapping; no blob may be read after it.
func (f *File) Close() error { return f.m.Close() }

// Remove deletes the packed form of weights in a layout, if it is there.
func (d Dir) Remove(weights, layout string) error {
	path, err := d.packedPath(weights, layout)
	if err != nil {
		return err
	}
	return remove(path)
}

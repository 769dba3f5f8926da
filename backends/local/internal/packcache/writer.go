package packcache

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sourcegraph/conc/pool"
)

// Writer writes a packed file. One goroutine uses it.
type Writer struct {
	dir   Dir
	f     *os.File
	at    int64
	blobs []blob
	names map[string]bool
	err   error
}

// spare is the room that is left free on a disk, in bytes.
const spare = 256 << 20

// Create begins a packed file of about size bytes. An error says why the cache cannot take it: the folder cannot be
// written to, or the disk has not enough room.
func (d Dir) Create(size int64) (*Writer, error) {
	_ = d.sweep(time.Now()) // what cannot be deleted may be another user's
	f, err := createTemp(filepath.Join(string(d), packedDir, "new"))
	if err != nil {
		return nil, err
	}
	w := &Writer{dir: d, f: f, at: int64(len(magic)), names: make(map[string]bool)}
	if free, ok := freeSpace(f.Name()); ok && free < size+spare {
		w.Abort()
		return nil, fmt.Errorf("%s has %d MiB free, and packed weights of %d MiB are to leave %d MiB", d, free>>20, size>>20, int64(spare)>>20)
	}
	if _, err := f.Write([]byte(magic)); err != nil {
		w.Abort()
		return nil, err
	}
	return w, nil
}

// Add adds a blob of size bytes that fill makes part bytes at a time: fill(dst, at) sets dst to the blob's bytes from at on,
// is called concurrently, and sets every byte.
func (w *Writer) Add(e Entry, size, part int64, fill func(dst []byte, at int64)) error {
	if w.err != nil {
		return w.err
	}
	if w.names[e.Name] {
		w.err = fmt.Errorf("pack %q: it is there already", e.Name)
		return w.err
	}
	w.names[e.Name] = true
	b := blob{Entry: e, Offset: (w.at + align - 1) / align * align, Size: size, Part: part}
	b.Sums = make([]uint32, parts(size, part))
	workers := runtime.GOMAXPROCS(0)
	buffers := make(chan []byte, workers)
	for range workers {
		buffers <- nil
	}
	p := pool.New().WithErrors().WithFirstError().WithMaxGoroutines(workers)
	for i := range b.Sums {
		p.Go(func() error {
			buf := <-buffers
			if buf == nil {
				buf = make([]byte, min(part, size))
			}
			defer func() { buffers <- buf }()
			at := int64(i) * part
			dst := buf[:min(part, size-at)]
			fill(dst, at)
			b.Sums[i] = crc32.Checksum(dst, castagnoli)
			_, err := w.f.WriteAt(dst, b.Offset+at)
			return err
		})
	}
	if w.err = p.Wait(); w.err != nil {
		return w.err
	}
	w.at = b.Offset + size
	w.blobs = append(w.blobs, b)
	return nil
}

// Commit completes the file and gives it its name, in place of one that is there. The Writer is done with after it.
func (w *Writer) Commit(weights, layout string) error {
	if w.err != nil {
		w.Abort()
		return w.err
	}
	path, err := w.dir.packedPath(weights, layout)
	if err == nil {
		err = w.finish(index{Weights: weights, Layout: layout, Blobs: w.blobs})
	}
	if err == nil {
		err = errors.Join(w.f.Sync(), w.f.Close())
	}
	if err == nil {
		err = os.Chmod(w.f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(w.f.Name(), path)
	}
	if err != nil {
		w.Abort()
		return err
	}
	w.err = errors.New("the packed file is complete")
	syncDir(filepath.Dir(path))
	return nil
}

func (w *Writer) finish(x index) error {
	raw, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if len(raw) > maxIndex {
		return fmt.Errorf("an index of %d bytes is too large", len(raw))
	}
	place := binary.LittleEndian.AppendUint64(nil, uint64(w.at))
	place = binary.LittleEndian.AppendUint64(place, uint64(len(raw)))
	end := append(append(raw, place...), trailerSum(raw, place)...)
	_, err = w.f.WriteAt(end, w.at)
	return err
}

// Abort deletes what was written.
func (w *Writer) Abort() {
	_ = w.f.Close()
	_ = os.Remove(w.f.Name()) // else a later sweep does
}

// syncDir makes a rename last; where that cannot be, the file is written again after a crash.
func syncDir(path string) {
	if dir, err := os.Open(path); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}

// Lock waits until no other process holds the lock of weights in a layout, and holds it until unlock: processes that
// start together pack once. It is an aid and no safeguard: where locks do not work, none is held.
func (d Dir) Lock(ctx context.Context, weights, layout string) (unlock func(), err error) {
	path, err := d.packedPath(weights, layout)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path+lockExt, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		if !heldElsewhere(f) {
			return func() { _ = f.Close() }, nil // closing unlocks
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

package runlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/sourcegraph/conc"
)

// ErrClosed is returned by a Writer after Close.
var ErrClosed = errors.New("run log is closed")

// Options configure a Writer; the zero value is ready to use.
type Options struct {
	// Shard is the part of the run that this process writes. Other shards may be written at the same time.
	Shard Shard
	// CommitEvery is the longest time for which a record waits to be durable; 0 is 50 ms.
	CommitEvery time.Duration
	// CommitRecords is the number of lines after which they are made durable at once; 0 is 4096.
	CommitRecords int
	// KeepPlain leaves a closed segment uncompressed.
	KeepPlain bool
}

func (o Options) withDefaults() Options {
	if o.CommitEvery <= 0 {
		o.CommitEvery = 50 * time.Millisecond
	}
	if o.CommitRecords <= 0 {
		o.CommitRecords = 4096
	}
	return o
}

// Writer appends records to a segment of its own in a run directory. One goroutine owns the file; lines that
// arrive together are made durable together. All methods may be called concurrently.
//
// The first error of the file is kept: from then on nothing is written, and every call returns it.
type Writer struct {
	opts  Options
	json  json.Options
	path  string
	lock  *dirLock
	items chan item
	wg    conc.WaitGroup
	seen  *recent

	// gate is held for reading while a call uses items, and for writing to close it.
	gate   sync.RWMutex
	closed bool

	mu  sync.Mutex
	err error
}

// item is lines to append, or a flush where done is set. ack, which has room for one, is told once the lines are in the
// file.
type item struct {
	data      []byte
	ack, done chan<- error
}

// segment is what a Writer needs of its file.
type segment interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Seek(offset int64, whence int) (int64, error)
	Close() error
}

// Open makes dir where it is missing, locks it and starts a segment in it. It gives a *LockedError where another
// process writes dir, or the same shard. It never writes to a segment that is there.
func Open(dir string, opts Options) (*Writer, error) {
	if s := opts.Shard; s.Count < 0 || s.Count == 0 && s.Index != 0 || s.Count > 0 && (s.Index < 0 || s.Index >= s.Count) {
		return nil, fmt.Errorf("open run log: shard %v: the index must be from 0 and below the count", s)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make run directory: %w", err)
	}
	lock, err := lockDir(dir, opts.Shard)
	if err != nil {
		return nil, err
	}
	f, err := createSegment(dir, opts.Shard)
	if err != nil {
		lock.release()
		return nil, fmt.Errorf("start segment: %w", err)
	}
	w := newWriter(f, opts)
	w.path, w.lock = f.Name(), lock
	return w, nil
}

func newWriter(f segment, opts Options) *Writer {
	w := &Writer{
		opts:  opts.withDefaults(),
		json:  encoding(),
		items: make(chan item, 1024),
		seen:  newRecent(rememberedPrompts),
		lock:  &dirLock{},
	}
	w.wg.Go(func() { w.own(f) })
	return w
}

// createSegment makes a segment file that no writer has had, with the next free number.
func createSegment(dir string, shard Shard) (*os.File, error) {
	prefix := "records-"
	if shard.Count > 0 {
		prefix += fmt.Sprintf("%dof%d-", shard.Index, shard.Count)
	}
	for n := 1; ; n++ {
		path := filepath.Join(dir, fmt.Sprintf("%s%06d%s", prefix, n, plainExt))
		if _, err := os.Stat(path + zstdExt); err == nil {
			continue
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := syncDir(dir); err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(path))
		}
		return f, nil
	}
}

// Write appends r. It returns once r is in the file, so that it outlives this process, however that ends; a later Flush
// or Close says whether it is durable, and so outlives the machine. The error is ctx's, ErrClosed, that of a record that
// JSON cannot hold, or the first one of the file.
func (w *Writer) Write(ctx context.Context, r Record) error {
	r, err := finite(r)
	if err == nil {
		var data []byte
		if data, err = (line{Record: &r}).encode(w.json); err == nil {
			return w.hand(ctx, data)
		}
	}
	return fmt.Errorf("write record of %s, task %s, sample %s: %w", r.Model, r.Task, r.Sample, err)
}

// hand gives lines to the owner and waits until they are in the file.
func (w *Writer) hand(ctx context.Context, data []byte) error {
	ack := make(chan error, 1)
	if err := w.send(ctx, item{data: data, ack: ack}); err != nil {
		return err
	}
	select {
	case err := <-ack:
		return err
	case <-ctx.Done(): // the file hangs
		return fmt.Errorf("write run log: %w", context.Cause(ctx))
	}
}

// Prompt appends the text of the prompt with that digest, unless this writer wrote it lately: call it for every
// record, before or after it.
func (w *Writer) Prompt(ctx context.Context, digest, text string) error {
	if w.seen.has(digest) {
		return w.firstError()
	}
	data, err := line{Prompt: &Prompt{Digest: digest, Text: text}}.encode(w.json)
	if err != nil {
		return fmt.Errorf("write prompt %s: %w", digest, err)
	}
	if err := w.send(ctx, item{data: data}); err != nil {
		return err
	}
	w.seen.add(digest)
	return nil
}

// Flush returns when all that was written before it is durable, or with the first error of the file.
func (w *Writer) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	if err := w.send(ctx, item{done: done}); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("flush run log: %w", context.Cause(ctx))
	}
}

// Close makes everything durable, compresses the segment where that is worth it, gives the lock back and returns
// the first error of the file. A second call returns ErrClosed or that error.
func (w *Writer) Close() error {
	w.gate.Lock()
	if w.closed {
		w.gate.Unlock()
		return errors.Join(w.firstError(), ErrClosed)
	}
	w.closed = true
	close(w.items)
	w.gate.Unlock()
	w.wg.Wait()
	defer w.lock.release()
	if err := w.firstError(); err != nil {
		return err
	}
	if st, err := os.Stat(w.path); err == nil && st.Size() == 0 {
		return os.Remove(w.path) // a resume that had nothing to do leaves nothing
	}
	if w.path != "" && !w.opts.KeepPlain {
		// The records are durable as they are: a compression that did not work loses nothing but room.
		_ = compressSegment(w.path)
	}
	return nil
}

// send gives it to the owner.
func (w *Writer) send(ctx context.Context, it item) error {
	w.gate.RLock()
	defer w.gate.RUnlock()
	if err := w.firstError(); err != nil {
		return err
	}
	if w.closed {
		return ErrClosed
	}
	select {
	case w.items <- it:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("write run log: %w", context.Cause(ctx))
	}
}

func (w *Writer) firstError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *Writer) setError(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

package runlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a segment in memory with room for a number of bytes.
type memory struct {
	mu      sync.Mutex
	data    []byte
	synced  int // bytes that were there at the last Sync
	room    int
	syncErr error
	full    error
}

func (m *memory) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(len(p), m.room-len(m.data))
	m.data = append(m.data, p[:n]...)
	if n < len(p) {
		return n, m.full
	}
	return n, nil
}

func (m *memory) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.synced = len(m.data)
	return m.syncErr
}

func (m *memory) Truncate(size int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = m.data[:size]
	return nil
}

func (m *memory) Seek(offset int64, _ int) (int64, error) { return offset, nil }
func (m *memory) Close() error                            { return nil }

func (m *memory) syncedLines() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Count(m.data[:m.synced], []byte("\n"))
}

func lineLength(t testing.TB) int {
	t.Helper()
	r := record(0)
	data, err := line{Record: &r}.encode(encoding())
	if err != nil {
		t.Fatal(err)
	}
	return len(data)
}

func TestFullDisk(t *testing.T) {
	length := lineLength(t)
	for _, c := range []struct {
		name string
		room int
		full error
		keep int
	}{
		{"at a line's end", 3 * length, syscall.ENOSPC, 3},
		{"within a line", 3*length + length/2, syscall.ENOSPC, 3},
		{"at once", 0, syscall.EFBIG, 0},
		{"short write without an error", 2*length + 1, nil, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &memory{room: c.room, full: c.full}
			w := newWriter(m, Options{})
			ctx := context.Background()
			var first error
			accepted := 0
			for ; accepted < 10 && first == nil; accepted++ {
				first = w.Write(ctx, record(accepted))
			}
			if first == nil || accepted != c.keep+1 {
				t.Fatalf("%d records fit, want %d: %v", accepted-1, c.keep, first)
			}
			var hinted interface{ Hint() string }
			if c.full != nil && (!errors.Is(first, c.full) || !errors.As(first, &hinted)) {
				t.Errorf("error %v has no hint or another cause", first)
			}
			m.mu.Lock()
			m.room = 1 << 20 // room comes back, but the writer stays stopped
			m.mu.Unlock()
			for name, err := range map[string]error{
				"Write": w.Write(ctx, record(11)), "Prompt": w.Prompt(ctx, "d", "t"), "Flush": w.Flush(ctx), "Close": w.Close(),
			} {
				if !errors.Is(err, first) {
					t.Errorf("%s after the error gives %v", name, err)
				}
			}
			if want := c.keep * length; len(m.data) != want || m.synced != want {
				t.Errorf("%d bytes are kept, %d durable, want %d", len(m.data), m.synced, want)
			}
		})
	}
}

func TestSyncError(t *testing.T) {
	m := &memory{room: 1 << 20, syncErr: syscall.EIO}
	w := newWriter(m, Options{})
	write(t, w, record(0))
	if err := w.Flush(context.Background()); !errors.Is(err, syscall.EIO) {
		t.Errorf("Flush gives %v", err)
	}
	if err := w.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close gives %v", err)
	}
}

func TestDeviceFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/dev/full is Linux's")
	}
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	w := newWriter(f, Options{})
	if err := w.Write(context.Background(), record(0)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write gives %v, want ENOSPC", err)
	}
	if err := w.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close gives %v, want ENOSPC", err)
	}
}

func TestRecordsBecomeDurableByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{room: 1 << 20}
		w := newWriter(m, Options{CommitEvery: time.Second, CommitRecords: 5})
		write(t, w, record(0), record(1))
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if n := m.syncedLines(); n != 0 {
			t.Errorf("%d records are durable too early", n)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := m.syncedLines(); n != 2 {
			t.Errorf("%d records are durable after the time, want 2", n)
		}
		for i := range 5 {
			write(t, w, record(i))
		}
		synctest.Wait()
		if n := m.syncedLines(); n != 7 {
			t.Errorf("%d records are durable after the number, want 7", n)
		}
		closeWriter(t, w)
	})
}

func TestCancelledWriteReturns(t *testing.T) {
	m := &memory{room: 1 << 30}
	m.mu.Lock() // the file hangs
	w := newWriter(m, Options{CommitRecords: 1})
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("interrupted")
	writers := cap(w.items) + 5 // some wait for the file, and some for room in the queue
	results := make(chan error, writers)
	for i := range writers {
		go func() { results <- w.Write(ctx, record(i)) }()
	}
	cancel(why)
	for range writers {
		if err := <-results; !errors.Is(err, why) {
			t.Errorf("Write gives %v", err)
		}
	}
	m.mu.Unlock()
	closeWriter(t, w)
}

// What Write accepted before Close is there after it, whoever wrote it and however they meet.
func TestCloseWhileWriting(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{CommitRecords: 3})
	var writers sync.WaitGroup
	accepted := make([]int, 8)
	started := make(chan struct{}, len(accepted))
	for g := range accepted {
		writers.Go(func() {
			for i := 0; ; i++ {
				r := record(i)
				r.Model = fmt.Sprint("m", g)
				err := w.Write(context.Background(), r)
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if accepted[g]++; i == 20 {
					started <- struct{}{}
				}
			}
		})
	}
	for range accepted {
		<-started
	}
	closeWriter(t, w)
	writers.Wait()
	want := 0
	for _, n := range accepted {
		want += n
	}
	if got := len(sorted(t, dir)); got != want {
		t.Errorf("%d records, %d were accepted", got, want)
	}
	if err := w.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("the second Close gives %v", err)
	}
}

func TestReadOnlyDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil {
		t.Error("a file was opened as a run directory")
	}
}

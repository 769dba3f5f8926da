package sqlitecache_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends/sqlitecache"
)

func open(t *testing.T, file string) *sqlitecache.Store {
	t.Helper()
	s, err := sqlitecache.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, s *sqlitecache.Store, key string) string {
	t.Helper()
	v, found, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		return "none"
	}
	return string(v)
}

func TestKeepsAndReplaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a", "cache.sqlite")
	s := open(t, file)
	for i := range 2000 {
		if err := s.Put(t.Context(), fmt.Sprint(i%1500), fmt.Append(nil, "v", i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(t, s, "3"); got != "v1503" {
		t.Errorf("before it is committed, key 3 is %s", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "x", nil); err == nil {
		t.Error("a closed store takes a value")
	}
	again := open(t, file)
	for key, want := range map[string]string{"3": "v1503", "700": "v700", "1499": "v1499", "1500": "none"} {
		if got := get(t, again, key); got != want {
			t.Errorf("after reopening, key %s is %s, want %s", key, got, want)
		}
	}
	if err := errors.Join(again.Close(), again.Close()); err != nil {
		t.Error(err)
	}
}

func TestTwoStoresShareAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.sqlite")
	a, b := open(t, file), open(t, file)
	group := pool.New().WithErrors()
	for n, s := range []*sqlitecache.Store{a, b} {
		group.Go(func() error {
			for i := range 1200 {
				if err := s.Put(t.Context(), fmt.Sprint(n, i), []byte("v")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := errors.Join(group.Wait(), a.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	c := open(t, file)
	defer func() { _ = c.Close() }()
	for n := range 2 {
		for i := range 1200 {
			if got := get(t, c, fmt.Sprint(n, i)); got != "v" {
				t.Fatalf("value %d of store %d is %s", i, n, got)
			}
		}
	}
}

func TestRefusesWhatIsNoCache(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache.sqlite")
	if err := os.WriteFile(file, []byte("this is no database, and long enough to be looked at as one: it is text"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlitecache.Open(t.Context(), file)
	var e *sqlitecache.Error
	if !errors.As(err, &e) || e.File != file || e.Hint() == "" {
		t.Errorf("a text file gives %v, want an Error with a hint", err)
	}
}

// TestFileNames sees that characters with a meaning in addresses are ordinary ones in file names.
func TestFileNames(t *testing.T) {
	for _, name := range []string{"a?b", "a#b", "a%41", "a b", "a&b=c"} {
		file := filepath.Join(t.TempDir(), name)
		if err := open(t, file).Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("the cache %q lies elsewhere: %v", name, err)
		}
	}
}

// TestDamagedFile damages all pages but the first ones, which Open does not read.
func TestDamagedFile(t *testing.T) {
	const page = 4096 // SQLite's default
	file := filepath.Join(t.TempDir(), "cache.sqlite")
	s := open(t, file)
	for i := range 500 {
		if err := s.Put(t.Context(), fmt.Sprint(i), make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 3 * page; i < len(data); i++ {
		data[i] = 0xaa
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, file)
	defer func() { _ = s.Close() }()
	_, _, err = s.Get(t.Context(), "7")
	var e *sqlitecache.Error
	if !errors.As(err, &e) || e.File != file || e.Hint() == "" {
		t.Errorf("a damaged file gives %v, want an Error with the file and a hint", err)
	}
}

// What Put returned for is in the file, for another reader and without Close.
func TestPutIsInTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.db")
	writer, err := sqlitecache.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := writer.Close(); err != nil {
			t.Error(err)
		}
	}()
	reader, err := sqlitecache.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}()
	var writers sync.WaitGroup
	for i := range 100 {
		writers.Go(func() {
			key := fmt.Sprint(i)
			if err := writer.Put(t.Context(), key, []byte(key)); err != nil {
				t.Error(err)
			}
			if value, found, err := reader.Get(t.Context(), key); err != nil || !found || string(value) != key {
				t.Errorf("%s: %q, %v, %v", key, value, found, err)
			}
		})
	}
	writers.Wait()
}

func BenchmarkPut(b *testing.B) {
	store, err := sqlitecache.Open(b.Context(), filepath.Join(b.TempDir(), "c.db"))
	if err != nil {
		b.Fatal(err)
	}
	value := bytes.Repeat([]byte("x"), 2048)
	var n atomic.Int64
	b.SetParallelism(32) // 64 writers on two processors
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := store.Put(b.Context(), fmt.Sprint(n.Add(1)), value); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
}

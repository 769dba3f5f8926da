package packcache_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends/local/internal/packcache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const layout = "panels_1"

var weights = "sha256:" + strings.Repeat("0123456789abcdef", 4)

// content is what the tests' blobs hold: size bytes, some parts and an end that is shorter.
func content(size int, seed byte) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i)*7 ^ seed
	}
	return b
}

var blobs = []struct {
	entry packcache.Entry
	data  []byte
}{
	{packcache.Entry{Name: "a", Format: "f32", N: 3, K: 5}, content(10_000, 1)},
	{packcache.Entry{Name: "b", Format: "bf16", N: 1, K: 1}, content(1, 2)},
	{packcache.Entry{Name: "none", Format: "f16"}, nil},
	{packcache.Entry{Name: "c", Format: "f16", N: 64, K: 32}, content(4096, 3)},
}

func write(t testing.TB, d packcache.Dir) {
	t.Helper()
	w, err := d.Create(1 << 16)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		if err := w.Add(b.entry, int64(len(b.data)), 1024, func(dst []byte, at int64) { copy(dst, b.data[at:]) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(weights, layout); err != nil {
		t.Fatal(err)
	}
}

func packedFile(d packcache.Dir) string {
	return filepath.Join(string(d), "packed", strings.TrimPrefix(weights, "sha256:")+"-"+layout)
}

func TestRoundTrip(t *testing.T) {
	d := packcache.Dir(filepath.Join(t.TempDir(), "new", "cache"))
	if _, err := d.Open(context.Background(), weights, layout); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a cache that is not there gives %v", err)
	}
	write(t, d)
	f, err := d.Open(context.Background(), weights, layout)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		e, data, ok := f.Blob(b.entry.Name)
		if !ok || e != b.entry || !bytes.Equal(data, b.data) {
			t.Errorf("%s comes back as %+v with %d bytes", b.entry.Name, e, len(data))
		}
	}
	if _, _, ok := f.Blob("d"); ok {
		t.Error("there is a blob that nobody wrote")
	}
	if _, err := d.Open(context.Background(), weights, "panels_2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another layout gives %v", err)
	}
	write(t, d) // in place of what is mapped
	if _, data, _ := f.Blob("a"); !bytes.Equal(data, blobs[0].data) {
		t.Error("what is mapped changes when the file is replaced")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Join(string(d), "packed"))
	if err != nil || len(left) != 1 {
		t.Errorf("%v lies in the cache, %v", left, err)
	}
}

// TestDamage changes every byte of a packed file in turn, and cuts it short: it is never taken for whole.
func TestDamage(t *testing.T) {
	d := packcache.Dir(t.TempDir())
	write(t, d)
	path := packedFile(d)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := d.Open(context.Background(), weights, layout)
		var damaged *packcache.DamagedError
		if !errors.As(err, &damaged) {
			t.Errorf("%s: %v", name, err)
			if f != nil {
				_ = f.Close()
			}
		}
	}
	inBlob := func(i int) bool { // the padding between blobs is not used
		return i < 16 || i >= 4096 && i < 4096+10_000 || i == 16384 || i >= 20480
	}
	for i := 0; i < len(whole); i += 1 + i%13 {
		if inBlob(i) {
			changed := bytes.Clone(whole)
			changed[i] ^= 0x10
			check("byte "+string(rune('0'+i%10)), changed)
		}
	}
	for _, n := range []int{0, 1, 60, len(whole) / 2, len(whole) - 1} {
		check("cut", whole[:n])
	}
	check("longer", append(bytes.Clone(whole), 0))
	huge := bytes.Clone(whole)
	binary.LittleEndian.PutUint64(huge[len(huge)-48:], 1<<63)
	check("an index far away", huge)
	check("another's", bytes.ReplaceAll(whole, []byte("0123456789abcdef"), []byte("0123456789abcdee")))
}

// TestVerifiedOnce damages a file behind the clock's back: what was verified is not read again until it changes.
func TestVerifiedOnce(t *testing.T) {
	d := packcache.Dir(t.TempDir())
	write(t, d)
	path := packedFile(d)
	old := time.Now().Add(-time.Hour)
	id, err := packcache.Identify(path)
	if err != nil {
		t.Fatal(err)
	}
	open := func() error {
		f, err := d.Open(context.Background(), weights, layout)
		if err == nil {
			err = f.Close()
		}
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".verified"); id.Changed != 0 && err == nil {
		t.Error("a file that was written just now is remembered as verified")
	}
	if err := os.WriteFile(path+".verified", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Errorf("a damaged note gives %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[5000] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	var damaged *packcache.DamagedError
	if err := open(); !errors.As(err, &damaged) {
		t.Errorf("a damaged file with an old time gives %v", err)
	}
}

func TestPrune(t *testing.T) {
	d := packcache.Dir(t.TempDir())
	write(t, d)
	temp := filepath.Join(string(d), "packed", "new.tmp-1")
	if err := os.WriteFile(temp, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := d.List()
	if err != nil || len(all) != 1 || all[0].Bytes < 14_000 {
		t.Fatalf("%+v, %v", all, err)
	}
	if gone, err := d.Prune(time.Now().Add(-time.Hour)); err != nil || len(gone) != 0 {
		t.Errorf("a file of now is pruned: %v, %v", gone, err)
	}
	if _, err := os.Stat(temp); err != nil {
		t.Errorf("the temporary file of a living writer is gone: %v", err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(temp, old, old); err != nil {
		t.Fatal(err)
	}
	if gone, err := d.Prune(time.Now().Add(time.Hour)); err != nil || len(gone) != 1 {
		t.Errorf("pruned %v, %v", gone, err)
	}
	if left, _ := filepath.Glob(filepath.Join(string(d), "packed", "*")); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	if gone, err := packcache.Dir(filepath.Join(t.TempDir(), "none")).Prune(time.Now()); err != nil || len(gone) != 0 {
		t.Errorf("a cache that is not there: %v, %v", gone, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := packcache.Dir(file).Create(1); err == nil {
		t.Error("a cache is made in a file")
	}
	d := packcache.Dir(t.TempDir())
	if _, err := d.Create(1 << 60); err == nil || !strings.Contains(err.Error(), "free") {
		t.Errorf("room for an exbibyte: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(string(d), "packed", "*")); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	for _, name := range []string{"", "sha256:12", "sha256:" + strings.Repeat("../", 21) + "x"} {
		if _, err := d.Open(context.Background(), name, layout); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("weights %q: %v", name, err)
		}
	}
	if _, err := d.Open(context.Background(), weights, "../x"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a layout outside: %v", err)
	}
}

// TestHashes: a hash holds for files that are what they were, and is not remembered for files that changed just now.
func TestHashes(t *testing.T) {
	d := packcache.Dir(t.TempDir())
	file := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	identify := func() []packcache.Identity {
		t.Helper()
		ids, err := packcache.IdentifyAll([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	ids, later := identify(), time.Now().Add(time.Hour)
	remember := func(read time.Time) bool {
		t.Helper()
		if err := d.RememberHash(ids, "h", read); err != nil {
			t.Fatal(err)
		}
		_, ok := d.Hash(ids)
		return ok
	}
	if remember(time.Now()) {
		t.Error("the hash of a file that changed just now is remembered")
	}
	if !remember(later) {
		t.Error("the hash of a file that settled is not remembered")
	}
	if hash, ok := d.Hash(identify()); !ok || hash != "h" {
		t.Errorf("the same file has the hash %q", hash)
	}
	for _, change := range []struct {
		name string
		do   func() error
	}{
		{"rewritten in place with its old time", func() error {
			st, err := os.Stat(file)
			if err != nil {
				return err
			}
			for range 100_000 { // until the file system's clock has made a step
				if err := errors.Join(os.WriteFile(file, []byte("two"), 0o600), os.Chtimes(file, st.ModTime(), st.ModTime())); err != nil {
					return err
				}
				if now := identify(); ids[0].Changed == 0 || now[0].Changed != ids[0].Changed {
					return nil
				}
			}
			return errors.New("the clock stands still")
		}},
		{"replaced by another", func() error {
			other := file + "2"
			return errors.Join(os.WriteFile(other, []byte("two"), 0o600), os.Rename(other, file))
		}},
		{"of another size", func() error { return os.WriteFile(file, []byte("longer"), 0o600) }},
		{"of another time", func() error { return os.Chtimes(file, later, later) }},
	} {
		if !remember(later.Add(24 * time.Hour)) {
			t.Fatalf("before %s: nothing is remembered", change.name)
		}
		if err := change.do(); err != nil {
			t.Fatal(err)
		}
		if ids[0].Changed == 0 && strings.Contains(change.name, "old time") {
			continue // a system that tells neither
		}
		if _, ok := d.Hash(identify()); ok {
			t.Errorf("a file %s keeps its hash", change.name)
		}
		ids = identify()
	}
	if _, ok := packcache.Dir("").Hash(ids); ok {
		t.Error("no cache remembers a hash")
	}
}

func TestLock(t *testing.T) {
	d := packcache.Dir(t.TempDir())
	unlock, err := d.Lock(context.Background(), weights, layout)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if second, err := d.Lock(ctx, weights, layout); err == nil {
		second()
		t.Skip("this system has no such locks")
	}
	done := make(chan error, 1)
	go func() {
		second, err := d.Lock(context.Background(), weights, layout)
		if err == nil {
			second()
		}
		done <- err
	}()
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	d := packcache.Dir(f.TempDir())
	write(f, d)
	whole, err := os.ReadFile(packedFile(d))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[len(whole)-2000:], len(whole))
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, end []byte, size int) {
		// The end of a file is the index: what comes before is as written.
		data := append(bytes.Clone(whole[:max(0, min(len(whole), size)-min(len(whole), len(end)))]), end...)
		d := packcache.Dir(t.TempDir())
		if err := os.MkdirAll(filepath.Dir(packedFile(d)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(packedFile(d), data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := d.Open(context.Background(), weights, layout)
		if err != nil {
			return
		}
		defer func() { _ = got.Close() }()
		for _, b := range blobs {
			if _, data, ok := got.Blob(b.entry.Name); ok && !bytes.Equal(data, b.data) {
				t.Errorf("%s has other bytes", b.entry.Name)
			}
		}
	})
}

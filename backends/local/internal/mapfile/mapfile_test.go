package mapfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/mapfile"
)

func TestMap(t *testing.T) {
	for _, size := range []int{0, 1, 4096, 3*65536 + 17} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i * 7)
		}
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := mapfile.Open(path)
		if err != nil || !bytes.Equal(m.Data, want) {
			t.Fatalf("%d bytes: %d mapped, %v", size, len(m.Data), err)
		}
		for lo := 0; lo < size; lo += 5000 {
			m.Drop(m.Data[lo:])
		}
		if !bytes.Equal(m.Data, want) {
			t.Errorf("%d bytes: dropped pages come back otherwise", size)
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestMapRefuses(t *testing.T) {
	if _, err := mapfile.Open(t.TempDir()); err == nil {
		t.Error("a folder is mapped")
	}
	if _, err := mapfile.Open(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("a file that is not there gives %v", err)
	}
}

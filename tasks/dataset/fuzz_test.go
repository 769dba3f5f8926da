package dataset_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
)

// seed adds the golden files of a kind, so that a fuzzer starts from what is well-formed.
func seed(f *testing.F, pattern string) {
	f.Helper()
	n := 0
	for _, glob := range []string{"testdata/golden/*/" + pattern, "testdata/golden/*/data/" + pattern, "testdata/binary/" + pattern} {
		names, err := filepath.Glob(glob)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
			n++
			// A cut file and one with a changed byte stand for damage when no fuzzer runs.
			f.Add(data[:len(data)/2])
			for _, at := range []int{4, len(data) / 3, len(data) - 9} {
				if at > 0 && at < len(data) {
					changed := bytes.Clone(data)
					changed[at] ^= 0x55
					f.Add(changed)
				}
			}
		}
	}
	if n == 0 {
		f.Fatalf("no file matches %s", pattern)
	}
}

// readAll reads hostile bytes: no panic, an error that is located, no row after it, and no allocation far
// beyond what the input can hold.
func readAll(t *testing.T, name string, data []byte, format dataset.Format, o *dataset.Options) {
	t.Helper()
	file := dataset.File{FS: fstest.MapFS{name: {Data: data}}, Path: name, Format: format, Options: o}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	failed := false
	for row, err := range dataset.Rows(file) {
		if failed {
			t.Fatal("a row after an error")
		}
		failed = err != nil
		var located *dataset.Error
		if failed && !errors.As(err, &located) {
			t.Fatalf("%v is not located", err)
		}
		if !failed {
			if row.Values == nil || row.Line < 1 {
				t.Fatalf("%+v", row)
			}
			pyval.Repr(row.Values)
		}
		if row.Index > 10_000 {
			break // a few bytes may stand for many rows
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 256<<20+uint64(len(data))*20_000 {
		t.Fatalf("%d bytes were allocated for %d", got, len(data))
	}
}

func FuzzParquet(f *testing.F) {
	seed(f, "*.parquet")
	f.Fuzz(func(t *testing.T, data []byte) { readAll(t, "a.parquet", data, dataset.Parquet, nil) })
}

func FuzzArrow(f *testing.F) {
	seed(f, "*.arrow")
	f.Fuzz(func(t *testing.T, data []byte) { readAll(t, "a.arrow", data, dataset.Arrow, nil) })
}

func FuzzText(f *testing.F) {
	seed(f, "*.txt")
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, by := range []dataset.SampleBy{dataset.SampleLine, dataset.SampleParagraph, dataset.SampleDocument} {
			readAll(t, "a.txt", data, dataset.Text, &dataset.Options{SampleBy: by})
		}
	})
}

// FuzzTyped goes through the first pass, which finds types, and the second, which uses them.
func FuzzTyped(f *testing.F) {
	seed(f, "*.csv")
	seed(f, "*.jsonl")
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		for _, format := range []string{"csv", "json"} {
			at := filepath.Join(dir, "train."+format)
			if err := os.WriteFile(at, data, 0o666); err != nil {
				t.Fatal(err)
			}
			d, err := dataset.Open(t.Context(), dataset.Ref{Path: format, DataFiles: []dataset.SplitFiles{{Split: "train", Patterns: []string{at}}}}, dataset.Sources{})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for row, err := range d.Splits[0].Rows() {
				if err != nil {
					n = -1
					break
				}
				n++
				pyval.Repr(row.Values)
			}
			if counted, err := d.Splits[0].Len(); n >= 0 && (counted != n || err != nil) {
				t.Fatalf("%d rows, and Len gives %d, %v", n, counted, err)
			}
		}
	})
}

func FuzzCompressed(f *testing.F) {
	seed(f, "*.gz")
	f.Fuzz(func(t *testing.T, data []byte) {
		readAll(t, "a.jsonl.gz", data, dataset.JSON, nil)
		readAll(t, "a.jsonl.zst", data, dataset.JSON, nil)
	})
}

// FuzzCard reads the front matter of a README.md that anyone may have written.
func FuzzCard(f *testing.F) {
	seed(f, "README.md")
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		for name, b := range map[string][]byte{"README.md": data, "train.csv": []byte("a\n1\n")} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		openOrError(dataset.Ref{Path: dir}, dataset.Sources{})
	})
}

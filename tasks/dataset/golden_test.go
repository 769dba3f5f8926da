package dataset_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
)

// show gives what testdata/make.py writes: "# split", then the repr of each row.
func show(t testing.TB, d *dataset.Dataset) string {
	t.Helper()
	var b strings.Builder
	for _, s := range d.Splits {
		b.WriteString("# " + s.Name + "\n")
		n := 0
		for row, err := range s.Rows() {
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			if row.Index != n {
				t.Fatalf("row %d has the index %d", n, row.Index)
			}
			n++
			b.WriteString(pyval.Repr(row.Values) + "\n")
		}
		if counted, err := s.Len(); counted != n || err != nil {
			t.Errorf("split %s: Len gives %d, %v for %d rows", s.Name, counted, err, n)
		}
		for i := range n {
			if row, err := s.At(i); err != nil || row.Index != i {
				t.Errorf("split %s: At(%d) gives row %d, %v", s.Name, i, row.Index, err)
			}
		}
		if _, err := s.At(n); err == nil {
			t.Errorf("split %s: no error past the last row", s.Name)
		}
	}
	return b.String()
}

// readCase reads the arguments that a case gave to load_dataset.
func readCase(t testing.TB, dir string) dataset.Ref {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kwargs map[string]any
	if err := json.Unmarshal(text, &kwargs); err != nil {
		t.Fatal(err)
	}
	ref := dataset.Ref{Path: "."}
	if s, ok := kwargs["path"].(string); ok {
		ref.Path = s
	}
	delete(kwargs, "path")
	if err := ref.SetKwargs(kwargs); err != nil {
		t.Fatal(err)
	}
	return ref
}

// TestGolden reads what Python's datasets read, with the same result. testdata/make.py made the files with
// datasets 5.2.0, pandas 3.1.1 and pyarrow 26.0.1.
func TestGolden(t *testing.T) {
	dirs, err := filepath.Glob("testdata/golden/*")
	if err != nil || len(dirs) < 40 {
		t.Fatalf("%d cases, %v", len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			ref := readCase(t, dir)
			want, err := os.ReadFile(filepath.Join(dir, "expected.txt"))
			if err != nil {
				t.Fatal(err)
			}
			work := copyData(t, dir)
			d, err := dataset.Open(context.Background(), ref, dataset.Sources{WorkDir: work})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sections(string(want)), sections(show(t, d))); diff != "" {
				t.Errorf("(-Python +onset)\n%s", diff)
			}
		})
	}
}

// copyData copies a case without what describes it.
func copyData(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"case.json", "expected.txt"} {
		if err := os.Remove(filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// sections parts a text by split; the order of splits is of no meaning.
func sections(text string) map[string][]string {
	out := make(map[string][]string)
	split := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "# ") {
			split = line
			out[split] = []string{}
		} else {
			out[split] = append(out[split], line)
		}
	}
	return out
}

func repr(row dataset.Row) string { return pyval.Repr(row.Values) }

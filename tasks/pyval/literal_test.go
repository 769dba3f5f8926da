package pyval_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

// literalCase is what ast.literal_eval of CPython 3.11 makes of a source; error is also set where onset
// refuses what Python takes: sets, bytes, complex numbers, Ellipsis, \N{…} and halves of surrogate pairs.
type literalCase struct {
	Src   string `json:"src"`
	Want  string `json:"want"` // repr of the value
	Error string `json:"error"`
}

// TestLiteralEval reads testdata/literal.jsonl, and the folder that ONSET_LITERAL_CASES names.
func TestLiteralEval(t *testing.T) {
	files := []string{"testdata/literal.jsonl"}
	if dir := os.Getenv("ONSET_LITERAL_CASES"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no cases in %s: %v", dir, err)
		}
		files = append(files, more...)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		lines := bufio.NewScanner(f)
		n := 0
		for lines.Scan() {
			n++
			var c literalCase
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatalf("%s:%d: %v", file, n, err)
			}
			got, err := pyval.LiteralEval(c.Src)
			switch {
			case c.Error == "" && err != nil:
				t.Errorf("%q: %v, want %s", c.Src, err, c.Want)
			case c.Error == "" && pyval.Repr(got) != c.Want:
				t.Errorf("%q = %s, want %s", c.Src, pyval.Repr(got), c.Want)
			case c.Error != "" && err == nil:
				t.Errorf("%q = %s, want %s", c.Src, pyval.Repr(got), c.Error)
			}
		}
		if lines.Err() != nil || n == 0 {
			t.Fatalf("%s: no cases: %v", file, lines.Err())
		}
	}
}

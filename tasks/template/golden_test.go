package template_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/tasks/template"
)

// goldenCase is what jinja2 3.1.6 on CPython 3.11 made of a template; testdata/README.md says how.
type goldenCase struct {
	Name string `json:"name"`
	Env  string `json:"env"` // task or chat
	jinjaCase
}

// goldenNow is the time that strftime_now saw when the cases were made.
func goldenNow() time.Time { return time.Date(2024, time.July, 4, 9, 5, 7, 0, time.UTC) }

func (c *goldenCase) options() template.Options {
	if c.Env == "chat" {
		return template.ChatOptions(goldenNow)
	}
	return template.Options{}
}

// TestGolden renders the cases in testdata, and those in the folder that ONSET_JINJA_CASES names.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	if dir := os.Getenv("ONSET_JINJA_CASES"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no cases in %s: %v", dir, err)
		}
		files = append(files, more...)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) { checkGolden(t, file) })
	}
}

func checkGolden(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<26)
	n := 0
	for lines.Scan() {
		n++
		var c goldenCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		got, err := render(c.Template, c.options(), readDoc(t, c.Doc))
		switch {
		case c.Error == "" && err != nil:
			t.Errorf("%d %s: %q of %s: %v, want %q", n, c.Name, c.Template, c.Doc, err, c.Want)
		case c.Error == "" && got != c.Want:
			t.Errorf("%d %s: %q of %s:\n got %q\nwant %q", n, c.Name, c.Template, c.Doc, got, c.Want)
		case c.Error != "" && err == nil:
			t.Errorf("%d %s: %q of %s gives %q, want %s", n, c.Name, c.Template, c.Doc, got, c.Error)
		case c.Error != "":
			if kind, _, _ := strings.Cut(c.Error, ":"); kindOf(err) != kind {
				t.Errorf("%d %s: %q of %s: %s (%v), want %s", n, c.Name, c.Template, c.Doc, kindOf(err), err, c.Error)
			}
		}
	}
	if lines.Err() != nil || n == 0 {
		t.Fatalf("no cases: %v", lines.Err())
	}
}

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/worker"
)

// makeTargets are the commands of the documents that the Makefile answers; .ci/run starts them.
var makeTargets = map[string]bool{"make demo": true, "make test": true, "make bench": true}

// TestDocuments runs every command of the README and the pages in docs, one page a folder, on the files that the page
// shows, and follows every link between them.
func TestDocuments(t *testing.T) {
	root := moduleRoot(t)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(pages) < 5 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			data, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			checkLinks(t, filepath.Dir(page), string(data))
			runPage(t, string(data))
		})
	}
}

func runPage(t *testing.T, page string) {
	t.Chdir(t.TempDir())
	ran := 0
	for _, block := range strings.Split(page, "\n```")[1:] {
		info, body, _ := strings.Cut(block, "\n")
		if _, file, ok := strings.Cut(info, " file="); ok {
			if err := writeFile(file, func(w io.Writer) error { _, err := io.WriteString(w, body+"\n"); return err }); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(body, "#!") {
				if err := os.Chmod(file, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
		if info != "sh" {
			continue
		}
		for line := range strings.SplitSeq(body, "\n") {
			ran++
			runLine(t, line)
		}
	}
	if ran == 0 {
		t.Error("the page has no command")
	}
}

func runLine(t *testing.T, line string) {
	args := strings.Fields(line)
	if makeTargets[line] {
		return
	}
	if len(args) == 0 || args[0] != "onset" {
		t.Errorf("%q is no command of onset", line)
		return
	}
	if strings.Contains(line, ".py") {
		if _, err := exec.LookPath("python3"); err != nil {
			t.Logf("%s: not run, since there is no python3", line)
			return
		}
	}
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr, getenv: func(name string) string { return map[string]string{worker.Variable: "none"}[name] }}
	if code := a.main(t.Context(), args[1:]); code != 0 {
		t.Errorf("%s: exit code %d\n%s", line, code, stderr.String())
	}
}

// TestPluginExample sees that the page on plug-ins shows the example that is kept.
func TestPluginExample(t *testing.T) {
	root := moduleRoot(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "plugins.md"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, "testdata", "plugin", "mine.py"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```python file=mine.py\n"+string(example)+"```\n") {
		t.Error("docs/plugins.md shows another program than testdata/plugin/mine.py")
	}
	if lines := strings.Count(string(example), "\n"); lines > 40 {
		t.Errorf("the example has %d lines, not at most 40", lines)
	}
}

// TestGoPlugin holds the example in Go against the promises.
func TestGoPlugin(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to build the example with")
	}
	example := filepath.Join(moduleRoot(t), "testdata", "plugin", "mine.go")
	t.Chdir(t.TempDir())
	build := exec.Command("go", "build", "-o", "mine", example)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	runLine(t, "onset backend test -m exec/./mine")
}

// checkLinks sees that links to files lead somewhere.
func checkLinks(t *testing.T, dir, page string) {
	for _, part := range strings.Split(page, "](")[1:] {
		link, _, _ := strings.Cut(part, ")")
		link, _, _ = strings.Cut(link, "#")
		if link == "" || strings.Contains(link, "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, link)); err != nil {
			t.Errorf("the link to %s leads nowhere", link)
		}
	}
}

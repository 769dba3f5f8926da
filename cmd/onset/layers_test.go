package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/onset-eval/onset"

// layers holds the top-level packages from the left to the right of the import order: a package imports
// what stands to the right of it, or in its own layer.
var layers = []string{"cmd", "reports", "evaluators", "tasks", "backends"}

// TestLayers holds the line that imports go rightwards only. It parses the files itself, so the test
// cache sees them change.
func TestLayers(t *testing.T) {
	root := moduleRoot(t)
	checked := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && file != root || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		checked++
		for _, problem := range badImports(t, file, filepath.ToSlash(rel)) {
			t.Error(problem)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 20 {
		t.Fatalf("only %d Go files found under %s", checked, root)
	}
}

// TestTopLevelFolders keeps the set of top-level folders that the project is laid out in.
func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir(moduleRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	allowed := " cmd tasks evaluators backends reports testdata docs "
	ignored := " bin demo runs bench-models "
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() && !strings.HasPrefix(name, ".") && !strings.Contains(allowed+ignored, " "+name+" ") {
			t.Errorf("top-level folder %s is not one of%s", name, allowed)
		}
	}
}

func badImports(t *testing.T, file, rel string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	from := layerOf(path.Dir(rel))
	if from < 0 {
		return []string{rel + " is in no layer"}
	}
	var bad []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		inner, ok := strings.CutPrefix(imported, modulePath+"/")
		if ok && layerOf(inner) < from {
			bad = append(bad, rel+" imports "+imported+", which is to the left of it")
		}
	}
	return bad
}

func layerOf(dir string) int {
	top, _, _ := strings.Cut(dir, "/")
	for i, layer := range layers {
		if layer == top {
			return i
		}
	}
	return -1
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
}

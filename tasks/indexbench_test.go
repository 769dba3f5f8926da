package tasks_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onset-eval/onset/tasks"
)

// BenchmarkIndexTree indexes the tree at ONSET_LMEVAL_TREE: cold without an index file, loaded with the keys of all
// tasks read too, and warm from an index file.
func BenchmarkIndexTree(b *testing.B) {
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			openTree(b, "")
		}
	})
	b.Run("loaded", func(b *testing.B) {
		for b.Loop() {
			index := openTree(b, "")
			if n := index.CheckAll(); n < 1000 {
				b.Fatalf("%d tasks load", n)
			}
		}
	})
	b.Run("warm", func(b *testing.B) {
		cache := filepath.Join(b.TempDir(), "index")
		openTree(b, cache)
		if info, err := os.Stat(cache); err != nil || info.Size() == 0 {
			b.Fatalf("no index file: %v", err)
		}
		for b.Loop() {
			openTree(b, cache)
		}
	})
}

// An index file gives the same index, and one of a changed tree gives what changed.
func TestIndexFile(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "deep", "index")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	open := func() *tasks.Index {
		t.Helper()
		source, err := tasks.PathSource(filepath.Join(dir, "tree"))
		if err != nil {
			t.Fatal(err)
		}
		index, err := tasks.OpenIndex(tasks.IndexOptions{Cache: cache}, source)
		if err != nil {
			t.Fatal(err)
		}
		return index
	}
	write("tree/a.yaml", "include: ../base\ntask: a\n")
	write("tree/b.yaml", "task: b\ntag: [x, y]\n")
	write("tree/g.yaml", "group: g\ntask: [a, b]\n")
	write("tree/c.yaml", "class: !function task.C\ntask: c\n")
	write("tree/broken.yaml", "task: [\n")
	write("base", "tag: x\n")
	check := func(step string, tags, broken int) {
		t.Helper()
		index := open()
		if len(index.Names()) != 2 || len(index.Groups()) != 1 || len(index.PythonTasks()) != 1 || len(index.Tagged("x")) != tags || len(index.Broken()) != broken {
			t.Errorf("%s: tasks %v, groups %v, classes %v, x %v, broken %v", step, index.Names(), index.Groups(), index.PythonTasks(), index.Tagged("x"), index.Broken())
		}
	}
	check("first", 2, 1)
	check("again", 2, 1)
	write("base", "tag: none\n")
	check("an included file changed", 1, 1)
	write("tree/b.yaml", "task: b\ntag: [yy]\n")
	check("a file changed", 0, 1)
	if err := os.WriteFile(cache, []byte("onset task index 1\n= x\n1\t2\t\xff\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	check("the index file is torn", 0, 1)
	if err := os.Remove(filepath.Join(dir, "base")); err != nil {
		t.Fatal(err)
	}
	if index := open(); len(index.Names()) != 1 || len(index.Broken()) != 2 {
		t.Errorf("an included file is gone: tasks %v, broken %v", index.Names(), index.Broken())
	}
}

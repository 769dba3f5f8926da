package tasks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/tasks"
)

// TestTaskErrors reads testdata/errors/*.txtar: a task t in t.yaml with what it needs, and in the file want
// the error, and in the file hint what to type instead.
func TestTaskErrors(t *testing.T) {
	cases, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range splitCases(string(data)) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+c.name, func(t *testing.T) {
				err := loadAndRead(t, c.files)
				if c.want == "" {
					t.Fatal("the case wants nothing")
				}
				wantError(t, err, c.want, c.hint)
			})
		}
	}
}

type errorCase struct {
	name, want, hint string
	files            fstest.MapFS
}

// splitCases reads an archive whose files NAME/want, NAME/hint and NAME/FILE belong together. A file
// without a folder belongs to every case, and a case's own replaces it.
func splitCases(archive string) []errorCase {
	var out []errorCase
	common := fstest.MapFS{}
	for _, part := range strings.Split("\n"+archive, "\n-- ")[1:] {
		full, text, _ := strings.Cut(part, " --\n")
		name, file, ok := strings.Cut(full, "/")
		if !ok {
			common[full] = &fstest.MapFile{Data: []byte(text + "\n")}
			continue
		}
		if len(out) == 0 || out[len(out)-1].name != name {
			c := errorCase{name: name, files: fstest.MapFS{}}
			for k, v := range common {
				c.files[k] = v
			}
			out = append(out, c)
		}
		c := &out[len(out)-1]
		switch file {
		case "want":
			c.want = strings.TrimSpace(text)
		case "hint":
			c.hint = strings.TrimSpace(text)
		default:
			c.files[file] = &fstest.MapFile{Data: []byte(text + "\n")}
		}
	}
	return out
}

// loadAndRead loads the task t and reads its default samples.
func loadAndRead(t *testing.T, files fstest.MapFS) error {
	index, err := tasks.NewIndex(tasks.Source{FS: files, Only: "t.yaml"})
	if err != nil {
		return err
	}
	task, err := index.Task("t")
	if err != nil {
		return err
	}
	style := task.DefaultStyle()
	v := tasks.Variant{Style: style, Shots: task.Shots(style).Default}
	for _, err := range task.Samples(t.Context(), v, tasks.SampleOptions{}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Files that are read from a folder on disk are named by the path that a user can open.
func TestPathSource(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := "dataset_path: json\ndataset_kwargs: {data_files: {test: d.jsonl}}\ntest_split: test\ndoc_to_text: q\ndoc_to_target: a\n"
	a := write("a.yaml", "task: a\n"+good)
	b := write("b.yaml", "task: b\nshots: 3\n"+good)
	write("d.jsonl", `{"q":"1","a":"2"}`)
	for _, c := range []struct{ path, task, want, hint string }{
		{dir, "a", "", ""},
		{a, "a", "", ""},
		{a, "b", `no task is called "b"`, `did you mean "a"?`},
		{dir, "b", b + `:2:1: the key "shots" is unknown`, "the keys here are"},
		{filepath.Join(dir, "d.jsonl"), "a", filepath.Join(dir, "d.jsonl") + `:1:2: the key "task" is missing`, ""},
	} {
		source, err := tasks.PathSource(c.path)
		if err != nil {
			t.Fatal(err)
		}
		index, err := tasks.NewIndex(source)
		if err == nil {
			_, err = index.Task(c.task)
		}
		if (err == nil) != (c.want == "") || err != nil && c.hint != "" && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s of %s: %v, want %q", c.task, c.path, err, c.want)
		}
	}
	write("d.jsonl", "{\"q\":\"1\",\"a\":\"2\"}\n{\"q\":\"1\",\"a\":[]}")
	source, err := tasks.PathSource(a)
	if err != nil {
		t.Fatal(err)
	}
	index, err := tasks.NewIndex(source)
	if err != nil {
		t.Fatal(err)
	}
	task, err := index.Task("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range task.Samples(t.Context(), tasks.Variant{Style: tasks.Direct}, tasks.SampleOptions{}) {
		err = e
	}
	wantError(t, err, "task a: "+filepath.Join(dir, "d.jsonl")+":2: doc_to_target: there is no answer", "")
	if _, err := tasks.PathSource(filepath.Join(dir, "missing")); err == nil {
		t.Error("no error for a missing folder")
	}
}

func TestIndex(t *testing.T) {
	task := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("task: " + name + "\ntag: x\ndataset_path: json\ndataset_kwargs: {data_files: {test: d.jsonl}}\n" +
			"test_split: test\ndoc_to_text: q\ndoc_to_target: a\n")}
	}
	rows := &fstest.MapFile{Data: []byte(`{"q":"1","a":"2"}`)}
	first := fstest.MapFS{"a.yaml": task("alpha"), "sub/b.yml": task("beta"), "sub/d.jsonl": rows, "d.jsonl": rows,
		"base.yaml": {Data: []byte("doc_to_text: x")}, "g.yaml": {Data: []byte("group: all\ntask: [alpha]")},
		"twice1.yaml": task("twice"), "twice2.yaml": task("twice"), "broken.yaml": {Data: []byte("task: [")}}
	second := fstest.MapFS{"a.yaml": {Data: []byte("task: alpha\ndataset_path: json\n")}}
	index, err := tasks.NewIndex(tasks.Source{Name: "one", FS: first}, tasks.Source{Name: "two", FS: second})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(index.Names(), " "); got != "alpha beta twice" {
		t.Errorf("Names = %s", got)
	}
	if got := strings.Join(index.Tagged("x"), " "); got != "alpha beta twice" {
		t.Errorf("Tagged = %s", got)
	}
	broken := "one/broken.yaml:1:8: malformed YAML: while parsing a flow node: did not find expected node content"
	if got := index.Broken(); len(got) != 1 || got[0].Error() != broken {
		t.Errorf("Broken = %v", got)
	}
	twice := `"twice" is defined more than once: one/twice1.yaml:1:7 counts, one/twice2.yaml:1:7 does not`
	if got := index.Warnings(); len(got) != 1 || got[0].Error() != twice {
		t.Errorf("Warnings = %v", got)
	}
	for _, c := range []struct{ name, want, hint string }{
		{"beta", "", ""},
		{"alpha", `two/a.yaml: the key "doc_to_text" is missing: generate_until needs it`, ""},
		{"twice", "", ""},
		{"all", `"all" is a group of tasks`, "a suite may name it, and then means its tasks"},
		{"bata", `no task is called "bata"; 1 task files could not be read, the first: ` + broken, `did you mean "beta"?`},
	} {
		_, err := index.Task(c.name)
		wantError(t, err, c.want, c.hint)
	}
	again, err := index.Task("beta")
	if same, _ := index.Task("beta"); err != nil || again != same {
		t.Errorf("a task is loaded twice: %v", err)
	}
}

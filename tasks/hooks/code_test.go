package hooks

import (
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

var (
	functionOf = regexp.MustCompile(`(?m)^def (\w+)\((\w+)(?:: *[\w\[\], .]+)?\)`)
	columnUse  = regexp.MustCompile(`\w+\[["']([\w ]+)["']\]|\.get\(["']([\w ]+)["']`)
)

// madeRow gives each column that a source names a value of some kind, others for each variant.
func madeRow(source string, variant int) *pyval.Dict {
	row := new(pyval.Dict)
	for _, m := range columnUse.FindAllStringSubmatch(source, -1) {
		name := m[1] + m[2]
		h := fnv.New32a()
		_, _ = h.Write([]byte(name)) // it gives no error
		kinds := []pyval.Value{"Was \"é\" {x}\nيوم it's (A) ok?", "B", int64(1), pyval.List{"a", "it's", "3", "{d}"}, "2", "['x', 'y', 'z', 'w']", int64(0), "",
			nil, 2.5, pyval.List{"A", "B"}, dict(field{"text", pyval.List{"t1", "t2"}}, field{"label", pyval.List{"A", "B"}}), "the Cat sat. On a mat 12!"}
		row.Set(name, kinds[(int(h.Sum32())+variant*5)%len(kinds)])
		if variant == 0 {
			row.Set(name, kinds[0])
		}
	}
	return row
}

// TestInterpretedTree holds functions of one document, as package pycode runs them, to Python's, on rows that are made up:
// whatever both give must be equal. It reads the tree at ONSET_LMEVAL_TREE, and runs it with ONSET_PYTHON, an interpreter
// with lm_eval.
func TestInterpretedTree(t *testing.T) {
	tree, command := os.Getenv("ONSET_LMEVAL_TREE"), os.Getenv("ONSET_PYTHON")
	if _, err := exec.LookPath(command); err != nil || tree == "" {
		t.Skip("set ONSET_LMEVAL_TREE to the tasks folder of lm_eval 0.4.13, and ONSET_PYTHON to an interpreter that has it")
	}
	loader := &pycode.Loader{Read: func(file string) (string, bool) {
		data, err := os.ReadFile(filepath.Join(tree, filepath.FromSlash(file)))
		return string(data), err == nil
	}}
	var files []string
	err := filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".py") && !strings.HasPrefix(filepath.Base(path), "_") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	equal, refused, raised, differ := 0, 0, 0, 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(tree, file)
		module := ParseModule(string(text))
		python, absent := &Python{Command: command}, false
		for _, m := range functionOf.FindAllStringSubmatch(string(text), -1) {
			digest, err := module.Digest(m[1])
			if err != nil || seen[digest] || strings.Contains(m[2], "dataset") || m[2] == "items" || strings.HasPrefix(m[1], "agg") || absent || m[1] == "_doc_to_choice_groups" { // the last lists a set of texts, in an order that differs from run to run
				continue
			}
			seen[digest] = true
			for variant := range 4 {
				row := madeRow(string(text), variant)
				got, gotErr := loader.Call(filepath.ToSlash(name), m[1], []pyval.Value{row}, nil)
				var unsupported *pycode.UnsupportedError
				if errors.As(gotErr, &unsupported) || gotErr != nil && strings.Contains(gotErr.Error(), "line ") {
					refused++
					continue
				}
				want, wantErr := python.Call(file, m[1], "call", row)
				if wantErr != nil && (strings.Contains(wantErr.Error(), "ModuleNotFoundError") || strings.Contains(wantErr.Error(), "Error loading") || strings.Contains(wantErr.Error(), "ImportError")) {
					absent = true // a library that the interpreter lacks
					break
				}
				switch {
				case wantErr != nil && gotErr != nil:
					raised++
				case wantErr != nil && (strings.Contains(wantErr.Error(), "no plain value") || strings.Contains(wantErr.Error(), "ended")):
					refused++
				case wantErr == nil && gotErr == nil && pyval.Repr(got) == pyval.Repr(want):
					equal++
				default:
					if differ++; differ < 25 {
						t.Errorf("%s %s, row %d:\n %.300s (%v)\nPython's\n %.300s (%v)", name, m[1], variant, pyval.Repr(got), gotErr, pyval.Repr(want), wantErr)
					}
				}
			}
		}
		_ = python.Close() // what it printed does not matter
	}
	t.Logf("%d equal, %d raised by both, %d not interpreted, %d differ", equal, raised, refused, differ)
	if equal < 300 {
		t.Errorf("only %d results were compared", equal)
	}
}

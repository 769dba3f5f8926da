package hooks

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

// stubs are what the harness's files import and do not need for what is tried here.
var stubs = map[string]string{
	"numpy.py":         "",
	"datasets.py":      "class Dataset(list):\n    from_list = classmethod(lambda c, rows: c(rows))\n    def map(self, f):\n        return Dataset({**r, **f(dict(r))} for r in self)\n",
	"lm_eval/utils.py": "def weighted_f1_score(items):\n    return 0\n",
}

// TestSourced holds the hooks that read their words in the Python file to the functions themselves, in the tree at
// ONSET_LMEVAL_TREE.
func TestSourced(t *testing.T) {
	tree := os.Getenv("ONSET_LMEVAL_TREE")
	if _, err := exec.LookPath("python3"); err != nil || tree == "" {
		t.Skip("set ONSET_LMEVAL_TREE to the tasks folder of lm_eval 0.4.13, and have python3")
	}
	folder := t.TempDir()
	for name, text := range stubs {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PYTHONPATH", folder)
	python := &Python{Command: "python3"}
	defer func() { _ = python.Close() }()
	question := "Was \"é\" {x}\nيوم?"
	choices := pyval.List{"a", "it's", "3", "{d}"}
	doc := dict(field{"question", question}, field{"choices", pyval.Repr(choices)}, field{"subject", "high_school_math"},
		field{"A", "1"}, field{"B", "2"}, field{"C", int64(3)}, field{"D", "4"}, field{"answer", "C"})
	listed := dict(field{"question", question}, field{"choices", choices}, field{"context", ""}, field{"subject_darija", "s"}, field{"egy_subject", "s"})
	context := dict(field{"question", question}, field{"choices", choices[:2]}, field{"context", "Before."}, field{"subject_darija", "s"}, field{"egy_subject", "s"})
	truth := dict(field{"question", question}, field{"answer", "خطأ"})
	exam := dict(field{"Subject", "History"}, field{"Level", "High"}, field{"Country", ""}, field{"Question", question}, field{"Context", nil},
		field{"Option 1", "x"}, field{"Option 2", "y"}, field{"Option 3", ""}, field{"Option 4", nil}, field{"Option 5", "z"})
	english := dict(field{"translation", dict(field{"en", "Hi {x}"}, field{"amh", "ሰላም"})})
	french := dict(field{"translation", dict(field{"bam", "I ni ce"}, field{"fr", "Bonjour"})})
	var files []string
	for _, pattern := range []string{"afrimmlu/*/*/utils.py", "egymmlu/utils.py", "darijammlu/utils.py", "arabicmmlu/utils.py", "greekmmlu/utils.py", "afrobench/mafand/*/*/utils.py",
		"arabic_leaderboard_*/arabic_leaderboard_arabic_mmlu*/utils.py", "arabic_leaderboard_*/arabic_leaderboard_avca*/utils.py"} {
		found, err := filepath.Glob(filepath.Join(tree, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	tried := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(tree, file)
		for _, function := range []string{"process_docs", "doc_to_text", "doc_to_choice", "get_target", "get_target_reverse", "create_text_prompt_1",
			"create_text_prompt_2", "create_reverse_prompt_1", "create_reverse_prompt_2", "create_reverse_prompt_3"} {
			kind := Doc
			if function == "process_docs" {
				kind = Docs
			}
			c := Call{File: filepath.ToSlash(name), Name: function, Module: ParseModule(string(text))}
			found, err := Find(kind, c)
			if err != nil {
				continue // the file does not have it, or nothing stands for it
			}
			for _, d := range []*pyval.Dict{doc, listed, context, truth, exam, english, french} {
				var want, got pyval.Value
				var wantErr, gotErr error
				if kind == Doc {
					want, wantErr = python.Call(file, c.Name, "call", d)
					got, gotErr = found.Func.Doc(d)
				} else {
					want, wantErr = python.Call(file, c.Name, "docs", pyval.List{d})
					var row *pyval.Dict
					row, gotErr = found.Func.Row(d)
					got = pyval.List{row}
				}
				if (wantErr == nil) != (gotErr == nil) {
					t.Errorf("%s %s: error %v, Python's %v", name, c.Name, gotErr, wantErr)
					continue
				}
				if wantErr == nil {
					tried++
					if pyval.Repr(want) != pyval.Repr(got) {
						t.Errorf("%s %s:\n%s\nPython's\n%s", name, c.Name, pyval.Repr(got), pyval.Repr(want))
					}
				}
			}
		}
	}
	if tried < 15 {
		t.Errorf("only %d results were compared", tried)
	}
	t.Logf("%d results of %d files", tried, len(files))
}

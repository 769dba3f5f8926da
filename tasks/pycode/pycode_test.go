package pycode_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// loader reads the given files, by name.
func loader(files map[string]string) *pycode.Loader {
	return &pycode.Loader{Read: func(file string) (string, bool) { s, ok := files[file]; return s, ok }}
}

// TestCases holds what functions of testdata/cases.py give to what they gave in Python 3.11 (cases.json, which the file
// itself writes).
func TestCases(t *testing.T) {
	source, err := os.ReadFile("testdata/cases.py")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < 40 {
		t.Fatalf("only %d cases", len(want))
	}
	l := loader(map[string]string{"cases.py": string(source)})
	for name, text := range want {
		if !strings.Contains(string(source), "def "+name+"(") {
			t.Errorf("%s is not in cases.py", name)
		}
		v, err := l.Call("cases.py", name, nil, nil)
		got := pyval.KindOf(err)
		if err == nil {
			got = pyval.Repr(v)
		}
		// Sets and tuples within come back as the types of documents: lists stay lists, tuples tuples.
		if got != text {
			t.Errorf("%s:\n got %s (%v)\nwant %s", name, got, err, text)
		}
	}
}

// TestUnsupported holds that what is not interpreted is an error where it is used, and that no except hides it.
func TestUnsupported(t *testing.T) {
	l := loader(map[string]string{"t.py": `
import torch
from nowhere import thing
import os

broken = torch.zeros(3)

def fine():
    return 1

def uses():
    return torch.ones(2)

def hides():
    try:
        return thing()
    except Exception:
        return "hidden"

def opens():
    return open("/etc/passwd").read()

def runs():
    return os.system("true")

def later():
    return broken

def endless():
    while True:
        pass

def deep(n=0):
    return deep(n + 1)

def grows():
    s = "x"
    while True:
        s = s + s
`})
	if v, err := l.Call("t.py", "fine", nil, nil); err != nil || v != int64(1) {
		t.Errorf("fine: %v %v", v, err)
	}
	for _, name := range []string{"uses", "hides", "opens", "runs", "later"} {
		_, err := l.Call("t.py", name, nil, nil)
		var unsupported *pycode.UnsupportedError
		if !errors.As(err, &unsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{"endless": "too many steps", "deep": "RecursionError", "grows": "too large", "gone": "does not define"} {
		if _, err := l.Call("t.py", name, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.Call("none.py", "f", nil, nil); err == nil {
		t.Error("a file that is not there is called")
	}
}

// TestPlace holds that an error names the line.
func TestPlace(t *testing.T) {
	l := loader(map[string]string{"a/t.py": "def f(doc):\n    x = 1\n    return doc['q'] + x\n", "bad.py": "def f(:\n"})
	doc := new(pyval.Dict)
	_, err := l.Call("a/t.py", "f", []pyval.Value{doc}, nil)
	if err == nil || !strings.Contains(err.Error(), "a/t.py:3: KeyError: 'q'") {
		t.Errorf("%v", err)
	}
	if err := l.Defines("bad.py", "f"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
}

// TestDocuments holds that functions change copies, and what process_docs makes of rows.
func TestDocuments(t *testing.T) {
	l := loader(map[string]string{"t.py": `
import datasets

def process_docs(dataset: datasets.Dataset):
    def one(doc):
        doc["options"].append("new")
        return {"n": len(doc["options"]), "q": doc["q"].upper()}
    return dataset.filter(lambda d: d["keep"]).map(one, remove_columns=["keep"])

def text(doc):
    doc["seen"] = True
    return doc["q"]
`})
	var docs []*pyval.Dict
	for i, q := range []string{"a", "b", "c"} {
		d := new(pyval.Dict)
		d.Set("q", q)
		d.Set("options", pyval.List{"x"})
		d.Set("keep", i != 1)
		docs = append(docs, d)
	}
	out, err := l.Process("t.py", "process_docs", docs)
	if err != nil || len(out) != 2 {
		t.Fatalf("%d rows, %v", len(out), err)
	}
	if got := pyval.Repr(out[1]); got != "{'q': 'C', 'options': ['x', 'new'], 'n': 2}" {
		t.Error(got)
	}
	if got := pyval.Repr(docs[2]); got != "{'q': 'c', 'options': ['x'], 'keep': True}" {
		t.Errorf("the row itself was changed: %s", got)
	}
	v, left, err := l.CallOn("t.py", "text", docs[0])
	if _, changed := left.Get("seen"); v != "a" || !changed || err != nil {
		t.Errorf("%v %v %v", v, left, err)
	}
}

// FuzzSource holds that no source makes the interpreter panic or run on.
func FuzzSource(f *testing.F) {
	source, err := os.ReadFile("testdata/cases.py")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(source), "\n\n\n") {
		f.Add(part)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Count(source, "*")+strings.Count(source, "while")+strings.Count(source, "for") > 12 {
			t.Skip("may take long")
		}
		l := loader(map[string]string{"t.py": source})
		_ = l.Defines("t.py", "f")
	})
}

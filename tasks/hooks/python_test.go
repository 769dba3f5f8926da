package hooks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

const pythonSource = `
import functools
print("this is no answer")

def text(doc):
    return "Q: " + doc["q"] + "\n"

def docs(dataset):
    return dataset.filter(lambda d: d["n"] > 1).map(lambda d: {"twice": d["n"] * 2})

def results(doc, results):
    return {"acc": float(results[0] == doc["q"]), "pair": (1, 2.5)}

def mean(items):
    return sum(items) / len(items)

def fails(doc):
    return doc["missing"]

def nan(items):
    return float("nan")

class Upper:
    def __init__(self, suffix=""):
        self.suffix = suffix

    def apply(self, resps, docs):
        return [[r.upper() + self.suffix for r in inst] for inst in resps]
`

// TestPython holds that functions of a file are called with Python's values, and that what goes wrong is said.
func TestPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	file := filepath.Join(t.TempDir(), "utils.py")
	if err := os.WriteFile(file, []byte(pythonSource), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &Python{Command: "python3"}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	doc := func(q string, n int64) *pyval.Dict {
		d := new(pyval.Dict)
		d.Set("q", q)
		d.Set("n", n)
		return d
	}
	call := func(name string) Call { return Call{Path: file, Name: name, Python: p} }
	text, err := p.funcs(Doc, call("text")).Doc(doc("é's \"1\"\n", 1))
	if err != nil || text != "Q: é's \"1\"\n\n" {
		t.Errorf("%q, %v", text, err)
	}
	rows, err := p.funcs(Docs, call("docs")).All([]*pyval.Dict{doc("a", 1), doc("b", 2)})
	if err != nil || len(rows) != 1 || pyval.Repr(rows[0]) != "{'q': 'b', 'n': 2, 'twice': 4}" {
		t.Errorf("%v, %v", rows, err)
	}
	metrics, err := call("results").remote().Results(doc("a", 1), []pyval.Value{"a"})
	if err != nil || pyval.Repr(metrics) != "{'acc': 1.0, 'pair': (1, 2.5)}" {
		t.Errorf("%v, %v", metrics, err)
	}
	if v, err := call("mean").remote().Aggregate([]pyval.Value{1.0, 2.0}); err != nil || v != 1.5 {
		t.Errorf("%v, %v", v, err)
	}
	if v, err := call("nan").remote().Aggregate(nil); err != nil || v.(float64) == v.(float64) {
		t.Errorf("%v, %v", v, err)
	}
	options := new(pyval.Dict)
	options.Set("suffix", "!")
	filtered, err := call("Upper").remote().Filter([]pyval.Value{pyval.List{"a", "b"}}, []*pyval.Dict{doc("q", 1)}, options)
	if err != nil || pyval.Repr(pyval.List(filtered)) != "[['A!', 'B!']]" {
		t.Errorf("%v, %v", filtered, err)
	}
	if _, err := p.funcs(Doc, call("fails")).Doc(doc("a", 1)); err == nil || !strings.Contains(err.Error(), "KeyError: 'missing'") {
		t.Errorf("error %v", err)
	}
	if _, err := p.Call(file, "nothing", "call"); err == nil || !strings.Contains(err.Error(), "AttributeError") {
		t.Errorf("error %v", err)
	}
	bad := &Python{Command: filepath.Join(t.TempDir(), "no-python")}
	if _, err := bad.Call(file, "text", "call"); err == nil || !strings.Contains(err.Error(), "start ") {
		t.Errorf("error %v", err)
	}
}

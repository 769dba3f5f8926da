package hooks

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

// testdata/minerva.json holds random texts and what normalize_final_answer of lm_eval 0.4.13 makes of them under
// Python 3.11: the first 200 of 20,000 that were compared.
func TestMinerva(t *testing.T) {
	text, err := os.ReadFile("testdata/minerva.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases [][2]string
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, c := range cases {
		r := &reader{}
		if got := r.minerva(c[0]); got != c[1] || r.err != nil {
			t.Errorf("%q becomes %q, %v; want %q", c[0], got, r.err, c[1])
		}
	}
}

// A function that returns worked examples and does nothing else needs no equivalent.
func TestWrittenSamples(t *testing.T) {
	m := ParseModule("def f() -> list[dict]:\n    \"\"\"doc\"\"\"\n    return [\n        {'q': 'a' 'b', 'n': 1},  # one\n        {'q': r'\\d'},\n    ]\n\ndef g():\n    x = 1\n    return [{'q': x}]\n")
	found, err := Find(Samples, Call{File: "a.py", Name: "f", Module: m})
	if err != nil {
		t.Fatal(err)
	}
	docs, err := found.Func.Samples()
	if err != nil || len(docs) != 2 || pyval.Repr(docs[0]) != `{'q': 'ab', 'n': 1}` || pyval.Repr(docs[1]) != `{'q': '\\d'}` {
		t.Errorf("samples %v, %v", docs, err)
	}
	if _, err := Find(Samples, Call{File: "a.py", Name: "g", Module: m}); err == nil {
		t.Error("a function that computes is taken for one that returns")
	}
}

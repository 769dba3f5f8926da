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

// The order of GPQA's options depends on the question alone, and the answer follows it.
func TestGPQA(t *testing.T) {
	f, err := Find(Docs, Call{File: "gpqa/n_shot/utils.py", Name: "process_docs"})
	if err != nil {
		t.Fatal(err)
	}
	orders := make(map[pyval.Value]bool)
	for _, right := range []string{"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"} {
		doc := dict(field{"Correct Answer", " " + right}, field{"Incorrect Answer 1", "a  b"}, field{"Incorrect Answer 2", nil}, field{"Incorrect Answer 3", "c [x]"})
		row, err := f.Func.Row(doc)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := f.Func.Row(doc)
		if !pyval.Equal(row, again) {
			t.Error("the order changes")
		}
		answer, _ := row.Get("answer")
		orders[answer] = true
		if v, _ := row.Get("choice" + string(rune(answer.(string)[1]-'A'+'1'))); v != right {
			t.Errorf("%v is %v, want %s", answer, v, right)
		}
	}
	if len(orders) < 2 {
		t.Error("the right answer is always in one place")
	}
}

package scorelibs_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/evaluators/scorelibs"
	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// fake passes programs that say ok, whatever else they are, by writing their last line.
const fake = `sh -c 'p=$(cat); case "$p" in *ok*) printf "%s\n" "$p" | sed -n "s/^print(\"\(onset-end-.*\)\")$/\1/p";; *sleeps*) sleep 60;; *early*) exit 0;; *) exit 1;; esac'`

func box(t *testing.T, line string) *scorelibs.Sandbox {
	t.Helper()
	b, err := scorelibs.ParseSandbox(line)
	if err != nil {
		t.Skip(err)
	}
	return b
}

// TestSandbox holds what passes: the exit code and the last line decide, and time is bounded.
func TestSandbox(t *testing.T) {
	b := box(t, fake)
	b.Timeout = time.Second
	passed, err := b.RunAll([]string{"x = 'ok'", "fails", "early", "sleeps", "ok again"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false, false, true} {
		if passed[i] != want {
			t.Errorf("program %d: %v", i, passed[i])
		}
	}
	for _, bad := range []string{"", `sh "`, "no-such-command-anywhere"} {
		if _, err := scorelibs.ParseSandbox(bad); err == nil {
			t.Errorf("%q is a sandbox", bad)
		}
	}
}

// TestSandboxPython holds a real interpreter: that a program which leaves early does not pass.
func TestSandboxPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	for _, line := range []string{"python3 -", "python3 {file}"} {
		passed, err := box(t, line).RunAll([]string{"assert 1 + 1 == 2", "assert 1 + 1 == 3", "raise SystemExit(0)", "import os; os._exit(0)", "x = ("})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{true, false, false, false, false} {
			if passed[i] != want {
				t.Errorf("%s: program %d: %v", line, i, passed[i])
			}
		}
	}
}

// TestReference holds the libraries to what Python's gave (testdata/reference.py, rouge_score 0.1.2, evaluate 0.4.6,
// scikit-learn 1.9.1, scipy 1.17.1, sacrebleu 2.6.0).
func TestReference(t *testing.T) {
	source, err := os.ReadFile("testdata/reference.py")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < 5 {
		t.Fatalf("only %d cases", len(want))
	}
	l := &pycode.Loader{Read: func(string) (string, bool) { return string(source), true }, Libraries: scorelibs.Libraries(nil)}
	for name, expected := range want {
		if !strings.Contains(string(source), "def "+name+"(") {
			t.Errorf("%s is not in reference.py", name)
		}
		v, err := l.Call("reference.py", name, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !near(v, pyval.FromPlain(expected)) {
			t.Errorf("%s:\n got %s\nwant %s", name, pyval.Repr(v), pyval.Repr(pyval.FromPlain(expected)))
		}
	}
}

// near compares numbers within 1e-12.
func near(x, y pyval.Value) bool {
	a, aok := pyval.Items(x)
	b, bok := pyval.Items(y)
	if aok || bok {
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if !near(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	number := func(v pyval.Value) (float64, bool) {
		switch v := v.(type) {
		case float64:
			return v, true
		case int64:
			return float64(v), true
		}
		return 0, false
	}
	f, fok := number(x)
	g, gok := number(y)
	if fok && gok {
		return math.Abs(f-g) <= 1e-12*math.Max(1, math.Abs(g))
	}
	return pyval.Equal(x, y)
}

// TestPassAtK holds pass@k to its definition (Chen et al. 2021, equation 1) with the programs of a fake sandbox.
func TestPassAtK(t *testing.T) {
	l := &pycode.Loader{Read: func(string) (string, bool) {
		return `
import evaluate
judge = evaluate.load("code_eval")
def f(programs, k):
    return judge.compute(references=["# test"], predictions=[programs], k=k)[0]
`, true
	}, Libraries: scorelibs.Libraries(box(t, fake))}
	programs := pyval.List{"ok 1", "bad 2", "ok 3", "bad 4"}
	v, err := l.Call("t.py", "f", []pyval.Value{programs, pyval.List{int64(1), int64(2), int64(8)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Of 4 programs 2 pass: pass@1 = 1/2, pass@2 = 1 - C(2,2)/C(4,2) = 5/6, and there are no 8.
	d := v.(*pyval.Dict)
	one, _ := d.Get("pass@1")
	two, _ := d.Get("pass@2")
	if !near(one, 0.5) || !near(two, 5.0/6) || d.Len() != 2 {
		t.Errorf("%s", pyval.Repr(v))
	}
	l.Libraries = scorelibs.Libraries(nil)
	l = &pycode.Loader{Read: l.Read, Libraries: scorelibs.Libraries(nil)}
	if _, err := l.Call("t.py", "f", []pyval.Value{programs, pyval.List{int64(1)}}, nil); err == nil || !strings.Contains(err.Error(), "without --sandbox") {
		t.Errorf("%v", err)
	}
}

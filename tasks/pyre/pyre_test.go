package pyre_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/tasks/pyre"
)

// The expected matches are Python's: testdata/findall.py.
func TestMatchesAsPythonDoes(t *testing.T) {
	data, err := os.ReadFile("testdata/findall.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Pattern, Text, Sub string
			Matches            [][]string
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 1000 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		re, err := pyre.Compile(c.Pattern)
		if err != nil {
			t.Fatal(err)
		}
		found, err := re.FindAll(c.Text)
		if err != nil {
			t.Fatal(err)
		}
		got := make([][]string, 0, len(found))
		for _, m := range found {
			got = append(got, m.Groups)
		}
		if d := cmp.Diff(c.Matches, got); d != "" {
			t.Errorf("%s in %q (-want +got):\n%s", c.Pattern, c.Text, d)
		}
		sub, err := re.Sub(c.Text, func(pyre.Match) string { return "·" })
		if err != nil || sub != c.Sub {
			t.Errorf("%s in %q: substituted %q, %v, want %q", c.Pattern, c.Text, sub, err, c.Sub)
		}
	}
}

func TestEscape(t *testing.T) {
	const all = "a.b*c?d+e(f)g[h]i{j}k|l^m$n\\o-p&q~r#s t\tu\nv'w\"x/y:ß"
	re, err := pyre.Compile(pyre.Escape(all))
	if err != nil {
		t.Fatal(err)
	}
	if m, ok, err := re.Search("x" + all + "x"); err != nil || !ok || m.Groups[0] != all {
		t.Errorf("found %+v, %v, %v", m, ok, err)
	}
}

func TestFold(t *testing.T) {
	re, err := pyre.CompileFold("straße")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := re.Search("STRAßE"); !ok {
		t.Error("no match")
	}
}

func TestBudget(t *testing.T) {
	re, err := pyre.Compile(`^(a+)+$`)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = re.FindAll(strings.Repeat("a", 60) + "b")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	_ = err // an engine that finds out in time is welcome
}

func FuzzFindAll(f *testing.F) {
	f.Add(`#### (\-?[0-9\.\,]+)`, "#### 12")
	f.Add(`(?P<a>x)|(?P=a)`, "xx")
	f.Add(`[]a[:]`, "\xff]")
	f.Add(`a{,2}|\b$`, "aé\n")
	f.Add(`(\d+)\s*[^]\]]`, "12 x")
	f.Add(`(?P<a>x)(?P=a)\Z`, "xx")
	f.Add(`[[\`, "[")
	f.Fuzz(func(t *testing.T, expr, text string) {
		re, err := pyre.Compile(expr)
		if err != nil || len(text) > 200 || len(expr) > 60 {
			return
		}
		found, err := re.FindAll(text)
		if err != nil {
			return
		}
		at := 0
		for _, m := range found {
			if m.Start < at || m.End < m.Start || len(m.Groups) != re.Groups()+1 {
				t.Fatalf("%q in %q: %+v after %d", expr, text, m, at)
			}
			at = m.End
		}
	})
}

func BenchmarkFindAll(b *testing.B) {
	text := strings.Repeat("First 12 apples, then 3,000 more.\n", 20) + "#### 1,234"
	for name, expr := range map[string]string{"linear": `#### (\-?[0-9\.\,]+)`, "full": `(?<=answer is )(.*?)(?=\.|$)`} {
		b.Run(name, func(b *testing.B) {
			re := pyre.MustCompile(expr)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := re.FindAll(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestMustCompileAtFirstUse(t *testing.T) {
	wrong := pyre.MustCompile("(")
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	wrong.Groups()
}

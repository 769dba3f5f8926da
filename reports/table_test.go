package reports

import (
	"bytes"
	"encoding/csv"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var updateTables = flag.Bool("update", false, "rewrite the golden tables")

// sample holds made-up numbers and hostile names.
func sample() Table {
	return Table{
		Title: "Accuracy by model & task",
		Columns: []Column{{Name: "model"}, {Name: "accuracy", Unit: "%", Numeric: true, Digits: 1, Percent: true},
			{Name: "loss", Unit: "nats", Numeric: true, Digits: 3}, {Name: "n", Numeric: true}},
		Rows: [][]Cell{
			{TextCell("tiny_1"), {Value: 0.5, StdErr: 0.011}, {Value: -1.25}, NumberCell(200)},
			{TextCell("a|b\nc\x1b[31m"), {Value: 0.612, StdErr: 0.011, Bold: true}, {Value: math.NaN()}, NumberCell(200)},
			{TextCell(`\~^%&#_{}$<b>`), {Missing: true}, {Value: 2, Lo: 1.5, Hi: 2.5}},
			{TextCell("=cmd()"), {Text: "n/a"}, NumberCell(-0.0001), NumberCell(7)},
		},
		Notes: []string{"n = 200 items, 0 shots."},
	}
}

func writers(t Table) map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{
		"txt": func(w io.Writer) error { return t.WriteText(w, 0) },
		"md":  t.WriteMarkdown, "csv": t.WriteCSV, "tex": t.WriteLaTeX, "json": t.WriteJSON, "html": t.WriteHTML,
	}
}

func TestTableGolden(t *testing.T) {
	for ext, write := range writers(sample()) {
		t.Run(ext, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "table", "sample."+ext)
			if *updateTables {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

func TestTextFitsTerminal(t *testing.T) {
	table := sample()
	table.Title, table.Notes = "", nil
	table.Rows[0][0].Text = strings.Repeat("long words here ", 20)
	var b bytes.Buffer
	if err := table.WriteText(&b, 80); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("line of %d columns: %s", n, line)
		}
	}
}

func TestHostileTables(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.String().Draw(r, "text")
		table := Table{Title: text, Columns: []Column{{Name: "name"}, {Name: text, Numeric: true, Digits: 2}}, Notes: []string{text},
			Rows: [][]Cell{{TextCell(text), {Value: rapid.Float64().Draw(r, "value"), StdErr: rapid.Float64().Draw(r, "stderr"), Bold: true}}}}
		for ext, write := range writers(table) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				r.Fatalf("%s: %v", ext, err)
			}
			switch ext {
			case "csv":
				rows, err := csv.NewReader(&b).ReadAll()
				// A CSV reader turns a carriage return before a line feed into one line feed.
				if err != nil || rows[1][0] != strings.ReplaceAll(text, "\r\n", "\n") {
					r.Fatalf("csv does not come back: %v %q", err, rows)
				}
			case "tex":
				balanced(r, b.String())
			}
		}
	})
}

// balanced checks the braces that LaTeX sees, which escaped ones are not.
func balanced(r *rapid.T, s string) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 {
		r.Fatalf("braces do not balance in %s", s)
	}
}

func TestTidyRoundTrip(t *testing.T) {
	nan := Number(math.NaN())
	in := []TidyRow{{RunID: "r", Model: "m,1", Family: `f"2`, Params: 1.5e9, Tokens: nan, FLOPs: 1e24, Task: "t\nu", KShot: 4, Seed: -1, N: 200, Value: 0.1 + 0.2, Chance: nan, Significant: true, OnsetBelow: nan, Label: "emergent"}}
	var b bytes.Buffer
	if err := WriteTidy(&b, in); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	out, err := ReadTidy(&b, "x.csv")
	if err != nil || len(out) != 1 {
		t.Fatalf("%v, %d rows", err, len(out))
	}
	if out[0].Value != in[0].Value || out[0].Task != "t\nu" || !math.IsNaN(float64(out[0].Tokens)) || !out[0].Significant {
		t.Errorf("came back as %+v", out[0])
	}
	for name, c := range map[string][2]string{
		"unknown column": {strings.Replace(text, "p_value", "pvalue", 1), `x.csv:1: columns missing: [p_value], unknown or repeated: ["pvalue"]`},
		"bad number":     {strings.Replace(text, "1.5e+09", "many", 1), `x.csv`},
		"empty":          {"", "x.csv:1"},
	} {
		if _, err := ReadTidy(strings.NewReader(c[0]), "x.csv"); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error is %v, want %q", name, err, c[1])
		}
	}
}

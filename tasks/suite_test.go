package tasks_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks"
)

// suiteCases are suite files with the error that each gives, "" for none, and its hint.
var suiteCases = []struct{ name, yaml, want, hint string }{
	{"smallest", "suite: s\ntasks: [{task: t}]", "", ""},
	{"everything", "suite: s\ntasks:\n- {task: t, shots: [0, 4], styles: [direct, cot], seeds: [0, 1], draws: 8, limit: 250, sampling: {temperature: 0.7, top_p: 0.9, top_k: 5, min_p: 0.1, max_tokens: 9, stop: [a, b]}}", "", ""},
	{"single values", "suite: s\ntasks: [{task: t, shots: 4, styles: cot, seeds: 7, sampling: {stop: x}}]", "", ""},
	{"a name like a number", "suite: 2024\ntasks: [{task: 7}]", "", ""},
	{"a typo in a key", "suite: s\ntasks:\n- {task: t, shot: [0]}", `s.yaml:3:13: the key "shot" is unknown`, `did you mean "shots"?`},
	{"a key far from all", "suite: s\ncolour: red\ntasks: [{task: t}]", `s.yaml:2:1: the key "colour" is unknown`, "the keys here are suite, tasks"},
	{"a typo in a style", "suite: s\ntasks:\n- {task: t, styles: [direct, cott]}", `s.yaml:3:30: styles: "cott" is unknown`, `did you mean "cot"?`},
	{"no suite", "tasks: [{task: t}]", `s.yaml:1:1: the key "suite" is missing`, "write suite: NAME"},
	{"no tasks", "suite: s", `s.yaml:1:1: the key "tasks" is missing`, "write tasks: [{task: NAME}]"},
	{"empty tasks", "suite: s\ntasks: []", "s.yaml:2:8: tasks: at least one task is expected", ""},
	{"no task", "suite: s\ntasks:\n- {shots: 4}", `s.yaml:3:3: the key "task" is missing`, "write task: NAME"},
	{"empty task", "suite: s\ntasks:\n- {task: \"\"}", "s.yaml:3:10: task: a name is expected, not nothing", ""},
	{"negative shots", "suite: s\ntasks:\n- {task: t, shots: [-1]}", "s.yaml:3:21: shots: -1 is too small: at least 0", ""},
	{"fractional shots", "suite: s\ntasks:\n- {task: t, shots: 1.5}", "s.yaml:3:20: shots: a whole number is expected, not 1.5", ""},
	{"quoted shots", "suite: s\ntasks:\n- {task: t, shots: \"4\"}", "s.yaml:3:20: shots: a whole number is expected, not text", ""},
	{"shots twice", "suite: s\ntasks:\n- {task: t, shots: [4, 4]}", "s.yaml:3:24: shots: 4 stands twice", ""},
	{"empty shots", "suite: s\ntasks:\n- {task: t, shots: []}", "s.yaml:3:20: shots: at least one is expected", ""},
	{"no draws", "suite: s\ntasks:\n- {task: t, draws: 0}", "s.yaml:3:20: draws: 0 is too small: at least 1", ""},
	{"hot", "suite: s\ntasks:\n- {task: t, sampling: {temperature: 101}}", "s.yaml:3:37: temperature: 101 is not between 0 and 100", ""},
	{"sampling typo", "suite: s\ntasks:\n- {task: t, sampling: {temprature: 1}}", `s.yaml:3:24: the key "temprature" is unknown`, `did you mean "temperature"?`},
	{"stop of numbers", "suite: s\ntasks:\n- {task: t, sampling: {stop: [1]}}", "s.yaml:3:31: stop: text is expected, not 1", ""},
	{"tasks is a mapping", "suite: s\ntasks: {task: t}", "s.yaml:2:8: tasks: a list is expected, not a mapping", ""},
	{"a list", "- suite: s", "s.yaml:1:1: a file of keys and values is expected, not a list", ""},
}

func TestLoadSuite(t *testing.T) {
	for _, c := range suiteCases {
		t.Run(c.name, func(t *testing.T) {
			_, err := tasks.LoadSuiteFS(fstest.MapFS{"s.yaml": {Data: []byte(c.yaml)}}, "s.yaml")
			wantError(t, err, c.want, c.hint)
		})
	}
}

// wantError checks an error's text and hint; no text means no error.
func wantError(t *testing.T, err error, text, hint string) {
	t.Helper()
	if err == nil || text == "" {
		if err != nil || text != "" {
			t.Errorf("got error %v, want %q", err, text)
		}
		return
	}
	if err.Error() != text {
		t.Errorf("got error\n%s\nwant\n%s", err, text)
	}
	var h interface{ Hint() string }
	got := ""
	if errors.As(err, &h) {
		got = h.Hint()
	}
	if got != hint {
		t.Errorf("got hint %q, want %q", got, hint)
	}
}

// TestSuiteSchema holds the schema to the decoder.
func TestSuiteSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(tasks.SuiteSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("suite.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("suite.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range suiteCases {
		var v any
		if err := yaml.Load([]byte(c.yaml), &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); (err == nil) != (c.want == "") {
			t.Errorf("%s: the schema says %v, the decoder %q", c.name, err, c.want)
		}
	}
}

func TestLoadSuiteYAML(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"malformed", "suite: s\ntasks: [{task: t}", "s.yaml:2:8: malformed YAML: while parsing a flow sequence: did not find expected ',' or ']'"},
		{"empty", "", "s.yaml: malformed YAML: no documents in stream"},
		{"key twice", "suite: s\nsuite: t\ntasks: [{task: t}]", `s.yaml:2:1: the key "suite" stands twice`},
		{"merge key", "suite: s\n<<: {}\ntasks: [{task: t}]", "s.yaml:2:1: merge keys (<<) are not supported"},
		{"tag", "suite: s\ntasks: [{task: !function a.b}]", "s.yaml:2:16: task: !function is not supported yet"},
		{"UTF-8", "suite: \xff", "s.yaml: malformed YAML: invalid leading UTF-8 octet (value: 255)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tasks.LoadSuiteFS(fstest.MapFS{"s.yaml": {Data: []byte(c.yaml)}}, "s.yaml")
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestLoadSuiteFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	if _, err := tasks.LoadSuite(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(file, []byte("suite: s\ntasks: [{task: t, limit: 3}]"), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := tasks.LoadSuite(file)
	if err != nil || s.Name != "s" || len(s.Entries) != 1 || s.Entries[0].Limit != 3 {
		t.Errorf("got %+v, %v", s, err)
	}
}

// cellFiles are two tasks: own brings its examples, drawn draws them and has two styles.
var cellFiles = fstest.MapFS{
	"own.yaml": {Data: []byte("task: own\ntag: [both]\ndataset_path: json\ndataset_kwargs: {data_files: {test: own.jsonl}}\ntest_split: test\n" +
		"doc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\nnum_fewshot: 1\nonset: {examples: e, id: id}\n")},
	"own.jsonl": {Data: []byte(`{"id":"x","q":"1","a":"2","e":[]}` + "\n" + `{"id":"x","q":"3","a":"4","e":[{"q":"5","a":"6"}]}`)},
	"drawn.yaml": {Data: []byte("task: drawn\ntag: both\ndataset_path: json\ndataset_kwargs: {data_files: {test: drawn.jsonl}}\ntest_split: test\n" +
		"doc_to_text: q\ndoc_to_target: a\nrepeats: 3\nonset: {styles: {cot: {repeats: 5}, direct: {}}}\n")},
	"drawn.jsonl": {Data: []byte(`{"q":"1","a":"2"}` + "\n" + `{"q":"3","a":"4"}` + "\n" + `{"q":"5","a":"6"}`)},
}

func TestCells(t *testing.T) {
	index, err := tasks.NewIndex(tasks.Source{FS: cellFiles})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, yaml, cells, want, hint string }{
		{"defaults", "[{task: own}, {task: drawn}]", "own direct 1 0 x1; drawn direct 0 0 x3", "", ""},
		{"all of it", "[{task: drawn, styles: [cot, direct], shots: [0, 2], seeds: [5, 1], limit: 2}]",
			"drawn cot 0 5 x5; drawn cot 0 1 x5; drawn cot 2 5 x5; drawn cot 2 1 x5; " +
				"drawn direct 0 5 x3; drawn direct 0 1 x3; drawn direct 2 5 x3; drawn direct 2 1 x3", "", ""},
		{"draws", "[{task: drawn, draws: 2}]", "drawn direct 0 0 x2", "", ""},
		{"a tag", "[{task: both}]", "drawn direct 0 0 x3; own direct 1 0 x1", "", ""},
		{"an unknown task", "[{task: own},\n{task: drwn}]", "", `s.yaml:3:8: no task is called "drwn"`, `did you mean "drawn"?`},
		{"an unknown task far from all", "[{task: gsm8k}]", "", `s.yaml:2:16: no task is called "gsm8k"`, "onset list tasks shows the tasks there are"},
		{"no such shots", "[{task: own, shots: [0, 2]}]", "", "s.yaml:2:32: task own: no sample has 2 worked examples", "there are samples with 0, 1"},
		{"too many shots", "[{task: drawn, shots: 3}]", "", "s.yaml:2:30: task drawn: no sample has 3 worked examples", "there are samples with 0 to 2"},
		{"no such style", "[{task: own, styles: [cot]}]", "", `s.yaml:2:30: task own: there is no style "cot"`, "its styles are direct"},
		{"twice", "[{task: own}, {task: both}]", "", "s.yaml:2:29: own with style direct, 1 shots and seed 0 is asked for twice", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			suite, err := tasks.LoadSuiteFS(fstest.MapFS{"s.yaml": {Data: []byte("suite: s\ntasks: " + c.yaml)}}, "s.yaml")
			if err != nil {
				t.Fatal(err)
			}
			cells, err := suite.Cells(index)
			wantError(t, err, c.want, c.hint)
			if got := describe(cells); got != c.cells {
				t.Errorf("got cells %s, want %s", got, c.cells)
			}
		})
	}
	made := tasks.Suite{Name: "made in code", Entries: []tasks.Entry{{Task: "drwn"}}}
	_, err = made.Cells(index)
	wantError(t, err, `no task is called "drwn"`, `did you mean "drawn"?`)
	made.Entries[0] = tasks.Entry{Task: "own", Shots: []int{0}, Limit: 1}
	if cells, err := made.Cells(index); err != nil || describe(cells) != "own direct 0 0 x1" || cells[0].Options().Limit != 1 {
		t.Errorf("a suite made in code: %s, %v", describe(cells), err)
	}
}

func describe(cells []tasks.Cell) string {
	var words []string
	for _, c := range cells {
		words = append(words, strings.Join([]string{c.Task.Name(), string(c.Variant.Style), itoa(c.Variant.Shots), itoa(int(c.Variant.Seed)), "x" + itoa(c.Draws)}, " "))
	}
	return strings.Join(words, "; ")
}

func FuzzLoadSuite(f *testing.F) {
	for _, c := range suiteCases {
		f.Add([]byte(c.yaml))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := tasks.LoadSuiteFS(fstest.MapFS{"s.yaml": {Data: data}}, "s.yaml")
		var file *yamlfile.Error
		if err != nil && !errors.As(err, &file) {
			t.Errorf("%v has no place", err)
		}
	})
}

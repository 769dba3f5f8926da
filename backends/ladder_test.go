package backends_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/backends"
)

const goodLadder = `
family: f
axis: params
count: non_embedding
models:
  - {name: a, model: local/x, params: 70e6, train_tokens: 300e9}
  - {name: b, model: openai/o/r, params: 1.4B, base_url: "http://127.0.0.1:1/v1", args: {key: value, n: 3}}
  - {name: c, model: local/counted}
`

func TestLoadLadder(t *testing.T) {
	l, err := backends.LoadLadderFS(fstest.MapFS{"l.yaml": {Data: []byte(goodLadder)}}, "l.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := backends.Ladder{Family: "f", Axis: "params", Count: "non_embedding", Models: []backends.Model{
		{Name: "a", Family: "f", Axis: "params", Count: "non_embedding", Ref: backends.Ref{Provider: "local", Model: "x"}, Scale: backends.Scale{Params: 70e6, TrainTokens: 300e9, TrainFLOPs: 6 * 70e6 * 300e9}},
		{Name: "b", Family: "f", Axis: "params", Count: "non_embedding", Ref: backends.Ref{Provider: "openai", Model: "o/r"}, Scale: backends.Scale{Params: 1.4e9}, BaseURL: "http://127.0.0.1:1/v1", Args: map[string]string{"key": "value", "n": "3"}},
		{Name: "c", Family: "f", Axis: "params", Count: "non_embedding", Ref: backends.Ref{Provider: "local", Model: "counted"}},
	}}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Errorf("ladder (-want +got):\n%s", diff)
	}
}

// TestCounted sees that what is counted fills what the file leaves out, and nothing else.
func TestCounted(t *testing.T) {
	info := backends.Info{Params: 100, ParamsNonEmbedding: 60}
	for _, c := range []struct {
		name string
		m    backends.Model
		want backends.Scale
	}{
		{"by default all", backends.Model{}, backends.Scale{Params: 100, NonEmbedding: 60}},
		{"all", backends.Model{Count: backends.CountAll}, backends.Scale{Params: 100, NonEmbedding: 60}},
		{"without embeddings", backends.Model{Count: backends.CountNonEmbedding}, backends.Scale{Params: 60, NonEmbedding: 60}},
		{"given", backends.Model{Count: backends.CountNonEmbedding, Scale: backends.Scale{Params: 70, TrainTokens: 5}},
			backends.Scale{Params: 70, TrainTokens: 5, NonEmbedding: 60}},
	} {
		if diff := cmp.Diff(c.want, c.m.Counted(info).Scale); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	l, err := backends.LoadLadderFS(fstest.MapFS{"l.yaml": {Data: []byte("family: f\naxis: train_flops\nmodels:\n  - {name: a, model: local/x, train_tokens: 10}\n")}}, "l.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Models[0].Counted(info).Scale.On(backends.AxisTrainFLOPs); got != 6*100*10 {
		t.Errorf("the compute of counted parameters is %g", got)
	}
}

// scaled is a ladder of one model with a number of parameters.
func scaled(params string) string {
	return "family: f\naxis: params\nmodels:\n  - {name: a, model: l/x, params: " + params + "}\n"
}

// TestScales sees that decoder and schema read the same numbers.
func TestScales(t *testing.T) {
	schema := compileSchema(t)
	for text, want := range map[string]float64{
		"70e6": 70e6, "70M": 70e6, "1.4B": 1.4e9, `"1.4b"`: 1.4e9, "2k": 2e3, "3T": 3e12, "1_000": 1000, "1_000k": 1e6, ".5B": 5e8, "1.5e3K": 1.5e6, "0.1": 0.1,
	} {
		l, err := backends.LoadLadderFS(fstest.MapFS{"l.yaml": {Data: []byte(scaled(text))}}, "l.yaml")
		if err != nil || l.Models[0].Scale.Params != want {
			t.Errorf("%s is %v, %v; want %v", text, l.Models, err, want)
		}
		if err := validate(t, schema, scaled(text)); err != nil {
			t.Errorf("the schema refuses %s: %v", text, err)
		}
	}
}

// badLadders holds what is wrong, with the message and the hint.
var badLadders = []struct{ name, file, want, hint string }{
	{"empty", "", "l.yaml", ""},
	{"an unknown key", "famly: f\n", `l.yaml:1:1: the key "famly" is unknown`, `did you mean "family"?`},
	{"no family", "axis: params\nmodels: [{name: a, model: l/x, params: 1}]\n", `the key "family" is missing`, "family: NAME"},
	{"no axis", "family: f\nmodels: [{name: a, model: l/x, params: 1}]\n", `the key "axis" is missing`, "axis: params"},
	{"an unknown axis", "family: f\naxis: train_token\nmodels: []\n", `l.yaml:2:7: axis: "train_token" is unknown`, `did you mean "train_tokens"?`},
	{"no model", "family: f\naxis: params\nmodels: []\n", "l.yaml:3:9: models: there is none", ""},
	{"an unknown key of a model", "family: f\naxis: params\nmodels:\n  - {name: a, modl: l/x}\n", `l.yaml:4:15: the key "modl" is unknown`, `did you mean "model"?`},
	{"no reference", "family: f\naxis: params\nmodels:\n  - {name: a, params: 1}\n", "model a has no reference", "model: local/"},
	{"a reference without provider", "family: f\naxis: params\nmodels:\n  - {name: a, model: x, params: 1}\n", "l.yaml:4:22", "local/"},
	{"no name", "family: f\naxis: params\nmodels:\n  - {model: l/x, params: 1}\n", "the model has no name", ""},
	{"the same name twice", "family: f\naxis: params\nmodels:\n  - {name: a, model: l/x, params: 1}\n  - {name: a, model: l/y, params: 2}\n", "l.yaml:5:12: another model is named a", ""},
	{"no scale", "family: f\naxis: loss\nmodels:\n  - {name: a, model: l/x, params: 1}\n", "model a has no loss", ""},
	{"neither compute nor its parts", "family: f\naxis: train_flops\nmodels:\n  - {name: a, model: l/x, params: 1}\n", "train_flops", ""},
	{"compute of a model that is elsewhere", "family: f\naxis: train_flops\nmodels:\n  - {name: a, model: l/x, train_tokens: 1}\n", "train_flops", ""},
	{"compute of a model of unknown training", "family: f\naxis: train_flops\nmodels:\n  - {name: a, model: local/x}\n", "train_flops", ""},
	{"an unknown count", "family: f\naxis: params\ncount: non_embeding\nmodels:\n  - {name: a, model: local/x}\n", `count: "non_embeding" is unknown`, `did you mean "non_embedding"?`},
	{"a negative scale", "family: f\naxis: params\nmodels:\n  - {name: a, model: l/x, params: -1}\n", "params: -1 is not above 0", ""},
	{"a scale that is none", "family: f\naxis: params\nmodels:\n  - {name: a, model: l/x, params: big}\n", `params: "big" is no number`, "1.4B"},
	{"a scale of points", scaled(`".."`), `params: ".." is no number`, "1.4B"},
	{"a scale of nothing", scaled(`""`), `params: "" is no number`, "1.4B"},
	{"a scale of a letter", scaled(`B`), `params: "B" is no number`, "1.4B"},
	{"a scale of 0", scaled(`0M`), "params: 0 is not above 0", ""},
	{"a hexadecimal scale", scaled(`"0x10p3"`), `params: "0x10p3" is no number`, "1.4B"},
	{"an infinite scale", scaled(`"inf"`), `params: "inf" is no number`, "1.4B"},
	{"a signed scale", scaled(`"+5"`), `params: "+5" is no number`, "1.4B"},
	{"a key twice", "family: f\nfamily: g\n", "stands twice", ""},
	{"malformed", "family: [f\n", "malformed YAML", ""},
}

func TestLadderErrors(t *testing.T) {
	for _, c := range badLadders {
		_, err := backends.LoadLadderFS(fstest.MapFS{"l.yaml": {Data: []byte(c.file)}}, "l.yaml")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
			continue
		}
		var h interface{ Hint() string }
		if c.hint != "" && (!errors.As(err, &h) || !strings.Contains(h.Hint(), c.hint)) {
			t.Errorf("%s: no hint %q with %v", c.name, c.hint, err)
		}
	}
}

// TestLadderSchemaAgrees sees that the schema accepts what the decoder does, and refuses what it refuses but for what a
// schema cannot say.
func TestLadderSchemaAgrees(t *testing.T) {
	schema := compileSchema(t)
	if err := validate(t, schema, goodLadder); err != nil {
		t.Errorf("the schema refuses a good file: %v", err)
	}
	beyond := map[string]bool{"the same name twice": true, "no scale": true, "neither compute nor its parts": true,
		"compute of a model that is elsewhere": true, "compute of a model of unknown training": true, "a key twice": true, "malformed": true}
	for _, c := range badLadders {
		if !beyond[c.name] && validate(t, schema, c.file) == nil {
			t.Errorf("the schema accepts %s", c.name)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(backends.LadderSchema())))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("ladder.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("ladder.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, file string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(file), &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(inst)
}

func TestLadderPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "l.yaml")
	if err := os.WriteFile(file, []byte(goodLadder), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := backends.LoadLadder(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Models[0].Ref.Model; got != filepath.Join(dir, "x") {
		t.Errorf("local/x beside the file becomes %s", got)
	}
	if got := l.Models[1].Ref.Model; got != "o/r" {
		t.Errorf("a reference of another provider becomes %s", got)
	}
}

func FuzzLoadLadder(f *testing.F) {
	f.Add([]byte(goodLadder))
	for _, c := range badLadders {
		f.Add([]byte(c.file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := backends.LoadLadderFS(fstest.MapFS{"l.yaml": {Data: data}}, "l.yaml")
		if err == nil && (l.Family == "" || len(l.Models) == 0) {
			t.Errorf("a ladder without family or models: %+v", l)
		}
	})
}

package safetensors_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends/local/internal/safetensors"
)

const goodIndex = `{"metadata":{"total_size":12},"weight_map":{
	"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors","c":"model-00001-of-00002.safetensors"}}`

func TestIndex(t *testing.T) {
	x, err := safetensors.ParseIndex("index", []byte(goodIndex))
	if err != nil {
		t.Fatal(err)
	}
	first, second := "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	if diff := cmp.Diff([]string{first, second}, x.Files()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		name, shard string
		keys        []string
		want        string
	}{
		{"all", first, []string{"a", "c"}, ""},
		{"one that is missing", first, []string{"a"}, `no tensor "c"`},
		{"one of another shard", second, []string{"a", "b"}, `has the tensor "a"`},
		{"one that is nowhere", second, []string{"b", "d"}, ""},
	} {
		tensors := make(map[string]safetensors.Tensor)
		for _, key := range c.keys {
			tensors[key] = safetensors.Tensor{Name: key}
		}
		err := x.Check(c.shard, tensors)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestIndexRefuses(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "no index"},
		{"a tensor twice", `{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}`, "duplicate"},
		{"deep nesting", `{"metadata":` + strings.Repeat("[", 1<<20), "no index"},
		{"more than any", strings.Repeat(" ", safetensors.MaxIndex+1), "larger than any"},
		{"no map", "{}", "names no file"},
		{"an empty map", `{"weight_map":{}}`, "names no file"},
		{"a number", `{"weight_map":{"a":1}}`, "no index"},
		{"a way out", `{"weight_map":{"a":"../../secret.safetensors"}}`, "beside the index"},
		{"a whole path", `{"weight_map":{"a":"/secret.safetensors"}}`, "beside the index"},
		{"a drive", `{"weight_map":{"a":"C:secret.safetensors"}}`, "beside the index"},
		{"a pickle", `{"weight_map":{"a":"pytorch_model.bin"}}`, "beside the index"},
	} {
		_, err := safetensors.ParseIndex("index", []byte(c.data))
		var e *safetensors.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || e.Hint() == "" {
			t.Errorf("%s gives %v, want %q and a hint", c.name, err, c.want)
		}
	}
}

// FuzzParseIndex sees that an index names files beside it alone.
func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(goodIndex))
	f.Add([]byte(`{"weight_map":{"a":"..\\1.safetensors","b":"\u002e\u002e/2.safetensors","":".safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":{"a":[]}},"metadata":{"weight_map":{"a":"1.safetensors"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := safetensors.ParseIndex("index", data)
		if err != nil {
			return
		}
		if len(x.Files()) == 0 {
			t.Error("an index of no file")
		}
		for _, name := range x.Files() {
			if name != filepath.Base(name) || strings.ContainsAny(name, `/\`) || !strings.HasSuffix(name, ".safetensors") {
				t.Errorf("an index leads to %q", name)
			}
			_ = x.Check(name, nil)
		}
	})
}

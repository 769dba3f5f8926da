package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// shard is a safetensors file of one tensor of one number.
func shard(name string) *fstest.MapFile {
	header := fmt.Sprintf(`{%q:{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, name)
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return &fstest.MapFile{Data: append(append(out, header...), 0, 0, 0x80, 0x3f)}
}

func TestReadCheckpoint(t *testing.T) {
	index := func(weights string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"weight_map":{` + weights + `}}`)}
	}
	const name = "model.safetensors.index.json"
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  string // of the error, "" for none
	}{
		{"one file", fstest.MapFS{"model.safetensors": shard("a")}, ""},
		{"shards", fstest.MapFS{"1.safetensors": shard("a"), "2.safetensors": shard("b"),
			name: index(`"a":"1.safetensors","b":"2.safetensors"`)}, ""},
		{"a shard that is missing", fstest.MapFS{name: index(`"a":"1.safetensors"`)}, "1.safetensors"},
		{"shards that were exchanged", fstest.MapFS{"1.safetensors": shard("b"), "2.safetensors": shard("a"),
			name: index(`"a":"1.safetensors","b":"2.safetensors"`)}, `no tensor "a"`},
		{"a tensor twice", fstest.MapFS{"1.safetensors": shard("a"), "2.safetensors": shard("a"),
			name: index(`"a":"1.safetensors","b":"2.safetensors"`)}, "2.safetensors"},
		{"a way out", fstest.MapFS{name: index(`"a":"../1.safetensors"`)}, "beside the index"},
		{"a pickle", fstest.MapFS{"pytorch_model.bin": {}}, "pickle"},
		{"another pickle", fstest.MapFS{"model.pth": {}}, "pickle"},
		{"nothing", fstest.MapFS{}, "model.safetensors"},
	} {
		check, err := readCheckpoint(c.files)
		switch {
		case c.want == "" && (err != nil || len(check.tensors) != len(check.files)):
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		var hint *hintError
		if c.want == "pickle" && (!errors.As(err, &hint) || !strings.Contains(hint.Hint(), "python -c")) {
			t.Errorf("%s: no hint to convert it in %v", c.name, err)
		}
	}
}

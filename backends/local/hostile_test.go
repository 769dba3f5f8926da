package local

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends/local/internal/randmodel"
)

// allocated is the bytes that a function allocates, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// tinyFiles is a good checkpoint as a file system in memory.
func tinyFiles(t testing.TB, s randmodel.Size) fstest.MapFS {
	t.Helper()
	dir := writeTiny(t, s, randmodel.Options{})
	files := make(fstest.MapFS)
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) < 3 {
		t.Fatal(names, err)
	}
	for _, n := range names {
		data, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(n)] = &fstest.MapFile{Data: data}
	}
	return files
}

// withConfig changes fields of a checkpoint's config.json.
func withConfig(files fstest.MapFS, fields string) fstest.MapFS {
	out := maps.Clone(files)
	text := strings.TrimSuffix(string(files["config.json"].Data), "}")
	for pair := range strings.SplitSeq(fields, ", ") {
		name, value, _ := strings.Cut(pair, "=")
		text = strings.ReplaceAll(text, `"`+name+`":`, `"was_`+name+`":`) + fmt.Sprintf(",%q:%s", name, value)
	}
	out["config.json"] = &fstest.MapFile{Data: []byte(text + "}")}
	return out
}

// with puts a file in place of one of a checkpoint's.
func with(files fstest.MapFS, name, data string) fstest.MapFS {
	out := maps.Clone(files)
	out[name] = &fstest.MapFile{Data: []byte(data)}
	return out
}

// TestHostileFilesAreRefused opens checkpoints that ask for absurd things, and measures what is allocated until they are
// refused: a few times the files at most.
func TestHostileFilesAreRefused(t *testing.T) {
	good := tinyFiles(t, tinySize)
	tokenizer := func(model string) fstest.MapFS {
		return with(good, "tokenizer.json", `{"version":"1.0","model":`+model+`}`)
	}
	const most = 32 << 20
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"a vocabulary of millions", withConfig(good, "vocab_size=16000000"), "embed_tokens"},
		{"a negative vocabulary", withConfig(good, "vocab_size=-1"), "vocab"},
		{"a vocabulary past 64 bits", withConfig(good, "vocab_size=99999999999999999999"), "vocab_size"},
		{"a width of a million", withConfig(good, "hidden_size=1048576"), ""},
		{"widths whose product overflows", withConfig(good, "hidden_size=9223372036854775807, num_attention_heads=9223372036854775807"), ""},
		{"thousands of layers", withConfig(good, "num_hidden_layers=4096"), "no tensor"},
		{"a billion layers", withConfig(good, "num_hidden_layers=1000000000"), "layers"},
		{"no heads", withConfig(good, "num_attention_heads=0"), ""},
		{"a million heads", withConfig(good, "num_attention_heads=1048576"), ""},
		{"a million heads with norms of their own in thousands of layers", withConfig(good, `architectures=["StableLmForCausalLM"], qk_layernorm=true, num_attention_heads=1048576, num_key_value_heads=1048576, num_hidden_layers=4096`), ""},
		{"ALiBi of a million heads", withConfig(good, `architectures=["BloomForCausalLM"], n_head=1048576, n_layer=4096`), ""},
		{"a context of millions", withConfig(good, "max_position_embeddings=16000000, vocab_size=301"), ""},
		{"a context past any", withConfig(good, "max_position_embeddings=1000000000000"), ""},
		{"layer types without end", withConfig(good, `architectures=["Gemma3ForCausalLM"], layer_types=[`+strings.Repeat(`"full_attention",`, 1<<17)+`"full_attention"]`), ""},
		{"deep nesting", with(good, "config.json", strings.Repeat(`{"a":`, 1<<20)), "config.json"},
		{"deep nesting of rope scaling", withConfig(good, `rope_scaling=`+strings.Repeat(`[`, 1<<20)), "config.json"},
		{"a config that is no object", with(good, "config.json", "[]"), "config.json"},
		{"quantised weights", withConfig(good, `quantization_config={"quant_method":"fp8"}`), "quantised: config.json's quantization_config says fp8"},
		{"weights quantised by AWQ", withConfig(good, `quantization_config={"quant_method":"awq","bits":4}`), "says awq, 4 bits"},
		{"fp8 without a word in the config", with(good, "model.safetensors", strings.Replace(string(good["model.safetensors"].Data),
			`"model.embed_tokens.weight":{"dtype":"F32","shape":[300,36]`, `"model.embed_tokens.weight":{"dtype":"F8_E4M3","shape":[300,144]`, 1)), ""},
		{"a header without end", with(good, "model.safetensors", "\xff\xff\xff\x05\x00\x00\x00\x00{"), "header claims"},
		{"an index of nonsense", with(without(good, "model.safetensors"), "model.safetensors.index.json", strings.Repeat(`{"weight_map":`, 1<<18)), "index"},
		{"an index to nowhere", with(without(good, "model.safetensors"), "model.safetensors.index.json", `{"weight_map":{"a":"x.safetensors"}}`), "x.safetensors"},
		{"merges that make what is not there", tokenizer(`{"type":"BPE","vocab":{"a":0,"b":1},"merges":[["a","b"]]}`), "merge 0"},
		{"a million merges of one pair", tokenizer(`{"type":"BPE","vocab":{"a":0,"aa":1},"merges":[` + strings.Repeat(`"a a",`, 1<<17) + `"a b"]}`), "merge 131072"},
		{"an absurd id", tokenizer(`{"type":"BPE","vocab":{"a":4611686018427387904},"merges":[]}`), "id 4611686018427387904"},
		{"deep nesting of a tokenizer", with(good, "tokenizer.json", strings.Repeat(`{"model":`, 1<<20)), "tokenizer.json"},
		{"normalizers in normalizers", with(good, "tokenizer.json", `{"version":"1.0","model":{"type":"BPE","vocab":{"a":0},"merges":[]},"normalizer":`+
			strings.Repeat(`{"type":"Sequence","normalizers":[`, 5000)+strings.Repeat(`]}`, 5000)+`}`), "depth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			size := uint64(0)
			for name, f := range c.files {
				if name != "model.safetensors" { // mapped where it is a file
					size += uint64(len(f.Data))
				}
			}
			var err error
			got := allocated(func() {
				var b *Backend
				if b, err = OpenFS(context.Background(), c.files, "hostile", Options{MemoryBytes: 1 << 30}); err == nil {
					_ = b.Close()
				}
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
			if got > most+32*size {
				t.Errorf("%d MiB were allocated for files of %d KiB; %v", got>>20, size>>10, err)
			}
		})
	}
}

func without(files fstest.MapFS, name string) fstest.MapFS {
	out := maps.Clone(files)
	delete(out, name)
	return out
}

// TestMergesThatTurnInCircles: merges that give one another's parts end, since each makes a text shorter.
func TestMergesThatTurnInCircles(t *testing.T) {
	files := with(tinyFiles(t, tinySize), "tokenizer.json", `{"version":"1.0","model":{"type":"BPE","continuing_subword_prefix":"##",
		"vocab":{"a":0,"##a":1,"##":2,"aa":3,"##aa":4},"merges":[["a","##"],["a","##a"],["##a","##"],["##","##"],["##","##a"],["aa","##"]]}}`)
	b, err := OpenFS(context.Background(), files, "circles", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if ids := b.tok.Encode(strings.Repeat("a", 5000), false); len(ids) == 0 || len(ids) > 5000 {
		t.Errorf("%d ids", len(ids))
	}
}

// FuzzCheckpointConfig sees that any config.json and generation_config.json over a checkpoint's weights give a count of what
// the model takes or an error, without much memory.
func FuzzCheckpointConfig(f *testing.F) {
	files := tinyFiles(f, tinySize)
	f.Add(files["config.json"].Data, []byte(`{"eos_token_id":[1,2]}`))
	seeds, err := filepath.Glob(filepath.Join("testdata", "parity", "*", "config.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		data, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte(`{}`))
	}
	for _, a := range architectures {
		f.Add([]byte(fmt.Sprintf(`{"architectures":[%q],"vocab_size":300,"hidden_size":36,"num_hidden_layers":3,"num_attention_heads":3,"intermediate_size":75,
			"max_position_embeddings":64,"rope_scaling":{"rope_type":"yarn","factor":4},"layer_types":["full_attention"],"n_layer":2,"n_head":2,"n_embd":36}`, a.name)), []byte(`{}`))
	}
	f.Fuzz(func(t *testing.T, config, generation []byte) {
		got := allocated(func() {
			_, _ = prepare(with(with(files, "config.json", string(config)), "generation_config.json", string(generation)), Options{})
		})
		if most := uint64(64<<20) + 64*uint64(len(config)); got > most {
			t.Errorf("%d MiB were allocated for a config.json of %d bytes", got>>20, len(config))
		}
	})
}

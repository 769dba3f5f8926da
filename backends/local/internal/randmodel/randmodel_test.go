package randmodel_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/randmodel"
	"github.com/onset-eval/onset/backends/local/internal/safetensors"
	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

func TestNamed(t *testing.T) {
	// Parameters as the models' cards and checkpoints count them (Qwen's head is its embedding).
	for name, want := range map[string]int{
		"pythia-160m": 162322944, "qwen2.5-0.5b": 494032768, "llama-160m": 134105856, "pythia-1.4b": 1414647808, "llama-2-7b": 6738415616,
	} {
		m, err := randmodel.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, tensor := range m.Tensors {
			n := 1
			for _, d := range tensor.Shape {
				n *= d
			}
			got += n
		}
		if got != want {
			t.Errorf("%s has %d parameters, want %d", name, got, want)
		}
	}
	if _, err := randmodel.Named("gpt-5"); err == nil {
		t.Error("a shape that there is not")
	}
	if len(randmodel.Names()) < 3 {
		t.Error("names are missing")
	}
}

func TestWrite(t *testing.T) {
	m := randmodel.Qwen2(randmodel.Size{Vocab: 700, Tokens: 650, Width: 32, Layers: 2, Heads: 4, KVHeads: 2, FF: 48, Context: 64})
	dir := t.TempDir()
	for _, o := range []randmodel.Options{{}, {DType: "F16", Seed: 3}, {DType: "BF16", DTypes: map[string]string{"lm_head.weight": "F32"}}} {
		if err := m.Write(dir, o); err != nil {
			t.Fatal(err)
		}
		first := read(t, filepath.Join(dir, "model.safetensors"))
		tensors, err := safetensors.Parse("m", first)
		if err != nil || len(tensors) != len(m.Tensors) {
			t.Fatalf("%d tensors of %d, %v", len(tensors), len(m.Tensors), err)
		}
		sum := 0.0
		values, err := tensors["lm_head.weight"].Float32s()
		for _, v := range values {
			sum += float64(v) * float64(v)
		}
		if got := sum / float64(len(values)); err != nil || got < 0.0196*0.0196 || got > 0.0204*0.0204 {
			t.Errorf("%+v: the variance is %g, %v", o, got, err)
		}
		if err := m.Write(dir, o); err != nil || !bytes.Equal(first, read(t, filepath.Join(dir, "model.safetensors"))) {
			t.Errorf("%+v: written again it is another: %v", o, err)
		}
	}
	tok, err := tokenizer.Parse("t", read(t, filepath.Join(dir, "tokenizer.json")))
	if err != nil || tok.Size() != 650 {
		t.Fatalf("%v of %+v", err, tok)
	}
	const text = "The three trees there, then\nthe other ones. Ünï"
	ids := tok.Encode(text, true)
	if got := tok.Decode(ids, false); got != text || len(ids) > len(text)*3/4 {
		t.Errorf("%d ids of %q", len(ids), got)
	}
	if err := m.Write(dir, randmodel.Options{DType: "F8_E4M3"}); err == nil {
		t.Error("fp8 is written")
	}
}

// TestShards sees that the numbers of a tensor do not depend on the files, and that pieces of a large one differ.
func TestShards(t *testing.T) {
	m := randmodel.Llama(randmodel.Size{Vocab: 9000, Tokens: 300, Width: 64, Layers: 1, Heads: 4, KVHeads: 4, FF: 64, Context: 64})
	tensors := func(shards int) map[string][]byte {
		dir := t.TempDir()
		if err := m.Write(dir, randmodel.Options{DType: "BF16", Shards: shards}); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
		if err != nil || len(files) != max(1, shards) {
			t.Fatalf("%q for %d shards, %v", files, shards, err)
		}
		all := make(map[string][]byte)
		for _, file := range files {
			some, err := safetensors.Parse("m", read(t, file))
			if err != nil {
				t.Fatal(err)
			}
			for name, tensor := range some {
				all[name] = tensor.Data
			}
		}
		return all
	}
	one, three := tensors(0), tensors(3)
	if len(one) != len(m.Tensors) || !maps.EqualFunc(one, three, bytes.Equal) {
		t.Errorf("%d tensors in one file, %d in three, or their numbers differ", len(one), len(three))
	}
	const mebi = 1 << 20
	if table := one["model.embed_tokens.weight"]; len(table) <= mebi || bytes.Equal(table[:4096], table[mebi:mebi+4096]) {
		t.Errorf("of %d bytes two pieces are the same", len(table))
	}
	if bytes.Equal(one["model.layers.0.self_attn.q_proj.weight"], one["model.layers.0.self_attn.k_proj.weight"]) {
		t.Error("two tensors are the same")
	}
}

// TestQuestions sees that questions are the same each time, and that texts have no beginning in common.
func TestQuestions(t *testing.T) {
	dir := t.TempDir()
	suite := randmodel.FiveShot(3)
	if len(suite) != 9 || suite[1].Task != "letters" || len(suite[1].Choices) != 4 || suite[1].Choices[2] != " C" || suite[3].Task != "texts" {
		t.Fatalf("%+v", suite)
	}
	shared := strings.LastIndex(suite[0].Prompt, "\n\n")
	if suite[0].Prompt[:shared] != suite[1].Prompt[:shared] || suite[6].Prompt[:100] == suite[7].Prompt[:100] {
		t.Error("examples are shared where they should not be, or the other way round")
	}
	seen := make(map[string]bool)
	for _, q := range randmodel.Apart(50, 20) {
		words := strings.Fields(q.Prompt)
		if seen[words[0]] || len(words) < 11 || len(words) > 21 || len(q.Choices) != 1 {
			t.Errorf("%+v", q)
		}
		seen[words[0]] = true
	}
	for _, name := range []string{"a", "b"} {
		if err := randmodel.WriteQuestions(filepath.Join(dir, name), randmodel.FiveShot(3)); err != nil {
			t.Fatal(err)
		}
	}
	if a := read(t, filepath.Join(dir, "a")); bytes.Count(a, []byte("\n")) != 9 || !bytes.Equal(a, read(t, filepath.Join(dir, "b"))) {
		t.Errorf("%s", a)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

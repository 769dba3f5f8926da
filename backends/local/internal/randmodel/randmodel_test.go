package randmodel_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/randmodel"
	"github.com/onset-eval/onset/backends/local/internal/safetensors"
	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

func TestNamed(t *testing.T) {
	// Parameters as the models' cards and checkpoints count them (Qwen's head is its embedding).
	for name, want := range map[string]int{"pythia-160m": 162322944, "qwen2.5-0.5b": 494032768, "llama-160m": 134105856} {
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

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Package randmodel writes checkpoints with random weights, as Hugging Face lays them out, of the shapes of models that
// people use: speed depends on the shape alone, and the weights of real ones are large and another's. Tests and
// benchmarks use them, transformers and converters read them too.
package randmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Tensor is a tensor by its name.
type Tensor struct {
	Name  string
	Shape []int
	// Fill is the value of all elements; 0 makes them random.
	Fill float32
}

// Model is a checkpoint yet to be written.
type Model struct {
	Config  map[string]any // config.json
	Tensors []Tensor
	Vocab   int // of the tokenizer
}

// Size is what scales a model of an architecture.
type Size struct {
	Vocab, Tokens  int // rows of the embedding, and tokens of the tokenizer (0: as many)
	Width, Layers  int
	Heads, KVHeads int
	FF, Context    int
	Tied           bool
}

// Names lists the shapes of models that a processor runs in a benchmark's time, by which Named makes them.
func Names() []string { return []string{"pythia-160m", "qwen2.5-0.5b", "llama-160m"} }

// LargeNames lists those that are for GPUs, and the tiny one on which their benchmarks are tried without.
func LargeNames() []string { return []string{"pythia-1.4b", "llama-2-7b", "tiny"} }

// Named gives a model of the shape of a real one: EleutherAI/pythia-160m and pythia-1.4b, Qwen/Qwen2.5-0.5B,
// meta-llama/Llama-2-7b, a Llama of Pythia-160M's width and depth, and one of next to no size.
func Named(name string) (Model, error) {
	switch name {
	case "pythia-160m":
		return GPTNeoX(Size{Vocab: 50304, Tokens: 50277, Width: 768, Layers: 12, Heads: 12, FF: 3072, Context: 2048}), nil
	case "qwen2.5-0.5b":
		return Qwen2(Size{Vocab: 151936, Tokens: 151665, Width: 896, Layers: 24, Heads: 14, KVHeads: 2, FF: 4864, Context: 32768, Tied: true}), nil
	case "llama-160m":
		return Llama(Size{Vocab: 32000, Width: 768, Layers: 12, Heads: 12, KVHeads: 12, FF: 2048, Context: 2048}), nil
	case "pythia-1.4b":
		return GPTNeoX(Size{Vocab: 50304, Tokens: 50277, Width: 2048, Layers: 24, Heads: 16, FF: 8192, Context: 2048}), nil
	case "llama-2-7b":
		m := Llama(Size{Vocab: 32000, Width: 4096, Layers: 32, Heads: 32, KVHeads: 32, FF: 11008, Context: 4096})
		m.Config["rms_norm_eps"] = 1e-5
		return m, nil
	case "tiny":
		return Llama(Size{Vocab: 2048, Width: 64, Layers: 2, Heads: 4, KVHeads: 2, FF: 128, Context: 4096}), nil
	}
	return Model{}, fmt.Errorf("no shape is named %q; there are %s", name, strings.Join(append(Names(), LargeNames()...), ", "))
}

// Llama is a LlamaForCausalLM.
func Llama(s Size) Model {
	m := s.gated("model.layers", false)
	m.Config["architectures"], m.Config["model_type"] = []string{"LlamaForCausalLM"}, "llama"
	return m
}

// Qwen2 is a Qwen2ForCausalLM: a Llama with biases on queries, keys and values.
func Qwen2(s Size) Model {
	m := s.gated("model.layers", true)
	m.Config["architectures"], m.Config["model_type"] = []string{"Qwen2ForCausalLM"}, "qwen2"
	m.Config["rope_theta"], m.Config["use_sliding_window"] = 1000000.0, false
	return m
}

func (s Size) gated(prefix string, bias bool) Model {
	d, kv := s.Width, s.Width/s.Heads*s.KVHeads
	m := Model{Vocab: s.tokens(), Config: map[string]any{
		"hidden_act": "silu", "hidden_size": d, "intermediate_size": s.FF, "max_position_embeddings": s.Context,
		"num_attention_heads": s.Heads, "num_hidden_layers": s.Layers, "num_key_value_heads": s.KVHeads, "rms_norm_eps": 1e-6,
		"rope_theta": 10000.0, "tie_word_embeddings": s.Tied, "vocab_size": s.Vocab, "bos_token_id": 0, "eos_token_id": 0,
	}}
	m.add("model.embed_tokens.weight", s.Vocab, d)
	for i := range s.Layers {
		at := fmt.Sprintf("%s.%d.", prefix, i)
		m.ones(at+"input_layernorm.weight", d)
		for _, p := range []struct {
			name string
			n    int
		}{{"q", d}, {"k", kv}, {"v", kv}} {
			m.add(at+"self_attn."+p.name+"_proj.weight", p.n, d)
			if bias {
				m.add(at+"self_attn."+p.name+"_proj.bias", p.n)
			}
		}
		m.add(at+"self_attn.o_proj.weight", d, d)
		m.ones(at+"post_attention_layernorm.weight", d)
		m.add(at+"mlp.gate_proj.weight", s.FF, d)
		m.add(at+"mlp.up_proj.weight", s.FF, d)
		m.add(at+"mlp.down_proj.weight", d, s.FF)
	}
	m.ones("model.norm.weight", d)
	if !s.Tied {
		m.add("lm_head.weight", s.Vocab, d)
	}
	return m
}

// GPTNeoX is a GPTNeoXForCausalLM as Pythia has it: parallel residual, a quarter of each head rotated.
func GPTNeoX(s Size) Model {
	d := s.Width
	m := Model{Vocab: s.tokens(), Config: map[string]any{
		"architectures": []string{"GPTNeoXForCausalLM"}, "model_type": "gpt_neox",
		"hidden_act": "gelu", "hidden_size": d, "intermediate_size": s.FF, "max_position_embeddings": s.Context,
		"num_attention_heads": s.Heads, "num_hidden_layers": s.Layers, "layer_norm_eps": 1e-5, "rotary_pct": 0.25,
		"rotary_emb_base": 10000, "use_parallel_residual": true, "tie_word_embeddings": false, "vocab_size": s.Vocab,
		"attention_bias": true, "bos_token_id": 0, "eos_token_id": 0,
	}}
	m.add("gpt_neox.embed_in.weight", s.Vocab, d)
	for i := range s.Layers {
		at := fmt.Sprintf("gpt_neox.layers.%d.", i)
		for _, norm := range []string{"input_layernorm", "post_attention_layernorm"} {
			m.ones(at+norm+".weight", d)
			m.add(at+norm+".bias", d)
		}
		for _, p := range []struct {
			name string
			n, k int
		}{{"attention.query_key_value", 3 * d, d}, {"attention.dense", d, d}, {"mlp.dense_h_to_4h", s.FF, d}, {"mlp.dense_4h_to_h", d, s.FF}} {
			m.add(at+p.name+".weight", p.n, p.k)
			m.add(at+p.name+".bias", p.n)
		}
	}
	m.ones("gpt_neox.final_layer_norm.weight", d)
	m.add("gpt_neox.final_layer_norm.bias", d)
	m.add("embed_out.weight", s.Vocab, d)
	return m
}

func (s Size) tokens() int {
	if s.Tokens > 0 {
		return s.Tokens
	}
	return s.Vocab
}

func (m *Model) add(name string, shape ...int) {
	m.Tensors = append(m.Tensors, Tensor{Name: name, Shape: shape})
}

func (m *Model) ones(name string, n int) {
	m.Tensors = append(m.Tensors, Tensor{Name: name, Shape: []int{n}, Fill: 1})
}

// Options say how a model is written. The zero value is float32 in one file.
type Options struct {
	// DType is "F32", "BF16" or "F16"; "" is F32.
	DType string
	// DTypes are the types of single tensors, where they are others.
	DTypes map[string]string
	// Shards is the number of files; 1 makes one without an index. 0 makes as many as hold 5 GB each.
	Shards int
	Seed   uint64
}

// Write writes a checkpoint into a folder, which it makes.
func (m Model) Write(dir string, o Options) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config := make(map[string]any, len(m.Config)+1)
	for k, v := range m.Config {
		config[k] = v
	}
	config["torch_dtype"] = map[string]string{"": "float32", "F32": "float32", "BF16": "bfloat16", "F16": "float16"}[o.DType]
	tokenizer, err := tokenizerJSON(m.Vocab)
	if err != nil {
		return err
	}
	err = errors.Join(
		writeJSON(filepath.Join(dir, "config.json"), config),
		writeJSON(filepath.Join(dir, "tokenizer.json"), tokenizer),
		writeJSON(filepath.Join(dir, "tokenizer_config.json"), map[string]any{
			"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": endOfText, "eos_token": endOfText,
			"model_max_length": m.Config["max_position_embeddings"],
		}))
	if err != nil {
		return err
	}
	return m.writeWeights(dir, o)
}

func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

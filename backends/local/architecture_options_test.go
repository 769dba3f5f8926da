package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// TestOptionsMatter sees that the goldens can fail: with one thing in a model changed, logits are far off.
func TestOptionsMatter(t *testing.T) {
	goldens := readGoldens(t)
	all := func(f func(l *layerSpec)) func(b *blueprint) {
		return func(b *blueprint) {
			for i := range b.layer {
				f(&b.layer[i])
			}
		}
	}
	for _, c := range []struct {
		golden, what string
		change       func(b *blueprint)
	}{
		{"llama", "grouped heads", func(b *blueprint) {
			for i := range b.names.layer {
				qkv := b.names.layer[i].qkv
				qkv[1].name = strings.Replace(qkv[1].name, "k_proj", "v_proj", 1)
			}
		}},
		{"llama", "eps", func(b *blueprint) { b.eps = 0.3 }},
		{"llama-bias", "theta", func(b *blueprint) { b.ropes[0].freq = plainFrequencies(10000, 16) }},
		{"llama-gelu", "activation", func(b *blueprint) { b.act = kernels.Silu }},
		{"gpt2", "activation by tanh", func(b *blueprint) { b.act = kernels.GeluErf }},
		{"llama-rope-llama3", "scaling", func(b *blueprint) { b.ropes[0].freq = plainFrequencies(10000, 16) }},
		{"llama-rope-linear", "scaling", func(b *blueprint) { b.ropes[0].freq = plainFrequencies(10000, 16) }},
		{"llama-rope-dynamic-long", "scaling", func(b *blueprint) { b.ropes[0].beyond = 0 }},
		{"llama-rope-yarn", "scaling", func(b *blueprint) { b.ropes[0].freq = plainFrequencies(10000, 16) }},
		{"llama-rope-yarn", "attention factor", func(b *blueprint) { b.ropes[0].scale = 1 }},
		{"phi3-longrope", "long factors", func(b *blueprint) { b.ropes[0].beyond = 0 }},
		{"phi3-longrope", "short factors", func(b *blueprint) { b.ropes[0].freq = b.ropes[0].long }},
		{"phi3-longrope", "attention factor", func(b *blueprint) { b.ropes[0].scale = 1 }},
		{"mistral-window", "window", all(func(l *layerSpec) { l.window = 0 })},
		{"mistral-window", "window by one", all(func(l *layerSpec) { l.window++ })},
		{"qwen2-window", "windows from a layer on", func(b *blueprint) { b.layer[0].window, b.layer[1].window = 10, 0 }},
		{"qwen3", "norms of heads", withoutQKNorm},
		{"gemma2", "embedding's scale", func(b *blueprint) { b.embedScale = 1 }},
		{"gemma2", "norms less one", func(b *blueprint) { b.names.centred = false }},
		{"gemma2", "scale of scores", all(func(l *layerSpec) { l.scale = 0.25 })},
		{"gemma2", "which layers have a window", func(b *blueprint) { b.layer[0].window, b.layer[1].window = 0, 10 }},
		{"gemma2-caps", "cap of scores", func(b *blueprint) { b.scoreCap = 0 }},
		{"gemma2-caps", "cap of logits", func(b *blueprint) { b.logits.Cap = 0 }},
		{"gemma2", "norm after attention", func(b *blueprint) { b.names.layer[1].attnOut = normNames{} }},
		{"gemma2", "norm after the feed-forward layer", func(b *blueprint) { b.names.layer[1].ffOut = normNames{} }},
		{"gemma3", "local theta", all(func(l *layerSpec) { l.rope = 0 })},
		{"gemma3-scaled", "scaling of the global layers", func(b *blueprint) { b.ropes[0] = b.ropes[1] }},
		{"olmo2", "norms of all heads", withoutQKNorm},
		{"stablelm-qk-norm", "norms of each head", withoutQKNorm},
		{"olmo-clip", "clipping", func(b *blueprint) { b.clip = 0 }},
		{"smollm3", "layers without positions", all(func(l *layerSpec) { l.rope = 0 })},
		{"granite", "residual multiplier", func(b *blueprint) { b.residualScale = 1 }},
		{"granite", "logits' divisor", func(b *blueprint) { b.logits.Scale = 1 }},
		{"cohere", "pairs", func(b *blueprint) { b.interleave = false }},
		{"stablelm", "partial rotary", func(b *blueprint) { b.ropes[0].dim, b.ropes[0].freq = 16, plainFrequencies(10000, 16) }},
		{"stablelm-parallel", "parallel", func(b *blueprint) { b.parallel = false }},
		{"neox", "parallel", func(b *blueprint) { b.parallel = false }},
		{"neox-serial", "serial", func(b *blueprint) { b.parallel = true }},
		{"neox", "heads in the fused layer", func(b *blueprint) {
			for i := range b.names.layer {
				b.names.layer[i].qkv = []outputs{lin(strings.TrimSuffix(b.names.layer[i].qkv[0].name, ".weight"), 192, true)}
			}
		}},
		{"gpt2-scales", "scale by layer", all(func(l *layerSpec) { l.scale = 0.25 })},
		{"opt", "offset of positions", func(b *blueprint) { b.offset = 0 }},
		{"opt-no-final-norm", "final norm", func(b *blueprint) { b.names.norm = normNames{on: true} }},
		{"bloom", "slopes", func(b *blueprint) { b.slopes = nil }},
		{"bloom", "norm of the embedding", func(b *blueprint) { b.names.embedNorm = normNames{} }},
		{"bloom-heads", "stream behind the norm", func(b *blueprint) { b.normedStream = false }},
		{"mpt-heads", "order of slopes", func(b *blueprint) { slices.Reverse(b.slopes) }},
		{"gptj", "pairs", func(b *blueprint) { b.interleave = false }},
		{"gptj", "bias of the head", func(b *blueprint) { b.names.head.bias = "" }},
		{"falcon-rw", "ALiBi", func(b *blueprint) { b.biases = nil }},
		{"falcon-rw-heads", "rounding of ALiBi", func(b *blueprint) {
			b.biases = nil
			b.slopes = alibiSlopes(16)
			for i := range b.slopes {
				b.slopes[i] /= 2
			}
		}},
		{"falcon-40b", "norms of their own", func(b *blueprint) { b.names.layer[0].ffIn = normNames{} }},
		{"bert", "types of tokens", func(b *blueprint) { b.names.types, b.types = "", 0 }},
		{"bert", "attention to what follows", func(b *blueprint) { b.causal = true }},
		{"bert", "the head's layer", func(b *blueprint) { b.headAct = kernels.Relu }},
		{"roberta", "offset of positions", func(b *blueprint) { b.offset = 0 }},
		{"albert-groups", "groups of layers", func(b *blueprint) { b.names.layer[4], b.names.layer[5] = b.names.layer[0], b.names.layer[1] }},
	} {
		t.Run(c.golden+"/"+c.what, func(t *testing.T) {
			t.Parallel()
			g, ok := goldens[c.golden]
			if !ok {
				t.Fatal("no such golden")
			}
			for _, config := range g.Configs {
				plan, err := parseSpec(config)
				if err != nil {
					t.Fatal(err)
				}
				before := fmt.Sprintf("%+v", plan)
				if c.change(plan); fmt.Sprintf("%+v", plan) == before {
					t.Fatal("the change changes nothing")
				}
				check, err := readCheckpoint(fstest.MapFS{"model.safetensors": {Data: g.file(asStored)}})
				if err != nil {
					t.Fatal(err)
				}
				m, err := loadModel(plan, check)
				if err != nil {
					t.Fatal(err)
				}
				worst := 0.0
				for _, p := range g.Prompts {
					_, logits := compute(m, kernels.Best(), p.IDs, p.At, len(p.IDs))
					worst = max(worst, farthest(logits, p.Logits))
				}
				if worst <= 3*logitsBound {
					t.Errorf("logits are off by %.2g only: the test would not see it", worst)
				}
				return
			}
		})
	}
}

func withoutQKNorm(b *blueprint) {
	b.qkNorm = noQKNorm
	for i := range b.names.layer {
		b.names.layer[i].qNorm, b.names.layer[i].kNorm = normNames{}, normNames{}
	}
}

// TestConfigRefuses reads configs that ask for what the engine has not, or that are damaged: each error names the field.
func TestConfigRefuses(t *testing.T) {
	goldens := readGoldens(t)
	for _, c := range []struct {
		golden, field string
		value         any
		want          string
	}{
		{"llama", "hidden_act", "foo", `hidden_act: "foo"`},
		{"llama", "hidden_size", nil, "hidden_size is missing"},
		{"llama", "hidden_size", "big", "hidden_size"},
		{"llama", "hidden_size", -64, "hidden_size is -64"},
		{"llama", "hidden_size", 1 << 40, "hidden_size is"},
		{"llama", "num_attention_heads", 3, "key heads"},
		{"llama", "num_hidden_layers", 1 << 20, "layers is 1048576"},
		{"llama", "head_dim", 15, "pair"},
		{"llama", "bos_token_id", 97, "outside of the vocabulary"},
		{"llama", "rope_parameters", map[string]any{"rope_type": "foo"}, `rope_parameters.rope_type: "foo"`},
		{"llama", "rope_parameters", map[string]any{"rope_type": "linear"}, "rope_parameters.factor"},
		{"llama", "rope_parameters", map[string]any{"rope_type": "yarn", "factor": 0}, "rope_parameters.factor"},
		{"llama", "rope_parameters", map[string]any{"rope_type": "llama3", "factor": 8}, "low_freq_factor"},
		{"llama", "rope_parameters", map[string]any{"rope_theta": -1}, "rope_theta is -1"},
		{"llama", "rope_parameters", map[string]any{"rope_type": "longrope", "short_factor": []int{1}}, "short_factor has 1 numbers"},
		{"gemma2", "layer_types", []string{"full_attention"}, "layer_types names 1 layers of 2"},
		{"gemma2", "layer_types", []string{"full_attention", "linear_attention"}, `layer_types: "linear_attention"`},
		{"gemma3", "use_bidirectional_attention", true, "use_bidirectional_attention"},
		{"gpt2", "add_cross_attention", true, "add_cross_attention"},
		{"gpt-neo", "attention_layers", []string{"local", "foo"}, `"foo"`},
		{"gpt-neo", "attention_layers", []string{"local"}, "names 1 layers of 2"},
		{"mpt", "no_bias", false, "no_bias"},
		{"mpt", "attn_config", map[string]any{"attn_type": "multiquery_attention"}, "attn_config.attn_type"},
		{"bert", "position_embedding_type", "relative_key", "position_embedding_type"},
		{"bert", "is_decoder", true, "is_decoder"},
		{"albert", "num_hidden_groups", 0, "groups"},
		{"gemma3-image-text", "text_config", nil, "text_config is missing"},
		{"gemma3-image-text", "text_config", 3, "text_config is 3"},
	} {
		g := goldens[c.golden]
		var fields map[string]any
		for _, version := range slices.Backward(slices.Sorted(maps.Keys(g.Configs))) { // the newer spelling
			if err := json.Unmarshal(g.Configs[version], &fields); err != nil {
				t.Fatal(err)
			}
			break
		}
		fields[c.field] = c.value
		data, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		_, err = readSpec(fstest.MapFS{"config.json": {Data: data}})
		var hint *hintError
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "config.json") {
			t.Errorf("%s with %s = %v: %v, want %q", c.golden, c.field, c.value, err, c.want)
		} else if !errors.As(err, &hint) || hint.Hint() == "" {
			t.Errorf("%s with %s = %v: no hint in %v", c.golden, c.field, c.value, err)
		}
	}
}

// FuzzConfig holds that no config.json, however odd, makes the reader panic or take much memory.
func FuzzConfig(f *testing.F) {
	for _, g := range readGoldens(f) {
		for _, config := range g.Configs {
			f.Add([]byte(config))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseSpec(data)
		if err != nil {
			return
		}
		if b.layers != len(b.layer) || b.layers != len(b.names.layer) || b.heads < 1 || b.context < 1 || b.headDim < 1 {
			t.Errorf("%s gives %+v", data, b.spec)
		}
	})
}

// TestConfigsOfTheHub reads configs as they stand beside well-known checkpoints, cut to what says how they compute: with
// fields left out, in older spellings, and with names of other parts.
func TestConfigsOfTheHub(t *testing.T) {
	type want struct {
		architecture                                   string
		vocab, width, layers, heads, kv, head, context int
	}
	for _, c := range []struct {
		name, config string
		want         want
		also         func(b *blueprint) bool
	}{
		{"gemma-3-4b", `{"architectures": ["Gemma3ForConditionalGeneration"], "eos_token_id": [1, 106], "image_token_index": 262144, "model_type": "gemma3",
			"text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
			"rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}, "torch_dtype": "bfloat16", "vision_config": {"hidden_size": 1152}}`,
			want{"Gemma3ForConditionalGeneration", 262208, 2560, 34, 8, 4, 256, 131072}, func(b *blueprint) bool {
				return b.tied && b.layer[4].window == 1024 && b.layer[5].window == 0 && b.layer[4].rope == 1 && b.ropes[0].theta == 1e6 &&
					b.ropes[0].freq[0] == 0.125 && b.ropes[1].theta == 1e4 && b.ropes[1].freq[0] == 1 && slices.Equal(b.eos, []int{1, 106})
			}},
		{"Llama-2-7b", `{"architectures": ["LlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096,
			"initializer_range": 0.02, "intermediate_size": 11008, "max_position_embeddings": 4096, "model_type": "llama", "num_attention_heads": 32,
			"num_hidden_layers": 32, "num_key_value_heads": 32, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null, "tie_word_embeddings": false,
			"torch_dtype": "float16", "use_cache": true, "vocab_size": 32000}`,
			want{"LlamaForCausalLM", 32000, 4096, 32, 32, 32, 128, 4096}, func(b *blueprint) bool { return !b.tied && b.ropes[0].theta == 10000 && b.bos == 1 }},
		{"gpt2", `{"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "bos_token_id": 50256, "eos_token_id": 50256,
			"layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "vocab_size": 50257}`,
			want{"GPT2LMHeadModel", 50257, 768, 12, 12, 12, 64, 1024}, func(b *blueprint) bool { return b.tied && b.ff == 3072 && b.positions == 1024 }},
		{"pythia-160m", `{"architectures": ["GPTNeoXForCausalLM"], "bos_token_id": 0, "eos_token_id": 0, "hidden_act": "gelu", "hidden_size": 768,
			"intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048, "model_type": "gpt_neox", "num_attention_heads": 12,
			"num_hidden_layers": 12, "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": false, "use_parallel_residual": true, "vocab_size": 50304}`,
			want{"GPTNeoXForCausalLM", 50304, 768, 12, 12, 12, 64, 2048}, func(b *blueprint) bool { return b.ropes[0].dim == 16 && b.parallel && !b.tied }},
		{"falcon-7b", `{"alibi": false, "apply_residual_connection_post_layernorm": false, "architectures": ["FalconForCausalLM"], "bias": false, "bos_token_id": 11,
			"eos_token_id": 11, "hidden_size": 4544, "layer_norm_epsilon": 1e-05, "model_type": "falcon", "multi_query": true, "new_decoder_architecture": false,
			"num_attention_heads": 71, "num_hidden_layers": 32, "parallel_attn": true, "vocab_size": 65024}`,
			want{"FalconForCausalLM", 65024, 4544, 32, 71, 1, 64, 2048}, func(b *blueprint) bool { return b.tied && b.parallel && b.ff == 4*4544 }},
		{"falcon-40b as it was first", `{"alibi": false, "architectures": ["RWForCausalLM"], "bias": false, "bos_token_id": 11, "eos_token_id": 11, "hidden_size": 8192,
			"layer_norm_epsilon": 1e-05, "model_type": "RefinedWeb", "n_head": 128, "n_head_kv": 8, "n_layer": 60, "parallel_attn": true, "vocab_size": 65024}`,
			want{"RWForCausalLM", 65024, 8192, 60, 128, 8, 64, 2048}, func(b *blueprint) bool { return b.parallel && b.names.layer[0].ffIn.on }},
		{"bloom-560m", `{"apply_residual_connection_post_layernorm": false, "architectures": ["BloomForCausalLM"], "bos_token_id": 1, "eos_token_id": 2,
			"hidden_size": 1024, "layer_norm_epsilon": 1e-05, "model_type": "bloom", "n_head": 16, "n_layer": 24, "offset_alibi": 100, "seq_length": 2048, "vocab_size": 250880}`,
			want{"BloomForCausalLM", 250880, 1024, 24, 16, 16, 64, 2048}, func(b *blueprint) bool { return b.tied && len(b.slopes) == 16 }},
		{"no architecture named", `{"model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 24,
			"num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 32768,
			"tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151936}`,
			want{"Qwen2ForCausalLM", 151936, 896, 24, 14, 2, 64, 32768}, func(b *blueprint) bool { return b.tied && b.layer[23].window == 0 && b.bos == -1 }},
		{"roberta-base", `{"architectures": ["RobertaForMaskedLM"], "bos_token_id": 0, "eos_token_id": 2, "hidden_act": "gelu", "hidden_size": 768,
			"intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 514, "model_type": "roberta", "num_attention_heads": 12,
			"num_hidden_layers": 12, "pad_token_id": 1, "type_vocab_size": 1, "vocab_size": 50265}`,
			want{"RobertaForMaskedLM", 50265, 768, 12, 12, 12, 64, 512}, func(b *blueprint) bool { return !b.causal && b.offset == 2 }},
	} {
		b, err := parseSpec([]byte(c.config))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := (want{b.architecture, b.vocab, b.width, b.layers, b.heads, b.kvHeads, b.headDim, b.context}); got != c.want || !c.also(b) {
			t.Errorf("%s: %+v, want %+v; %+v", c.name, got, c.want, b.spec)
		}
	}
}

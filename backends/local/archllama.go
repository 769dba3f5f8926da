package local

import (
	"encoding/json"
	"fmt"
	"math"
)

// The architectures that are laid out as Llama is (Touvron et al. 2023, arXiv 2302.13971): model.layers.N with
// self_attn.{q,k,v,o}_proj and mlp, norms before attention and feed-forward, rotary positions.

// layout is what differs in the names and biases of a Llama-like layer.
type layout struct {
	qkvBias, outBias, mlpBias bool
	norm                      func(name string) normNames
}

// sizes reads the sizes as most configs spell them.
func (c *config) sizes(b *blueprint) {
	b.width, b.ff = c.size("hidden_size"), c.size("intermediate_size")
	b.context = c.size("max_position_embeddings")
	heads := c.size("num_attention_heads")
	b.attention(heads, c.int(heads, "num_key_value_heads"), c.int(0, "head_dim"))
	b.eps = float32(c.float(1e-6, "rms_norm_eps", "layer_norm_eps", "norm_epsilon"))
}

// gatedLayers names the layers, with a gated feed-forward layer each; f, unless nil, changes one.
func (c *config) gatedLayers(b *blueprint, o layout, f func(i int, l *layerSpec, n *layerNames, at string)) {
	if o.norm == nil {
		o.norm = rms
	}
	b.gated, b.act = true, c.activation("silu", "hidden_act")
	b.names.embed, b.names.norm = "model.embed_tokens.weight", o.norm("model.norm")
	b.names.head = lin("lm_head", b.vocab, false)
	b.setLayers(c.size("num_hidden_layers"), func(i int, l *layerSpec, n *layerNames) {
		at := fmt.Sprintf("model.layers.%d.", i)
		n.attnIn, n.ffIn = o.norm(at+"input_layernorm"), o.norm(at+"post_attention_layernorm")
		n.qkv = b.separate(at+"self_attn.", "q_proj", "k_proj", "v_proj", o.qkvBias)
		n.out = []outputs{lin(at+"self_attn.o_proj", b.width, o.outBias)}
		n.up = []outputs{lin(at+"mlp.gate_proj", b.ff, o.mlpBias), lin(at+"mlp.up_proj", b.ff, o.mlpBias)}
		n.down = []outputs{lin(at+"mlp.down_proj", b.width, o.mlpBias)}
		if f != nil {
			f(i, l, n, at)
		}
	})
}

// separate are queries, keys and values in layers of their own.
func (b *blueprint) separate(at, q, k, v string, bias bool) []outputs {
	return []outputs{lin(at+q, b.q(), bias), lin(at+k, b.kv(), bias), lin(at+v, b.kv(), bias)}
}

// oneRope gives all layers the same rotary positions.
func (c *config) oneRope(b *blueprint, d ropeDefaults) { b.ropes = []rope{c.rope(b, "", d)} }

// sliding gives the layers of the type "sliding_attention" their window; the types are the config's, or by is.
func (c *config) sliding(b *blueprint, window int, is func(i int) bool) []bool {
	out := make([]bool, len(b.layer))
	types := field(c, []string(nil), "layer_types")
	if types != nil && len(types) != len(b.layer) {
		c.fail("%slayer_types names %d layers of %d", c.path, len(types), len(b.layer))
		return out
	}
	for i := range b.layer {
		out[i] = is(i)
		if types != nil {
			switch types[i] {
			case "sliding_attention":
				out[i] = true
			case "full_attention":
				out[i] = false
			default:
				c.unsupported("layer_types", fmt.Sprintf("%q", types[i]), "full_attention, sliding_attention")
			}
		}
		if out[i] {
			b.layer[i].window = window
		}
	}
	return out
}

func describeLlama(c *config, b *blueprint) {
	c.sizes(b)
	c.oneRope(b, ropeDefaults{theta: 10000})
	bias := c.bool(false, "attention_bias")
	c.gatedLayers(b, layout{qkvBias: bias, outBias: bias, mlpBias: c.bool(false, "mlp_bias")}, nil)
}

// describeMistral: Llama with a sliding window in all layers (Jiang et al. 2023, arXiv 2310.06825).
func describeMistral(c *config, b *blueprint) {
	c.sizes(b)
	c.oneRope(b, ropeDefaults{theta: 10000})
	c.gatedLayers(b, layout{}, nil)
	window := c.int(0, "sliding_window")
	c.sliding(b, window, func(int) bool { return window > 0 })
}

// qwenWindow: the layers from max_window_layers on have a window, where windows are switched on.
func (c *config) qwenWindow(b *blueprint) {
	if !c.bool(false, "use_sliding_window") {
		return
	}
	from := c.int(0, "max_window_layers")
	c.sliding(b, c.int(0, "sliding_window"), func(i int) bool { return i >= from })
}

func describeQwen2(c *config, b *blueprint) {
	c.sizes(b)
	c.oneRope(b, ropeDefaults{theta: 10000})
	c.gatedLayers(b, layout{qkvBias: true}, nil)
	c.qwenWindow(b)
}

// describeQwen3: each head of queries and keys is normed.
func describeQwen3(c *config, b *blueprint) {
	c.sizes(b)
	if !c.has("head_dim") {
		b.headDim = 128
	}
	c.oneRope(b, ropeDefaults{theta: 10000})
	bias := c.bool(false, "attention_bias")
	b.qkNorm = headQKNorm
	c.gatedLayers(b, layout{qkvBias: bias, outBias: bias}, func(_ int, _ *layerSpec, n *layerNames, at string) {
		n.qNorm, n.kNorm = rms(at+"self_attn.q_norm"), rms(at+"self_attn.k_norm")
	})
	c.qwenWindow(b)
}

// describeGemma: the embedding is scaled by the root of the width, norms are stored less one, the gate is a GELU by tanh
// (arXiv 2403.08295).
func describeGemma(c *config, b *blueprint) {
	c.sizes(b)
	if !c.has("head_dim") {
		b.headDim = 256
	}
	if len(b.ropes) == 0 {
		c.oneRope(b, ropeDefaults{theta: 10000})
	}
	c.refuse("use_bidirectional_attention", "text that is generated from left to right")
	bias := c.bool(false, "attention_bias")
	b.names.centred = true
	b.embedScale = float32(math.Sqrt(float64(b.width)))
	c.gatedLayers(b, layout{qkvBias: bias, outBias: bias}, nil)
	// The first checkpoints say "gelu" in hidden_act and mean the approximation.
	name := "hidden_activation"
	if !c.has(name) && c.str("gelu", "hidden_act") != "gelu" {
		name = "hidden_act"
	}
	b.act = c.activation("gelu_pytorch_tanh", name)
}

// describeGemma2: norms before and after attention and feed-forward layer, soft caps, and a window in every other layer
// (arXiv 2408.00118).
func describeGemma2(c *config, b *blueprint) {
	describeGemma(c, b)
	c.gemmaNorms(b)
	// The caps are on where the config does not speak of them, and off where it says null.
	attention, final := 50.0, 30.0
	if _, ok := c.fields["attn_logit_softcapping"]; ok {
		attention = 0
	}
	if _, ok := c.fields["final_logit_softcapping"]; ok {
		final = 0
	}
	b.scoreCap = float32(c.float(attention, "attn_logit_softcapping"))
	b.logits.Cap = float32(c.float(final, "final_logit_softcapping"))
	c.sliding(b, c.int(4096, "sliding_window"), func(i int) bool { return i%2 == 0 })
}

// gemmaNorms: the norms around both parts of a layer, and the scale of queries.
func (c *config) gemmaNorms(b *blueprint) {
	scale := float32(math.Pow(c.float(256, "query_pre_attn_scalar"), -0.5))
	for i := range b.layer {
		at := fmt.Sprintf("model.layers.%d.", i)
		n := &b.names.layer[i]
		n.attnOut = rms(at + "post_attention_layernorm")
		n.ffIn, n.ffOut = rms(at+"pre_feedforward_layernorm"), rms(at+"post_feedforward_layernorm")
		b.layer[i].scale = scale
	}
}

// describeGemma3: Gemma 2 with normed queries and keys in place of the caps, and rotary positions of their own in the
// layers with a window, of which one in six has none (arXiv 2503.19786).
func describeGemma3(c *config, b *blueprint) {
	c.sizes(b)
	if !c.has("head_dim") {
		b.headDim = 256
	}
	local := *c
	local.fields = map[string]json.RawMessage{"rope_theta": c.fields["rope_local_base_freq"], "rope_parameters": c.fields["rope_parameters"]}
	b.ropes = []rope{c.rope(b, "full_attention", ropeDefaults{theta: 1e6}), local.rope(b, "sliding_attention", ropeDefaults{theta: 10000})}
	if local.err != nil {
		c.fail("%w", local.err)
	}
	describeGemma(c, b)
	c.gemmaNorms(b)
	b.qkNorm = headQKNorm
	b.logits.Cap = float32(c.float(0, "final_logit_softcapping")) // attn_logit_softcapping is read by nothing
	pattern := c.int(6, "sliding_window_pattern", "_sliding_window_pattern")
	if pattern < 1 {
		c.fail("sliding_window_pattern is %d", pattern)
		return
	}
	windowed := c.sliding(b, c.int(4096, "sliding_window"), func(i int) bool { return (i+1)%pattern != 0 })
	for i := range b.layer {
		at := fmt.Sprintf("model.layers.%d.self_attn.", i)
		n := &b.names.layer[i]
		n.qNorm, n.kNorm = rms(at+"q_norm"), rms(at+"k_norm")
		if windowed[i] {
			b.layer[i].rope = 1
		}
	}
}

// describePhi3: queries, keys and values in one tensor, gate and up in one (arXiv 2404.14219).
func describePhi3(c *config, b *blueprint) {
	c.sizes(b)
	c.oneRope(b, ropeDefaults{theta: 10000})
	if rp := c.object("rope_parameters", "rope_scaling"); rp != nil && rp.str("", "rope_type", "type") == "yarn" {
		c.unsupported("rope_type", `"yarn"`, "longrope") // which transformers takes for longrope here
	}
	c.gatedLayers(b, layout{}, func(_ int, _ *layerSpec, n *layerNames, at string) {
		q, kv := b.q(), b.kv()
		fused := lin(at+"self_attn.qkv_proj", q+2*kv, false)
		n.qkv = []outputs{fused}
		n.up = []outputs{lin(at+"mlp.gate_up_proj", 2*b.ff, false)}
	})
	window := c.int(0, "sliding_window")
	c.sliding(b, window, func(int) bool { return window > 0 })
}

// describeOlmo: norms without weights (Groeneveld et al. 2024, arXiv 2402.00838).
func describeOlmo(c *config, b *blueprint) {
	c.sizes(b)
	c.oneRope(b, ropeDefaults{theta: 10000})
	b.norm, b.eps, b.clip = layerNorm, 1e-5, float32(c.float(0, "clip_qkv"))
	bias := c.bool(false, "attention_bias")
	plain := func(string) normNames { return normNames{on: true} }
	c.gatedLayers(b, layout{qkvBias: bias, outBias: bias, norm: plain}, nil)
}

// describeOlmo2: norms after attention and feed-forward layer only, and queries and keys normed in full width (arXiv
// 2501.00656).
func describeOlmo2(c *config, b *blueprint) {
	c.sizes(b)
	if !c.has("rms_norm_eps") {
		b.eps = 1e-5
	}
	if len(b.ropes) == 0 {
		c.oneRope(b, ropeDefaults{theta: 10000})
	}
	b.qkNorm = fullQKNorm
	bias := c.bool(false, "attention_bias")
	c.gatedLayers(b, layout{qkvBias: bias, outBias: bias}, func(_ int, _ *layerSpec, n *layerNames, at string) {
		n.attnIn, n.ffIn = normNames{}, normNames{}
		n.attnOut, n.ffOut = rms(at+"post_attention_layernorm"), rms(at+"post_feedforward_layernorm")
		n.qNorm, n.kNorm = rms(at+"self_attn.q_norm"), rms(at+"self_attn.k_norm")
	})
}

// describeOlmo3: OLMo 2 with a window in three layers of four, where rotary positions are not scaled.
func describeOlmo3(c *config, b *blueprint) {
	c.sizes(b)
	local := *c
	local.fields = map[string]json.RawMessage{"rope_theta": c.fields["rope_theta"], "rope_parameters": c.fields["rope_parameters"]}
	d := ropeDefaults{theta: 500000}
	b.ropes = []rope{c.rope(b, "full_attention", d), local.rope(b, "sliding_attention", d)}
	if local.err != nil {
		c.fail("%w", local.err)
	}
	describeOlmo2(c, b)
	windowed := c.sliding(b, c.int(4096, "sliding_window"), func(i int) bool { return (i+1)%4 != 0 })
	for i := range b.layer {
		if windowed[i] {
			b.layer[i].rope = 1
		}
	}
}

// describeSmolLM3: Llama without positions in every fourth layer.
func describeSmolLM3(c *config, b *blueprint) {
	describeLlama(c, b)
	if !c.has("rope_theta", "rope_parameters") {
		c.oneRope(b, ropeDefaults{theta: 2e6})
	}
	interval := max(1, c.int(4, "no_rope_layer_interval"))
	has := field(c, []int(nil), "no_rope_layers")
	if has != nil && len(has) != len(b.layer) {
		c.fail("no_rope_layers names %d layers of %d", len(has), len(b.layer))
		return
	}
	without := func(i int) bool { return has == nil && (i+1)%interval == 0 || has != nil && has[i] == 0 }
	for i := range b.layer {
		if without(i) {
			b.layer[i].rope = -1
		}
	}
	window := c.int(0, "sliding_window")
	use := c.bool(false, "use_sliding_window") && window > 0
	c.sliding(b, window, func(i int) bool { return use && without(i) })
}

// describeGranite: Llama with multipliers of the embedding, the scores, what layers add, and the logits.
func describeGranite(c *config, b *blueprint) {
	describeLlama(c, b)
	b.embedScale = float32(c.float(1, "embedding_multiplier"))
	b.residualScale = float32(c.float(1, "residual_multiplier"))
	b.logits.Scale = float32(1 / c.float(1, "logits_scaling"))
	for i := range b.layer {
		b.layer[i].scale = float32(c.float(1, "attention_multiplier"))
	}
}

// describeCohere: one norm without bias before attention and feed-forward layer, which are parallel; rotary pairs are
// neighbours.
func describeCohere(c *config, b *blueprint) {
	c.sizes(b)
	b.eps = float32(c.float(1e-5, "layer_norm_eps"))
	c.oneRope(b, ropeDefaults{theta: 10000})
	b.norm, b.parallel, b.interleave = layerNorm, true, true
	b.logits.Scale = float32(c.float(0.0625, "logit_scale"))
	bias, normed := c.bool(false, "attention_bias"), c.bool(false, "use_qk_norm")
	if normed {
		b.qkNorm = ownQKNorm
	}
	c.gatedLayers(b, layout{qkvBias: bias, outBias: bias}, func(_ int, _ *layerSpec, n *layerNames, at string) {
		n.ffIn = normNames{}
		if normed {
			n.qNorm, n.kNorm = rms(at+"self_attn.q_norm"), rms(at+"self_attn.k_norm")
		}
	})
}

// describeStarcoder2: Mistral with LayerNorm, biases, and a plain feed-forward layer (arXiv 2402.19173).
func describeStarcoder2(c *config, b *blueprint) {
	c.sizes(b)
	b.eps = float32(c.float(1e-5, "norm_epsilon"))
	c.oneRope(b, ropeDefaults{theta: 10000})
	b.norm = layerNorm
	bias := c.bool(true, "use_bias")
	c.gatedLayers(b, layout{qkvBias: bias, outBias: bias, norm: ln}, func(_ int, _ *layerSpec, n *layerNames, at string) {
		n.up = []outputs{lin(at+"mlp.c_fc", b.ff, bias)}
		n.down = []outputs{lin(at+"mlp.c_proj", b.width, bias)}
	})
	b.gated, b.act = false, c.activation("gelu_pytorch_tanh", "hidden_act")
	window := c.int(0, "sliding_window")
	c.sliding(b, window, func(int) bool { return window > 0 })
}

// describeStableLM: LayerNorm, rotary positions in a part of each head, and heads of queries and keys with norms of
// their own.
func describeStableLM(c *config, b *blueprint) {
	c.sizes(b)
	b.eps = float32(c.float(1e-5, "layer_norm_eps"))
	c.oneRope(b, ropeDefaults{theta: 10000, partial: 0.25})
	b.norm, b.parallel = layerNorm, c.bool(false, "use_parallel_residual")
	normed := c.bool(false, "qk_layernorm")
	if normed {
		b.qkNorm = ownQKNorm
		if names := b.heads * c.size("num_hidden_layers"); names > maxNames {
			c.fail("%d attention heads with norms of their own in all layers are too many", names)
			return
		}
	}
	c.gatedLayers(b, layout{qkvBias: c.bool(false, "use_qkv_bias"), norm: ln}, func(_ int, _ *layerSpec, n *layerNames, at string) {
		if b.parallel {
			n.ffIn = normNames{}
		}
		if normed {
			n.qNorm = normNames{on: true, weight: at + "self_attn.q_layernorm.norms.%d.weight"}
			n.kNorm = normNames{on: true, weight: at + "self_attn.k_layernorm.norms.%d.weight"}
		}
	})
}

// maxNames bounds the norms of heads that a config asks for, of which each has a name.
const maxNames = 1 << 17

// describePhi: Phi 1 to 2: one norm, parallel layers, biases everywhere (arXiv 2306.11644).
func describePhi(c *config, b *blueprint) {
	c.sizes(b)
	b.eps = float32(c.float(1e-5, "layer_norm_eps"))
	c.oneRope(b, ropeDefaults{theta: 10000, partial: 0.5})
	b.norm, b.parallel = layerNorm, true
	normed := c.bool(false, "qk_layernorm")
	if normed {
		b.qkNorm = headQKNorm
	}
	c.gatedLayers(b, layout{qkvBias: true, norm: ln}, func(_ int, _ *layerSpec, n *layerNames, at string) {
		n.ffIn = normNames{}
		n.out = []outputs{lin(at+"self_attn.dense", b.width, true)}
		n.up = []outputs{lin(at+"mlp.fc1", b.ff, true)}
		n.down = []outputs{lin(at+"mlp.fc2", b.width, true)}
		if normed {
			n.qNorm, n.kNorm = ln(at+"self_attn.q_layernorm"), ln(at+"self_attn.k_layernorm")
		}
	})
	b.gated, b.act = false, c.activation("gelu_new", "hidden_act")
	b.names.norm, b.names.head = ln("model.final_layernorm"), lin("lm_head", b.vocab, true)
}

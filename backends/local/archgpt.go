package local

import (
	"fmt"
	"math"
)

// The architectures that are laid out as GPT-2 (Radford et al. 2019) is: transformer.h.N with LayerNorm and a plain
// feed-forward layer four times as wide, and GPT-NeoX.

// gptSizes reads the sizes as GPT-2 spells them and the names around the layers. The other spellings are attributes of
// the same config.
func (c *config) gptSizes(b *blueprint) {
	b.width = c.size("n_embd", "hidden_size")
	b.ff = c.int(4*b.width, "n_inner")
	b.context = c.size("n_positions", "max_position_embeddings")
	heads := c.size("n_head", "num_heads", "num_attention_heads")
	b.attention(heads, heads, 0)
	b.norm, b.eps = layerNorm, float32(c.float(1e-5, "layer_norm_epsilon"))
	b.act = c.activation("gelu_new", "activation_function")
	b.names.embed, b.names.norm = "transformer.wte.weight", ln("transformer.ln_f")
	b.names.head = lin("lm_head", b.vocab, false)
}

// gptLayers names the layers with their norms; f fills in the rest.
func (c *config) gptLayers(b *blueprint, f func(i int, l *layerSpec, n *layerNames, at string)) {
	b.setLayers(c.size("n_layer", "num_hidden_layers", "num_layers"), func(i int, l *layerSpec, n *layerNames) {
		at := fmt.Sprintf("transformer.h.%d.", i)
		n.attnIn, n.ffIn = ln(at+"ln_1"), ln(at+"ln_2")
		f(i, l, n, at)
	})
}

// learned gives the model learned positions.
func (b *blueprint) learned(name string, rows, offset int) {
	b.names.positions, b.positions, b.offset = name, rows, offset
}

// describeGPT2: weights of linear layers are stored as inputs by outputs.
func describeGPT2(c *config, b *blueprint) {
	c.gptSizes(b)
	c.refuse("add_cross_attention", "models of text alone")
	b.learned("transformer.wpe.weight", b.context, 0)
	conv := func(name string, n int) []outputs {
		p := lin(name, n, true)
		p.transposed = true
		return []outputs{p}
	}
	scaled, byLayer := c.bool(true, "scale_attn_weights"), c.bool(false, "scale_attn_by_inverse_layer_idx")
	c.gptLayers(b, func(i int, l *layerSpec, n *layerNames, at string) {
		n.qkv = conv(at+"attn.c_attn", 3*b.width)
		n.out = conv(at+"attn.c_proj", b.width)
		n.up, n.down = conv(at+"mlp.c_fc", b.ff), conv(at+"mlp.c_proj", b.width)
		scale := 1.0
		if scaled {
			scale = 1 / math.Sqrt(float64(max(1, b.headDim)))
		}
		if byLayer {
			scale /= float64(i + 1)
		}
		l.scale = float32(scale)
	})
}

// describeBigCode: GPT-2 with all heads of queries on one key head (Li et al. 2023, arXiv 2305.06161, StarCoder).
func describeBigCode(c *config, b *blueprint) {
	c.gptSizes(b)
	b.act = c.activation("gelu_pytorch_tanh", "activation_function")
	c.refuse("add_cross_attention", "models of text alone")
	multi := c.bool(true, "multi_query")
	if multi {
		b.kvHeads = 1
	}
	scaled := c.bool(true, "scale_attn_weights")
	b.learned("transformer.wpe.weight", b.context, 0)
	c.gptLayers(b, func(_ int, l *layerSpec, n *layerNames, at string) {
		fused := lin(at+"attn.c_attn", b.q()+2*b.kv(), true)
		n.qkv = []outputs{fused}
		if !multi {
			n.qkv = b.fusedByHead(fused)
		}
		n.out = []outputs{lin(at+"attn.c_proj", b.width, true)}
		n.up, n.down = []outputs{lin(at+"mlp.c_fc", b.ff, true)}, []outputs{lin(at+"mlp.c_proj", b.width, true)}
		if !scaled {
			l.scale = 1
		}
	})
}

// fusedByHead splits a layer that holds for each head its queries, its keys and its values.
func (b *blueprint) fusedByHead(fused outputs) []outputs {
	d := b.headDim
	return []outputs{fused.comb(0, d, 3*d, b.heads), fused.comb(d, d, 3*d, b.heads), fused.comb(2*d, d, 3*d, b.heads)}
}

// describeGPTNeo: GPT-2 with unscaled scores and a window in the layers of the type "local".
func describeGPTNeo(c *config, b *blueprint) {
	c.gptSizes(b)
	b.ff = c.int(4*b.width, "intermediate_size")
	b.learned("transformer.wpe.weight", b.context, 0)
	c.gptLayers(b, func(_ int, l *layerSpec, n *layerNames, at string) {
		n.qkv = b.separate(at+"attn.attention.", "q_proj", "k_proj", "v_proj", false)
		n.out = []outputs{lin(at+"attn.attention.out_proj", b.width, true)}
		n.up, n.down = []outputs{lin(at+"mlp.c_fc", b.ff, true)}, []outputs{lin(at+"mlp.c_proj", b.width, true)}
		l.scale = 1
	})
	kinds := c.neoKinds()
	if len(kinds) < len(b.layer) {
		c.fail("attention_types names %d layers of %d", len(kinds), len(b.layer))
		return
	}
	for i := range b.layer {
		switch kinds[i] {
		case "local":
			b.layer[i].window = c.int(256, "window_size")
		case "global":
		default:
			c.unsupported("attention_types", fmt.Sprintf("%q", kinds[i]), "global, local")
		}
	}
}

// neoKinds reads the types of layers, which stand as patterns with how often each is repeated, or one by one.
func (c *config) neoKinds() []string {
	if kinds := field(c, []string(nil), "attention_layers"); kinds != nil {
		return kinds
	}
	var out []string
	for _, item := range field(c, [][2]any(nil), "attention_types") {
		pattern, ok := item[0].([]any)
		times, ok2 := item[1].(float64)
		if !ok || !ok2 || times < 0 || times > maxLayers {
			c.fail("attention_types is no list of patterns and counts")
			return nil
		}
		for range int(times) {
			for _, kind := range pattern {
				name, _ := kind.(string)
				out = append(out, name)
			}
		}
		if len(out) > maxLayers {
			break
		}
	}
	return out
}

// describeGPTJ: rotary positions of neighbouring pairs in a part of each head, one norm before attention and
// feed-forward layer, which are parallel (Wang and Komatsuzaki 2021).
func describeGPTJ(c *config, b *blueprint) {
	c.gptSizes(b)
	c.neighbours(b)
	b.names.head = lin("lm_head", b.vocab, true)
	c.gptLayers(b, func(_ int, _ *layerSpec, n *layerNames, at string) {
		n.ffIn = normNames{}
		n.qkv = b.separate(at+"attn.", "q_proj", "k_proj", "v_proj", false)
		n.out = []outputs{lin(at+"attn.out_proj", b.width, false)}
		n.up, n.down = []outputs{lin(at+"mlp.fc_in", b.ff, true)}, []outputs{lin(at+"mlp.fc_out", b.width, true)}
	})
}

// neighbours are the rotary positions of GPT-J and CodeGen.
func (c *config) neighbours(b *blueprint) {
	b.parallel, b.interleave = true, true
	c.oneRope(b, ropeDefaults{theta: 10000, dim: c.int(b.headDim, "rotary_dim")})
}

// describeCodeGen: GPT-J with a fused layer that was made for four processors: each fourth has its queries, its values
// and its keys.
func describeCodeGen(c *config, b *blueprint) {
	describeGPTJ(c, b)
	const parts = 4
	for i := range b.layer {
		at := fmt.Sprintf("transformer.h.%d.attn.", i)
		fused, n := lin(at+"qkv_proj", 3*b.width, false), b.width/parts
		b.names.layer[i].qkv = []outputs{fused.comb(0, n, 3*n, parts), fused.comb(2*n, n, 3*n, parts), fused.comb(n, n, 3*n, parts)}
	}
}

// describeNeoX: queries, keys and values fused head by head, rotary positions in a part of each head, attention and
// feed-forward layer parallel with a norm each, or not (Black et al. 2022, arXiv 2204.06745; Pythia).
func describeNeoX(c *config, b *blueprint) {
	c.sizes(b)
	b.kvHeads = b.heads
	b.eps = float32(c.float(1e-5, "layer_norm_eps"))
	c.oneRope(b, ropeDefaults{theta: 10000, partial: 0.25})
	b.norm, b.parallel = layerNorm, c.bool(true, "use_parallel_residual")
	b.act = c.activation("gelu", "hidden_act")
	b.names.embed, b.names.norm = "gpt_neox.embed_in.weight", ln("gpt_neox.final_layer_norm")
	b.names.head = lin("embed_out", b.vocab, false)
	bias := c.bool(true, "attention_bias")
	b.setLayers(c.size("num_hidden_layers"), func(i int, _ *layerSpec, n *layerNames) {
		at := fmt.Sprintf("gpt_neox.layers.%d.", i)
		n.attnIn, n.ffIn = ln(at+"input_layernorm"), ln(at+"post_attention_layernorm")
		n.qkv = b.fusedByHead(lin(at+"attention.query_key_value", 3*b.q(), bias))
		n.out = []outputs{lin(at+"attention.dense", b.width, bias)}
		n.up = []outputs{lin(at+"mlp.dense_h_to_4h", b.ff, true)}
		n.down = []outputs{lin(at+"mlp.dense_4h_to_h", b.width, true)}
	})
}

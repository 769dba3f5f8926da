package local

import (
	"fmt"
	"math"
)

// OPT with Galactica, and the architectures whose positions are or may be ALiBi's slopes: BLOOM, MPT and Falcon.

// describeOPT: learned positions that begin at row 2, and norms before the layers or, in OPT-350m, after them, where the
// embedding is narrower too (Zhang et al. 2022, arXiv 2205.01068; Galactica, arXiv 2211.09085).
func describeOPT(c *config, b *blueprint) {
	const offset = 2
	b.width, b.ff, b.context = c.size("hidden_size"), c.size("ffn_dim"), c.size("max_position_embeddings")
	heads := c.size("num_attention_heads")
	b.attention(heads, heads, 0)
	b.norm, b.eps = layerNorm, 1e-5
	b.act = c.activation("relu", "activation_function")
	b.learned("model.decoder.embed_positions.weight", b.context+offset, offset)
	b.names.embed, b.names.head = "model.decoder.embed_tokens.weight", lin("lm_head", b.vocab, false)
	norm := ln
	if !c.bool(true, "layer_norm_elementwise_affine") {
		norm = func(string) normNames { return normNames{on: true} }
	}
	if b.embedWidth = c.int(b.width, "word_embed_proj_dim"); b.embedWidth != b.width {
		b.names.embedProj = []outputs{lin("model.decoder.project_in", b.width, false)}
		b.names.headProj = []outputs{lin("model.decoder.project_out", b.embedWidth, false)}
		b.names.positionsLate = true
	}
	before := c.bool(true, "do_layer_norm_before")
	if before && !c.bool(false, "_remove_final_layer_norm") {
		b.names.norm = norm("model.decoder.final_layer_norm")
	}
	bias := c.bool(true, "enable_bias")
	b.setLayers(c.size("num_hidden_layers"), func(i int, _ *layerSpec, n *layerNames) {
		at := fmt.Sprintf("model.decoder.layers.%d.", i)
		attn, ff := norm(at+"self_attn_layer_norm"), norm(at+"final_layer_norm")
		if before {
			n.attnIn, n.ffIn = attn, ff
		} else {
			n.attnSum, n.ffSum = attn, ff
		}
		n.qkv = b.separate(at+"self_attn.", "q_proj", "k_proj", "v_proj", bias)
		n.out = []outputs{lin(at+"self_attn.out_proj", b.width, bias)}
		n.up, n.down = []outputs{lin(at+"fc1", b.ff, bias)}, []outputs{lin(at+"fc2", b.width, bias)}
	})
}

// describeBloom: ALiBi, and a norm on the embedding (arXiv 2211.05100).
func describeBloom(c *config, b *blueprint) {
	b.width = c.size("hidden_size", "n_embed")
	b.ff, b.context = 4*b.width, c.int(alibiContext, "seq_length")
	heads := c.size("n_head", "num_attention_heads")
	b.attention(heads, heads, 0)
	b.norm, b.eps = layerNorm, float32(c.float(1e-5, "layer_norm_epsilon"))
	b.act = activations["gelu_new"]
	b.slopes = alibiSlopes(b.heads)
	b.normedStream = c.bool(false, "apply_residual_connection_post_layernorm")
	b.names.embed = "transformer.word_embeddings.weight"
	b.names.embedNorm, b.names.norm = ln("transformer.word_embeddings_layernorm"), ln("transformer.ln_f")
	b.names.head = lin("lm_head", b.vocab, false)
	b.setLayers(c.size("n_layer", "num_hidden_layers"), func(i int, _ *layerSpec, n *layerNames) {
		at := fmt.Sprintf("transformer.h.%d.", i)
		n.attnIn, n.ffIn = ln(at+"input_layernorm"), ln(at+"post_attention_layernorm")
		n.qkv = b.fusedByHead(lin(at+"self_attention.query_key_value", 3*b.q(), true))
		n.out = []outputs{lin(at+"self_attention.dense", b.width, true)}
		n.up = []outputs{lin(at+"mlp.dense_h_to_4h", b.ff, true)}
		n.down = []outputs{lin(at+"mlp.dense_4h_to_h", b.width, true)}
	})
}

// alibiContext is the length of texts for models whose configs bound it nowhere, as lm-evaluation-harness takes it.
const alibiContext = 2048

// alibiSlopes are the slopes of BLOOM and Falcon (Press et al. 2021, arXiv 2108.12409, section 3): 2^(-8i/n) for the
// largest power of two n in the number of heads, then every other one of 2n's.
func alibiSlopes(heads int) []float32 {
	if heads < 1 || heads > maxDim {
		return nil
	}
	n := 1 << int(math.Floor(math.Log2(float64(heads))))
	var out []float32
	for i := 1; i <= n; i++ {
		out = append(out, float32(math.Pow(float64(slopeBase(n)), float64(i))))
	}
	for i := 1; len(out) < heads; i += 2 {
		out = append(out, float32(math.Pow(float64(slopeBase(2*n)), float64(i))))
	}
	return out
}

// slopeBase is 2^(-8/n) in float32, from which transformers takes the powers.
func slopeBase(n int) float32 { return float32(math.Pow(2, -math.Pow(2, -(math.Log2(float64(n))-3)))) }

// describeMPT: ALiBi, norms without bias, queries, keys and values in one layer that may be clipped.
func describeMPT(c *config, b *blueprint) {
	b.width = c.size("d_model", "hidden_size")
	b.ff, b.context = 4*b.width, c.size("max_seq_len") // transformers passes over expansion_ratio
	heads := c.size("n_heads", "num_attention_heads")
	b.attention(heads, heads, 0)
	b.norm, b.eps = layerNorm, float32(c.float(1e-5, "layer_norm_epsilon"))
	b.act = activations["gelu"]
	a := c.object("attn_config")
	if a == nil {
		a = &config{path: c.path}
	}
	if kind := a.str("multihead_attention", "attn_type"); kind != "multihead_attention" {
		a.unsupported("attn_type", kind, "multihead_attention")
	}
	a.refuse("qk_ln", "false")
	a.refuse("prefix_lm", "false")
	if !a.bool(true, "alibi") {
		a.unsupported("alibi", false, "true")
	}
	if !c.bool(true, "no_bias") {
		c.unsupported("no_bias", false, "true")
	}
	if c.has("logit_scale") {
		c.unsupported("logit_scale", short(c.fields["logit_scale"]), "null")
	}
	b.clip = float32(a.float(0, "clip_qkv"))
	scale := float32(a.float(0, "softmax_scale"))
	b.slopes = mptSlopes(b.heads)
	if a.err != nil {
		c.fail("%w", a.err)
	}
	norm := rms // LayerNorm without bias has the names of a root mean square norm
	b.names.embed, b.names.norm = "transformer.wte.weight", norm("transformer.norm_f")
	b.names.head = lin("lm_head", b.vocab, false)
	b.setLayers(c.size("n_layers", "num_hidden_layers"), func(i int, l *layerSpec, n *layerNames) {
		at := fmt.Sprintf("transformer.blocks.%d.", i)
		n.attnIn, n.ffIn = norm(at+"norm_1"), norm(at+"norm_2")
		n.qkv = []outputs{lin(at+"attn.Wqkv", 3*b.width, false)}
		n.out = []outputs{lin(at+"attn.out_proj", b.width, false)}
		n.up, n.down = []outputs{lin(at+"ffn.up_proj", b.ff, false)}, []outputs{lin(at+"ffn.down_proj", b.width, false)}
		l.scale = scale
	})
}

// mptSlopes are 2^(-8i/n), whatever alibi_bias_max says, for the power of two n at or above the number of heads, where it is above the second, the
// fourth and so on of them first.
func mptSlopes(heads int) []float32 {
	if heads < 1 || heads > maxDim {
		return nil
	}
	n := 1 << int(math.Ceil(math.Log2(float64(heads))))
	all := make([]float32, n)
	for i := range all {
		all[i] = 1 / float32(math.Pow(2, float64(float32(i+1)*float32(8/float64(n)))))
	}
	if n == heads {
		return all
	}
	var out []float32
	for _, from := range []int{1, 0} {
		for i := from; i < n; i += 2 {
			out = append(out, all[i])
		}
	}
	return out[:heads]
}

// describeFalcon: three layouts under one name (Almazrouei et al. 2023, arXiv 2311.16867): one key head, attention and
// feed-forward layer parallel behind one norm (7B); several key heads and two norms, or one (40B, 11B); and as many key
// heads as query heads, serial, with ALiBi (RW).
func describeFalcon(c *config, b *blueprint) {
	b.width = c.size("hidden_size", "n_embed")
	b.ff, b.context = c.int(4*b.width, "ffn_hidden_size"), c.int(2048, "max_position_embeddings")
	heads := c.size("num_attention_heads", "n_head")
	b.attention(heads, heads, 0)
	grouped, multi := c.bool(c.has("n_head_kv"), "new_decoder_architecture"), c.bool(true, "multi_query")
	b.parallel = c.bool(true, "parallel_attn")
	switch {
	case grouped:
		b.kvHeads = c.int(heads, "num_kv_heads", "n_head_kv")
		if !b.parallel {
			c.unsupported("parallel_attn", false, "true where new_decoder_architecture is")
		}
	case multi:
		b.kvHeads = 1
	}
	b.norm, b.eps = layerNorm, float32(c.float(1e-5, "layer_norm_epsilon"))
	b.act = c.activation("gelu", "activation")
	if c.bool(false, "alibi") {
		b.falconBiases(c)
	} else {
		c.oneRope(b, ropeDefaults{theta: 10000})
	}
	bias, norms := c.bool(false, "bias"), c.int(2, "num_ln_in_parallel_attn")
	b.names.embed, b.names.norm = "transformer.word_embeddings.weight", ln("transformer.ln_f")
	b.names.head = lin("lm_head", b.vocab, false)
	b.setLayers(c.size("num_hidden_layers", "n_layer"), func(i int, _ *layerSpec, n *layerNames) {
		at := fmt.Sprintf("transformer.h.%d.", i)
		n.attnIn = ln(at + "input_layernorm")
		switch {
		case grouped && norms == 2:
			n.attnIn, n.ffIn = ln(at+"ln_attn"), ln(at+"ln_mlp")
		case !b.parallel:
			n.ffIn = ln(at + "post_attention_layernorm")
		}
		n.qkv = b.falconQKV(lin(at+"self_attention.query_key_value", b.q()+2*b.kv(), bias), grouped, multi)
		n.out = []outputs{lin(at+"self_attention.dense", b.width, bias)}
		n.up = []outputs{lin(at+"mlp.dense_h_to_4h", b.ff, bias)}
		n.down = []outputs{lin(at+"mlp.dense_4h_to_h", b.width, bias)}
	})
}

// falconQKV splits the fused layer: for each key head its queries, its key and its value, but all queries first where
// there is one key head.
func (b *blueprint) falconQKV(fused outputs, grouped, multi bool) []outputs {
	switch {
	case grouped && b.kvHeads > 0:
		d, each := b.headDim, b.heads/b.kvHeads
		step := (each + 2) * d
		return []outputs{fused.comb(0, each*d, step, b.kvHeads), fused.comb(each*d, d, step, b.kvHeads), fused.comb((each+1)*d, d, step, b.kvHeads)}
	case multi:
		return []outputs{fused}
	}
	return b.fusedByHead(fused)
}

// falconBiases: transformers computes the slopes and their products with the positions in bfloat16, which past position
// 256 are steps, and scales them as it does the scores.
func (b *blueprint) falconBiases(c *config) {
	if b.heads*b.context > maxBiases {
		c.fail("%d heads of ALiBi at %d positions are too many", b.heads, b.context)
		return
	}
	for _, slope := range alibiSlopes(b.heads) {
		for pos := range b.context {
			b.biases = append(b.biases, bf16(bf16(slope)*bf16(float32(pos)))/float32(math.Sqrt(float64(b.headDim))))
		}
	}
}

// maxBiases bounds the biases of all heads and positions.
const maxBiases = 1 << 24

// bf16 rounds to bfloat16, to the nearest and ties to even.
func bf16(x float32) float32 {
	u := math.Float32bits(x)
	return math.Float32frombits((u + 0x7fff + u>>16&1) &^ 0xffff)
}

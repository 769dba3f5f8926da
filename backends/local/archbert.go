package local

import "fmt"

// Masked models: each position attends to all, norms stand after the sums, and the head, behind a layer and a norm of
// its own, fills in the token under a mask (Devlin et al. 2019, arXiv 1810.04805).

// masked sets what masked models share.
func (c *config) masked(b *blueprint, width, ff, heads int) {
	b.causal, b.norm = false, layerNorm
	b.width, b.ff = width, ff
	b.attention(heads, heads, 0)
	b.eps = float32(c.float(1e-12, "layer_norm_eps"))
	if kind := c.str("absolute", "position_embedding_type"); kind != "absolute" {
		c.unsupported("position_embedding_type", fmt.Sprintf("%q", kind), "absolute")
	}
	c.refuse("is_decoder", "models that fill in masks")
	c.refuse("add_cross_attention", "models of text alone")
}

// bertNames names the embedding and the layers under a prefix.
func (c *config) bertNames(b *blueprint, at string) {
	embed := at + "embeddings."
	b.names.embed, b.names.types = embed+"word_embeddings.weight", embed+"token_type_embeddings.weight"
	b.names.embedNorm = ln(embed + "LayerNorm")
	if b.types = c.int(2, "type_vocab_size"); b.types < 1 {
		b.names.types = ""
	}
	b.setLayers(c.size("num_hidden_layers"), func(i int, _ *layerSpec, n *layerNames) {
		at := fmt.Sprintf("%sencoder.layer.%d.", at, i)
		n.qkv = b.separate(at+"attention.self.", "query", "key", "value", true)
		n.out, n.attnSum = []outputs{lin(at+"attention.output.dense", b.width, true)}, ln(at+"attention.output.LayerNorm")
		n.up = []outputs{lin(at+"intermediate.dense", b.ff, true)}
		n.down, n.ffSum = []outputs{lin(at+"output.dense", b.width, true)}, ln(at+"output.LayerNorm")
	})
}

// bert reads the sizes as BERT spells them.
func (c *config) bert(b *blueprint) {
	c.masked(b, c.size("hidden_size"), c.size("intermediate_size"), c.size("num_attention_heads"))
	b.context = c.size("max_position_embeddings")
	b.act = c.activation("gelu", "hidden_act")
	b.headAct = b.act
}

// headOf names the head: a layer, a norm, and the embedding or a matrix of its own with a bias.
func (b *blueprint) headOf(dense, norm, decoder, bias string) {
	b.names.transform, b.names.transformNorm = []outputs{lin(dense, b.width, true)}, ln(norm)
	if !b.tied {
		bias = decoder + ".bias"
	}
	b.names.head = whole(decoder+".weight", bias, b.vocab)
}

func describeBERT(c *config, b *blueprint) {
	c.bert(b)
	c.bertNames(b, "bert.")
	b.learned("bert.embeddings.position_embeddings.weight", b.context, 0)
	b.headOf("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder", "cls.predictions.bias")
}

// describeRoBERTa: BERT whose positions begin behind the row of the padding token (Liu et al. 2019, arXiv 1907.11692).
func describeRoBERTa(c *config, b *blueprint) {
	c.bert(b)
	c.bertNames(b, "roberta.")
	rows, offset := b.context, c.int(1, "pad_token_id")+1
	b.context = rows - offset
	b.learned("roberta.embeddings.position_embeddings.weight", rows, offset)
	b.headAct = activations["gelu"]
	b.headOf("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias")
}

// describeDistilBERT: BERT without types of tokens (Sanh et al. 2019, arXiv 1910.01108).
func describeDistilBERT(c *config, b *blueprint) {
	c.masked(b, c.size("dim", "hidden_size"), c.size("hidden_dim"), c.size("n_heads", "num_attention_heads"))
	b.context = c.size("max_position_embeddings")
	b.act = c.activation("gelu", "activation")
	b.headAct = b.act
	b.names.embed, b.names.embedNorm = "distilbert.embeddings.word_embeddings.weight", ln("distilbert.embeddings.LayerNorm")
	b.learned("distilbert.embeddings.position_embeddings.weight", b.context, 0)
	b.setLayers(c.size("n_layers", "num_hidden_layers"), func(i int, _ *layerSpec, n *layerNames) {
		at := fmt.Sprintf("distilbert.transformer.layer.%d.", i)
		n.qkv = b.separate(at+"attention.", "q_lin", "k_lin", "v_lin", true)
		n.out, n.attnSum = []outputs{lin(at+"attention.out_lin", b.width, true)}, ln(at+"sa_layer_norm")
		n.up = []outputs{lin(at+"ffn.lin1", b.ff, true)}
		n.down, n.ffSum = []outputs{lin(at+"ffn.lin2", b.width, true)}, ln(at+"output_layer_norm")
	})
	b.headOf("vocab_transform", "vocab_layer_norm", "vocab_projector", "vocab_projector.bias")
}

// describeALBERT: BERT with a narrow embedding and layers that share their weights in groups (Lan et al. 2020, arXiv
// 1909.11942).
func describeALBERT(c *config, b *blueprint) {
	c.bert(b)
	c.bertNames(b, "albert.")
	b.embedWidth = c.int(128, "embedding_size")
	b.learned("albert.embeddings.position_embeddings.weight", b.context, 0)
	b.names.embedProj = []outputs{lin("albert.encoder.embedding_hidden_mapping_in", b.width, true)}
	layers, groups, inner := c.size("num_hidden_layers"), c.int(1, "num_hidden_groups"), c.int(1, "inner_group_num")
	if groups < 1 || inner < 1 || inner > maxLayers || layers < groups || layers > maxLayers {
		c.fail("%d layers in %d groups of %d", layers, groups, inner)
		return
	}
	b.setLayers(layers*inner, func(i int, _ *layerSpec, n *layerNames) {
		group := i / inner * groups / layers
		at := fmt.Sprintf("albert.encoder.albert_layer_groups.%d.albert_layers.%d.", group, i%inner)
		n.qkv = b.separate(at+"attention.", "query", "key", "value", true)
		n.out, n.attnSum = []outputs{lin(at+"attention.dense", b.width, true)}, ln(at+"attention.LayerNorm")
		n.up = []outputs{lin(at+"ffn", b.ff, true)}
		n.down, n.ffSum = []outputs{lin(at+"ffn_output", b.width, true)}, ln(at+"full_layer_layer_norm")
	})
	b.narrowHead("predictions.dense", "predictions.LayerNorm", "predictions.decoder", "predictions.bias")
}

// narrowHead is a head of which the layer goes down to the width of the embedding.
func (b *blueprint) narrowHead(dense, norm, decoder, bias string) {
	b.headOf(dense, norm, decoder, bias)
	b.names.transform = []outputs{lin(dense, b.embedWidth, true)}
}

// describeELECTRA is the generator of ELECTRA (Clark et al. 2020, arXiv 2003.10555).
func describeELECTRA(c *config, b *blueprint) {
	c.bert(b)
	c.bertNames(b, "electra.")
	if b.embedWidth = c.int(b.width, "embedding_size"); b.embedWidth != b.width {
		b.names.embedProj = []outputs{lin("electra.embeddings_project", b.width, true)}
	}
	b.learned("electra.embeddings.position_embeddings.weight", b.context, 0)
	b.headAct = activations["gelu"]
	b.narrowHead("generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head", "generator_lm_head.bias")
}

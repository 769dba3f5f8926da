"""The parity checkpoints: name -> (model class, config in the spelling of transformers 4, options).

Every architecture that the engine runs is here with each of its options that changes numbers. Shapes are awkward on
purpose: 2 layers, width 64, feed-forward 100, a vocabulary of 97, grouped heads. Prompts pass every window, every
original context of a rope scaling, and the engine's pages of 64 positions.
"""

LLAMA = dict(vocab_size=97, hidden_size=64, intermediate_size=100, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=0,
             tie_word_embeddings=False)
FULL = LLAMA | dict(num_key_value_heads=4)


def but(base, drop=(), **changes):
    return {k: v for k, v in (base | changes).items() if k not in drop}


def rope(kind, **more):
    return {"rope_type": kind} | more


def gemma(**changes):
    return but(LLAMA, head_dim=16, tie_word_embeddings=True, **changes)


NEOX = but(FULL, drop=["num_key_value_heads"], rotary_pct=0.25, use_parallel_residual=True)
GPT2 = dict(vocab_size=97, n_positions=128, n_embd=64, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2, pad_token_id=0)
OPT = dict(vocab_size=97, hidden_size=64, num_hidden_layers=2, ffn_dim=100, max_position_embeddings=128,
           num_attention_heads=4, word_embed_proj_dim=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)
BLOOM = dict(vocab_size=97, hidden_size=64, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2, pad_token_id=0)
FALCON = dict(vocab_size=97, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=128,
              bos_token_id=1, eos_token_id=2, pad_token_id=0, ffn_hidden_size=100)
STABLELM = but(LLAMA, partial_rotary_factor=0.25)
PHI3 = but(LLAMA, original_max_position_embeddings=128)
BERT = dict(vocab_size=97, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=100,
            max_position_embeddings=128, type_vocab_size=2, pad_token_id=0)
DISTIL = dict(vocab_size=97, dim=64, n_layers=2, n_heads=4, hidden_dim=100, max_position_embeddings=128, pad_token_id=0)
ALBERT = BERT | dict(embedding_size=32, num_hidden_groups=1, inner_group_num=1)
PHI = but(FULL, partial_rotary_factor=0.5)
LONG = rope("longrope", short_factor=[1.0, 1.1, 1.3, 1.5, 1.8, 2.0, 2.2, 2.5],
            long_factor=[1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0])


def su(kind, n):
    return {"type": kind, "short_factor": LONG["short_factor"][:n], "long_factor": LONG["long_factor"][:n]}


# Eager attention of Falcon adds ALiBi twice; sdpa, which is what models run with, once.
CASES = {
    "llama": ("LlamaForCausalLM", LLAMA),
    "llama-tied-heads": ("LlamaForCausalLM", but(LLAMA, tie_word_embeddings=True, num_key_value_heads=1, head_dim=24)),
    "llama-bias": ("LlamaForCausalLM", but(LLAMA, attention_bias=True, mlp_bias=True, rope_theta=500000.0)),
    "llama-gelu": ("LlamaForCausalLM", but(LLAMA, hidden_act="gelu")),
    "llama-quick-gelu": ("LlamaForCausalLM", but(LLAMA, hidden_act="quick_gelu")),
    "llama-rope-llama3": ("LlamaForCausalLM", but(LLAMA, rope_theta=10000.0, rope_scaling=rope(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32))),
    "llama-rope-linear": ("LlamaForCausalLM", but(LLAMA, rope_scaling=rope("linear", factor=4.0))),
    "llama-rope-dynamic": ("LlamaForCausalLM", but(LLAMA, rope_scaling=rope("dynamic", factor=2.0))),
    "llama-rope-dynamic-long": ("LlamaForCausalLM", but(LLAMA, max_position_embeddings=32, rope_scaling=rope("dynamic", factor=2.0))),
    "llama-rope-yarn": ("LlamaForCausalLM", but(LLAMA, rope_scaling=rope("yarn", factor=4.0, original_max_position_embeddings=32))),
    "llama-rope-yarn-all": ("LlamaForCausalLM", but(LLAMA, rope_scaling=rope(
        "yarn", factor=8.0, original_max_position_embeddings=16, beta_fast=8.0, beta_slow=2.0, mscale=1.2, mscale_all_dim=0.8, truncate=False))),
    "llama-rope-yarn-factor": ("LlamaForCausalLM", but(LLAMA, rope_scaling=rope(
        "yarn", factor=4.0, original_max_position_embeddings=32, attention_factor=0.9))),
    "llama-rope-longrope": ("LlamaForCausalLM", but(LLAMA, rope_scaling=rope(
        "longrope", factor=4.0, original_max_position_embeddings=32, short_factor=LONG["short_factor"], long_factor=LONG["long_factor"]))),
    "mistral": ("MistralForCausalLM", but(LLAMA, sliding_window=None)),
    "mistral-window": ("MistralForCausalLM", but(LLAMA, sliding_window=10, head_dim=32)),
    "mistral-window-page": ("MistralForCausalLM", but(LLAMA, sliding_window=64)),
    "qwen2": ("Qwen2ForCausalLM", but(LLAMA, use_sliding_window=False, sliding_window=10, max_window_layers=1)),
    "qwen2-tied": ("Qwen2ForCausalLM", but(LLAMA, tie_word_embeddings=True, rope_theta=1000000.0)),
    "qwen2-window": ("Qwen2ForCausalLM", but(LLAMA, use_sliding_window=True, sliding_window=10, max_window_layers=1)),
    "qwen2-window-all": ("Qwen2ForCausalLM", but(LLAMA, use_sliding_window=True, sliding_window=10, max_window_layers=0)),
    "qwen2-yarn": ("Qwen2ForCausalLM", but(LLAMA, rope_scaling=rope("yarn", factor=4.0, original_max_position_embeddings=32))),
    "qwen3": ("Qwen3ForCausalLM", but(LLAMA, head_dim=32)),
    "qwen3-bias": ("Qwen3ForCausalLM", but(LLAMA, head_dim=16, attention_bias=True, tie_word_embeddings=True)),
    "qwen3-window": ("Qwen3ForCausalLM", but(LLAMA, head_dim=16, use_sliding_window=True, sliding_window=10, max_window_layers=1)),
    "gemma": ("GemmaForCausalLM", gemma(hidden_activation="gelu_pytorch_tanh")),
    "gemma-act": ("GemmaForCausalLM", gemma(hidden_act="gelu", hidden_activation=None)),
    "gemma2": ("Gemma2ForCausalLM", gemma(query_pre_attn_scalar=24, sliding_window=10)),
    "gemma2-caps": ("Gemma2ForCausalLM", gemma(query_pre_attn_scalar=64, sliding_window=10, attn_logit_softcapping=2.0, final_logit_softcapping=5.0)),
    "gemma2-no-caps": ("Gemma2ForCausalLM", gemma(query_pre_attn_scalar=16, sliding_window=128, attn_logit_softcapping=None, final_logit_softcapping=None)),
    "gemma3": ("Gemma3ForCausalLM", gemma(query_pre_attn_scalar=24, sliding_window=10, sliding_window_pattern=2, num_hidden_layers=4)),
    "gemma3-scaled": ("Gemma3ForCausalLM", gemma(query_pre_attn_scalar=24, sliding_window=10, sliding_window_pattern=2, num_hidden_layers=4,
                                                 rope_theta=50000.0, rope_local_base_freq=500.0, rope_scaling=rope("linear", factor=8.0),
                                                 attn_logit_softcapping=3.0, final_logit_softcapping=6.0)),
    "gemma3-image-text": ("Gemma3ForConditionalGeneration", gemma(query_pre_attn_scalar=24, sliding_window=10, num_hidden_layers=2), "nested"),
    "phi3": ("Phi3ForCausalLM", PHI3),
    "phi3-window": ("Phi3ForCausalLM", but(PHI3, sliding_window=10, tie_word_embeddings=True)),
    "phi3-longrope": ("Phi3ForCausalLM", but(PHI3, original_max_position_embeddings=32, rope_scaling=su("longrope", 8))),
    "phi3-longrope-partial": ("Phi3ForCausalLM", but(PHI3, original_max_position_embeddings=32, partial_rotary_factor=0.75, rope_scaling=su("longrope", 6))),
    "olmo": ("OlmoForCausalLM", LLAMA),
    "olmo-clip": ("OlmoForCausalLM", but(LLAMA, clip_qkv=0.5, tie_word_embeddings=True)),
    "olmo2": ("Olmo2ForCausalLM", LLAMA),
    "olmo2-bias": ("Olmo2ForCausalLM", but(LLAMA, attention_bias=True, tie_word_embeddings=True)),
    "olmo3": ("Olmo3ForCausalLM", but(LLAMA, sliding_window=10, num_hidden_layers=4, rope_theta=500000.0)),
    "smollm3": ("SmolLM3ForCausalLM", but(LLAMA, rope_theta=10000.0, num_hidden_layers=4, no_rope_layer_interval=2)),
    "granite": ("GraniteForCausalLM", but(LLAMA, embedding_multiplier=3.0, logits_scaling=2.5, residual_multiplier=0.4, attention_multiplier=0.2)),
    "cohere": ("CohereForCausalLM", but(LLAMA, tie_word_embeddings=True, logit_scale=0.25, rope_theta=10000.0, use_qk_norm=False)),
    "cohere-qk-norm": ("CohereForCausalLM", but(LLAMA, tie_word_embeddings=True, logit_scale=0.25, rope_theta=10000.0, use_qk_norm=True)),
    "starcoder2": ("Starcoder2ForCausalLM", but(LLAMA, sliding_window=10, use_bias=True, hidden_act="gelu_pytorch_tanh")),
    "starcoder2-no-bias": ("Starcoder2ForCausalLM", but(LLAMA, use_bias=False, tie_word_embeddings=True)),
    "phi": ("PhiForCausalLM", PHI),
    "phi-qk-norm": ("PhiForCausalLM", but(PHI, qk_layernorm=True)),
    "stablelm": ("StableLmForCausalLM", STABLELM),
    "stablelm-bias": ("StableLmForCausalLM", but(STABLELM, use_qkv_bias=True, tie_word_embeddings=True)),
    "stablelm-qk-norm": ("StableLmForCausalLM", but(STABLELM, qk_layernorm=True, partial_rotary_factor=0.5)),
    "stablelm-parallel": ("StableLmForCausalLM", but(STABLELM, use_parallel_residual=True, qk_layernorm=True)),
    "neox": ("GPTNeoXForCausalLM", NEOX),
    "neox-serial": ("GPTNeoXForCausalLM", but(NEOX, use_parallel_residual=False, rotary_pct=1.0, rotary_emb_base=500)),
    "neox-no-bias": ("GPTNeoXForCausalLM", but(NEOX, attention_bias=False, hidden_act="gelu_fast", tie_word_embeddings=True)),
    "neox-linear": ("GPTNeoXForCausalLM", but(NEOX, rope_scaling=rope("linear", factor=4.0))),
    "gpt2": ("GPT2LMHeadModel", GPT2),
    "gpt2-scales": ("GPT2LMHeadModel", but(GPT2, n_inner=100, scale_attn_by_inverse_layer_idx=True, activation_function="gelu", tie_word_embeddings=False)),
    "gpt2-unscaled": ("GPT2LMHeadModel", but(GPT2, scale_attn_weights=False, activation_function="relu")),
    "gpt-bigcode": ("GPTBigCodeForCausalLM", but(GPT2, multi_query=True)),
    "gpt-bigcode-heads": ("GPTBigCodeForCausalLM", but(GPT2, multi_query=False, n_inner=100)),
    "gpt-neo": ("GPTNeoForCausalLM", dict(vocab_size=97, hidden_size=64, num_layers=2, num_heads=4, intermediate_size=100, max_position_embeddings=128,
                                         attention_types=[[["global", "local"], 1]], window_size=10, bos_token_id=1, eos_token_id=2, pad_token_id=0)),
    "opt": ("OPTForCausalLM", OPT),
    "opt-post-norm": ("OPTForCausalLM", but(OPT, do_layer_norm_before=False, word_embed_proj_dim=32)),
    "opt-proj": ("OPTForCausalLM", but(OPT, word_embed_proj_dim=32)),
    "opt-no-final-norm": ("OPTForCausalLM", OPT | {"_remove_final_layer_norm": True}),
    "galactica": ("OPTForCausalLM", but(OPT, activation_function="gelu", enable_bias=False)),
    "opt-plain-norm": ("OPTForCausalLM", but(OPT, layer_norm_elementwise_affine=False)),
    "bloom": ("BloomForCausalLM", BLOOM),
    "bloom-heads": ("BloomForCausalLM", but(BLOOM, n_head=6, hidden_size=48, apply_residual_connection_post_layernorm=True)),
    "mpt": ("MptForCausalLM", dict(vocab_size=97, d_model=64, n_heads=4, n_layers=2, expansion_ratio=2, max_seq_len=128)),
    "mpt-heads": ("MptForCausalLM", dict(vocab_size=97, d_model=48, n_heads=6, n_layers=2, expansion_ratio=4, max_seq_len=128,
                                        attn_config=dict(alibi=True, alibi_bias_max=4, clip_qkv=0.5, softmax_scale=0.2))),
    "gptj": ("GPTJForCausalLM", but(GPT2, rotary_dim=8)),
    "gptj-full": ("GPTJForCausalLM", but(GPT2, rotary_dim=16, n_inner=100)),
    "codegen": ("CodeGenForCausalLM", but(GPT2, rotary_dim=8, n_head=8)),
    "falcon-7b": ("FalconForCausalLM", but(FALCON, multi_query=True, parallel_attn=True, new_decoder_architecture=False, bias=False, alibi=False)),
    "falcon-40b": ("FalconForCausalLM", but(FALCON, new_decoder_architecture=True, num_kv_heads=2, bias=False, alibi=False)),
    "falcon-11b": ("FalconForCausalLM", but(FALCON, new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1, tie_word_embeddings=False)),
    "falcon-rw": ("FalconForCausalLM", but(FALCON, multi_query=False, parallel_attn=False, new_decoder_architecture=False, bias=True, alibi=True), "sdpa"),
    "falcon-rw-heads": ("FalconForCausalLM", but(FALCON, num_attention_heads=16, max_position_embeddings=512, multi_query=False, parallel_attn=False, bias=True,
                                                 alibi=True), "sdpa", "long"),
    "falcon-multi-serial": ("FalconForCausalLM", but(FALCON, multi_query=True, parallel_attn=False, new_decoder_architecture=False, bias=True, alibi=False)),
    "bert": ("BertForMaskedLM", BERT),
    "bert-act": ("BertForMaskedLM", but(BERT, hidden_act="gelu_new", tie_word_embeddings=False)),
    "roberta": ("RobertaForMaskedLM", but(BERT, pad_token_id=1, type_vocab_size=1, layer_norm_eps=1e-5)),
    "xlm-roberta": ("XLMRobertaForMaskedLM", but(BERT, pad_token_id=1, type_vocab_size=1, layer_norm_eps=1e-5)),
    "camembert": ("CamembertForMaskedLM", but(BERT, pad_token_id=1, type_vocab_size=1)),
    "distilbert": ("DistilBertForMaskedLM", DISTIL),
    "distilbert-relu": ("DistilBertForMaskedLM", but(DISTIL, activation="relu", sinusoidal_pos_embds=True)),
    "albert": ("AlbertForMaskedLM", ALBERT),
    "albert-groups": ("AlbertForMaskedLM", but(ALBERT, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2)),
    "electra": ("ElectraForMaskedLM", but(BERT, embedding_size=32)),
}

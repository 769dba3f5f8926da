"""Writes a GGUF file of a checkpoint that backends/local/internal/randmodel wrote, for llama.cpp.

    python gguf_file.py CHECKPOINT FILE

It knows the three shapes of that package: GPTNeoX, Qwen2 and Llama. Types of weights are kept; norms and biases are
float32, as llama.cpp wants them. Needs the packages gguf and numpy.
"""

import json
import pathlib
import sys

import gguf
import numpy as np


def tensors(path):
    """Yields names, types and arrays of a safetensors file; BF16 as its upper halves."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    size = int(data[:8].view(np.uint64)[0])
    header = json.loads(bytes(data[8 : 8 + size]))
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        lo, hi = (8 + size + o for o in entry["data_offsets"])
        kind = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}[entry["dtype"]]
        yield name, entry["dtype"], np.frombuffer(data[lo:hi].tobytes(), dtype=kind).reshape(entry["shape"])


def wide(dtype, array):
    """Numbers as float32."""
    if dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


LAYER = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
    "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}
WHOLE = {
    "model.embed_tokens": "token_embd", "gpt_neox.embed_in": "token_embd", "model.norm": "output_norm",
    "gpt_neox.final_layer_norm": "output_norm", "lm_head": "output", "embed_out": "output",
}


def rename(name):
    stem, kind = name.rsplit(".", 1)
    if stem in WHOLE:
        return f"{WHOLE[stem]}.{kind}"
    parts = stem.split(".")
    return f"blk.{parts[2]}.{LAYER['.'.join(parts[3:])]}.{kind}"


def arrange(name, array, config):
    """Orders rows as llama.cpp computes with them."""
    heads = config["num_attention_heads"]
    if "query_key_value" in name:  # heads of query, key, value become all queries, all keys, all values
        dim = config["hidden_size"] // heads
        return np.ascontiguousarray(array.reshape(heads, 3, dim, *array.shape[1:]).swapaxes(0, 1)).reshape(array.shape)
    if config["model_type"] == "llama" and ("q_proj" in name or "k_proj" in name):  # halves become neighbours
        n = heads if "q_proj" in name else config["num_key_value_heads"]
        return np.ascontiguousarray(array.reshape(n, 2, array.shape[0] // n // 2, *array.shape[1:]).swapaxes(1, 2)).reshape(array.shape)
    return array


def describe(w, config):
    heads = config["num_attention_heads"]
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_block_count(config["num_hidden_layers"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(heads)
    w.add_vocab_size(config["vocab_size"])
    if config["model_type"] == "gpt_neox":
        w.add_layer_norm_eps(config["layer_norm_eps"])
        w.add_parallel_residual(config["use_parallel_residual"])
        w.add_rope_dimension_count(int(config["rotary_pct"] * config["hidden_size"] // heads))
        w.add_rope_freq_base(float(config["rotary_emb_base"]))
        return
    w.add_head_count_kv(config["num_key_value_heads"])
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_rope_dimension_count(config["hidden_size"] // heads)
    w.add_rope_freq_base(config["rope_theta"])


def vocabulary(w, model, size):
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    kinds = [gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(tokens) - 1)
    for i in range(len(tokens), size):
        tokens.append(f"[PAD{i}]")
        kinds.append(gguf.TokenType.UNUSED)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    w.add_token_merges([" ".join(m) for m in model["merges"]])
    w.add_bos_token_id(0)
    w.add_eos_token_id(0)


def main(checkpoint, file):
    folder = pathlib.Path(checkpoint)
    config = json.loads((folder / "config.json").read_text())
    w = gguf.GGUFWriter(file, {"gpt_neox": "gptneox", "qwen2": "qwen2", "llama": "llama"}[config["model_type"]])
    describe(w, config)
    vocabulary(w, json.loads((folder / "tokenizer.json").read_text())["model"], config["vocab_size"])
    for name, dtype, array in tensors(folder / "model.safetensors"):
        array = arrange(name, array, config)
        if array.ndim == 1:
            w.add_tensor(rename(name), wide(dtype, array))
        elif dtype == "BF16":
            w.add_tensor(rename(name), array.view(np.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            w.add_tensor(rename(name), array)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

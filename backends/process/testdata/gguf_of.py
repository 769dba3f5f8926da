"""Writes a Llama checkpoint with a tokenizer of single characters as GGUF: python gguf_of.py FOLDER FILE [f32|f16].

FOLDER is in Hugging Face's layout, as the models of onset's ladder are. Matrices are written in the type that is named, which
is f32 without a name; the vectors are always f32. llama.cpp turns neighbouring pairs of a head's elements where Hugging Face's
Llama turns the halves, so the rows of the query and key projections are put into another order here.
"""
import json
import pathlib
import sys

import gguf
import numpy as np

TYPES = {"F16": np.float16, "F32": np.float32}


def tensors(file):
    data = pathlib.Path(file).read_bytes()
    size = int.from_bytes(data[:8], "little")
    for name, at in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = at["data_offsets"]
        yield name, np.frombuffer(data[8 + size + begin : 8 + size + end], TYPES[at["dtype"]]).reshape(at["shape"])


def pairs(rows, heads):
    """Orders a projection's rows so that the two that are turned together stand beside each other."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def byte_letters():
    """The letters by which GPT-2's tokenizer writes bytes: printable ones stand for themselves, the others from U+0100 on."""
    own = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in own]
    return {b: chr(b) if b in own else chr(256 + others.index(b)) for b in range(256)}


def main(folder, out, kind="f32"):
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    if tokenizer["model"]["type"] != "BPE" or tokenizer["model"]["merges"]:
        sys.exit("only tokenizers of single characters are converted")
    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]

    w = gguf.GGUFWriter(out, "llama")
    w.add_name(folder.name)
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_block_count(config["num_hidden_layers"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_key_length(config["head_dim"])
    w.add_value_length(config["head_dim"])
    w.add_rope_dimension_count(config["head_dim"])
    w.add_rope_freq_base(config["rope_theta"])
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_vocab_size(config["vocab_size"])
    w.add_file_type(gguf.LlamaFileType.ALL_F32 if kind == "f32" else gguf.LlamaFileType.MOSTLY_F16)

    special = {t["id"]: t["content"] for t in tokenizer["added_tokens"]}
    letters = byte_letters()
    words = [""] * config["vocab_size"]
    for text, i in tokenizer["model"]["vocab"].items():
        words[i] = special.get(i) or "".join(letters[b] for b in text.encode())
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(words)
    w.add_token_types([gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for i in range(len(words))])
    w.add_token_merges(["<pad> <bos>"])  # llama.cpp demands a merge; this one never applies
    w.add_bos_token_id(config["bos_token_id"])
    w.add_eos_token_id(config["eos_token_id"])
    w.add_pad_token_id(config["pad_token_id"])
    w.add_add_bos_token(True)
    w.add_add_eos_token(False)

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, t in tensors(folder / "model.safetensors"):
        to = names.get_name(name, try_suffixes=(".weight",))
        if to is None:
            sys.exit(f"{name} is no tensor of a Llama")
        if name.endswith("q_proj.weight"):
            t = pairs(t, heads)
        elif name.endswith("k_proj.weight"):
            t = pairs(t, kv)
        w.add_tensor(to, np.ascontiguousarray(t, np.float16 if kind == "f16" and t.ndim > 1 else np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

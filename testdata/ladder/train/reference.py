"""An independent float64 Llama forward pass in numpy, held against recorded logits.

It shares no code with the model that trains: it was written from the published
Llama definition, so that an error of the export cannot hide in both.
"""

import argparse
import json
import pathlib
import struct

import numpy as np


def load(folder: pathlib.Path) -> tuple[dict, dict[str, np.ndarray]]:
    """Return config.json and the float16 weights as float64, by tensor name."""
    config = json.loads((folder / "config.json").read_text())
    raw = (folder / "model.safetensors").read_bytes()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    weights = {}
    for name, entry in json.loads(raw[8:start]).items():
        if name == "__metadata__":
            continue
        begin, end = (start + offset for offset in entry["data_offsets"])
        tensor = np.frombuffer(raw[begin:end], np.float16)
        weights[name] = tensor.reshape(entry["shape"]).astype(np.float64)
    return config, weights


def forward(config: dict, w: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
    """Return logits, tokens x vocabulary, of one prompt that starts with <bos>."""
    heads, width = config["num_attention_heads"], config["hidden_size"]
    size, count = width // heads, len(ids)

    def norm(x, name):
        scale = np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"])
        return x / scale * w[name]

    angle = np.outer(np.arange(count), config["rope_theta"] ** (-np.arange(0, size, 2) / size))
    cos, sin = (np.tile(f(angle), 2) for f in (np.cos, np.sin))

    def rotate(x):
        return x * cos + np.concatenate([-x[..., size // 2:], x[..., :size // 2]], -1) * sin

    x = w["model.embed_tokens.weight"][ids]
    future = np.triu(np.full((count, count), -1e30), 1)
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        y = norm(x, p + "input_layernorm.weight")
        q, k, v = ((y @ w[f"{p}self_attn.{n}_proj.weight"].T).reshape(count, heads, size)
                   .transpose(1, 0, 2) for n in "qkv")
        score = rotate(q) @ rotate(k).transpose(0, 2, 1) / np.sqrt(size) + future
        share = np.exp(score - score.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        mixed = (share @ v).transpose(1, 0, 2).reshape(count, width)
        x = x + mixed @ w[p + "self_attn.o_proj.weight"].T
        y = norm(x, p + "post_attention_layernorm.weight")
        gate = y @ w[p + "mlp.gate_proj.weight"].T
        hidden = gate / (1 + np.exp(-gate)) * (y @ w[p + "mlp.up_proj.weight"].T)
        x = x + hidden @ w[p + "mlp.down_proj.weight"].T
    return norm(x, "model.norm.weight") @ w["model.embed_tokens.weight"].T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", type=pathlib.Path, help="folder of checkpoints, one a size")
    parser.add_argument("recorded", type=pathlib.Path, help="reference_logits.json")
    args = parser.parse_args()
    cases = json.loads(args.recorded.read_text())
    worst = 0.0
    for case in cases:
        last = forward(*load(args.family / case["size"]), case["ids"])[-1]
        worst = max(worst, float(np.abs(last - case["last_logits"]).max()))
    print(f"{len(cases)} prompts, largest difference {worst:.2e}")
    if not cases or worst > 1e-4:
        raise SystemExit("logits differ from the record by more than 1e-4")


if __name__ == "__main__":
    main()

"""The model: a small Llama (Touvron et al. 2023) with tied embeddings, and its Hugging Face layout on disk."""

from __future__ import annotations

import json
import math
import os
import struct
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tasks import BOS, EOS, PAD, SPECIAL, VOCABULARY

V = len(VOCABULARY)
CONTEXT = 128  # tokens
EPS = 1e-5  # of the norms
MASKED = -1e9


@dataclass(frozen=True)
class Size:
    width: int
    layers: int
    heads: int
    ff: int
    theta: float = 1000.0  # base of the rotary angles

    @property
    def head_dim(self) -> int:
        return self.width // self.heads


SIZES = {
    "s0": Size(8, 1, 1, 16), "s1": Size(16, 1, 2, 40), "s2": Size(20, 2, 2, 48), "s3": Size(32, 2, 2, 88),
    "s4": Size(48, 3, 3, 128), "s5": Size(64, 4, 4, 176), "s6": Size(96, 4, 4, 256), "s7": Size(128, 5, 4, 344),
}  # fmt: skip


class RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * self.weight


class Layer(nn.Module):
    """Attention, then the gated feed-forward. q, k and v stand in one matrix, and gate and up in another."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        d, ff = size.width, size.ff
        shrink = math.sqrt(2 * size.layers)  # keeps the residual stream's variance over the depth
        self.size = size
        self.n1, self.n2 = RMSNorm(d), RMSNorm(d)
        self.qkv = nn.Parameter(torch.randn(3 * d, d) / math.sqrt(d))
        self.o = nn.Parameter(torch.randn(d, d) / math.sqrt(d) / shrink)
        self.gu = nn.Parameter(torch.randn(2 * ff, d) / math.sqrt(d))
        self.dn = nn.Parameter(torch.randn(d, ff) / math.sqrt(ff) / shrink)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        batch, length, d = x.shape
        dim = self.size.head_dim
        qkv = F.linear(self.n1(x), self.qkv).view(batch, length, 3, self.size.heads, dim).permute(2, 0, 3, 1, 4)
        a, b = qkv[:2, ..., : dim // 2], qkv[:2, ..., dim // 2 :]
        q, k = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
        p = torch.softmax((q * dim**-0.5) @ k.transpose(-1, -2) + mask, -1)
        x = x + F.linear((p @ qkv[2]).transpose(1, 2).reshape(batch, length, d), self.o)
        gate, up = F.linear(self.n2(x), self.gu).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.dn)


class Model(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.emb = nn.Parameter(torch.randn(V, size.width) / math.sqrt(size.width))
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.nf = RMSNorm(size.width)
        half = size.head_dim // 2
        frequency = size.theta ** (-torch.arange(half).float() / half)
        angle = torch.arange(2 * CONTEXT).float()[:, None] * frequency
        self.cos, self.sin = angle.cos(), angle.sin()

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [batch × length × vocabulary] of ids [batch × length], one text a row."""
        length = ids.shape[1]
        mask = torch.full((length, length), MASKED).triu(1)
        x = F.embedding(ids, self.emb)
        for layer in self.layers:
            x = layer(x, self.cos[:length], self.sin[:length], mask)
        return F.linear(self.nf(x), self.emb)

    def parameters_count(self) -> int:
        return sum(p.numel() for p in self.parameters())


def document_mask(documents: Tensor) -> Tensor:
    """The additive mask [batch × 1 × length × length] that keeps each document of a row to itself."""
    length = documents.shape[1]
    visible = (documents[:, :, None] == documents[:, None, :]) & torch.ones(length, length, dtype=torch.bool).tril()
    return torch.zeros(visible.shape).masked_fill_(~visible, MASKED)[:, None]


# --- Hugging Face layout -------------------------------------------------------------------------------------------


def tensors(m: Model) -> dict[str, Tensor]:
    """The model's tensors under Hugging Face's names."""
    d, ff = m.size.width, m.size.ff
    out = {"model.embed_tokens.weight": m.emb, "model.norm.weight": m.nf.weight}
    for i, layer in enumerate(m.layers):
        p = f"model.layers.{i}."
        out[p + "input_layernorm.weight"] = layer.n1.weight
        out[p + "post_attention_layernorm.weight"] = layer.n2.weight
        for name, part in zip("qkv", layer.qkv.split(d)):
            out[p + f"self_attn.{name}_proj.weight"] = part
        out[p + "self_attn.o_proj.weight"] = layer.o
        for name, part in zip(("gate", "up"), layer.gu.split(ff)):
            out[p + f"mlp.{name}_proj.weight"] = part
        out[p + "mlp.down_proj.weight"] = layer.dn
    return {name: t.detach() for name, t in out.items()}


def load(folder: str) -> Model:
    """Reads a checkpoint; its float16 weights are computed with in float32."""
    with open(os.path.join(folder, "config.json")) as f:
        c = json.load(f)
    m = Model(Size(c["hidden_size"], c["num_hidden_layers"], c["num_attention_heads"], c["intermediate_size"], c["rope_theta"]))
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        raw = f.read()
    body = 8 + struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:body])
    kinds = {"F16": np.float16, "F32": np.float32}
    for name, target in tensors(m).items():
        lo, hi = header[name]["data_offsets"]
        values = np.frombuffer(raw[body + lo : body + hi], kinds[header[name]["dtype"]]).astype(np.float32)
        target.copy_(torch.from_numpy(values.reshape(header[name]["shape"])))  # a view of the parameter
    return m


def save(m: Model, folder: str, training: dict) -> None:
    os.makedirs(folder, exist_ok=True)
    save_weights(m, os.path.join(folder, "model.safetensors"))
    files = {
        "config.json": config(m.size),
        "generation_config.json": {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD, "do_sample": False, "max_new_tokens": 40},
        "tokenizer.json": tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>",
            "pad_token": "<pad>", "add_bos_token": True, "add_eos_token": False, "model_max_length": CONTEXT,
            "clean_up_tokenization_spaces": False,
        },
        "training.json": training,
    }  # fmt: skip
    for name, content in files.items():
        with open(os.path.join(folder, name), "w") as f:
            f.write(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def save_weights(m: Model, path: str) -> None:
    header: dict = {"__metadata__": {"format": "pt"}}
    blob = b""
    for name, t in sorted(tensors(m).items()):
        data = t.contiguous().numpy().astype(np.float16).tobytes()
        header[name] = {"dtype": "F16", "shape": list(t.shape), "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + blob)


def config(size: Size) -> dict:
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": V, "hidden_size": size.width,
        "intermediate_size": size.ff, "num_hidden_layers": size.layers, "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads, "head_dim": size.head_dim, "hidden_act": "silu",
        "max_position_embeddings": CONTEXT, "rms_norm_eps": EPS, "rope_theta": size.theta, "rope_scaling": None,
        "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True, "initializer_range": 0.02,
        "bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD, "torch_dtype": "float16", "use_cache": True,
    }  # fmt: skip


def tokenizer() -> dict:
    """A tokenizer of single characters that puts <bos> before a text."""
    bos = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    first = {"Sequence": {"id": "A", "type_id": 0}}
    added = [
        {"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, t in enumerate(SPECIAL)
    ]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing", "single": [bos, first],
            "pair": [bos, first, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [BOS], "tokens": ["<bos>"]}},
        },
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "vocab": {t: i for i, t in enumerate(VOCABULARY)}, "merges": [],
        },
    }  # fmt: skip

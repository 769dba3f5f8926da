"""Weights of the parity checkpoints, by a formula that backends/local/parity_test.go repeats in Go.

Each element is an odd number of seven bits times a power of two, so f32, f16 and bf16 hold it exactly and the file's
type does not matter. The number comes from splitmix64 (Steele, Lea and Flood 2014), counted from a seed that is FNV-1a of
the tensor's name. Scales are those of a trained network, not of a fresh one: logits differ by whole units, so that an
option that is passed over shows.
"""

import math

import numpy as np


def fnv1a(text):
    h = 0xCBF29CE484222325
    for b in text.encode():
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def splitmix(seed, n):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return z ^ z >> np.uint64(31)


def is_norm(name):
    return any(part in name.lower() for part in ("norm", "ln_", "_ln."))


def tensor(name, shape, centred):
    """The tensor of a name and shape. centred says that norm weights are kept less one (Gemma)."""
    n = math.prod(shape)
    bits = splitmix(fnv1a(name), n)
    odd = 2 * (bits >> np.uint64(57)).astype(np.float64) - 127  # -127, -125 ... 127
    if len(shape) == 1 and is_norm(name) and not name.endswith(("bias", "beta")):
        x = (2 * (bits >> np.uint64(59)).astype(np.float64) - 31) / 128 + (0 if centred else 1)
    elif len(shape) == 1:
        x = odd / 512
    elif "embed" in name or "wte" in name or "wpe" in name or "lm_head" in name:
        x = odd / 128
    else:
        x = odd / 2 ** (6 + math.ceil(math.log2(min(shape)) / 2))
    return x.astype(np.float32).reshape(shape)


def prompt(seed, n, vocab):
    """n token ids from 5 up, which is past the special ones."""
    return [5 + int(b % np.uint64(vocab - 5)) for b in splitmix(seed, n)]

"""Prints the least time that each kernel of a step takes on a card, as tables for docs/benchmarks.md. Computed, not measured.

A kernel takes the longer of its arithmetic and its memory traffic, where each operand is moved once and all else stays on
the chip. The rates are arguments: what a card was seen to reach is better than its data sheet.

    python3 testdata/bench/roofline.py --tflops 798 --tbytes 3.0
"""

import argparse

LLAMA7B = dict(width=4096, q=4096, kv=4096, ff=11008, layers=32, vocab=32000)
T, F = 2, 4  # bytes of an element of bf16 and of float32


def kernels(s, tokens, context, keys, outputs, decode):
    """Yields (kernel, launches, operations, bytes): keys is the mean number that a token attends to."""
    w, q, kv, ff, layers, vocab = (s[k] for k in ("width", "q", "kv", "ff", "layers", "vocab"))

    def linear(name, k, n, times):
        return name, times, 2 * tokens * k * n, T * (tokens * k + k * n + tokens * n)

    # A page of keys and values is read once for all rows of a tile that attend to it: 128 tokens of a prompt, or one text's.
    cached = T * 2 * kv * (tokens * context if decode else tokens / 128 * keys)
    yield "embed", 1, 0, tokens * w * (T + F)
    yield "add_norm", 2 * layers + 1, 6 * tokens * w, tokens * w * (F + T + F + T)
    yield linear("linear, queries, keys, values", w, q + 2 * kv, layers)
    yield "rope_store", layers, 3 * tokens * (q + kv), T * tokens * (q + 2 * kv + q + 2 * kv)
    yield "attend", layers, 4 * tokens * q * keys, T * tokens * 2 * q + cached
    yield linear("linear, attention's output", q, w, layers)
    yield linear("linear, gate and up", w, 2 * ff, layers)
    yield "gate", layers, 4 * tokens * ff, T * tokens * 3 * ff
    yield linear("linear, down", ff, w, layers)
    yield "linear, head", 1, 2 * outputs * w * vocab, T * (outputs * w + w * vocab) + F * outputs * vocab
    if decode:
        yield "sample", 1, 4 * outputs * vocab, F * outputs * vocab
    else:
        yield "head_reduce", 1, 4 * outputs * vocab, F * outputs * vocab


def short(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def table(title, rows, tokens, tflops, tbytes):
    times = [max(o / tflops, b / tbytes) * 1e-6 for _, _, o, b in rows]  # µs
    total = sum(t * n for t, (_, n, _, _) in zip(times, rows))
    print(f"{title}: at least {total / 1000:.3g} ms a step, at most {tokens / total * 1e6:,.0f} tokens/s\n")
    print("| kernel | launches | GFLOP | MB | bound by | µs at least | of the step |")
    print("|---|---|---|---|---|---|---|")
    for t, (name, n, o, b) in zip(times, rows):
        bound = "arithmetic" if o / tflops > b / tbytes else "memory"
        print(f"| {name} | {n} | {short(o / 1e9)} | {short(b / 1e6)} | {bound} | {short(t)} | {100 * t * n / total:.1f} % |")
    print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tflops", type=float, default=798, help="10^12 operations a second in bf16")
    parser.add_argument("--tbytes", type=float, default=3.0, help="10^12 bytes a second of device memory")
    a = parser.parse_args()
    rows = list(kernels(LLAMA7B, tokens=8192, context=512, keys=256, outputs=512, decode=False))
    table("8192 tokens of prompts of 512, 512 of them scored", rows, 8192, a.tflops, a.tbytes)
    rows = list(kernels(LLAMA7B, tokens=64, context=1024, keys=1024, outputs=64, decode=True))
    table("one token of each of 64 texts of 1024", rows, 64, a.tflops, a.tbytes)

"""Asks a checkpoint every held-out item, greedily, and prints the accuracies: python evaluate.py seed0/s0 [--outputs FILE]

--compare FILE compares the answers with recorded ones (outputs.jsonl.gz) and lists those that differ.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re

import torch

from model import Model, load
from tasks import BOS, EOS, decode, encode, item_sets


@torch.no_grad()
def answers(m: Model, prompts: list[str], max_new_tokens: int) -> list[str]:
    """Greedy continuations. Prompts of one length are asked together, so there is no padding."""
    out = [""] * len(prompts)
    by_length: dict[int, list[int]] = {}
    for i, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(i)
    for which in by_length.values():
        ids = torch.tensor([[BOS] + encode(prompts[i]) for i in which])
        start, done = ids.shape[1], torch.zeros(len(which), dtype=torch.bool)
        for _ in range(max_new_tokens):
            token = m(ids)[:, -1].argmax(-1)
            token[done] = EOS
            done |= token == EOS
            ids = torch.cat([ids, token[:, None]], 1)
            if done.all():
                break
        for row, i in zip(ids[:, start:].tolist(), which):
            out[i] = decode(row[: row.index(EOS)] if EOS in row else row)
    return out


def right(output: str, answer: str, style: str) -> bool:
    if style == "cot":
        found = re.search(r"A:(\d+)", output)
        return bool(found) and found.group(1) == answer
    return output.split(";")[0] == answer


def recorded(path: str, size: str) -> dict[tuple[str, int], str]:
    with gzip.open(path, "rt") as f:
        lines = [json.loads(line) for line in f]
    return {(r["task"], r["id"]): r["output"] for r in lines if r["model"] == size}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint")
    p.add_argument("--compare", help="recorded answers, outputs.jsonl.gz")
    p.add_argument("--out", help="write the accuracies as JSON")
    a = p.parse_args()
    torch.set_num_threads(1)
    m = load(a.checkpoint)
    want = recorded(a.compare, os.path.basename(os.path.normpath(a.checkpoint))) if a.compare else None
    accuracy, compared, differ = {}, 0, 0
    for task, s in item_sets().items():
        outputs = answers(m, [prompt for prompt, _ in s.items], s.max_new_tokens)
        accuracy[task] = sum(right(o, answer, s.style) for o, (_, answer) in zip(outputs, s.items)) / len(s.items)
        print(f"{task:24} {accuracy[task]:.3f}")
        for i, o in enumerate(outputs if want else []):
            compared += 1
            if o != want[task, i]:
                differ += 1
                print(f"{task} {i}: {o!r}, recorded {want[task, i]!r}")
    if want is not None:
        print(f"{compared} answers compared, {differ} differ")
    if a.out:
        with open(a.out, "w") as f:
            json.dump(accuracy, f, indent=1)


if __name__ == "__main__":
    main()

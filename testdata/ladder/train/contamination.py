"""Counts the held-out prompts that stand in the training text: python contamination.py --corpus corpus.npz

sum2 and fact are memorised by design. Elsewhere hits mean that the split leaks, or that so short a prompt occurs by chance.
"""

from __future__ import annotations

import argparse

import numpy as np

from tasks import decode, item_sets


def documents(x: np.ndarray, d: np.ndarray):
    """The texts of the rows' documents."""
    for ids, numbers in zip(x, d):
        for n in range(1, int(numbers.max()) + 1):
            yield decode(ids[numbers == n].tolist())


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--corpus", default="corpus.npz")
    a = p.parse_args()
    z = np.load(a.corpus)
    texts = set(documents(z["X"], z["D"]))
    prefixes = {t[: t.index(mark) + len(mark)] for t in texts for mark in ("-> ", " A:", " S:", "likes ") if mark in t}
    everything = "\n".join(texts)
    for task, s in item_sets().items():
        if task.startswith("icl_rule"):  # a rule is held out by its query
            hits = sum(f";{p.split(';')[-1]}" in everything or p in everything for p, _ in s.items)
        elif task.startswith("icl"):
            hits = sum(len(p) > 12 and p in everything for p, _ in s.items)
        else:
            hits = sum(p in prefixes or p.replace(" S:", " A:") in prefixes for p, _ in s.items)
        print(f"{task:24} {hits} of {len(s.items)} prompts in the training text")


if __name__ == "__main__":
    main()

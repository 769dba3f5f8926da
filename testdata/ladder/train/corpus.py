"""Makes the training text: python corpus.py --tokens 10e6 --seed 1 --out corpus.npz

Documents are packed into rows of 128 tokens, several to a row, first fit from a buffer of 24. The file holds, row by row:
X the tokens (uint8), W their weights in the loss (float16), and D the number of the document in its row, from 1; 0 is padding.
"""

from __future__ import annotations

import argparse
import hashlib
import random

import numpy as np

from tasks import BOS, EOS, GENERATORS, MIX, PROMPT, encode

ROW = 128  # tokens
BUFFER = 24  # documents that wait for a row with room
SAMPLES = 300  # documents from which a task's mean length is taken
# After a mapping the end could come at any place, so predicting it is worth little.
OPEN_ENDED = {"map", "dict"}

Document = tuple[list[int], list[float]]


def document(rng: random.Random, task: str) -> Document:
    """Tokens and weights of one document, from <bos> to <eos>."""
    tokens, weights = [BOS], [0.0]
    for text, weight in GENERATORS[task](rng):
        piece = encode(text)
        tokens += piece
        weights += [weight] * len(piece)
    tokens.append(EOS)
    weights.append(PROMPT if task in OPEN_ENDED else weights[-1])
    return tokens, weights


def task_probabilities(rng: random.Random) -> list[float]:
    """How often to draw each task so that the tasks' shares of the tokens are those of MIX."""
    means = {task: sum(len(document(rng, task)[0]) for _ in range(SAMPLES)) / SAMPLES for task in MIX}
    return [MIX[task] / means[task] for task in MIX]


def make(tokens: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = random.Random(seed)
    probabilities = task_probabilities(rng)
    names, rows = list(MIX), tokens // ROW
    x = np.zeros((rows, ROW), np.uint8)
    w = np.zeros((rows, ROW), np.float16)
    d = np.zeros((rows, ROW), np.uint8)
    buffer: list[Document] = []
    for i in range(rows):
        at, number = 0, 1
        while True:
            while len(buffer) < BUFFER:
                buffer.append(document(rng, rng.choices(names, probabilities)[0]))
            fitting = next((j for j, b in enumerate(buffer) if len(b[0]) <= ROW - at), None)
            if fitting is None:
                break
            ids, weights = buffer.pop(fitting)
            end = at + len(ids)
            x[i, at:end], w[i, at:end], d[i, at:end] = ids, weights, number
            at, number = end, number + 1
    return x, w, d


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tokens", type=float, default=10e6)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--out", default="corpus.npz")
    a = p.parse_args()
    x, w, d = make(int(a.tokens), a.seed)
    np.savez(a.out, X=x, W=w, D=d)
    digest = hashlib.sha256(x.tobytes() + w.tobytes() + d.tobytes()).hexdigest()
    print(f"{len(x)} rows of {ROW} tokens, {(x > 0).mean():.3f} filled, sha256 {digest}")


if __name__ == "__main__":
    main()

"""Trains one model: python train.py --size s0 --corpus corpus.npz --out seed0/s0

The recipe: 1,024 tokens a step (8 rows), a warm-up of 200 steps, then a cosine to 5 %; Muon at 0.01 for the matrices of the layers,
AdamW at 0.02/√width for the rest; weight decay 0.05 on the matrices; gradients clipped at 1.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
import torch
from torch.nn import functional as F

import fast
from model import SIZES, V, Model, document_mask, save
from optim import Muon

ROWS = 8
WARM_UP = 200  # steps
FLOOR = 0.05  # of the learning rate, at the end
MUON_LR, WEIGHT_DECAY, CLIP = 0.01, 0.05, 1.0


def schedule(step: int, steps: int) -> float:
    """The share of the full learning rate at a step."""
    return min(1, (step + 1) / WARM_UP) * (0.5 * (1 + math.cos(math.pi * step / steps)) * (1 - FLOOR) + FLOOR)


def optimisers(m: Model) -> list:
    matrices = {id(p) for n, p in m.named_parameters() if p.ndim == 2 and n != "emb"}
    rest = [p for p in m.parameters() if id(p) not in matrices]
    adam = torch.optim.AdamW(rest, lr=0.02 / math.sqrt(m.size.width), betas=(0.9, 0.98), weight_decay=0)
    out = [Muon(m, MUON_LR, weight_decay=WEIGHT_DECAY), adam]
    for o in out:
        for group in o.param_groups:
            group["base"] = group["lr"]
    return out


def loss_of(m: Model, x: np.ndarray, w: np.ndarray, d: np.ndarray) -> torch.Tensor:
    """Weighted mean cross-entropy, in nats, of rows of tokens x with weights w and document numbers d."""
    ids = torch.from_numpy(x.astype(np.int64))
    mask = document_mask(torch.from_numpy(d.astype(np.int64)))
    logits = fast.forward(m, ids[:, :-1], mask[:, :, :-1, :-1])
    losses = F.cross_entropy(logits.reshape(-1, V), ids[:, 1:].reshape(-1), reduction="none")
    weights = torch.from_numpy(w.astype(np.float32))[:, 1:].reshape(-1)
    return (losses * weights).sum() / weights.sum()


def train(m: Model, x: np.ndarray, w: np.ndarray, d: np.ndarray, report: int = 500) -> float:
    """Trains on all rows once, and gives the last step's loss in nats."""
    steps, start = len(x) // ROWS, time.time()
    opts, recent, last = optimisers(m), [], 0.0
    for i in range(steps):
        for o in opts:
            for group in o.param_groups:
                group["lr"] = group["base"] * schedule(i, steps)
        rows = slice(i * ROWS, (i + 1) * ROWS)
        loss = loss_of(m, x[rows], w[rows], d[rows])
        m.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(m.parameters(), CLIP)
        for o in opts:
            o.step()
        last = float(loss)
        recent.append(last)
        if (i + 1) % report == 0:
            print(f"step {i + 1} of {steps}: loss {np.mean(recent):.4f} nats, {time.time() - start:.0f} s", flush=True)
            recent = []
    return last


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--size", choices=SIZES, required=True)
    p.add_argument("--corpus", default="corpus.npz")
    p.add_argument("--tokens", type=float, default=1e7, help="tokens to train on, at most the corpus")
    p.add_argument("--seed", type=int, default=0, help="of the initial weights")
    p.add_argument("--out", required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    m = Model(SIZES[a.size])
    z = np.load(a.corpus)
    x, w, d = z["X"], z["W"], z["D"]
    steps = min(int(a.tokens) // (ROWS * x.shape[1]), len(x) // ROWS)
    n = steps * ROWS
    start = time.time()
    loss = train(m, x[:n], w[:n], d[:n])
    meta = {
        "size": a.size, "params": m.parameters_count(), "tokens": n * x.shape[1], "steps": steps, "seed": a.seed,
        "batch_tokens": ROWS * x.shape[1], "wall_seconds": round(time.time() - start, 1), "threads": 1, "optimizer": "muon",
        "muon_lr": MUON_LR, "weight_decay": WEIGHT_DECAY, "final_loss": loss,
    }  # fmt: skip
    save(m, a.out, meta)
    print(f"saved {a.out} after {meta['wall_seconds']} s")


if __name__ == "__main__":
    main()

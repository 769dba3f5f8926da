"""Muon for the matrices: momentum, orthogonalised by Newton-Schulz iterations (Jordan et al. 2024, Muon)."""

from __future__ import annotations

import torch
from torch import Tensor

from model import Model

# The quintic iteration's coefficients, tuned there for fast growth of small singular values.
A, B, C = 3.4445, -4.7750, 2.0315
ITERATIONS = 5


def orthogonalise(g: Tensor) -> Tensor:
    """The nearest matrices with equal singular values, roughly, of g [n × rows × columns]."""
    tall = g.shape[1] > g.shape[2]
    x = g.transpose(1, 2) if tall else g
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    if min(x.shape[1:]) >= 48:
        x = x.bfloat16()  # faster, and exact enough for larger matrices
    for _ in range(ITERATIONS):
        square = torch.bmm(x, x.transpose(1, 2))
        x = x * A + torch.bmm(square * B + torch.bmm(square, square) * C, x)
    x = x.float()
    return x.transpose(1, 2) if tall else x


class Muon:
    """Matrices of one shape go through the iteration together: q, k, v and o; gate, up and down transposed."""

    def __init__(self, m: Model, lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        self.param_groups = [{"lr": lr}]
        self.layers, self.size = list(m.layers), m.size
        self.momentum, self.weight_decay = momentum, weight_decay
        self.buffers: list[Tensor] | None = None

    def gradients(self) -> list[Tensor]:
        d, ff = self.size.width, self.size.ff
        square = [layer.qkv.grad.view(3, d, d) for layer in self.layers] + [layer.o.grad[None] for layer in self.layers]
        wide = [layer.gu.grad.view(2, ff, d) for layer in self.layers] + [layer.dn.grad.T[None] for layer in self.layers]
        return [torch.cat(square), torch.cat(wide)]

    @torch.no_grad()
    def step(self) -> None:
        gradients = self.gradients()
        lr, n = self.param_groups[0]["lr"], len(self.layers)
        d, ff = self.size.width, self.size.ff
        if self.buffers is None:
            self.buffers = [torch.zeros_like(g) for g in gradients]
        updates = []
        for buffer, g in zip(self.buffers, gradients):
            buffer.lerp_(g, 1 - self.momentum)
            updates.append(orthogonalise(g.lerp(buffer, self.momentum)))  # Nesterov
        square, wide = updates
        wide[: 2 * n].mul_((ff / d) ** 0.5)  # a step of the same size in each output
        keep = 1 - lr * self.weight_decay
        for i, layer in enumerate(self.layers):
            layer.qkv.mul_(keep).add_(square[3 * i : 3 * i + 3].reshape(3 * d, d), alpha=-lr)
            layer.o.mul_(keep).add_(square[3 * n + i], alpha=-lr)
            layer.gu.mul_(keep).add_(wide[2 * i : 2 * i + 2].reshape(2 * ff, d), alpha=-lr)
            layer.dn.mul_(keep).add_(wide[2 * n + i].T, alpha=-lr)

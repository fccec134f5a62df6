"""A codebook that follows the vectors it stands for (VQ-VAE, van den Oord et al. 2017, A.1)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMOOTHING = 1e-5
"""Added to the count of every code, so that none is divided by 0."""


class Codebook(nn.Module):
    """Vectors that are moving means of what is assigned to them; no gradient reaches them.

    The first training batch fills the book with its own vectors. A code that no training sample
    has used for `reset_after` epochs takes the place of a vector of the last batch; 0: never.
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor
    unused: Tensor

    def __init__(self, codes: int, width: int, decay: float, reset_after: int) -> None:
        super().__init__()
        self.decay = decay
        self.reset_after = reset_after
        self.register_buffer("vectors", torch.zeros(codes, width))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, width))
        self.register_buffer("unused", torch.zeros(codes))
        self._used = torch.zeros(codes)
        self._last = torch.zeros(0, width)

    def nearest(self, x: Tensor) -> Tensor:
        """[..., D] -> the index of the nearest code, [...]."""
        distances = self.vectors.square().sum(1) - 2 * x @ self.vectors.T  # without |x|^2
        return distances.argmin(-1)

    def forward(self, x: Tensor, order: Tensor | None = None) -> Tensor:
        """[N, D] -> the nearest vectors, [N, D]; in training the book then moves towards x.

        `order` [N]: random numbers that say which vectors fill the book; the smallest first.
        """
        x = x.detach()
        if self.training and not self.counts.any():
            order = torch.rand(len(x)) if order is None else order
            self._place(x, order, torch.ones_like(self.counts, dtype=torch.bool))
        index = self.nearest(x)
        chosen = F.embedding(index, self.vectors)
        if self.training:
            self._follow(x, index)
        return chosen

    def end_epoch(self, order: Tensor | None = None) -> None:
        """Count idle epochs, and give codes that have been idle too long another place."""
        self.unused.copy_(torch.where(self._used > 0, 0.0, self.unused + 1))
        order = torch.rand(len(self._last)) if order is None else order
        if self.reset_after and len(self._last):
            self._place(self._last, order, self.unused >= self.reset_after)
        self._used = torch.zeros_like(self._used)

    def _follow(self, x: Tensor, index: Tensor) -> None:
        """One step of the moving means."""
        assigned = F.one_hot(index, len(self.vectors)).to(x)  # [N, codes]
        count = assigned.sum(0)
        self.counts.lerp_(count, 1 - self.decay)
        self.sums.lerp_(assigned.T @ x, 1 - self.decay)
        total = self.counts.sum()
        smooth = (self.counts + SMOOTHING) / (total + len(self.counts) * SMOOTHING) * total
        self.vectors.copy_(self.sums / smooth[:, None])
        self._used = self._used + count
        self._last = x

    def _place(self, x: Tensor, order: Tensor, where: Tensor) -> None:
        """Put codes where vectors of x are, drawn without repetition as far as they go."""
        rows = order.argsort(stable=True).repeat(math.ceil(len(where) / len(x)))[: len(where)]
        self.vectors.copy_(torch.where(where[:, None], x[rows], self.vectors))
        self.sums.copy_(torch.where(where[:, None], x[rows], self.sums))
        self.counts.masked_fill_(where, 1.0)
        self.unused.masked_fill_(where, 0.0)

"""Codebooks of K models that follow the vectors they stand for; see trainers.plain.codebook."""

import math

import torch
from torch import Tensor

from trainers.layers import Layout, Pass, fit, padded
from trainers.plain.codebook import SMOOTHING


class Codebook:
    """Vectors that are moving means of what is assigned to them, in the buffers of K models.

    Padded codes are infinitely far away. Slots are served one after the other: the distances of
    all of them at once would be K times as large, and a slot's bits would depend on K.
    """

    def __init__(self, buffers: Layout, name: str, codes: int, width: int, decay: Tensor) -> None:
        self.codes = codes
        self._width = width
        self._shares = (1 - decay).tolist()
        self._vectors = buffers.add(f"{name}.vectors", width, codes)
        self._counts = buffers.add(f"{name}.counts", codes)
        self._sums = buffers.add(f"{name}.sums", width, codes)
        self._unused = buffers.add(f"{name}.unused", codes)
        far = torch.zeros(1, padded(codes), device=decay.device)
        far[:, codes:] = math.inf
        self._far = far
        self._real = far == 0

    def begin_epoch(self, slots: int) -> None:
        """Count the use of every code anew."""
        self.used = torch.zeros(slots, self.codes, device=self._far.device)
        self._last = torch.zeros(slots, 0, padded(self._width), device=self._far.device)

    def nearest(self, run: Pass, x: Tensor) -> Tensor:
        """[K, N, D] -> the index of the nearest code, [K, N]."""
        x = fit(x.detach(), padded(self._width))
        found = []
        for vectors, each in zip(run.state[self._vectors].unbind(), x.unbind(), strict=True):
            offset = vectors.square().sum(0, keepdim=True) + self._far  # [1, codes], without |x|^2
            found.append(torch.addmm(offset, each, vectors, alpha=-2).argmin(1))
        return torch.stack(found)

    def lookup(self, run: Pass, index: Tensor) -> Tensor:
        """[K, N] -> the vectors of these codes, [K, N, D]."""
        books = run.state[self._vectors].unbind()
        rows = [
            vectors.T.index_select(0, each)
            for vectors, each in zip(books, index.unbind(), strict=True)
        ]
        return fit(torch.stack(rows), self._width)

    def is_empty(self, run: Pass) -> bool:
        """Whether a slot's book has not been filled yet."""
        return not bool(run.state[self._counts].any(dim=2).all())

    def fill(self, run: Pass, x: Tensor, order: Tensor) -> None:
        """Fill empty books with vectors of x [K, N, D], those of the smallest `order` [K, N]."""
        empty = ~run.state[self._counts].any(dim=2, keepdim=True)  # [K, 1, 1]
        self._place(run, fit(x.detach(), padded(self._width)), order, empty & self._real)

    def follow(self, run: Pass, x: Tensor, index: Tensor) -> None:
        """One step of the moving means towards x [K, N, D] with its codes [K, N]."""
        x = fit(x.detach(), padded(self._width))
        books = [run.state[place].unbind() for place in (self._vectors, self._counts, self._sums)]
        for row, (vectors, counts, sums) in enumerate(zip(*books, strict=True)):
            share = self._shares[row]
            assigned = x.new_zeros(x.shape[1], padded(self.codes))
            assigned.scatter_(1, index[row, :, None], 1.0)
            count = assigned.sum(0, keepdim=True)
            counts.lerp_(count, share)
            sums.lerp_(x[row].T @ assigned, share)
            total = counts.sum()
            smooth = (counts + SMOOTHING) / (total + self.codes * SMOOTHING) * total
            vectors.copy_(sums / smooth)
            self.used[row] += fit(count[0], self.codes)
        self._last = x

    def move_idle(self, state: list[Tensor], order: Tensor, patience: Tensor) -> Tensor:
        """Codes without use for `patience` [K] epochs (0: any) take a place of the last batch.

        `order` [K, N] says which places; returns how many have moved, [K].
        """
        run = Pass((), state)
        idle = fit(self.used, padded(self.codes))[:, None] == 0
        unused = run.state[self._unused]
        unused.copy_(torch.where(idle & self._real, unused + 1, 0.0))
        patience = patience[:, None, None]
        where = (unused >= patience) & (patience > 0) & self._real
        self._place(run, self._last, order, where)
        return where.sum((1, 2)).float()

    @property
    def last_size(self) -> int:
        """Vectors of the last batch."""
        return self._last.shape[1]

    def _place(self, run: Pass, x: Tensor, order: Tensor, where: Tensor) -> None:
        """Codes where `where` [K, 1, codes] become vectors of x, without repetition if there are
        enough of them."""
        rows = order.argsort(dim=1, stable=True)
        rows = rows.repeat(1, -(-self.codes // rows.shape[1]))[:, : self.codes]
        chosen = x.gather(1, rows[..., None].expand(-1, -1, x.shape[2])).transpose(1, 2)
        chosen = fit(chosen, padded(self.codes))
        for place in (self._vectors, self._sums):
            run.state[place].copy_(torch.where(where, chosen, run.state[place]))
        run.state[self._counts].masked_fill_(where, 1.0)
        run.state[self._unused].masked_fill_(where, 0.0)

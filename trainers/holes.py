"""Errors of the hole and of the known values apart, of K slots over one part of the data."""

import torch
from torch import Tensor

from trainers.intervals import SampleFigures


class HoleErrors:
    """Sums for `hole_mse` and `known_mse`: squared error over all hidden, and all given values.

    Their standard errors are those of a ratio of two means over samples, linearised (Cochran
    1977, 6.4): samples do not have equally large holes.
    """

    def __init__(self) -> None:
        self._samples = 0
        self._sums: dict[str, Tensor] = {}
        self.figures: SampleFigures | None = None
        """Who else wants to know them of every sample; K = 1."""

    def add(self, prediction: Tensor, target: Tensor, known: Tensor | None) -> None:
        """Take in a chunk: [K, n, F], [n, F], [n, F]; nothing where the task hides nothing."""
        if known is None:
            return
        squares = (prediction - target).square().double()  # [K, n, F]
        self._samples += len(target)
        for name, chosen in (("hole", known == 0), ("known", known > 0)):
            errors = torch.where(chosen, squares, 0).sum(2)  # [K, n]
            sizes = chosen.sum(1, dtype=torch.float64).expand_as(errors)
            if self.figures is not None:
                self.figures.add(f"{name}_mse", errors, sizes)
            self._gather(f"{name}/errors", errors.sum(1))
            self._gather(f"{name}/sizes", sizes.sum(1))
            self._gather(f"{name}/errors2", errors.square().sum(1))
            self._gather(f"{name}/products", (errors * sizes).sum(1))
            self._gather(f"{name}/sizes2", sizes.square().sum(1))

    def results(self) -> dict[str, Tensor]:
        """Metric -> [K] in float64, with `_se` where there are two samples; empty without holes."""
        found: dict[str, Tensor] = {}
        for name in ("hole", "known"):
            if f"{name}/sizes" not in self._sums or not self._sums[f"{name}/sizes"].all():
                continue
            sizes = self._sums[f"{name}/sizes"]
            ratio = self._sums[f"{name}/errors"] / sizes
            found[f"{name}_mse"] = ratio
            count = self._samples
            if count > 1:
                residual = (
                    self._sums[f"{name}/errors2"]
                    - 2 * ratio * self._sums[f"{name}/products"]
                    + ratio.square() * self._sums[f"{name}/sizes2"]
                ).clamp(min=0)
                variance = residual / (count - 1)
                found[f"{name}_mse_se"] = (variance * count).sqrt() / sizes
        return found

    def _gather(self, name: str, value: Tensor) -> None:
        self._sums[name] = self._sums[name] + value if name in self._sums else value

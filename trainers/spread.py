"""Means over samples of K slots with their standard errors, gathered chunk by chunk in float64."""

from torch import Tensor

from trainers.intervals import SampleFigures

STANDARD_ERROR = "_se"
"""`mse_se` is the standard error of `mse` over samples; one sample has none."""


class Spreads:
    """Sums and sums of squares of figures that every sample has."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[Tensor, Tensor]] = {}
        self._counts: dict[str, int] = {}
        self.figures: SampleFigures | None = None
        """Who else wants to know every figure; they are means of their own name."""

    def add(self, name: str, values: Tensor) -> None:
        """Take in a figure of every sample, [K, n] in float64."""
        sums = (values.sum(1), values.square().sum(1))
        if name in self._sums:
            total, squares = self._sums[name]
            sums = (total + sums[0], squares + sums[1])
        self._sums[name] = sums
        self._counts[name] = self._counts.get(name, 0) + values.shape[1]
        if self.figures is not None:
            self.figures.add(name, values)

    def means(self) -> dict[str, Tensor]:
        """The mean of every figure, [K]."""
        return {name: total / self._counts[name] for name, (total, _) in self._sums.items()}

    def errors(self, *names: str) -> dict[str, Tensor]:
        """`name_se` of those figures that at least two samples have, [K]; all without names."""
        found = {}
        for name in names or self._sums:
            count = self._counts.get(name, 0)
            if count > 1:
                total, squares = self._sums[name]
                variance = (squares - total.square() / count).clamp(min=0) / (count - 1)
                found[f"{name}{STANDARD_ERROR}"] = (variance / count).sqrt()
        return found

"""How far a value could be off for want of samples: percentile bootstrap intervals (Efron 1979)."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Doubles: TypeAlias = NDArray[np.float64]
Curve: TypeAlias = Callable[[Doubles], Doubles]
Interval: TypeAlias = tuple[float, float]

RESAMPLES = 2000
ENDS = (0.025, 0.975)
BUNDLES = 10_000
"""Beyond so many samples evenly strided bundles of them are kept and drawn instead: the sums vary
as much, and time and memory no longer grow."""
_DRAWN_AT_ONCE = 1 << 20
"""8 MiB of weights."""
_STREAM = 0xB007
"""Keeps the draws apart from whatever else a trial's seed is used for."""


class _Figure:
    """Sums of a figure over the samples of every bundle."""

    def __init__(self, curve: Curve | None) -> None:
        self.curve = curve
        self.samples = 0
        self._sums = np.zeros((BUNDLES, 2))

    def add(self, above: Doubles, below: Doubles) -> None:
        """Take in a chunk, [n] twice."""
        bundle = np.arange(self.samples, self.samples + len(above)) % BUNDLES
        self.samples += len(above)
        with np.errstate(all="ignore"):
            for column, values in enumerate((above, below)):
                self._sums[:, column] += np.bincount(bundle, values, minlength=BUNDLES)

    def table(self) -> Doubles:
        """[bundles, 2]: what is divided by what."""
        return self._sums[: self.samples]


class SampleFigures:
    """What every sample gives to the metrics of one model, gathered chunk by chunk in float64.

    A metric is curve(sum of `above` / sum of `below`), where `below` is 1 for a mean and `curve`
    is monotone or left out. What is no such thing (active units, the perplexity of a codebook, a
    KL with free bits) has no interval here.
    """

    def __init__(self) -> None:
        self._figures: dict[str, _Figure] = {}

    def add(
        self, name: str, above: Tensor, below: Tensor | None = None, curve: Curve | None = None
    ) -> None:
        """Take in a chunk: [1, n] each."""
        values = _row(above)
        figure = self._figures.setdefault(name, _Figure(curve))
        figure.add(values, np.ones_like(values) if below is None else _row(below))

    def estimates(self) -> dict[str, float]:
        """Every metric on the samples themselves."""
        found = {}
        for name, figure in self._figures.items():
            found.update(_values({name: figure}, figure.table().sum(axis=0, keepdims=True)))
        return {name: float(values[0]) for name, values in found.items() if len(values)}

    def intervals(self, metrics: Mapping[str, float], seed: int) -> dict[str, Interval]:
        """95 % of RESAMPLES draws of as many samples lie between (low, high); by metric.

        Only finite ones of `metrics`, which always lie inside; none of a single sample. All
        metrics of equally many samples are taken on the same draws, which follow from `seed`
        alone. Samples are drawn one by one even where groups of them were kept together in the
        split: then the interval is too narrow by what samples of a group have in common. It
        knows of this model's test samples only, not of other seeds.
        """
        by_count: dict[int, dict[str, _Figure]] = {}
        for name, figure in self._figures.items():
            if np.isfinite(metrics.get(name, np.nan)):
                by_count.setdefault(figure.samples, {})[name] = figure
        found: dict[str, Interval] = {}
        for count, figures in by_count.items():
            if count < 2:
                continue
            table = np.concatenate([figure.table() for figure in figures.values()], axis=1)
            for name, values in _values(figures, resampled_sums(table, seed)).items():
                if len(values) and np.isfinite(values).all():
                    low, high = np.quantile(values, ENDS).tolist()
                    found[name] = (min(low, metrics[name]), max(high, metrics[name]))
        return {name: found[name] for name in self._figures if name in found}


def resampled_sums(table: Doubles, seed: int) -> Doubles:
    """[n, C] -> [RESAMPLES, C]: the sums over n rows that are drawn with replacement."""
    count = len(table)
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    at_once = max(1, _DRAWN_AT_ONCE // count)
    sums = []
    with np.errstate(all="ignore"):
        for start in range(0, RESAMPLES, at_once):
            draws = min(at_once, RESAMPLES - start)
            rows: NDArray[Any] = generator.integers(count, size=(draws, count), dtype=np.int32)
            offsets = np.arange(draws)[:, None] * count
            weights = np.bincount((rows + offsets).ravel(), minlength=draws * count)
            sums.append(weights.reshape(draws, count).astype(np.float64) @ table)
    return np.concatenate(sums)


def _values(figures: Mapping[str, _Figure], sums: Doubles) -> dict[str, Doubles]:
    """[draws, 2 per figure] -> the metric in every draw that has something to divide by."""
    found = {}
    with np.errstate(all="ignore"):
        for index, (name, figure) in enumerate(figures.items()):
            above, below = sums[:, 2 * index], sums[:, 2 * index + 1]
            values = above[below > 0] / below[below > 0]
            found[name] = values if figure.curve is None else figure.curve(values)
    return found


def _row(values: Tensor) -> Doubles:
    (row,) = values.detach().double().cpu().numpy()
    whole: Doubles = np.array(row)
    return whole

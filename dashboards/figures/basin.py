"""Where good trials lie in the plane of two numeric parameters: levels, a surface, the basin."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dashboards.figures.paper import needs_log
from service.domain.result_rules import EDGE
from service.domain.space import FloatDistribution, IntDistribution

Numeric = FloatDistribution | IntDistribution
Array = npt.NDArray[np.float64]
SHARES = (0.1, 0.25, 0.5, 0.75)
"""Of the trials: where one level of the objective ends and the next begins."""
CLIP = 0.9
"""Trials that are worse than this share of all count as if they were no worse."""
CELLS = 36
REACH = 1.5
"""Bandwidths from a lone trial at which the surface ends."""
SEVERAL = 20
"""Good trials from which on the outermost tenth of them on either side are not told."""
WIDE = 0.6
"""Of a range: what is wider is no place."""


class Levels(NamedTuple):
    """Bounds between levels, the best first; `shares` of the trials are at least as good."""

    bounds: list[float]
    shares: list[float]
    minimize: bool
    log: bool
    """Whether the objective is compared by its logarithm."""

    def scale(self, values: Sequence[float]) -> Array:
        """Smaller is better, evenly spread as an axis would show it."""
        array = np.asarray(values, np.float64)
        array = np.log(array) if self.log else array
        return array if self.minimize else -array

    def place(self, values: Sequence[float]) -> list[int]:
        """The level of each value: 0 is the best."""
        places = np.searchsorted(self.scale(self.bounds), self.scale(values), side="left")
        return [int(place) for place in places]


class Basin(NamedTuple):
    """Between which values of one parameter the good trials lie."""

    low: float
    high: float
    everywhere: bool
    """They take up most of the range."""
    edge: str
    """`lower` or `upper`, where they touch that end of the range; empty: none, or everywhere."""


def find_levels(values: Sequence[float], *, minimize: bool) -> Levels:
    """Of finite values; without bounds where they are all the same."""
    log = needs_log(values)
    ordered = sorted(values) if minimize else sorted(values, reverse=True)
    count = len(ordered)
    bounds = {ordered[max(0, math.ceil(share * count) - 1)] for share in SHARES} - {ordered[-1]}
    kept = sorted(bounds, reverse=not minimize)
    at_least_as_good = [
        sum(value <= bound if minimize else value >= bound for value in ordered) for bound in kept
    ]
    shares = [good / count for good in at_least_as_good]
    return Levels(kept, shares, minimize, log)


def to_unit(entry: Numeric, values: Sequence[float]) -> Array:
    """Places in the range, 0 to 1, as its axis has them."""
    array = np.asarray(values, np.float64)
    low, high = float(entry.low), float(entry.high)
    if entry.log:
        return np.asarray(np.log(array / low) / math.log(high / low), np.float64)
    return np.asarray((array - low) / (high - low), np.float64)


def from_unit(entry: Numeric, places: Array) -> list[float]:
    """Values at these places of a range."""
    low, high = float(entry.low), float(entry.high)
    values = low * (high / low) ** places if entry.log else low + (high - low) * places
    return [float(f"{value:.6g}") for value in values]


def smooth(x: Array, y: Array, values: Sequence[float], levels: Levels) -> list[list[float | None]]:
    """The mean level near each cell of a CELLS x CELLS grid over the unit square, rows by y.

    k + 0.5 is the middle of level k. Neighbours count by a Gaussian whose width falls with the
    number of trials; None where there are fewer than one lone trial at REACH widths would count.
    """
    scaled, bounds = levels.scale(values), levels.scale(levels.bounds)
    worst = max(float(np.quantile(scaled, CLIP)), float(bounds[-1]))
    scaled = np.minimum(scaled, worst)
    width = 0.145 * len(scaled) ** (-1 / 6)
    grid = np.linspace(0, 1, CELLS)
    near_x, near_y = (
        np.exp(-0.5 * ((grid[:, None] - places[None, :]) / width) ** 2) for places in (x, y)
    )
    weight = near_y @ near_x.T
    mean = (near_y * scaled) @ near_x.T / np.maximum(weight, 1e-300)
    ends = [min(float(scaled.min()), float(bounds[0]) - 1e-9), *bounds]
    ends.append(max(worst, float(bounds[-1]) + 1e-9))
    surface = np.interp(mean, ends, np.arange(len(ends)))
    there = weight >= math.exp(-0.5 * REACH**2)
    return [
        [round(float(z), 2) if known else None for z, known in zip(row, mask, strict=True)]
        for row, mask in zip(surface, there, strict=True)
    ]


def find_basin(entry: Numeric, values: Sequence[float]) -> Basin:
    """Of the good trials' values: their range, of SEVERAL or more that of the middle 80 %."""
    ordered = sorted(values)
    off = len(ordered) // 10 if len(ordered) >= SEVERAL else 0
    low, high = ordered[off], ordered[len(ordered) - 1 - off]
    start, end = to_unit(entry, [low, high])
    everywhere = bool(end - start > WIDE)
    edge = "" if everywhere else "lower" if start <= EDGE else "upper" if end >= 1 - EDGE else ""
    return Basin(low, high, everywhere, edge)

"""Spearman's rank correlation, and what chance gives of it."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

LEVEL = 0.05
"""Of chance, shared out evenly among all that are looked at (Bonferroni)."""


def exceeds_chance(correlation: float, count: int, looked_at: int) -> bool:
    """Whether a rank correlation of `count` pairs is beyond chance, as one of `looked_at`.

    Of columns that have nothing to do with each other it has the standard deviation
    1 / sqrt(n - 1), exactly, with ties too, and tails below the normal's.
    """
    return abs(correlation) * math.sqrt(count - 1) > NormalDist().inv_cdf(
        1 - LEVEL / (2 * looked_at)
    )


def spearman(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Of two columns of finite numbers, ties at their mean rank; None where one is constant."""
    one, other = rank(left), rank(right)
    spread = math.sqrt(float(one @ one) * float(other @ other))
    if spread <= 0:
        return None
    return max(-1.0, min(1.0, float(one @ other) / spread))


def rank(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Ranks about their mean, so that they add up to 0."""
    _, places, counts = np.unique(
        np.asarray(values, np.float64), return_inverse=True, return_counts=True
    )
    ends = np.cumsum(counts)
    middle = ends - (counts + 1) / 2
    return np.asarray(middle[places] - (len(values) - 1) / 2, np.float64)

"""Spearman's rank correlation."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


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

"""Where the gap between validation and train starts to widen, over trials."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FEWEST = 5
"""Trials below which an epoch has no band, and nothing is said."""
SIGNS = 2.0
"""Standard deviations of the sign test from which on trials are said to have widened."""
LEAST_RISE = 0.02
"""As a share of train: what overfitting needs at least (DOMAIN.md 4)."""


class Onset(NamedTuple):
    """Where the median gap starts to widen, of the trials that reached `last`."""

    epoch: int
    before: float
    after: float
    last: int
    trials: int


def find_onset(
    gaps: Mapping[int, Mapping[int, float]], first_epoch: int, least: float
) -> tuple[bool, Onset | None]:
    """Whether there was enough to look at, and the onset; `gaps` by trial, then by epoch.

    Of the same trials at every epoch, so that no change of trials looks like one of the gap.

    Of the epochs that at least half of the trials reached. The median, smoothed over a tenth of
    them, must rise from its smallest value by more than `least` and 2 sd of its own noise,
    and most trials must have widened between.
    """
    reached = sorted((max(found) for found in gaps.values()), reverse=True)
    last = reached[(len(reached) - 1) // 2]
    panel = [found for found in gaps.values() if max(found) >= last]
    epochs = [
        epoch for epoch in range(first_epoch, last + 1) if all(epoch in found for found in panel)
    ]
    if len(panel) < FEWEST or len(epochs) < 4:
        return False, None
    medians = [statistics.median(found[epoch] for found in panel) for epoch in epochs]
    width = max(1, len(epochs) // 10)
    smooth = [
        statistics.fmean(medians[max(0, i - width) : i + width + 1]) for i in range(len(medians))
    ]
    lowest = min(range(len(smooth)), key=smooth.__getitem__)
    rise = smooth[-1] - smooth[lowest]
    jumps = [abs(medians[i + 1] - medians[i]) for i in range(len(medians) - 1)]
    noise = statistics.median(jumps) / 0.6745 / math.sqrt(2) if len(jumps) > 2 else 0.0
    # A steady rise is no noise: what a straight line explains is taken off each jump.
    noise = max(0.0, noise - abs(rise) / max(1, len(jumps)))
    wider = sum(_mean(found, epochs[-width:]) > found[epochs[lowest]] for found in panel)
    signs = (2 * wider - len(panel)) / math.sqrt(len(panel))
    if rise <= max(least, 2 * noise) or signs < SIGNS:
        return True, None
    start = max(i for i in range(len(smooth)) if smooth[i] <= smooth[lowest] + 0.1 * rise)
    return True, Onset(epochs[start], medians[start], medians[-1], epochs[-1], len(panel))


def _mean(found: Mapping[int, float], epochs: Sequence[int]) -> float:
    return statistics.fmean(found[epoch] for epoch in epochs)

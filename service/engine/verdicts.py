"""Which trials of a cohort go on at a rung: pure functions of recorded numbers (rule R2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from statistics import median
from typing import Literal, TypeAlias

from service.domain.spec import ResolvedSpec
from service.domain.strategies import HalvingPruner, MedianPruner

Word: TypeAlias = Literal["continue", "prune"]


@dataclass(frozen=True)
class RungResult:
    """A trial at a rung."""

    trial: int
    value: float | None
    """The best value up to the rung; None: diverged, ranks last."""
    ended: bool
    """It ended before the rung (stopped early, or diverged): it keeps its rank and cannot be
    pruned any more."""


def judge(
    spec: ResolvedSpec, rung: int, cohort: Sequence[RungResult], told: Sequence[RungResult]
) -> dict[int, Word]:
    """A word for every trial of the cohort, by number.

    Rivals are the cohort itself and the told cohorts 0..g-W at the same rung; neither their
    order nor the time of day matters. Raises ValueError at an epoch that is not a rung.
    """
    if rung not in spec.rungs:
        raise ValueError(f"epoch {rung} is not one of the rungs {spec.rungs}")
    losses = _losses([*cohort, *told], spec.aims.ranking.direction)
    match spec.pruner:
        case HalvingPruner(reduction_factor=factor):
            surviving = _best_share(losses, factor)
        case MedianPruner():
            surviving = _not_worse_than_median(losses)
        case _:
            surviving = set(losses)
    return {
        result.trial: "continue" if result.ended or result.trial in surviving else "prune"
        for result in sorted(cohort, key=lambda result: result.trial)
    }


def _losses(results: Sequence[RungResult], direction: str) -> dict[int, float]:
    """Trial -> value, oriented so that smaller is better; infinity for the diverged."""
    sign = 1.0 if direction == "minimize" else -1.0
    return {
        result.trial: inf
        if result.value is None or not isfinite(result.value)
        else sign * result.value
        for result in results
    }


def _best_share(losses: dict[int, float], factor: int) -> set[int]:
    """Successive halving (Jamieson & Talwalkar 2016): the best ceil(n / factor) of the pool."""
    keep = -(-len(losses) // factor)
    order = sorted(losses, key=lambda trial: (losses[trial], trial))
    return set(order[:keep])


def _not_worse_than_median(losses: dict[int, float]) -> set[int]:
    """The median stopping rule (Golovin et al. 2017, Vizier), at a rung and over the pool."""
    middle = median(losses.values()) if losses else inf
    return {trial for trial, loss in losses.items() if loss <= middle}

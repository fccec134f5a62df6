"""Which trials make up which cohort: arithmetic on the resolved spec alone (rule R2)."""

from collections.abc import Iterable

from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState
from service.domain.strategies import GridSampler
from service.engine.told import Told


def planned_trials(spec: ResolvedSpec) -> int:
    """Trials that the search proposes: the budget, which resolve capped at a grid's cells."""
    return spec.trials


def planned_cohorts(spec: ResolvedSpec) -> int:
    """Cohorts that hold the planned trials."""
    return -(-planned_trials(spec) // spec.cohort_size)


def cohort_trials(spec: ResolvedSpec, cohort: int, history: Iterable[Told] = ()) -> range:
    """The numbers of the trials in a cohort; empty beyond the last cohort.

    With a `history`, a grid has further cohorts for the cells whose trials FAILED: each is
    run once more, after all others.
    """
    if cohort < 0:
        raise ValueError(f"there is no cohort {cohort}")
    start = cohort * spec.cohort_size
    planned = planned_trials(spec)
    if start < planned:
        return range(start, min(start + spec.cohort_size, planned))
    again = failed_cells(spec, history, cohort)
    start = planned + (cohort - planned_cohorts(spec)) * spec.cohort_size
    return range(start, start + len(again))


def failed_cells(spec: ResolvedSpec, history: Iterable[Told], cohort: int) -> list[int]:
    """The grid ranks that a cohort beyond the planned ones runs once more."""
    first = planned_cohorts(spec)
    if cohort < first or not isinstance(spec.sampler, GridSampler):
        return []
    failed = sorted(
        trial.number
        for trial in history
        if trial.cohort < first and trial.state is TrialState.FAILED
    )
    start = (cohort - first) * spec.cohort_size
    return failed[start : start + spec.cohort_size]

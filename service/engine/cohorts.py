"""Which trials make up which cohort: arithmetic on the resolved spec alone (rule R2)."""

from collections.abc import Iterable

from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState
from service.domain.strategies import GridSampler
from service.engine.revisions import revision_of, revisions
from service.engine.told import Told


def planned_trials(spec: ResolvedSpec) -> int:
    """Trials that the search proposes: the budget, which resolve capped at a grid's cells, and
    its extensions."""
    return spec.trials


def planned_cohorts(spec: ResolvedSpec) -> int:
    """Cohorts that hold the planned trials."""
    last = revisions(spec)[-1]
    return last.first_cohort + last.cohorts


def cohort_trials(spec: ResolvedSpec, cohort: int, history: Iterable[Told] = ()) -> range:
    """The numbers of the trials in a cohort; empty beyond the last cohort.

    With a `history`, a grid has further cohorts for the cells whose trials FAILED: each is
    run once more, after all others.
    """
    planned = revision_of(spec, cohort).cohort(cohort)
    if planned:
        return planned
    again = failed_cells(spec, history, cohort)
    start = planned_trials(spec) + (cohort - planned_cohorts(spec)) * spec.cohort_size
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

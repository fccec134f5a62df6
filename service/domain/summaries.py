"""TrialSummary: what lists and figures read of a trial; plain, because there are thousands."""

from datetime import datetime
from typing import NamedTuple

from service.domain.records import Trial, Verdict
from service.domain.space import Params
from service.domain.states import TrialState


class TrialSummary(NamedTuple):
    """The part of a Trial record that is drawn beside thousands of others."""

    number: int
    state: TrialState
    value: float | None
    """As in the record; for a trial without one, what it carried at its last rung."""
    best_epoch: int | None
    epochs: int
    train: float | None
    """The objective's metric at the best epoch."""
    validation: float | None
    verdict: str | None
    """Its kind."""
    finished_at: datetime | None
    params: Params
    feasible: bool | None = None
    """Whether it keeps the constraints; None: there are none, or it has no result."""
    first_overfit_epoch: int | None = None
    """Of its verdict; None: it did not overfit, or has none."""
    started_at: datetime | None = None
    """Of its first attempt."""
    attempt: int = 1
    cohort: int = 0
    array: int = 0


def summarise(trial: Trial, metric: str) -> TrialSummary:
    """The summary of a record; `metric` is what ranks its epochs (Aims.ranking)."""
    metrics = trial.metrics
    return TrialSummary(
        number=trial.number,
        state=trial.state,
        value=last_value(trial.value, trial.rungs),
        best_epoch=trial.best_epoch,
        epochs=trial.epochs,
        train=metrics.train.get(metric) if metrics else None,
        validation=metrics.validation.get(metric) if metrics else None,
        verdict=trial.verdict.kind if trial.verdict else None,
        finished_at=trial.finished_at,
        params=trial.params,
        feasible=trial.feasible,
        first_overfit_epoch=first_overfit_epoch(trial.verdict),
        started_at=trial.started_at,
        attempt=trial.attempt,
        cohort=trial.cohort,
        array=trial.array,
    )


def first_overfit_epoch(verdict: Verdict | None) -> int | None:
    """From which epoch on a trial overfits; None: it does not, or was not judged."""
    found = verdict.numbers.get("first_overfit_epoch") if verdict else None
    return None if found is None else int(found)


def last_value(value: float | None, rungs: dict[str, float | None]) -> float | None:
    """The value, or what was carried at the last rung."""
    if value is not None or not rungs:
        return value
    return rungs[max(rungs, key=int)]

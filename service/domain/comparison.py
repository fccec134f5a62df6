"""Studies side by side: what each found, what that cost, and how fast it came there."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from service.domain.confirmed import Confirmation, confirmation_of, result_of
from service.domain.datasets import source_of
from service.domain.model import Record
from service.domain.objectives import Objective
from service.domain.states import StudyState
from service.domain.studies import Study
from service.errors import InvalidRequest

MIN_STUDIES, MAX_STUDIES = 2, 8
MAX_POINTS = 200
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_REMEDY = "write ?ids=A&ids=B, or ?ids=A,B, with the ids of GET /v1/studies"


class ConvergencePoint(Record):
    """A step of the best so far, with the trials in the order of their numbers."""

    trials: int
    """How many trials there were, this one included."""
    seconds: float
    """Trainer-seconds of all of those trials."""
    value: float
    """The best of the first objective among those that are COMPLETE and feasible."""


class ComparedBest(Record):
    """The best of a study, and how far it can be trusted."""

    trial: int
    search: float | None
    """What the search saw of it on validation, with one seed; of several objectives the first."""
    mean: float | None = None
    """On fresh seeds; null where it was not confirmed."""
    sd: float | None = None
    """Over those seeds, pooled over the configs that were confirmed."""
    seeds: int | None = None
    """How many fresh seeds."""
    test: float | None = None
    """On the sealed part; null before the study is COMPLETE."""
    interval: tuple[float, float] | None = None
    """95 % bootstrap interval of the test value, where the metric has one."""

    @property
    def value(self) -> float | None:
        """The mean where there is one, or else the search value."""
        return self.search if self.mean is None else self.mean


class ComparedCost(Record):
    """What a study cost, in seconds."""

    trainer_seconds: float
    """The recorded seconds of every epoch of every trial: what one trainer alone would take."""
    repetition_seconds: float
    """The same of the studies that repeated its best configs with fresh seeds."""
    wall_seconds: float
    """Wall-clock spent RUNNING; trials side by side share it."""


class ComparedStudy(Record):
    """One study of a comparison."""

    id: str
    name: str
    state: StudyState
    parent: str | None
    """The study that it repeats the best configs of; null: it is one of its own."""
    families: list[str]
    sampler: str
    objective: str
    """In words: `minimize mse, subject to kl <= 20`."""
    metric: str
    """The first objective: what every value here is of."""
    direction: str
    dataset: str
    """Its name, its file, or the id of its upload."""
    data_hash: str | None
    """Of the data as divided and scaled; null until they are prepared."""
    trials_done: int
    trials_planned: int
    best: ComparedBest | None
    cost: ComparedCost
    convergence: list[ConvergencePoint]
    """Every improvement, then where the study is now; empty where there are several objectives.
    At most 200."""


class ComparisonNotice(Record):
    """What cannot be compared, and why."""

    code: str
    """Stable: `different-data`, `different-objective`, `different-task`, `unconfirmed`, ..."""
    studies: list[str]
    """The ids that it is about."""
    message: str
    remedy: str


class Comparison(Record):
    """Studies side by side, in the order in which they were asked for."""

    comparable: bool
    """Whether all values are of the same objective and task on the same data."""
    leader: str | None
    """The study with the best value; null unless all values are comparable, and all confirmed or
    none, and no other one is within the noise. Never chosen by the test values."""
    notices: list[ComparisonNotice]
    studies: list[ComparedStudy]


class Costs(NamedTuple):
    """Trainer-seconds of a study, and of the studies that are part of it."""

    own: float = 0.0
    repetitions: float = 0.0


def read_ids(asked: Sequence[str]) -> list[str]:
    """The ids of a query: repeated, between commas, or both; each once, in their order.

    Raises InvalidRequest unless there are 2 to 8.
    """
    found = [part.strip() for text in asked for part in text.split(",")]
    ids = list(dict.fromkeys(part for part in found if part))
    if any(_ID.fullmatch(each) is None for each in ids):
        raise InvalidRequest("ids: one of them is no study's id", _REMEDY, "/query/ids")
    if not MIN_STUDIES <= len(ids) <= MAX_STUDIES:
        raise InvalidRequest(
            f"ids: a comparison is of {MIN_STUDIES} to {MAX_STUDIES} studies, not of {len(ids)}",
            _REMEDY,
            "/query/ids",
        )
    return ids


def compared(
    study: Study, costs: Costs, steps: Sequence[ConvergencePoint], end: tuple[int, float]
) -> ComparedStudy:
    """A study as one of a comparison.

    `steps`: its improvements; `end`: the trials up to the last one that ended, and the seconds.
    """
    objective = study.resolved.aims.objectives[0]
    return ComparedStudy(
        id=study.id,
        name=study.name,
        state=study.state,
        parent=study.parent,
        families=study.resolved.families,
        sampler=study.resolved.sampler.type,
        objective=str(study.resolved.aims),
        metric=objective.metric,
        direction=objective.direction,
        dataset=source_of(study.spec.dataset),
        data_hash=study.data_hash,
        trials_done=study.progress.done,
        trials_planned=study.progress.trials,
        best=_best(study, objective),
        cost=ComparedCost(
            trainer_seconds=costs.own,
            repetition_seconds=costs.repetitions,
            wall_seconds=study.progress.seconds,
        ),
        convergence=_series(steps, end),
    )


def _best(study: Study, objective: Objective) -> ComparedBest | None:
    best = study.best
    if best is None:
        return None
    found: Confirmation | None = confirmation_of(study)
    winner = None if found is None else found.best
    summary = result_of(study)
    test = (summary.get("test") or {}).get(objective.metric)
    interval = (summary.get("interval") or {}).get(objective.metric)
    if found is None or winner is None:
        return ComparedBest(
            trial=best.trial, search=best.value, test=test, interval=_pair(interval)
        )
    return ComparedBest(
        trial=winner.trial,
        search=winner.search,
        mean=winner.mean,
        sd=found.pooled_sd,
        seeds=found.seeds,
        test=test,
        interval=_pair(interval),
    )


def _pair(interval: Sequence[float] | None) -> tuple[float, float] | None:
    return None if interval is None else (interval[0], interval[1])


def _series(steps: Sequence[ConvergencePoint], end: tuple[int, float]) -> list[ConvergencePoint]:
    """The improvements, and the end of the line; evenly thinned only where they are too many."""
    if not steps:
        return []
    kept = list(steps)
    if len(kept) > MAX_POINTS - 1:
        last, most = len(kept) - 1, MAX_POINTS - 2
        kept = [kept[round(place * last / most)] for place in range(most + 1)]
    trials, seconds = end
    final = ConvergencePoint(
        trials=max(trials, kept[-1].trials),
        seconds=max(seconds, kept[-1].seconds),
        value=kept[-1].value,
    )
    return kept if final == kept[-1] else [*kept, final]

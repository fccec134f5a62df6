"""The StudyFrame: a study as plain columns, made from records once and read by every figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from dashboards.figures.aims import AimFacts, build_aims, eligible_positions
from dashboards.figures.leavings import Evidence as Evidence
from dashboards.figures.leavings import Picture as Picture
from dashboards.figures.leavings import Pictures as Pictures
from service.domain.records import Analysis, Dataset, EpochReport, Study, Trial
from service.domain.scales import NO_SHARES
from service.domain.space import (
    FAMILY,
    CategoricalDistribution,
    Distribution,
    Params,
    distributions,
)
from service.domain.states import TERMINAL_STUDY_STATES, TERMINAL_TRIAL_STATES
from service.domain.summaries import TrialSummary

OVER = frozenset(state.value for state in TERMINAL_STUDY_STATES)
ENDED = frozenset(state.value for state in TERMINAL_TRIAL_STATES)


@dataclass(frozen=True)
class StudyFacts:
    """What the figures need to know of a study as a whole."""

    name: str
    state: str
    metric: str
    """What chooses among the epochs of a trial, and what curves show: the objective, or the
    training loss where there is no such one (Aims.ranking)."""
    unit: str
    """Of the metric; empty where it has none."""
    minimize: bool
    aims: AimFacts
    planned: int
    epochs: int
    first_eligible_epoch: int
    rungs: tuple[int, ...]
    units: Mapping[str, str]
    """Of every metric of the catalog; empty where it has none."""
    has_zero: bool
    """Whether 0 is no error at all, so that shares of the metric say something."""
    space: Mapping[str, Distribution]
    """Searched parameters by name, `family` among them when it is searched."""
    fixed: Params
    """Values that every trial shares, where the study fixes or defaults them."""
    not_searched: frozenset[str] = frozenset()
    """Parameters of any of its families that no trial of it varies."""

    @property
    def over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in OVER


@dataclass(frozen=True)
class TrialColumns:
    """One entry per trial, ascending by number; times are seconds since the study started."""

    number: list[int] = field(default_factory=list)
    state: list[str] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    """The first objective at the best epoch; of a pruned trial without one, at its last rung."""
    best_epoch: list[int | None] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    train: list[float | None] = field(default_factory=list)
    """StudyFacts.metric on train at the best epoch."""
    validation: list[float | None] = field(default_factory=list)
    finished: list[float | None] = field(default_factory=list)
    verdict: list[str | None] = field(default_factory=list)
    params: list[Params] = field(default_factory=list)
    feasible: list[bool | None] = field(default_factory=list)
    """Whether it keeps the constraints; None: there are none, or it has no result."""
    first_overfit_epoch: list[int | None] = field(default_factory=list)
    """From which on it overfits, by its verdict; None: it does not, or was not judged."""
    started: list[float | None] = field(default_factory=list)
    """Of the first attempt."""
    attempt: list[int] = field(default_factory=list)
    array: list[tuple[int, int]] = field(default_factory=list)
    """(cohort, array): the trials that one process trained side by side."""

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True)
class CurveColumns:
    """The objective's metric after each epoch of one trial; None: not finite."""

    epochs: Sequence[int]
    train: Sequence[float | None]
    validation: Sequence[float | None]


@dataclass(frozen=True)
class BaselineFacts:
    """What any model must beat, as validation MSE on the scaled data."""

    mean: float
    pca: Mapping[int, float]
    """By latent size; clipped to the range of the data where that is known."""
    clipped: frozenset[int] = frozenset()
    """Latent sizes of which `pca` is the clipped figure."""
    ngrams: Mapping[int, float] = field(default_factory=dict)
    """Of texts, by order: nats per token."""


@dataclass(frozen=True)
class TrialFacts:
    """One trial with everything recorded of it, for the figures of the trial page."""

    number: int
    state: str
    verdict: str | None
    best_epoch: int | None
    first_overfit_epoch: int | None
    reports: Sequence[EpochReport]
    pictures: Pictures | None
    evidence: Evidence | None = None
    feasible: bool | None = None
    """Whether it keeps the constraints; None: there are none, or it has no result."""


@dataclass(frozen=True)
class StudyFrame:
    """Everything a figure may look at; parts that were not asked for are empty."""

    study: StudyFacts
    trials: TrialColumns = field(default_factory=TrialColumns)
    curves: Mapping[int, CurveColumns] = field(default_factory=dict)
    analyses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    baselines: BaselineFacts | None = None
    trial: TrialFacts | None = None
    scores: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)
    """By trial number: the metrics of its best epoch that trade-offs look at (aims.py)."""

    @property
    def best(self) -> int | None:
        """The position (not the number) of the best eligible trial in the columns.

        Finished trials first; stopped ones only if there is nothing else (DOMAIN.md truth 20).
        Of several objectives the knee.
        """
        columns, aims = self.trials, self.study.aims
        if aims.is_pareto:
            return columns.number.index(aims.knee) if aims.knee in columns.number else None
        eligible = self.eligible
        losses = [
            (aims.objectives[0].loss(value), position)
            for position in eligible
            if (value := columns.value[position]) is not None
        ]
        return min(losses)[1] if losses else None

    @property
    def eligible(self) -> list[int]:
        """Positions of the trials that may be the best: feasible, of one state."""
        columns = self.trials
        return eligible_positions(columns.state, columns.value, columns.feasible)


def build_study_facts(study: Study, units: Mapping[str, str]) -> StudyFacts:
    """The study's part of a frame; `units` are those of the catalog's metrics."""
    resolved = study.resolved
    ranking = resolved.aims.ranking
    space = dict(distributions(resolved.space))
    if resolved.family_is_searched:
        space = {FAMILY: CategoricalDistribution(choices=list(resolved.families)), **space}
    defaults = resolved.defaults.get(resolved.families[0], {})
    bare = {name: entry for name, entry in resolved.space.items() if name not in space}
    return StudyFacts(
        name=study.name,
        state=study.state.value,
        metric=ranking.metric,
        unit=units.get(ranking.metric, ""),
        units=units,
        has_zero=ranking.metric not in NO_SHARES,
        minimize=ranking.direction == "minimize",
        aims=build_aims(study, units),
        planned=study.progress.trials,
        epochs=resolved.training.epochs,
        first_eligible_epoch=resolved.first_eligible_epoch,
        rungs=tuple(resolved.rungs),
        space=space,
        fixed={**defaults, **bare},  # type: ignore[dict-item]
        not_searched=frozenset(
            name for each in resolved.defaults.values() for name in each if name not in space
        ),
    )


def build_trial_columns(study: Study, trials: Sequence[TrialSummary]) -> TrialColumns:
    """Columns of trials, ascending by number."""
    origin = study.started_at or study.created_at
    return TrialColumns(
        number=[trial.number for trial in trials],
        state=[trial.state.value for trial in trials],
        value=[trial.value for trial in trials],
        best_epoch=[trial.best_epoch for trial in trials],
        epochs=[trial.epochs for trial in trials],
        train=[trial.train for trial in trials],
        validation=[trial.validation for trial in trials],
        finished=[_seconds_between(origin, trial.finished_at) for trial in trials],
        verdict=[trial.verdict for trial in trials],
        params=[trial.params for trial in trials],
        feasible=[trial.feasible for trial in trials],
        first_overfit_epoch=[trial.first_overfit_epoch for trial in trials],
        started=[_seconds_between(origin, trial.started_at) for trial in trials],
        attempt=[trial.attempt for trial in trials],
        array=[(trial.cohort, trial.array) for trial in trials],
    )


def build_baselines(dataset: Dataset) -> BaselineFacts:
    """The validation baselines of a data set."""
    baselines = dataset.baselines
    return BaselineFacts(
        mean=np.nan if baselines.mean_validation is None else baselines.mean_validation,
        pca={
            entry.latent_dim: score
            for entry in baselines.pca
            if (score := entry.score("validation")) is not None
        },
        clipped=frozenset(
            entry.latent_dim for entry in baselines.pca if entry.figure("validation") == "clipped"
        ),
        ngrams={
            entry.order: entry.validation
            for entry in baselines.ngrams
            if entry.validation is not None
        },
    )


def build_analyses(analyses: Sequence[Analysis]) -> dict[str, dict[str, Any]]:
    """Stored analyses by kind."""
    return {analysis.kind: analysis.data for analysis in analyses}


def build_trial_facts(
    trial: Trial,
    reports: Sequence[EpochReport],
    pictures: Pictures | None,
    evidence: Evidence | None = None,
) -> TrialFacts:
    """One trial's part of a frame."""
    numbers = trial.verdict.numbers if trial.verdict else {}
    first_overfit = numbers.get("first_overfit_epoch")
    return TrialFacts(
        number=trial.number,
        state=trial.state.value,
        verdict=trial.verdict.kind if trial.verdict else None,
        best_epoch=trial.best_epoch,
        first_overfit_epoch=None if first_overfit is None else int(first_overfit),
        reports=reports,
        pictures=pictures,
        evidence=evidence,
        feasible=trial.feasible,
    )


def _seconds_between(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else max(0.0, (end - start).total_seconds())

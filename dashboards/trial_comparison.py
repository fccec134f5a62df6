"""What the page of a few trials side by side is given: their records, and how they differ."""

from collections.abc import Sequence
from typing import NamedTuple

from dashboards.figures.figure import Need
from dashboards.figures.frame import build_study_facts
from dashboards.figures.side_by_side import FEWEST, MOST, SideBySide
from dashboards.frames import load_trial, units_of
from dashboards.views import config_of
from service.api.dependencies import Container, Records, read_records
from service.domain.records import Study, Trial
from service.domain.space import FAMILY, Scalar, distributions
from service.domain.trials import is_metric
from service.errors import InvalidRequest, NotFound


class Row(NamedTuple):
    """One parameter of every trial."""

    name: str
    values: list[Scalar | None]
    searched: bool
    differs: bool


class MetricRow(NamedTuple):
    """One metric of every trial as (train, validation) at its best epoch."""

    name: str
    values: list[tuple[float | None, float | None]]


class TrialComparison(NamedTuple):
    """Two to six trials, in the order in which they were asked for."""

    trials: list[Trial]
    objectives: list[tuple[str, list[float | None]]]
    """Every metric that the study is about or bounds, with its value of each trial."""
    bounds: str
    """What the study bounds, in words; empty: nothing."""
    differing: list[Row]
    same: list[Row]
    metrics: list[MetricRow]


def read_numbers(numbers: Sequence[int]) -> list[int]:
    """The trials that were asked for, each once. Raises InvalidRequest for too few or too many."""
    asked = list(dict.fromkeys(numbers))
    if not FEWEST <= len(asked) <= MOST:
        raise InvalidRequest(
            f"trials: {FEWEST} to {MOST} different ones can be compared, not {len(asked)}",
            "tick them in the table of trials, or name them as ?trials=3&trials=7",
            "/query/trials",
        )
    return asked


def find_trials(records: Records, study: Study, numbers: Sequence[int]) -> list[Trial]:
    """The records of some trials. Raises NotFound."""
    found = []
    for number in numbers:
        trial = records.trials.get(study.id, number)
        if trial is None:
            raise NotFound(
                f"study {study.name} has no trial {number} (yet)",
                "see the study's table of trials",
            )
        found.append(trial)
    return found


def compare_trials(study: Study, trials: Sequence[Trial]) -> TrialComparison:
    """Parameters that differ, those that do not, and every metric."""
    configs = [config_of(study, trial) for trial in trials]
    searched = {*distributions(study.resolved.space), FAMILY}
    names = sorted({name for config in configs for name in config})
    rows = []
    for name in names:
        values = [config.get(name) for config in configs]
        rows.append(Row(name, values, name in searched, any(v != values[0] for v in values)))
    rows.sort(key=lambda row: (not row.searched, row.name))
    return TrialComparison(
        trials=list(trials),
        objectives=_objectives(study, trials),
        bounds=" and ".join(str(bound) for bound in study.resolved.aims.constraints),
        differing=[row for row in rows if row.differs],
        same=[row for row in rows if not row.differs],
        metrics=_metrics(study, trials),
    )


def _objectives(study: Study, trials: Sequence[Trial]) -> list[tuple[str, list[float | None]]]:
    aims = study.resolved.aims
    scores = [aims.scores_of(trial) for trial in trials]
    first = aims.objectives[0].metric
    return [
        (
            name,
            [
                trial.value if name == first else score.get(name)
                for trial, score in zip(trials, scores, strict=True)
            ],
        )
        for name in aims.metrics
    ]


def _metrics(study: Study, trials: Sequence[Trial]) -> list[MetricRow]:
    objective = study.resolved.aims.objectives[0].metric
    known = {
        name
        for trial in trials
        if trial.metrics is not None
        for name in {**trial.metrics.train, **trial.metrics.validation}
        if is_metric(name)
    }
    return [
        MetricRow(
            name,
            [
                (trial.metrics.train.get(name), trial.metrics.validation.get(name))
                if trial.metrics is not None
                else (None, None)
                for trial in trials
            ],
        )
        for name in sorted(known, key=lambda name: (name != objective, name))
    ]


def load_sides(
    container: Container, study: Study, numbers: Sequence[int], *, pictures: bool
) -> SideBySide:
    """The trials as their figures read them, of one snapshot. Raises NotFound."""
    with read_records(container.database) as records:
        study = records.studies.get(study.id) or study
        dataset = records.datasets.get(study.data_hash) if study.data_hash else None
        needs: frozenset[Need] = frozenset({"pictures"}) if pictures else frozenset()
        return SideBySide(
            build_study_facts(study, units_of(container)),
            [load_trial(container, records, study, n, dataset, needs) for n in numbers],
        )

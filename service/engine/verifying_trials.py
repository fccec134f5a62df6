"""Every trial derived again from its epochs: value, best epoch, metrics, size and verdict."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from service.domain.configuration import complete_config
from service.domain.problems import problem_fields
from service.domain.records import Dataset, EpochReport, Study, Trial, Verdict
from service.domain.space import Scalar
from service.domain.states import TrialState
from service.engine.differences import Difference, alike, same_fields
from service.engine.judging import judge_trial, value_of

EpochValue: TypeAlias = tuple[int, float]
BestEpochOf: TypeAlias = Callable[[Sequence[EpochValue], int, float], EpochValue | None]
"""Epochs and their values, the first eligible epoch, sign -> the best epoch and its value."""
CountUsed: TypeAlias = Callable[[str, Mapping[str, Scalar], Mapping[str, Any]], int]
"""Family, complete config, problem -> weights of one model in use."""

WITH_RESULT = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.STOPPED)
JUDGED = (TrialState.COMPLETE, TrialState.PRUNED)
"""Who has a verdict as soon as there is an epoch."""


class TrialChecks:
    """The checks of single trials of one study. `where` begins every difference."""

    def __init__(
        self,
        study: Study,
        dataset: Dataset | None,
        best_epoch_of: BestEpochOf,
        count_used: CountUsed,
        where: str,
    ) -> None:
        self._spec = study.resolved
        self._dataset = dataset
        self._best_epoch_of = best_epoch_of
        self._count_used = count_used
        self._where = where

    def check(self, trial: Trial, reports: Sequence[EpochReport]) -> Iterator[Difference]:
        """What differs of a trial that is over."""
        ranking = self._spec.aims.ranking
        values = [
            (report.epoch, value)
            for report in reports
            if (value := report.validation.get(ranking.metric)) is not None
        ]
        if [report.epoch for report in reports] != list(range(1, trial.epochs + 1)):
            yield Difference(self._of(trial, "epochs"), trial.epochs, len(reports))
        for rung, kept_value in sorted(trial.rungs.items()):
            found = self._best(values, int(rung))
            if found is not None and kept_value != found[1]:
                yield Difference(self._of(trial, f"value at rung {rung}"), kept_value, found[1])
        yield from self._result(trial, values, reports)
        yield from self._size(trial)
        yield from self._feasible(trial)
        yield from self._verdict(trial, reports)

    def _best(self, values: Sequence[EpochValue], until: int) -> EpochValue | None:
        return self._best_epoch_of(
            [pair for pair in values if pair[0] <= until],
            self._spec.first_eligible_epoch,
            self._spec.aims.ranking.sign,
        )

    def _result(
        self, trial: Trial, values: Sequence[EpochValue], reports: Sequence[EpochReport]
    ) -> Iterator[Difference]:
        """The best epoch, its metrics, and the value."""
        epoch, ranked = self._best_epoch(trial, values)
        if trial.state is TrialState.STOPPED and trial.metrics is None:
            epoch, ranked = None, None  # it was not harvested: it has no result
        if trial.best_epoch != epoch:
            yield Difference(self._of(trial, "best epoch"), trial.best_epoch, epoch)
            return
        if trial.state is TrialState.PRUNED:
            value = _carried(trial)
        elif trial.state in WITH_RESULT:
            validation = None if trial.metrics is None else trial.metrics.validation
            value = value_of(self._spec, ranked, validation, trial.complexity)
        else:
            value = None
        if trial.value != value:
            yield Difference(self._of(trial, "value"), trial.value, value)
        report = next((each for each in reports if each.epoch == epoch), None)
        if report is None or epoch is None:
            return
        for part in ("train", "validation"):
            measured = getattr(report, part)
            kept = {} if trial.metrics is None else getattr(trial.metrics, part)
            # What is measured only once, on the model that is kept, no epoch has.
            besides = sorted(set(kept) - set(measured))
            for each in same_fields("", kept, measured, besides):
                where = self._of(trial, f"{part} {each.where} at epoch {epoch}")
                yield Difference(where, each.recorded, each.derived)

    def _best_epoch(
        self, trial: Trial, values: Sequence[EpochValue]
    ) -> tuple[int | None, float | None]:
        if trial.state not in WITH_RESULT:
            return None, None
        best = self._best(values, trial.epochs)
        if trial.state is TrialState.PRUNED:
            carried, eligible = _carried(trial), self._spec.first_eligible_epoch
            best = next((p for p in values if p[0] >= eligible and p[1] == carried), None)
        if trial.state is TrialState.STOPPED:
            # Its saved state may be older than its last epochs: any of them may have been the end.
            ends = (self._best(values, end) for end in range(trial.epochs, 0, -1))
            found = (pair for pair in ends if pair is not None and pair[0] == trial.best_epoch)
            best = next(found, best)
        return (None, None) if best is None else best

    def _size(self, trial: Trial) -> Iterator[Difference]:
        counted = (trial.complexity or {}).get("parameters")
        if self._dataset is None or (counted is None and trial.state is not TrialState.COMPLETE):
            return
        derived = float(
            self._count_used(
                trial.family,
                complete_config(self._spec, trial.family, trial.params),
                problem_fields(self._dataset, self._spec.task),
            )
        )
        if counted != derived:
            yield Difference(self._of(trial, "parameters"), counted, derived)

    def _feasible(self, trial: Trial) -> Iterator[Difference]:
        aims, feasible = self._spec.aims, None
        if aims.constraints and trial.metrics is not None:
            feasible = aims.is_feasible(aims.scores_of(trial))
        if trial.feasible != feasible:
            yield Difference(self._of(trial, "feasible"), trial.feasible, feasible)

    def _verdict(self, trial: Trial, reports: Sequence[EpochReport]) -> Iterator[Difference]:
        if self._dataset is None or (trial.verdict is None and trial.state not in JUDGED):
            return
        written = _fields(trial.verdict)
        derived = [
            _fields(self._judge(dataset, trial, reports, early))
            for dataset in _as_it_was(self._dataset)
            for early in self._ended_early(trial, reports)
        ]
        if any(alike(written, each) for each in derived):
            return
        one, other = dict(written), dict(derived[0])
        if one.get("kind") != other.get("kind"):
            yield Difference(self._of(trial, "verdict"), one.get("kind"), other.get("kind"))
        yield from same_fields(
            self._of(trial, "verdict, "), one, other, besides=["kind", "numbers"]
        )
        numbers = one.get("numbers", {}), other.get("numbers", {})
        yield from same_fields(self._of(trial, "verdict, "), *numbers)

    def _ended_early(self, trial: Trial, reports: Sequence[EpochReport]) -> Sequence[bool]:
        if trial.state is TrialState.COMPLETE:
            return (len(reports) < self._spec.training.epochs,)
        return (False, True) if trial.state is TrialState.STOPPED else (False,)

    def _judge(
        self, dataset: Dataset, trial: Trial, reports: Sequence[EpochReport], early: bool
    ) -> Verdict | None:
        return judge_trial(
            self._spec,
            dataset,
            complete_config(self._spec, trial.family, trial.params),
            reports,
            state=trial.state,
            best_epoch=trial.best_epoch,
            stopped_early=early,
        )

    def _of(self, trial: Trial, what: str) -> str:
        return f"{self._where}trial {trial.number}, {what}"


def _carried(trial: Trial) -> float | None:
    """The value with which a trial came to the last rung that it saw."""
    last = max(map(int, trial.rungs), default=None)
    return None if last is None else trial.rungs[str(last)]


def _as_it_was(dataset: Dataset) -> Iterator[Dataset]:
    """The record, and as it may have been: PCA of a latent size is added by later studies."""
    yield dataset
    yield dataset.model_copy(update={"baselines": dataset.baselines.model_copy(update={"pca": []})})


def _fields(verdict: Verdict | None) -> dict[str, Any]:
    # As JSON, that knows no NaN.
    return {} if verdict is None else dict(json.loads(verdict.model_dump_json()))

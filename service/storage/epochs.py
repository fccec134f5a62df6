"""Epochs: appended in batches, read one trial at a time or as the curves of a whole study."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    SQLColumnExpression,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Session, load_only

from service.domain.records import EpochReport
from service.domain.states import TrialState
from service.errors import Conflict
from service.storage.columns import finite, finite_values
from service.storage.locking import append_event, lock_study
from service.storage.tables import EpochRow, StudyRow, TrialRow
from service.storage.trial_records import epoch_record

_RUNNING = (
    select(TrialRow)
    .where(
        TrialRow.study_id == bindparam("study_id"),
        TrialRow.number.in_(bindparam("numbers", expanding=True)),
        TrialRow.state == TrialState.RUNNING,
    )
    .options(load_only(TrialRow.number, TrialRow.attempt, TrialRow.epochs))
)
"""Built once: it runs for every batch of epochs."""

_INSERT = insert(EpochRow.metadata.tables[EpochRow.__tablename__])
"""Of the table, not of the class: epochs are never held as objects while they are written."""


@dataclass(frozen=True)
class Curve:
    """One metric of one trial over its epochs; None stands for NaN or infinite."""

    epochs: list[int]
    train: list[float | None]
    validation: list[float | None]


class EpochRepository:
    """Epochs of trials in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append_epochs(
        self, study_id: str, fence: int, reports: Sequence[tuple[int, int, EpochReport]]
    ) -> int:
        """Append (trial, attempt, report) in one batch; how many were accepted.

        Reports of another attempt, of a trial that is not RUNNING, and of an epoch that is
        there already are dropped. Raises Stale, and Conflict for a report that would leave a
        gap (I7). The live stream gets one entry for the batch.
        """
        study = lock_study(self._session, study_id, fence)
        trials = self._running(study_id, {trial for trial, _, _ in reports})
        reached = {number: trial.epochs for number, trial in trials.items()}
        rows: list[dict[str, Any]] = []
        points: list[tuple[int, int, float | None, float | None]] = []
        for number, attempt, report in sorted(reports, key=lambda item: (item[0], item[2].epoch)):
            trial = trials.get(number)
            if trial is None or trial.attempt != attempt or report.epoch <= reached[number]:
                continue
            if report.epoch != reached[number] + 1:
                raise Conflict(
                    f"epoch {report.epoch} of trial {number} does not follow {reached[number]}"
                )
            reached[number] = report.epoch
            row = _row(trial.key, report, study.metric)
            rows.append(row)
            objective = (row["objective_train"], row["objective_validation"])
            points.append((number, report.epoch, *objective))
        if rows:
            # Before the trials are touched, so that all of them are flushed once, at the end.
            self._session.execute(_INSERT, rows)
            for number, epoch in reached.items():
                trials[number].epochs = epoch
            study.epochs += len(rows)
            append_event(self._session, study, "epochs", {"epochs": points})
        return len(rows)

    def epochs(
        self, study_id: str, number: int, after: int = 0, limit: int | None = None
    ) -> list[EpochReport]:
        """The epochs of a trial in order, those after `after`, at most `limit`."""
        rows = self._session.scalars(
            select(EpochRow)
            .join(TrialRow, TrialRow.key == EpochRow.trial_key)
            .where(
                TrialRow.study_id == study_id,
                TrialRow.number == number,
                EpochRow.epoch > after,
            )
            .order_by(EpochRow.epoch)
            .limit(limit)
        )
        return [epoch_record(row) for row in rows]

    def curves(
        self, study_id: str, metric: str | None = None, numbers: Collection[int] | None = None
    ) -> dict[int, Curve]:
        """A metric (None: the objective) of every trial, or of some, by trial number.

        Trials without epochs are left out. The objective is read from numeric columns, another
        metric from the reports.
        """
        objective = self._session.scalar(select(StudyRow.metric).where(StudyRow.id == study_id))
        columns: list[SQLColumnExpression[Any]]
        if metric is None or metric == objective:
            columns = [EpochRow.objective_train, EpochRow.objective_validation]
        else:
            columns = [
                self._metric(column, metric) for column in (EpochRow.train, EpochRow.validation)
            ]
        statement = (
            select(TrialRow.number, EpochRow.epoch, *columns)
            .join(EpochRow, EpochRow.trial_key == TrialRow.key)
            .where(TrialRow.study_id == study_id)
            .order_by(TrialRow.number, EpochRow.epoch)
        )
        if numbers is not None:
            statement = statement.where(TrialRow.number.in_(list(numbers)))
        return _curves(self._session.execute(statement))

    def _running(self, study_id: str, numbers: Iterable[int]) -> dict[int, TrialRow]:
        rows = self._session.scalars(_RUNNING, {"study_id": study_id, "numbers": sorted(numbers)})
        return {row.number: row for row in rows}

    def _metric(self, column: Any, metric: str) -> ColumnElement[Any]:
        text = type_coerce(column, Text)
        if self._session.get_bind().dialect.name == "sqlite":
            quoted = metric.replace('"', "")
            return type_coerce(func.json_extract(text, f'$."{quoted}"'), Float)
        return cast(cast(text, JSON).op("->>")(metric), Float(53))


def _row(key: int, report: EpochReport, metric: str) -> dict[str, Any]:
    train, validation = finite_values(report.train), finite_values(report.validation)
    return {
        "trial_key": key,
        "epoch": report.epoch,
        "objective_train": train.get(metric),
        "objective_validation": validation.get(metric),
        "train": train,
        "validation": validation,
        "effective_beta": finite(report.effective_beta),
        "learning_rate": report.learning_rate,
        "gradient_norm": finite(report.gradient_norm),
        "seconds": report.seconds,
    }


def _curves(rows: Iterable[Any]) -> dict[int, Curve]:
    curves: dict[int, Curve] = {}
    for number, epoch, train, validation in rows:
        curve = curves.get(number)
        if curve is None:
            curve = curves[number] = Curve([], [], [])
        curve.epochs.append(epoch)
        curve.train.append(train)
        curve.validation.append(validation)
    return curves

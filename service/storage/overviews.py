"""Overviews: what pages and figures show of a study's trials, read as columns and not as records.

A record of every one of 10,000 trials takes seconds to build; these take a tenth of one.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Text,
    and_,
    case,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.domain.aims import BEST_STATES, MEASURED, Aims, Scores
from service.domain.states import TrialState
from service.domain.summaries import TrialSummary, last_value
from service.storage.epochs import Curve, EpochRepository
from service.storage.tables import EpochRow, StudyRow, TrialRow


class OverviewRepository:
    """Reads across the trials of studies in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def summaries(self, study_id: str) -> list[TrialSummary]:
        """Every trial of the study by number."""
        rows = self._session.execute(
            select(
                TrialRow.number,
                TrialRow.state,
                TrialRow.value,
                case((TrialRow.value.is_(None), TrialRow.rungs)),
                TrialRow.best_epoch,
                TrialRow.epochs,
                EpochRow.objective_train,
                EpochRow.objective_validation,
                self._kind(),
                TrialRow.finished_at,
                TrialRow.params,
                TrialRow.feasible,
                self._first_overfit_epoch(),
                TrialRow.started_at,
                TrialRow.attempt,
                TrialRow.cohort,
                TrialRow.array,
            )
            .outerjoin(
                EpochRow,
                and_(EpochRow.trial_key == TrialRow.key, EpochRow.epoch == TrialRow.best_epoch),
            )
            .where(TrialRow.study_id == study_id)
            .order_by(TrialRow.number)
        )
        return [
            TrialSummary(number, state, last_value(value, rungs or {}), *rest)
            for number, state, value, rungs, *rest in rows
        ]

    def curves(self, study_id: str, numbers: Collection[int]) -> dict[int, Curve]:
        """The objective over the epochs of some trials, by trial number."""
        return EpochRepository(self._session).curves(study_id, None, numbers)

    def scores(self, study_id: str, names: Sequence[str]) -> dict[int, Scores]:
        """Some metrics at the best epoch, and complexity, of every trial that has a result."""
        wanted = set(names)
        rows = self._session.execute(
            select(TrialRow.number, self._validation(), TrialRow.complexity)
            .where(TrialRow.study_id == study_id, TrialRow.metrics.is_not(None))
            .order_by(TrialRow.number)
        )
        return {
            number: {
                name: value
                for name, value in {**json.loads(validation), **(complexity or {})}.items()
                if name in wanted
            }
            for number, validation, complexity in rows
        }

    def latency_of(self, study_id: str, family: str, like: Scores) -> float | None:
        """What the first trial with as many parameters and MACs was measured to take, by number."""
        rows = self._session.execute(
            select(TrialRow.complexity)
            .where(TrialRow.study_id == study_id, TrialRow.family == family)
            .where(TrialRow.complexity.is_not(None))
            .order_by(TrialRow.number)
        )
        same = ("parameters", "macs")
        for (known,) in rows:
            if known.get(MEASURED) is not None and all(known.get(n) == like.get(n) for n in same):
                return float(known[MEASURED])
        return None

    def infeasible(self, study_id: str, aims: Aims) -> list[tuple[int, Scores]]:
        """Number and scores of the trials that a constraint alone keeps from being the best."""
        rows = self._session.execute(
            select(TrialRow.number, TrialRow.metrics, TrialRow.complexity)
            .where(
                TrialRow.study_id == study_id,
                TrialRow.state.in_(BEST_STATES),
                TrialRow.feasible.is_(False),
            )
            .order_by(TrialRow.number)
        )
        return [
            (number, aims.scores((metrics or {}).get("validation"), complexity))
            for number, metrics, complexity in rows
        ]

    def verdicts(self, study_id: str) -> dict[str, int]:
        """How many trials got each verdict."""
        kind = self._kind()
        rows = self._session.execute(
            select(kind, func.count())
            .where(TrialRow.study_id == study_id, TrialRow.verdict.is_not(None))
            .group_by(kind)
        )
        return {row[0]: row[1] for row in rows}

    def failures(self, study_id: str) -> dict[str, int]:
        """How many trials failed, by the kind of their failure."""
        kind = self._kind(TrialRow.failure)
        rows = self._session.execute(
            select(kind, func.count())
            .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.FAILED)
            .group_by(kind)
        )
        return {row[0] or "error": row[1] for row in rows}

    def improvements(self, study_ids: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
        """(number, value) of each COMPLETE trial that was better than all before it, by study.

        Of feasible ones; none of a study with several objectives, which has no single best value.
        """
        sign = case((StudyRow.direction == "minimize", 1.0), else_=-1.0)
        loss = TrialRow.value * sign
        before = func.min(loss).over(
            partition_by=TrialRow.study_id, order_by=TrialRow.number, rows=(None, -1)
        )
        ranked = (
            select(
                TrialRow.study_id,
                TrialRow.number,
                TrialRow.value,
                loss.label("loss"),
                before.label("before"),
            )
            .join(StudyRow, StudyRow.id == TrialRow.study_id)
            .where(
                TrialRow.study_id.in_(list(study_ids)),
                TrialRow.state == TrialState.COMPLETE,
                TrialRow.value.is_not(None),
                TrialRow.feasible.is_not(False),
                StudyRow.front.is_(None),
            )
            .subquery()
        )
        rows = self._session.execute(
            select(ranked.c.study_id, ranked.c.number, ranked.c.value)
            .where(ranked.c.before.is_(None) | (ranked.c.loss < ranked.c.before))
            .order_by(ranked.c.study_id, ranked.c.number)
        )
        found: dict[str, list[tuple[int, float]]] = {study_id: [] for study_id in study_ids}
        for study_id, number, value in rows:
            found[study_id].append((number, value))
        return found

    def _validation(self) -> ColumnElement[Any]:
        """The validation metrics inside their JSON text, as text: half of what there is."""
        text = type_coerce(TrialRow.metrics, Text)
        if self._session.get_bind().dialect.name == "sqlite":
            return type_coerce(func.json_extract(text, "$.validation"), Text)
        return cast(text, JSON).op("->>")("validation")

    def _first_overfit_epoch(self) -> ColumnElement[Any]:
        """The number of the verdict inside its JSON text; null where there is none."""
        text = type_coerce(TrialRow.verdict, Text)
        if self._session.get_bind().dialect.name == "sqlite":
            found = func.json_extract(text, "$.numbers.first_overfit_epoch")
        else:
            path = ("numbers", "first_overfit_epoch")
            found = func.json_extract_path_text(cast(text, JSON), *path)
        # Numbers are written as 12 or as 12.0, and only a number is read from the latter.
        return cast(cast(found, Float(53)), Integer)

    def _kind(self, column: InstrumentedAttribute[Any] = TrialRow.verdict) -> ColumnElement[Any]:
        """The kind of a verdict (or a failure) inside its JSON text."""
        text = type_coerce(column, Text)
        if self._session.get_bind().dialect.name == "sqlite":
            return type_coerce(func.json_extract(text, "$.kind"), Text)
        return cast(text, JSON).op("->>")("kind")

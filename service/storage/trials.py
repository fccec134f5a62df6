"""Trials: listed, brought to rungs, ended; with their arrays and epochs in one repository."""

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from service.domain.records import (
    ArrayState,
    Artifact,
    Failure,
    Trial,
    TrialMetrics,
    TrialPage,
    Verdict,
)
from service.domain.states import TERMINAL_TRIAL_STATES, TRIAL_TRANSITIONS, TrialState
from service.errors import Conflict, InvalidRequest, NotFound
from service.storage import clock
from service.storage.arrays import ArrayRepository, NewArray, NewTrial
from service.storage.best_notes import note_best, read_aims
from service.storage.columns import finite, finite_values
from service.storage.epochs import Curve, EpochRepository
from service.storage.locking import append_event, lock_study
from service.storage.pages import (
    Ordering,
    bad_token,
    check_page_size,
    paged,
    read_token,
    write_token,
)
from service.storage.study_records import count
from service.storage.tables import ArrayRow, ArtifactRow, CohortRow, StudyRow, TrialRow
from service.storage.trial_records import artifact_record, trial_record

__all__ = ["Curve", "NewArray", "NewTrial", "TrialRepository"]

ORDERS = {"number": TrialRow.number, "value": TrialRow.value, "epochs": TrialRow.epochs}

_ONE = select(TrialRow).where(
    TrialRow.study_id == bindparam("study_id"), TrialRow.number == bindparam("number")
)


class LeftFile(Protocol):
    """What is stored of a file: an Artifact has it, and so has what a worker reports."""

    @property
    def kind(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def bytes(self) -> int: ...


class TrialRepository(ArrayRepository, EpochRepository):
    """Trials of studies in a session, with their cohorts, arrays and epochs.

    Writes raise Stale for a fence that is not the study's and NotFound for an unknown trial.
    What comes from another attempt, or too late for a trial that has ended, changes nothing
    and is answered with False (I3, I5).
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self, study_id: str) -> list[Trial]:
        """Every trial of the study by number."""
        rows = self._session.scalars(
            select(TrialRow).where(TrialRow.study_id == study_id).order_by(TrialRow.number)
        )
        return [trial_record(row) for row in rows]

    def of_cohort(self, study_id: str, cohort: int) -> list[Trial]:
        """The trials of one cohort by number."""
        rows = self._session.scalars(
            select(TrialRow)
            .where(TrialRow.study_id == study_id, TrialRow.cohort == cohort)
            .order_by(TrialRow.number)
        )
        return [trial_record(row) for row in rows]

    def some(self, study_id: str, numbers: Collection[int]) -> list[Trial]:
        """The trials with these numbers, ascending."""
        rows = self._session.scalars(
            select(TrialRow)
            .where(TrialRow.study_id == study_id, TrialRow.number.in_(list(numbers)))
            .order_by(TrialRow.number)
        )
        return [trial_record(row) for row in rows]

    def get(self, study_id: str, number: int) -> Trial | None:
        """One trial; None if there is none."""
        row = self._session.scalars(
            select(TrialRow).where(TrialRow.study_id == study_id, TrialRow.number == number)
        ).one_or_none()
        return None if row is None else trial_record(row)

    def page(
        self,
        study_id: str,
        page_size: int,
        page_token: str | None = None,
        states: Iterable[TrialState] | None = None,
        order_by: str = "number",
    ) -> TrialPage:
        """One page of the study's trials; those without a value come last in either direction.

        Raises InvalidRequest for an order, a size or a token that is not valid.
        """
        field = order_by.removeprefix("-")
        if field not in ORDERS:
            names = [sign + name for name in ORDERS for sign in ("", "-")]
            raise InvalidRequest(
                f"trials cannot be ordered by {order_by!r}", f"use one of {', '.join(names)}"
            )
        ordering = Ordering(order_by, ORDERS[field], TrialRow.number, nullable=field == "value")
        statement = select(TrialRow).where(TrialRow.study_id == study_id)
        if states is not None:
            statement = statement.where(TrialRow.state.in_(list(states)))
        size = check_page_size(page_size)
        after = _trial_key(page_token, ordering)
        rows = self._session.scalars(paged(statement, ordering, size, after)).all()
        items = [trial_record(row) for row in rows[:size]]
        token = None
        if len(rows) > size:
            last = items[-1]
            token = write_token(ordering, getattr(last, field), last.number)
        return TrialPage(items=items, next_page_token=token)

    def artifacts(self, study_id: str, trial: int) -> list[Artifact]:
        """The files that a trial left, by kind."""
        rows = self._session.scalars(
            select(ArtifactRow)
            .join(TrialRow, TrialRow.key == ArtifactRow.trial_key)
            .where(TrialRow.study_id == study_id, TrialRow.number == trial)
            .order_by(ArtifactRow.kind)
        )
        return [artifact_record(study_id, trial, row) for row in rows]

    def record_rung(
        self, study_id: str, fence: int, trial: int, attempt: int, epoch: int, value: float | None
    ) -> bool:
        """The value that a trial carries at a rung; whether it was accepted."""
        _, row = self._lock_trial(study_id, fence, trial)
        if row.attempt != attempt or row.state in TERMINAL_TRIAL_STATES:
            return False
        row.rungs = {**row.rungs, str(epoch): finite(value)}
        return True

    def finish(
        self,
        study_id: str,
        fence: int,
        trial: int,
        attempt: int,
        state: TrialState,
        *,
        value: float | None = None,
        best_epoch: int | None = None,
        metrics: TrialMetrics | None = None,
        complexity: dict[str, float | None] | None = None,
        verdict: Verdict | None = None,
        failure: Failure | None = None,
        artifacts: Sequence[LeftFile] = (),
    ) -> bool:
        """Bring a trial to a terminal state, once; whether this call did.

        Its array is DONE with the last of its trials, the cohort told with the last of its
        own. Raises Conflict for a step that the table of states forbids.
        """
        study, row = self._lock_trial(study_id, fence, trial)
        if row.attempt != attempt or row.state in TERMINAL_TRIAL_STATES:
            return False
        if state not in TERMINAL_TRIAL_STATES or state not in TRIAL_TRANSITIONS[row.state]:
            raise Conflict(f"trial {trial} is {row.state} and cannot become {state}")
        count(study, row.state, -1)
        count(study, state, +1)
        row.state = state
        row.value = finite(value)
        row.best_epoch = best_epoch
        row.metrics = None if metrics is None else _finite_metrics(metrics)
        row.complexity = None if complexity is None else finite_values(complexity)
        aims = read_aims(study.resolved)
        if aims.constraints and row.metrics is not None:
            scores = aims.scores(row.metrics["validation"], row.complexity)
            row.feasible = aims.is_feasible(scores)
        row.verdict = None if verdict is None else verdict.model_dump(mode="json")
        row.failure = None if failure is None else failure.model_dump(mode="json")
        row.finished_at = clock.now(self._session)
        self._add_artifacts(row.key, artifacts)
        self._end_one(row)
        improved = note_best(study, aims, row)
        data: dict[str, Any] = {
            "cohort": row.cohort,
            "trials": [trial],
            "state": state,
            "value": row.value,
            "best": improved,
        }
        append_event(self._session, study, "trials", data)
        return True

    def _lock_trial(self, study_id: str, fence: int, number: int) -> tuple[StudyRow, TrialRow]:
        study = lock_study(self._session, study_id, fence)
        # What this transaction has written to other rows can wait for its end, in one batch.
        with self._session.no_autoflush:
            row = self._session.scalars(
                _ONE, {"study_id": study_id, "number": number}
            ).one_or_none()
        if row is None:
            raise NotFound(f"study {study_id} has no trial {number}")
        return study, row

    def _add_artifacts(self, key: int, artifacts: Sequence[LeftFile]) -> None:
        rows = [
            {
                "trial_key": key,
                "kind": artifact.kind,
                "path": artifact.path,
                "sha256": artifact.sha256,
                "bytes": artifact.bytes,
            }
            for artifact in artifacts
        ]
        if rows:
            self._session.execute(insert(ArtifactRow), rows)

    def _end_one(self, trial: TrialRow) -> None:
        array = self._session.get_one(ArrayRow, (trial.study_id, trial.cohort, trial.array))
        cohort = self._session.get_one(CohortRow, (trial.study_id, trial.cohort))
        array.live -= 1
        cohort.live -= 1
        # The session's own references are weak: without these two both rows would be read
        # again for every trial of the array.
        self._session.info[CohortRow, trial.study_id] = cohort
        self._session.info[ArrayRow, trial.study_id] = array
        if array.live == 0:
            array.state = ArrayState.DONE


def _finite_metrics(metrics: TrialMetrics) -> dict[str, Any]:
    return {
        "train": finite_values(metrics.train),
        "validation": finite_values(metrics.validation),
    }


def _trial_key(token: str | None, ordering: Ordering) -> tuple[float | None, int] | None:
    key = read_token(token, ordering)
    if key is None:
        return None
    value, number = key
    if not (_is_measure(value) if ordering.nullable else _is_count(value)):
        raise bad_token()
    if not _is_count(number):
        raise bad_token()
    return value, number


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**31


def _is_measure(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isfinite(value))

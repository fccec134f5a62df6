"""Every write to a study starts here: its row is locked, and the writer's fence compared.

The lock (SQLite: BEGIN IMMEDIATE; PostgreSQL: FOR UPDATE) is held to the end of the
transaction, so the counters on the row, the numbering of events and decisions, and the
refusal of stale writers (rule R5) need nothing else. Lock order: study, then lease.
"""

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, load_only

from service.errors import Conflict, NotFound, Stale
from service.storage import clock
from service.storage.tables import EventRow, StudyRow

_COUNTERS = load_only(
    StudyRow.state,
    StudyRow.intent,
    StudyRow.parent_id,
    StudyRow.metric,
    StudyRow.direction,
    StudyRow.planned,
    StudyRow.queued,
    StudyRow.running,
    StudyRow.complete,
    StudyRow.pruned,
    StudyRow.diverged,
    StudyRow.stopped,
    StudyRow.failed,
    StudyRow.epochs,
    StudyRow.seconds,
    StudyRow.best_trial,
    StudyRow.best_value,
    StudyRow.best_complete,
    StudyRow.started_at,
    StudyRow.finished_at,
    StudyRow.event,
    StudyRow.decision,
    StudyRow.fence,
)
_LOCK = (
    select(StudyRow)
    .where(StudyRow.id == bindparam("study_id"))
    .options(_COUNTERS)
    .with_for_update()
    .execution_options(populate_existing=True)
)
"""Built once: every write begins with it."""


def missing(study_id: str) -> NotFound:
    """There is no such study."""
    return NotFound(f"there is no study {study_id}")


def part_of(parent_id: str) -> Conflict:
    """A study that repeats another one's configs goes its way with that."""
    return Conflict(
        f"this study repeats configs of study {parent_id} and is part of it",
        f"steer or delete study {parent_id}",
    )


def lock_study(session: Session, study_id: str, fence: int | None = None) -> StudyRow:
    """The study's row, locked to the end of the transaction.

    Raises NotFound, or Stale when a fence is given and is not the study's. A second call in
    the same transaction answers from memory: the row is already ours.
    """
    row: StudyRow | None = session.info.get(study_id)
    if row is None:
        row = session.scalars(_LOCK, {"study_id": study_id}).one_or_none()
        if row is None:
            raise missing(study_id)
        session.info[study_id] = row
    if fence is not None and row.fence != fence:
        raise Stale(f"the lease of study {study_id} has passed on: {row.fence} is after {fence}")
    return row


def append_event(session: Session, study: StudyRow, kind: str, data: dict[str, Any]) -> None:
    """Number and add one entry to the live stream of a locked study."""
    study.event += 1
    session.add(
        EventRow(
            study_id=study.id,
            sequence=study.event,
            kind=kind,
            data=data,
            created_at=clock.now(session),
        )
    )


def append_study_event(session: Session, study: StudyRow) -> None:
    """The study itself has changed: its state, or what is asked of it."""
    append_event(session, study, "study", {"state": study.state, "intent": study.intent})

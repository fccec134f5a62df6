"""The live stream of each study: numbered from 1 without a gap, read by whoever watches."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.domain.records import Event
from service.storage.locking import append_event, lock_study
from service.storage.tables import EventRow, StudyRow


class EventRepository:
    """Events of studies in a session. The other repositories write them, with their changes.

    `data` by kind: `study` {state, intent}; `trials` {cohort, trials, state} and, when one
    has ended, {value, best}; `epochs` {epochs: [[trial, epoch, train, validation], ...]} with
    the objective; `analysis` {kind, cohort}.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def after(self, study_id: str, sequence: int, limit: int = 1000) -> list[Event]:
        """The events after one, in order."""
        rows = self._session.scalars(
            select(EventRow)
            .where(EventRow.study_id == study_id, EventRow.sequence > sequence)
            .order_by(EventRow.sequence)
            .limit(limit)
        )
        return [
            Event(
                study_id=row.study_id,
                sequence=row.sequence,
                kind=row.kind,
                data=row.data,
                created_at=row.created_at,
            )
            for row in rows
        ]

    def newest(self, study_id: str) -> int | None:
        """The sequence of the newest event; None if there is no such study."""
        return self._session.scalar(select(StudyRow.event).where(StudyRow.id == study_id))

    def append(self, study_id: str, fence: int, kind: str, data: dict[str, object]) -> int:
        """Add an event that belongs to no change of ours; its sequence."""
        study = lock_study(self._session, study_id, fence)
        append_event(self._session, study, kind, data)
        return study.event

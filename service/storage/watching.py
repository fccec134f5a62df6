"""What a live stream of many studies looks for between events."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.storage.tables import StudyRow


@dataclass(frozen=True)
class Listed:
    """The set of studies that the list page shows, in short."""

    count: int
    newest: str | None
    """Id of the study that was made last; None if there is none."""
    states: dict[str, int]
    """How many of them are in each state: a list may be of some states only."""


class WatchRepository:
    """Cheap looks at many studies in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def positions(self, study_ids: Collection[str]) -> dict[str, int]:
        """The sequence of each study's newest event; those that do not exist are left out."""
        if not study_ids:
            return {}
        rows = self._session.execute(
            select(StudyRow.id, StudyRow.event).where(StudyRow.id.in_(study_ids))
        )
        return {row.id: row.event for row in rows}

    def listed(self) -> Listed:
        """Number and newest of the studies, without those that repeat another one's configs."""
        top = StudyRow.parent_id.is_(None)
        states = self.states()
        newest = self._session.scalar(
            select(StudyRow.id)
            .where(top)
            .order_by(StudyRow.created_at.desc(), StudyRow.id.desc())
            .limit(1)
        )
        return Listed(sum(states.values()), newest, states)

    def states(self) -> dict[str, int]:
        """How many studies are in each state, without those that repeat another one's configs."""
        rows = self._session.execute(
            select(StudyRow.state, func.count())
            .where(StudyRow.parent_id.is_(None))
            .group_by(StudyRow.state)
            .order_by(StudyRow.state)
        )
        return {str(state): count for state, count in rows}

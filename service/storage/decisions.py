"""Decisions and analyses: what the conductor writes down about a study as a whole."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.domain.records import Analysis, Decision
from service.storage import clock
from service.storage.locking import append_event, lock_study
from service.storage.tables import AnalysisRow, DecisionRow

EXTEND = "extend"
"""The decision with which a revision begins."""


class DecisionRepository:
    """Decisions of studies in a session, numbered from 1 inside the study."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, study_id: str, fence: int, kind: str, detail: dict[str, Any]) -> Decision:
        """Record a decision. Raises Stale."""
        study = lock_study(self._session, study_id, fence)
        study.decision += 1
        row = DecisionRow(
            study_id=study_id,
            sequence=study.decision,
            kind=kind,
            detail=detail,
            created_at=clock.now(self._session),
        )
        self._session.add(row)
        return _decision_record(row)

    def all(self, study_id: str, kind: str | None = None) -> list[Decision]:
        """The study's decisions in order, all or those of one kind."""
        statement = select(DecisionRow).where(DecisionRow.study_id == study_id)
        if kind is not None:
            statement = statement.where(DecisionRow.kind == kind)
        rows = self._session.scalars(statement.order_by(DecisionRow.sequence))
        return [_decision_record(row) for row in rows]

    def current(self, study_id: str, kind: str) -> list[Decision]:
        """Those of a kind since the study was last extended: what holds for its newest revision."""
        extended = select(func.max(DecisionRow.sequence)).where(
            DecisionRow.study_id == study_id, DecisionRow.kind == EXTEND
        )
        statement = select(DecisionRow).where(
            DecisionRow.study_id == study_id,
            DecisionRow.kind == kind,
            DecisionRow.sequence > func.coalesce(extended.scalar_subquery(), 0),
        )
        rows = self._session.scalars(statement.order_by(DecisionRow.sequence))
        return [_decision_record(row) for row in rows]


class AnalysisRepository:
    """Analyses of studies in a session: the newest of each kind."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, study_id: str, fence: int, kind: str, cohort: int, data: dict[str, Any]) -> None:
        """Store an analysis in place of the older one of its kind. Raises Stale."""
        study = lock_study(self._session, study_id, fence)
        self._session.merge(AnalysisRow(study_id=study_id, kind=kind, cohort=cohort, data=data))
        append_event(self._session, study, "analysis", {"kind": kind, "cohort": cohort})

    def get(self, study_id: str, kind: str) -> Analysis | None:
        """The newest analysis of a kind; None if there is none."""
        row = self._session.get(AnalysisRow, (study_id, kind))
        if row is None:
            return None
        return Analysis(study_id=row.study_id, kind=row.kind, cohort=row.cohort, data=row.data)


def _decision_record(row: DecisionRow) -> Decision:
    return Decision(
        study_id=row.study_id,
        sequence=row.sequence,
        kind=row.kind,
        detail=row.detail,
        created_at=row.created_at,
    )

"""Leases: which engine drives a study, until when, and under which fence."""

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.domain.records import Lease
from service.domain.states import Intent, StudyState
from service.storage import clock
from service.storage.locking import lock_study
from service.storage.tables import LeaseRow, StudyRow

RUNNABLE = or_(
    StudyRow.state.in_([StudyState.QUEUED, StudyState.RUNNING, StudyState.SELECTING]),
    and_(StudyRow.state == StudyState.PAUSED, StudyRow.intent != Intent.PAUSE),
)
MARGIN_SECONDS = 60.0
"""Longer than any wait for a lock."""


class LeaseRepository:
    """Leases in a session. The fence goes up whenever a lease is taken or given back."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def any_free(self, *, urgent_only: bool = False) -> bool:
        """Whether there is a study to be leased; only reads, so that asking often is cheap."""
        now = clock.lease_clock(self._session)
        return self._session.execute(_free_studies(now, urgent_only).limit(1)).first() is not None

    def acquire_any(
        self, owner: str, seconds: float, limit: int, *, urgent_only: bool = False
    ) -> list[Lease]:
        """Lease up to `limit` studies that can be driven and that nobody drives, oldest first.

        `urgent_only`: those that only have to be stopped, and parts of others, for an engine that
        has no room: it would wait for the parts in vain.
        """
        now = clock.lease_clock(self._session)
        # A study that another engine is just leasing is locked, and skipped.
        studies = self._session.execute(
            _free_studies(now, urgent_only)
            .limit(limit)
            .with_for_update(of=StudyRow, skip_locked=True)
        ).all()
        leases = [
            self._take(study_id, fence + 1, owner, seconds, now) for study_id, fence in studies
        ]
        return [lease for lease in leases if lease is not None]

    def renew(self, study_id: str, owner: str, fence: int, seconds: float) -> bool:
        """Hold a lease for `seconds` from now; False if it has passed on."""
        expires = clock.lease_clock(self._session) + seconds
        renewed = self._session.execute(
            update(LeaseRow)
            .where(LeaseRow.study_id == study_id, LeaseRow.owner == owner, LeaseRow.fence == fence)
            .values(expires=expires, granted=seconds)
            .returning(LeaseRow.study_id)
        )
        return renewed.scalar_one_or_none() is not None

    def release(self, study_id: str, owner: str, fence: int) -> bool:
        """Give a lease back: whoever writes under its fence afterwards is refused."""
        raised = self._session.execute(
            update(StudyRow)
            .where(StudyRow.id == study_id, StudyRow.fence == fence)
            .values(fence=fence + 1)
            .returning(StudyRow.id)
        ).scalar_one_or_none()
        if raised is None:
            return False
        self._session.execute(
            delete(LeaseRow).where(LeaseRow.study_id == study_id, LeaseRow.owner == owner)
        )
        return True

    def check(self, study_id: str, fence: int) -> None:
        """Raises Stale unless the fence is the study's, and NotFound without a study."""
        lock_study(self._session, study_id, fence)

    def _take(
        self, study_id: str, fence: int, owner: str, seconds: float, now: float
    ) -> Lease | None:
        dialect = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        values = {"owner": owner, "fence": fence, "expires": now + seconds, "granted": seconds}
        # The join saw a snapshot: the holder may have renewed since, so the expiry is compared
        # again on the row itself, and the study's fence is raised only after that.
        taken = self._session.execute(
            dialect.insert(LeaseRow)
            .values(study_id=study_id, **values)
            .on_conflict_do_update(
                index_elements=[LeaseRow.study_id], set_=values, where=_expired(now)
            )
            .returning(LeaseRow.study_id)
        ).scalar_one_or_none()
        if taken is None:
            return None
        self._session.execute(update(StudyRow).where(StudyRow.id == study_id).values(fence=fence))
        return Lease(study_id=study_id, owner=owner, fence=fence, seconds_left=seconds)


def _free_studies(now: float, urgent_only: bool) -> Select[str, int]:
    """Studies (id, fence) that can be driven and that nobody drives: parts first, then oldest."""
    urgent = or_(StudyRow.intent == Intent.STOP, StudyRow.parent_id.is_not(None))
    return (
        select(StudyRow.id, StudyRow.fence)
        .outerjoin(LeaseRow, LeaseRow.study_id == StudyRow.id)
        .where(RUNNABLE, or_(LeaseRow.study_id.is_(None), _expired(now)))
        .where(urgent if urgent_only else true())
        .order_by(StudyRow.parent_id.is_(None), StudyRow.created_at, StudyRow.id)
    )


def _expired(now: float) -> ColumnElement[bool]:
    """Run out, or further away than it can have been granted for: the clock began again.

    The margin is for `now` being a little old: a holder may have renewed since it was read.
    """
    return or_(LeaseRow.expires <= now, LeaseRow.expires > now + LeaseRow.granted + MARGIN_SECONDS)

"""What is asked of a study reaches its parts, in the transaction of whoever asks."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.domain.states import TERMINAL_STUDY_STATES, Intent
from service.errors import Conflict
from service.storage.locking import append_study_event, lock_study
from service.storage.tables import StudyRow


def part_ids(session: Session, parent_id: str) -> list[str]:
    """The studies that repeat configs of a study, oldest first."""
    return list(
        session.scalars(
            select(StudyRow.id)
            .where(StudyRow.parent_id == parent_id)
            .order_by(StudyRow.created_at, StudyRow.id)
        )
    )


def ask_parts(session: Session, parent_id: str, intent: Intent) -> None:
    """Ask every part that is not over for something; one that was told to stop only stops.

    The parent's row is the caller's to lock before: the order is parent, then parts.
    """
    for study_id in part_ids(session, parent_id):
        part = lock_study(session, study_id)
        settled = part.state in TERMINAL_STUDY_STATES or part.intent is Intent.STOP
        if not settled and part.intent is not intent:
            part.intent = intent
            append_study_event(session, part)


def check_parts_over(session: Session, parent_id: str) -> None:
    """Raises Conflict while an engine has a part in hand, or is to take it up."""
    live = list(
        session.scalars(
            select(StudyRow.id)
            .where(StudyRow.parent_id == parent_id, StudyRow.state.not_in(TERMINAL_STUDY_STATES))
            .order_by(StudyRow.id)
        )
    )
    if live:
        raise Conflict(
            f"its repetitions are still ending: {', '.join(live)}",
            "wait a moment and try again; an engine must be running",
        )

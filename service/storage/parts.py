"""The studies that are part of another one: they repeat its best configs with fresh seeds."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.domain.records import Study
from service.domain.states import TERMINAL_STUDY_STATES, Intent
from service.storage.locking import append_study_event, lock_study
from service.storage.studies import StudyRepository
from service.storage.tables import StudyRow


class PartRepository:
    """Parts in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, parent_id: str) -> list[Study]:
        """The parts of a study, oldest first."""
        studies = StudyRepository(self._session)
        found = (studies.get(study_id) for study_id in self._ids(parent_id))
        return [study for study in found if study is not None]

    def stop(self, parent_id: str, fence: int) -> None:
        """Ask every part that is not over to stop; `fence` is the parent's."""
        lock_study(self._session, parent_id, fence)
        for study_id in self._ids(parent_id):
            part = lock_study(self._session, study_id)
            if part.state not in TERMINAL_STUDY_STATES and part.intent is not Intent.STOP:
                part.intent = Intent.STOP
                append_study_event(self._session, part)

    def set_winner(self, parent_id: str, fence: int, trial: int, value: float) -> None:
        """The trial whose config won on fresh seeds becomes the best; `value` is its mean."""
        study = lock_study(self._session, parent_id, fence)
        study.best_trial, study.best_value = trial, value

    def _ids(self, parent_id: str) -> list[str]:
        return list(
            self._session.scalars(
                select(StudyRow.id)
                .where(StudyRow.parent_id == parent_id)
                .order_by(StudyRow.created_at, StudyRow.id)
            )
        )

"""The studies that are part of another one: they repeat its best configs with fresh seeds."""

from sqlalchemy.orm import Session

from service.domain.records import Study
from service.domain.states import Intent
from service.storage.locking import lock_study
from service.storage.part_intents import ask_parts, part_ids
from service.storage.studies import StudyRepository


class PartRepository:
    """Parts in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, parent_id: str) -> list[Study]:
        """The parts of a study, oldest first."""
        studies = StudyRepository(self._session)
        found = (studies.get(study_id) for study_id in part_ids(self._session, parent_id))
        return [study for study in found if study is not None]

    def stop(self, parent_id: str, fence: int) -> None:
        """Ask every part that is not over to stop; `fence` is the parent's."""
        lock_study(self._session, parent_id, fence)
        ask_parts(self._session, parent_id, Intent.STOP)

    def set_winner(self, parent_id: str, fence: int, trial: int, value: float) -> None:
        """The trial whose config won on fresh seeds becomes the best; `value` is its mean."""
        study = lock_study(self._session, parent_id, fence)
        study.best_trial, study.best_value = trial, value

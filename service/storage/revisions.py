"""Revisions of studies: a search that ended early, a study that goes on, and what came before."""

from sqlalchemy.orm import Session

from service.storage.locking import append_study_event, lock_study
from service.storage.study_records import proposed


class RevisionRepository:
    """Revisions in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def end_search(self, study_id: str, fence: int) -> None:
        """No further trial will be proposed: those that there are, are those planned.

        So that progress and the time left are about what is still to come. Raises Stale.
        """
        study = lock_study(self._session, study_id, fence)
        study.planned = proposed(study)
        append_study_event(self._session, study)

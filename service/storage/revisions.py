"""Revisions of studies: a search that ended early, a study that goes on, and what came before."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.domain.datasets import UploadedDataset
from service.domain.model import content_hash
from service.domain.records import Revision, Study
from service.domain.space import Params
from service.domain.spec import Extension, ExtensionSpec, ResolvedSpec
from service.domain.states import Intent, StudyState
from service.errors import Conflict
from service.storage.decisions import EXTEND, DecisionRepository
from service.storage.kept_results import find_best
from service.storage.locking import append_study_event, lock_study, missing, part_of
from service.storage.studies import StudyRepository
from service.storage.study_records import proposed
from service.storage.tables import LeaseRow, RevisionRow, StudyRow
from service.storage.uploads import hold

REMEDIES = {
    StudyState.STOPPED: "submit a new study, with this one as warm_start: {studies: [ID]}",
    StudyState.FAILED: "submit a new study, with this one as warm_start: {studies: [ID]}",
    StudyState.PAUSED: "resume it, and wait until it is COMPLETE",
}


class RevisionRepository:
    """Revisions in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, study_id: str) -> list[Revision]:
        """The results of a study before it was extended, oldest first."""
        rows = self._session.scalars(
            select(RevisionRow).where(RevisionRow.study_id == study_id).order_by(RevisionRow.number)
        )
        return [_record(row) for row in rows]

    def end_search(self, study_id: str, fence: int) -> None:
        """No further trial will be proposed: those that there are, are those planned.

        So that progress and the time left are about what is still to come. Raises Stale.
        """
        study = lock_study(self._session, study_id, fence)
        study.planned = proposed(study)
        append_study_event(self._session, study)

    def extended_by(self, study_id: str, key: str, body_hash: str | None) -> bool:
        """Whether a request with this key has extended the study before.

        Raises Conflict if that was with another body.
        """
        for decision in DecisionRepository(self._session).all(study_id, EXTEND):
            if decision.detail["key"] == key:
                if decision.detail["body_hash"] == body_hash:
                    return True
                raise Conflict(
                    "the Idempotency-Key was used before with another body", "use a new key"
                )
        return False

    def extend(
        self,
        study_id: str,
        asked: ExtensionSpec,
        enqueue: Sequence[Params],
        key: str | None = None,
        body_hash: str | None = None,
    ) -> tuple[Study, bool]:
        """Keep the result of a COMPLETE study and queue it again, with more trials.

        The one way out of a terminal state: COMPLETE is the end of a revision. Whoever held its
        lease loses it. The best trial is that of the search again, until another selection.
        `enqueue`: as the space wants it. With a key that has extended it before, nothing is
        changed: the second answer says so. Raises Conflict when the study is not COMPLETE, or is
        part of another one; NotFound for an upload that is gone.
        """
        session = self._session
        study = lock_study(session, study_id)
        if key is not None and self.extended_by(study_id, key, body_hash):
            return self._current(study_id), True
        if study.parent_id is not None:
            raise part_of(study.parent_id)
        if study.state is not StudyState.COMPLETE:
            raise Conflict(
                f"the study is {study.state}: only one that is COMPLETE can be extended",
                REMEDIES.get(study.state, "wait until it is COMPLETE"),
            )
        resolved = ResolvedSpec.model_validate_json(study.resolved)
        if isinstance(resolved.dataset, UploadedDataset):
            hold(session, resolved.dataset.id)
        extension = Extension(
            trials=asked.trials,
            enqueue=list(enqueue),
            seconds=asked.seconds,
            first=proposed(study),
            spent=study.seconds,
        )
        extended = resolved.model_copy(update={"extensions": [*resolved.extensions, extension]})
        ended = self._keep_result(study, len(extended.extensions))
        detail = {
            "revision": 1 + len(extended.extensions),
            "first": extension.first,
            "trials": extension.trials,
            "enqueued": len(extension.enqueue),
            "seconds": extension.seconds,
            "spent": extension.spent,
            "ended": None if ended is None else ended.isoformat(),
            "spec_hash": study.spec_hash,
            "key": key,
            "body_hash": body_hash,
        }
        study.resolved = extended.model_dump_json()
        study.spec_hash = content_hash(extended.model_dump(mode="json"))
        study.planned = extended.trials
        study.state, study.intent = StudyState.QUEUED, Intent.RUN
        study.failure = study.summary = study.finished_at = None
        find_best(session, study)
        study.fence += 1
        session.execute(delete(LeaseRow).where(LeaseRow.study_id == study_id))
        DecisionRepository(session).append(study_id, study.fence, EXTEND, detail)
        append_study_event(session, study)
        return self._current(study_id), False

    def _current(self, study_id: str) -> Study:
        self._session.flush()
        study = StudyRepository(self._session).get(study_id)
        if study is None:
            raise missing(study_id)
        return study

    def _keep_result(self, study: StudyRow, number: int) -> datetime | None:
        self._session.add(
            RevisionRow(
                study_id=study.id,
                number=number,
                trials=proposed(study),
                best_trial=study.best_trial,
                best_value=study.best_value,
                summary=study.summary,
                finished_at=study.finished_at,
            )
        )
        return study.finished_at


def _record(row: RevisionRow) -> Revision:
    return Revision(
        number=row.number,
        trials=row.trials,
        best_trial=row.best_trial,
        best_value=row.best_value,
        summary=row.summary,
        finished_at=row.finished_at,
    )

"""What a study had found before it was extended: the best of its search, and its result."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.domain.spec import ResolvedSpec
from service.domain.states import TERMINAL_TRIAL_STATES, StudyState
from service.storage.best_notes import note_best
from service.storage.tables import RevisionRow, StudyRow, TrialRow

REVISION = "revision"
"""In a summary: the revision whose result it is, where a later one came to nothing."""


def find_best(session: Session, study: StudyRow, before: int | None = None) -> None:
    """The best of the search: a selection may have put its winner there. The row is locked.

    `before`: of the trials with a lower number alone.
    """
    aims = ResolvedSpec.model_validate_json(study.resolved).aims
    study.best_trial = study.best_value = study.front = None
    study.best_complete = False
    ended = select(TrialRow).where(
        TrialRow.study_id == study.id, TrialRow.state.in_(TERMINAL_TRIAL_STATES)
    )
    if before is not None:
        ended = ended.where(TrialRow.number < before)
    for trial in session.scalars(ended.order_by(TrialRow.number)):
        note_best(study, aims, trial)


def restore_result(session: Session, study: StudyRow) -> None:
    """Where an extension has come to nothing, the result before it is the study's again.

    For a locked study that has just become STOPPED or FAILED; nothing happens to one that was
    never extended. What was never confirmed gives way to a better trial of the extension.
    """
    if study.state not in (StudyState.STOPPED, StudyState.FAILED):
        return
    session.flush()
    kept = session.scalars(
        select(RevisionRow)
        .where(RevisionRow.study_id == study.id)
        .order_by(RevisionRow.number.desc())
        .limit(1)
    ).first()
    if kept is None or not kept.summary:
        return
    chosen = kept.summary.get("selection")
    confirmed = chosen is not None and chosen["winner"] is not None
    if not confirmed and study.best_trial != kept.best_trial:
        return
    find_best(session, study, before=kept.trials)
    study.best_trial, study.best_value = kept.best_trial, kept.best_value
    study.summary = {**kept.summary, REVISION: kept.number}

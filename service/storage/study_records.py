"""From a study's row to its record, and the state of its counters."""

import json

from service.domain.datasets import BuiltInDataset, DatasetSpec, UploadedDataset
from service.domain.records import Failure, Notice, Progress, Study
from service.domain.space import Params
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import TERMINAL_STUDY_STATES, TrialState
from service.storage.best_notes import best_so_far
from service.storage.tables import StudyRow


def study_record(row: StudyRow, best_params: Params | None) -> Study:
    """The record of a study; `best_params` are those of its best trial."""
    resolved = ResolvedSpec.model_validate_json(row.resolved)
    return Study(
        id=row.id,
        name=row.name,
        parent=row.parent_id,
        state=row.state,
        intent=row.intent,
        spec=StudySpec.model_validate_json(row.spec),
        resolved=resolved,
        spec_hash=row.spec_hash,
        warnings=[Notice(**warning) for warning in row.warnings],
        progress=_progress(row, resolved.seconds_limit),
        best=best_so_far(row, resolved.aims, best_params),
        data_hash=row.data_hash,
        failure=Failure(**row.failure) if row.failure else None,
        summary=row.summary,
        versions=row.versions,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        revision=1 + len(resolved.extensions),
        event=row.event,
    )


def _progress(row: StudyRow, budget_seconds: float | None) -> Progress:
    progress = Progress(
        trials=row.planned,
        queued=row.queued,
        running=row.running,
        complete=row.complete,
        pruned=row.pruned,
        diverged=row.diverged,
        stopped=row.stopped,
        failed=row.failed,
        epochs=row.epochs,
        seconds=row.seconds,
    )
    left = _seconds_left(row, progress.done, budget_seconds)
    return progress.model_copy(update={"seconds_left": left})


def _seconds_left(row: StudyRow, done: int, budget_seconds: float | None) -> float | None:
    if row.state in TERMINAL_STUDY_STATES:
        return 0.0
    if done == 0 or row.seconds <= 0:
        return None
    left = row.seconds / done * max(0, row.planned - done)
    return left if budget_seconds is None else min(left, max(0.0, budget_seconds - row.seconds))


def count(study: StudyRow, state: TrialState, change: int) -> None:
    """Add to the study's counter of trials in a state."""
    column = state.value.lower()
    setattr(study, column, getattr(study, column) + change)


def proposed(study: StudyRow) -> int:
    """How many trials the study has: the next trial's number."""
    return sum(getattr(study, state.value.lower()) for state in TrialState)


def dataset_id(dataset: DatasetSpec) -> str | None:
    """The id of an uploaded data set, the name of a built-in one; None for a path."""
    if isinstance(dataset, UploadedDataset):
        return dataset.id
    return dataset.name if isinstance(dataset, BuiltInDataset) else None


def dataset_name(spec: str) -> str:
    """What a stored spec calls its data set: an id, a name or a path."""
    dataset = json.loads(spec)["dataset"]
    named = (dataset.get(key) for key in ("id", "name", "images", "path"))
    return str(next(name for name in named if name))

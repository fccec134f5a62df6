"""Builds what an executor is asked to do from the records."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from service.domain.records import Array, Artifact, Trial
from service.domain.resolve import complete_config
from service.domain.spec import ResolvedSpec
from service.executors.base import ArrayJob, EarlyStoppingPlan, ScoreJob, SlotJob, TrainingPlan
from trainers.registry import version_key


def training_plan(spec: ResolvedSpec) -> TrainingPlan:
    """The part of a job that is the same for all trials of a study."""
    stopping = spec.training.early_stopping
    return TrainingPlan(
        epochs=spec.training.epochs,
        first_eligible_epoch=spec.first_eligible_epoch,
        early_stopping=None
        if stopping is None
        else EarlyStoppingPlan(
            patience=stopping.patience,
            min_delta=stopping.min_delta,
            min_epochs=stopping.min_epochs,
        ),
        metric=spec.aims.ranking.metric,
        direction=spec.aims.ranking.direction,
        task=task_of(spec),
    )


def task_of(spec: ResolvedSpec) -> dict[str, Any]:
    """The task as a job carries it."""
    return spec.task.model_dump(mode="json")


def next_stop(spec: ResolvedSpec, passed: int) -> int:
    """The epoch at which an array that passed a rung (0: none) stops next."""
    return next((rung for rung in spec.rungs if rung > passed), spec.training.epochs)


def state_folder(array: Array) -> str:
    """Where an array's states are saved, below the artifact root."""
    return f"studies/{array.study_id}/arrays/{array.cohort}-{array.index}"


def cohorts_with_states(artifact_root: Path, study_id: str) -> set[int]:
    """Cohorts of a study that have saved states on disk."""
    folder = artifact_root / "studies" / study_id / "arrays"
    if not folder.is_dir():
        return set()
    return {int(path.name.partition("-")[0]) for path in folder.iterdir()}


def array_job(
    spec: ResolvedSpec,
    array: Array,
    live: Sequence[Trial],
    *,
    fence: int,
    data_folder: Path,
    artifact_root: Path,
    save_seconds: float,
    versions: Mapping[str, str],
    harvest: bool = False,
    measure_nothing: bool = False,
) -> ArrayJob:
    """The next segment of an array: from its saved state to the next rung or the end.

    With `harvest` nothing is trained: its trials end with the best of the saved state. With
    `measure_nothing` it tells first what doing nothing gives on the study's task. `versions` are
    the study's.
    """
    return ArrayJob(
        job_id=uuid.uuid4().hex,
        study_id=array.study_id,
        cohort=array.cohort,
        array=array.index,
        fence=fence,
        family=live[0].family,
        data_folder=str(data_folder),
        artifact_root=str(artifact_root),
        slots=[
            SlotJob(
                trial=trial.number,
                attempt=trial.attempt,
                seed=trial.seed,
                config=complete_config(spec, trial.family, trial.params),
            )
            for trial in live
        ],
        plan=training_plan(spec),
        until_epoch=next_stop(spec, array.rung),
        resume_from=array.state_path,
        state_path=state_folder(array),
        save_seconds=save_seconds,
        harvest=harvest,
        measure_nothing=measure_nothing,
        made_of=versions.get(version_key(live[0].family)),
    )


def score_job(
    spec: ResolvedSpec,
    trial: Trial,
    checkpoint: Artifact,
    *,
    study_id: str,
    fence: int,
    data_folder: Path,
    artifact_root: Path,
    versions: Mapping[str, str],
) -> ScoreJob:
    """Score a trial's checkpoint on the sealed test part, for a study that it is part of."""
    return ScoreJob(
        job_id=uuid.uuid4().hex,
        study_id=study_id,
        trial=trial.number,
        fence=fence,
        family=trial.family,
        data_folder=str(data_folder),
        artifact_root=str(artifact_root),
        checkpoint=checkpoint.path,
        config=complete_config(spec, trial.family, trial.params),
        seed=trial.seed,
        task=task_of(spec),
        made_of=versions.get(version_key(trial.family)),
    )

"""From the rows of cohorts, arrays, trials and epochs to their records."""

from service.domain.records import (
    Array,
    Artifact,
    Cohort,
    EpochReport,
    Failure,
    Trial,
    TrialMetrics,
    Verdict,
)
from service.storage.tables import ArrayRow, ArtifactRow, CohortRow, EpochRow, TrialRow


def trial_record(row: TrialRow) -> Trial:
    """The record of a trial."""
    return Trial(
        study_id=row.study_id,
        number=row.number,
        cohort=row.cohort,
        array=row.array,
        state=row.state,
        family=row.family,
        params=row.params,
        value=row.value,
        best_epoch=row.best_epoch,
        epochs=row.epochs,
        rungs=row.rungs,
        metrics=TrialMetrics(**row.metrics) if row.metrics else None,
        complexity=row.complexity,
        feasible=row.feasible,
        verdict=Verdict(**row.verdict) if row.verdict else None,
        seed=row.seed,
        attempt=row.attempt,
        failure=Failure(**row.failure) if row.failure else None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def cohort_record(row: CohortRow) -> Cohort:
    """The record of a cohort."""
    return Cohort(study_id=row.study_id, index=row.index, trials=row.trials, told=row.live == 0)


def array_record(row: ArrayRow) -> Array:
    """The record of an array."""
    return Array(
        study_id=row.study_id,
        cohort=row.cohort,
        index=row.index,
        state=row.state,
        signature=row.signature,
        trials=row.trials,
        rung=row.rung,
        saved_epoch=row.saved_epoch,
        state_path=row.state_path,
        attempt=row.attempt,
    )


def artifact_record(study_id: str, trial: int, row: ArtifactRow) -> Artifact:
    """The record of a file that a trial left."""
    return Artifact(
        study_id=study_id,
        trial=trial,
        kind=row.kind,
        path=row.path,
        sha256=row.sha256,
        bytes=row.bytes,
    )


def epoch_record(row: EpochRow) -> EpochReport:
    """The record of an epoch."""
    return EpochReport(
        epoch=row.epoch,
        train=row.train,
        validation=row.validation,
        effective_beta=row.effective_beta,
        learning_rate=row.learning_rate,
        gradient_norm=row.gradient_norm,
        seconds=row.seconds,
    )

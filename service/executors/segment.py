"""One segment of an array's training: from a saved state, or from scratch, to a rung or the end."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Literal, TypeAlias

import torch
from safetensors.torch import save as to_safetensors

from service.artifacts import FilesystemArtifacts
from service.domain.records import EpochReport, Failure, TrialMetrics
from service.domain.states import TrialState
from service.executors.base import (
    ArrayJob,
    ArtifactFile,
    EpochEvent,
    RungEvent,
    SavedEvent,
    TaskBaselineEvent,
    TrialEndEvent,
)
from service.executors.job_files import (
    remove_old_states,
    remove_temporaries,
    saved_epochs,
    state_epoch,
    state_path,
    trial_folder,
)
from service.executors.orders import Commands
from service.executors.worker_process import Emit
from trainers.base import EarlyStopping, FitPlan, Slot, SlotEnd, SlotReport
from trainers.data.errors import UnreadableData
from trainers.data.mapped import MappedData
from trainers.loop import ArrayRun
from trainers.tasks import parse_task

Outcome: TypeAlias = Literal["done", "yielded"]

logger = logging.getLogger(__name__)


class Segment:
    """Trains an array to the job's `until_epoch` and tells of every step on the way.

    Order of events, on which resuming rests: an epoch's reports, the trials that it ended with
    their files durable, and only then the state that no longer holds these trials as live.
    """

    def __init__(self, job: ArrayJob, emit: Emit, commands: Commands) -> None:
        self._job = job
        self._emit = emit
        self._commands = commands
        self._artifacts = FilesystemArtifacts(Path(job.artifact_root))
        self._attempts = {slot.trial: slot.attempt for slot in job.slots}
        self._known_epoch = state_epoch(job.resume_from) if job.resume_from else 0
        remove_temporaries(job)
        self._run, self._saved_epoch = self._open()
        self._saved_at = monotonic()

    def train(self) -> Outcome:
        """Run until the segment is over, or until asked to yield; a harvest trains nothing."""
        job, run, commands = self._job, self._run, self._commands
        if job.measure_nothing:
            self._tell_doing_nothing()
        if job.harvest:
            self._tell_ends(run.stop())
            return "done"
        while run.live and run.epoch < job.until_epoch and commands.how is None:
            step = run.run_epoch(lambda: commands.stop)
            if step is None:
                break
            self._tell_epoch(*step)
            if run.live and monotonic() - self._saved_at >= job.save_seconds:
                self._save()
        if not run.live:
            return "done"
        if commands.stop:
            self._tell_ends(run.stop())
            return "yielded"
        self._save()
        if run.epoch < job.until_epoch:
            return "yielded"
        self._tell_rung()
        return "done"

    def _open(self) -> tuple[ArrayRun, int]:
        """The array at the newest state that is on disk and not newer than the record's."""
        job = self._job
        data = open_data(job.data_folder)
        slots = [Slot(each.trial, each.seed, each.config) for each in job.slots]
        plan = fit_plan(job)
        # After a crash of everything the record may name a state that a later one has outlived
        # on disk; the epochs between are trained again, to the same bits.
        epochs = [epoch for epoch in saved_epochs(job) if epoch <= self._known_epoch]
        if epochs and epochs[-1] > 0:
            path = self._artifacts.path(state_path(job, epochs[-1]))
            run = ArrayRun.load(path, job.family, slots, data, plan)
        else:
            run = ArrayRun(job.family, slots, data, plan)
        if run.epoch < self._known_epoch:
            logger.warning("%s is missing: going on from epoch %d", job.resume_from, run.epoch)
        return run, run.epoch

    def _save(self) -> None:
        """Make the state durable, unless it is already."""
        run = self._run
        if run.epoch > self._saved_epoch:
            relative = state_path(self._job, run.epoch)
            path = self._artifacts.path(relative)
            path.parent.mkdir(parents=True, exist_ok=True)
            run.save(path)
            self._saved_epoch = run.epoch
            self._emit(SavedEvent(job_id=self._job.job_id, epoch=run.epoch, path=relative))
            remove_old_states(self._job, run.epoch)
        self._saved_at = monotonic()

    def _tell_doing_nothing(self) -> None:
        train, validation = self._run.doing_nothing()
        self._emit(
            TaskBaselineEvent(
                job_id=self._job.job_id,
                train=finite_metrics(train),
                validation=finite_metrics(validation),
            )
        )

    def _tell_epoch(self, reports: Sequence[SlotReport], ends: Sequence[SlotEnd]) -> None:
        for report in reports:
            if report.epoch <= self._known_epoch:
                continue  # on record already
            self._emit(
                EpochEvent(
                    job_id=self._job.job_id,
                    trial=report.trial,
                    attempt=self._attempts[report.trial],
                    report=epoch_report(report),
                )
            )
        self._tell_ends(ends)

    def _tell_ends(self, ends: Sequence[SlotEnd]) -> None:
        for end in ends:
            self._emit(
                TrialEndEvent(
                    job_id=self._job.job_id,
                    trial=end.trial,
                    attempt=self._attempts[end.trial],
                    state=TrialState(end.state),
                    value=finite(end.value),
                    best_epoch=end.best_epoch,
                    epochs=end.epochs,
                    stopped_early=end.stopped_early,
                    metrics=trial_metrics(end),
                    complexity=None if end.complexity is None else finite_metrics(end.complexity),
                    artifacts=self._write_files(end),
                    failure=end_failure(end),
                )
            )

    def _tell_rung(self) -> None:
        if self._job.until_epoch >= self._job.plan.epochs:
            return
        values = self._run.best_values()
        for trial in sorted(self._run.live):
            self._emit(
                RungEvent(
                    job_id=self._job.job_id,
                    trial=trial,
                    attempt=self._attempts[trial],
                    epoch=self._run.epoch,
                    value=finite(values[trial]),
                )
            )

    def _write_files(self, end: SlotEnd) -> list[ArtifactFile]:
        folder = trial_folder(self._job.study_id, end.trial)
        files = []
        for kind, tensors in (
            ("checkpoint", end.weights),
            ("reconstructions", end.pictures),
            ("evidence", end.evidence),
        ):
            if tensors:
                path = f"{folder}/{kind}.safetensors"
                sha256, size = self._artifacts.put_bytes(path, pack(tensors))
                files.append(ArtifactFile(kind=kind, path=path, sha256=sha256, bytes=size))
        return files


def open_data(folder: str) -> MappedData:
    """The stored data set of a job. Raises UnreadableData when the store does not have it."""
    try:
        return MappedData.open(Path(folder))
    except FileNotFoundError as error:
        raise UnreadableData(folder, "it is not in the store", "restore the folder") from error


def fit_plan(job: ArrayJob) -> FitPlan:
    """The trainer's plan of a job."""
    stopping = job.plan.early_stopping
    return FitPlan(
        epochs=job.plan.epochs,
        first_eligible_epoch=job.plan.first_eligible_epoch,
        early_stopping=None
        if stopping is None
        else EarlyStopping(stopping.patience, stopping.min_delta, stopping.min_epochs),
        metric=job.plan.metric,
        direction=job.plan.direction,
        task=parse_task(job.plan.task),
    )


def pack(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Tensors as a safetensors file; views of one array are written as tensors of their own."""
    packed: bytes = to_safetensors(
        {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    )
    return packed


def finite(value: float | None) -> float | None:
    """JSON knows no NaN and no infinity: they leave as None."""
    return value if value is not None and math.isfinite(value) else None


def finite_metrics(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Metrics for a record."""
    return {name: finite(value) for name, value in metrics.items()}


def epoch_report(report: SlotReport) -> EpochReport:
    """A trainer's report as a record."""
    return EpochReport(
        epoch=report.epoch,
        train=finite_metrics(report.train),
        validation=finite_metrics(report.validation),
        effective_beta=finite(report.effective_beta),
        learning_rate=report.learning_rate,
        gradient_norm=finite(report.gradient_norm),
        seconds=report.seconds,
    )


def trial_metrics(end: SlotEnd) -> TrialMetrics | None:
    """Metrics at the best epoch, if there was one."""
    if end.train is None or end.validation is None:
        return None
    return TrialMetrics(train=finite_metrics(end.train), validation=finite_metrics(end.validation))


def end_failure(end: SlotEnd) -> Failure | None:
    """Why a trial diverged."""
    if end.state != TrialState.DIVERGED:
        return None
    return Failure(kind="diverged", message=end.message or "the loss is no longer finite")

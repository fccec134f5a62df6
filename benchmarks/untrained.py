"""The whole engine with workers that do not train: what is left is the service itself."""

import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from benchmarks.our_study import epoch_report, study_specs
from service.domain.model import content_hash
from service.domain.records import TrialMetrics
from service.domain.states import TrialState
from service.engine.resources import Resources
from service.engine.supervisor import Supervisor
from service.executors.base import (
    ArrayJob,
    EpochEvent,
    JobEndEvent,
    ScoreJob,
    TrialEndEvent,
    WorkerEvent,
)
from service.storage.database import Database
from service.storage.migration import migrate
from service.storage.studies import StudyRepository
from trainers.registry import catalog

DEADLINE_SECONDS = 600.0


class UntrainedExecutor:
    """Two slots; every poll answers with the next epoch of every job."""

    def __init__(self) -> None:
        self.started = 0
        """Jobs."""
        self.ended = 0
        """Trials whose end has been reported."""
        self._jobs: dict[str, Iterator[list[WorkerEvent]]] = {}

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return 2

    @property
    def free(self) -> int:
        """Slots that would start a job now."""
        return self.slots - len(self._jobs)

    def submit(self, job: ArrayJob | ScoreJob) -> None:
        """Start a job."""
        assert isinstance(job, ArrayJob), "the benchmark ends before the selection"
        self._jobs[job.job_id] = _events(job)
        self.started += 1

    def poll(self, timeout_seconds: float) -> Sequence[WorkerEvent]:
        """One epoch of every job; waits only when there is none, as a real executor would."""
        if not self._jobs:
            time.sleep(timeout_seconds)
        events: list[WorkerEvent] = []
        for job_id, batches in list(self._jobs.items()):
            batch = next(batches, None)
            if batch is None:
                del self._jobs[job_id]
                events.append(JobEndEvent(job_id=job_id, outcome="done"))
            else:
                events += batch
                self.ended += sum(isinstance(event, TrialEndEvent) for event in batch)
        return events

    def yield_job(self, job_id: str, how: Literal["pause", "stop"]) -> None:
        """Nothing to interrupt."""

    def forget(self, study_id: str) -> None:
        """Nothing to kill."""

    def close(self) -> None:
        """Nothing to end."""


def _events(job: ArrayJob) -> Iterator[list[WorkerEvent]]:
    for epoch in range(1, job.plan.epochs + 1):
        yield [
            EpochEvent(
                job_id=job.job_id,
                trial=slot.trial,
                attempt=slot.attempt,
                report=epoch_report(slot.config, epoch),
            )
            for slot in job.slots
        ]
    ends: list[WorkerEvent] = []
    for slot in job.slots:
        last = epoch_report(slot.config, job.plan.epochs)
        ends.append(
            TrialEndEvent(
                job_id=job.job_id,
                trial=slot.trial,
                attempt=slot.attempt,
                state=TrialState.COMPLETE,
                value=last.validation["mse"],
                best_epoch=last.epoch,
                epochs=last.epoch,
                stopped_early=False,
                metrics=TrialMetrics(train=last.train, validation=last.validation),
                artifacts=[],
                failure=None,
            )
        )
    yield ends


def engine_seconds_per_trial(folder: Path, trials: int, seed: int) -> float:
    """Wall-clock per trial from the first job on, until every trial is over."""
    url = f"sqlite:///{folder / uuid.uuid4().hex}.db"
    migrate(url)
    database = Database(url)
    asked, resolved = study_specs(trials, seed)
    hashed = content_hash(asked.model_dump(mode="json"))
    with database.transaction() as session:
        StudyRepository(session).create("study", asked, resolved, hashed, [], {})
    executor = UntrainedExecutor()
    with ThreadPoolExecutor(max_workers=2) as pool:
        resources = Resources(
            database=database,
            executor=executor,
            catalog=catalog(),
            pool=pool,
            data_roots=[],
            upload_root=folder / "uploads",
            data_store=folder / "data",
            artifact_root=folder / "artifacts",
            clock=time.monotonic,
            save_seconds=15.0,
        )
        supervisor = Supervisor(resources, lease_seconds=600.0, owner="bench")
        deadline = time.monotonic() + DEADLINE_SECONDS
        start = time.perf_counter()
        while executor.ended < trials:
            assert time.monotonic() < deadline, "the study did not get there in time"
            if not executor.started:
                start = time.perf_counter()
            supervisor.step()
        seconds = time.perf_counter() - start
    with database.read() as session:
        study = StudyRepository(session).get("study")
    assert study is not None
    assert study.progress.complete == trials, study.failure
    database.close()
    return seconds / trials

"""LocalExecutor: jobs run in worker processes of this machine, one job a worker."""

import itertools
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from time import monotonic
from typing import Final

from pydantic import TypeAdapter, ValidationError

from service.domain.records import Failure
from service.executors.base import ArrayJob, JobEndEvent, ScoreJob, WorkerEvent
from service.executors.job_files import remove_temporaries
from service.executors.lines import BrokenLine, JsonLines
from service.executors.nursery import Nursery, exit_failure
from service.executors.orders import How, RunOrder, YieldOrder
from service.executors.worker_process import HEARTBEAT

EVENT: TypeAdapter[WorkerEvent] = TypeAdapter(WorkerEvent)

STOP_SECONDS: Final = 1.5
"""How long a job may take to end after it was asked to stop."""
DEATH_SECONDS: Final = 0.3
"""How long the end of a killed worker's pipe is awaited before its slot is given away."""
EXIT_SECONDS: Final = 1.0
"""How long the exit code of a worker that is gone is awaited."""
SILENCE_SECONDS: Final = 30.0
"""How long a worker may hold a slot without a sign of life."""
BEATS_IN_SILENCE: Final = 15
"""Heartbeats that must fail to come before a worker is given up."""
LOOKS_IN_SILENCE: Final = 30
"""Looks that must find nothing before a worker is given up."""
RUNNER: Final = "service.executors.worker:run_job"

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Worker:
    """One worker process, as seen from here."""

    number: int
    lines: JsonLines
    nursery: Nursery
    job: ArrayJob | ScoreJob | None = None
    stop_by: float | None = None
    """When the job is killed unless it has ended."""
    verdict: Failure | None = None
    """Why we killed it."""
    bury_by: float | None = None
    """Set once it is known to be dying: nothing more is waited for after this."""
    exit_code: int | None = None
    forgotten: bool = False
    silent_seconds: float = 0.0
    """How long we have listened to its job in vain."""

    @property
    def busy(self) -> bool:
        """Whether it holds a slot."""
        return self.job is not None and not self.forgotten

    @property
    def over(self) -> bool:
        """Whether there is nothing more to learn of it."""
        if self.bury_by is None:
            return False
        known = self.verdict is not None or self.exit_code is not None or self.nursery.ended
        return (self.lines.ended and known) or monotonic() >= self.bury_by

    @property
    def next_deadline(self) -> float | None:
        """When it wants attention though nothing was heard of it."""
        return self.bury_by if self.bury_by is not None else self.stop_by


class LocalExecutor:
    """`slots` jobs at once, each in a process with one thread; see base.Executor.

    Workers are forked on demand by a nursery that has torch preloaded, stay for further jobs,
    and are replaced when they die. They die with this process, whatever kills it. Nothing is
    buffered here: a worker waits while `poll` is not called and its pipe is full.

    A worker that is frozen, or hangs as a whole, is killed after `silence_seconds` without a
    heartbeat, and its job has failed with kind `lost`. Only time in which we listened counts.
    """

    def __init__(
        self,
        slots: int,
        *,
        runner: str = RUNNER,
        families: Sequence[str] = (),
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        if slots < 1:
            raise ValueError("an executor needs at least one slot")
        self._slots = slots
        self._runner = runner
        self._families = families
        self._silence_seconds = silence_seconds
        self._looked_at = monotonic()
        self._numbers = itertools.count(1)
        self._workers: dict[int, _Worker] = {}
        self._nursery = Nursery(runner, families)  # loads torch while others do their part

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._slots

    @property
    def free(self) -> int:
        """Slots that would start a job now."""
        return self._slots - sum(worker.busy for worker in self._workers.values())

    def submit(self, job: ArrayJob | ScoreJob) -> None:
        """Start a job in a free slot. Raises RuntimeError when none is free."""
        if self.free < 1:
            raise RuntimeError("no slot is free")
        beat_seconds = self._silence_seconds / BEATS_IN_SILENCE
        order = RunOrder(job=job, beat_seconds=beat_seconds).model_dump_json().encode()
        for worker in self._idle():
            try:
                worker.lines.send(order, wait=False)
            except OSError:
                self._kill(worker)  # it died while idle: no job is lost
            else:
                worker.job, worker.silent_seconds = job, 0.0
                return
        worker = self._spawn()
        worker.lines.send(order, wait=False)
        worker.job = job

    def poll(self, timeout_seconds: float) -> Sequence[WorkerEvent]:
        """Events since the last call, in order per job; waits at most so long for the first."""
        until = monotonic() + timeout_seconds
        while True:
            self._kill_overdue()
            events = self._hear(until)
            if events or monotonic() >= until:
                return events

    def yield_job(self, job_id: str, how: How) -> None:
        """Ask a job to end; see base.Executor. It ends within STOP_SECONDS after a `stop`."""
        for worker in self._workers.values():
            if worker.busy and worker.job is not None and worker.job.job_id == job_id:
                if how == "stop" and worker.stop_by is None:
                    worker.stop_by = monotonic() + STOP_SECONDS
                order = YieldOrder(job_id=job_id, how=how).model_dump_json().encode()
                try:
                    worker.lines.send(order, wait=False)
                except OSError:
                    # Dead or frozen: `poll` learns of the one, the deadline ends the other.
                    logger.info("job %s cannot hear that it should %s", job_id, how)

    def forget(self, study_id: str) -> None:
        """Kill every job of a study; their events are dropped."""
        for worker in self._workers.values():
            if worker.busy and worker.job is not None and worker.job.study_id == study_id:
                worker.forgotten = True
                self._kill(worker)

    def close(self) -> None:
        """End all workers; nothing of the process tree is left."""
        for worker in self._workers.values():
            worker.lines.close()
        self._nursery.close()
        for worker in self._workers.values():
            _sweep(worker)
        self._workers.clear()

    def _idle(self) -> list[_Worker]:
        return [w for w in self._workers.values() if w.job is None and w.bury_by is None]

    def _spawn(self) -> _Worker:
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        with theirs:
            self._nursery.exits()  # learns of its death, if so
            try:
                if self._nursery.ended:
                    raise BrokenPipeError
                self._nursery.spawn(number, theirs)
            except OSError:
                self._nursery.close()
                self._nursery = Nursery(self._runner, self._families)
                self._nursery.spawn(number, theirs)
        worker = _Worker(number, JsonLines(ours), self._nursery)
        self._workers[number] = worker
        return worker

    def _kill(self, worker: _Worker) -> None:
        worker.nursery.kill(worker.number)
        worker.bury_by = monotonic() + DEATH_SECONDS

    def _kill_overdue(self) -> None:
        now = monotonic()
        for worker in self._workers.values():
            if worker.stop_by is not None and worker.bury_by is None and now >= worker.stop_by:
                worker.verdict = Failure(
                    kind="stopped",
                    message=f"it had not ended {STOP_SECONDS:g} s after it was asked to stop, "
                    "and was killed",
                )
                self._kill(worker)

    def _hear(self, until: float) -> list[WorkerEvent]:
        """Wait once for news, read it, and bury the dead."""
        speaking = [worker for worker in self._workers.values() if not worker.lines.ended]
        sources = [worker.lines.fileno() for worker in speaking]
        if not self._nursery.ended:
            sources.append(self._nursery.fileno())
        deadlines = [worker.next_deadline for worker in self._workers.values()]
        look = monotonic() + self._silence_seconds / LOOKS_IN_SILENCE
        wake = min([until, look, *(each for each in deadlines if each is not None)])
        ready = set(wait(sources, max(0.0, wake - monotonic())))
        events: list[WorkerEvent] = []
        for worker in speaking:
            if worker.lines.fileno() in ready:
                worker.silent_seconds = 0.0
                events += self._read(worker)
        self._note_exits()
        self._note_silence([w for w in speaking if w.lines.fileno() not in ready])
        for worker in [worker for worker in self._workers.values() if worker.over]:
            events += self._bury(worker)
        return events

    def _read(self, worker: _Worker) -> list[WorkerEvent]:
        events: list[WorkerEvent] = []
        try:
            for line in worker.lines.receive(wait=False):
                if line == HEARTBEAT:
                    continue
                event = EVENT.validate_json(line)
                if worker.busy and worker.job is not None and event.job_id == worker.job.job_id:
                    events.append(event)
                    if isinstance(event, JobEndEvent):
                        worker.job, worker.stop_by = None, None
        except (BrokenLine, ValidationError) as error:
            worker.verdict = Failure(kind="crash", message=f"its worker sent nonsense: {error}")
            self._kill(worker)
        if worker.lines.ended and worker.bury_by is None:
            worker.bury_by = monotonic() + EXIT_SECONDS
        return events

    def _note_exits(self) -> None:
        for found in self._nursery.exits():
            worker = self._workers.get(found.worker)
            if worker is not None:
                worker.exit_code = found.code

    def _note_silence(self, silent: Sequence[_Worker]) -> None:
        """Count the time since the last look for those that had nothing to say; kill the lost."""
        now = monotonic()
        # A longer gap is one in which we did not listen: we were busy, or frozen ourselves,
        # perhaps together with the workers, which then have had no time to speak either.
        listened = min(now - self._looked_at, self._silence_seconds / LOOKS_IN_SILENCE)
        self._looked_at = now
        for worker in silent:
            # While the nursery still loads torch, its workers cannot speak.
            if not worker.busy or worker.bury_by is not None or not worker.nursery.ready:
                continue
            worker.silent_seconds += listened
            if worker.silent_seconds >= self._silence_seconds:
                worker.verdict = Failure(
                    kind="lost",
                    message=f"its worker was silent for {self._silence_seconds:g} s, "
                    "and was killed",
                )
                self._kill(worker)

    def _bury(self, worker: _Worker) -> list[WorkerEvent]:
        """Forget a dead worker; its job, if any, has failed."""
        events: list[WorkerEvent] = [] if worker.lines.ended else self._read(worker)
        del self._workers[worker.number]
        worker.lines.close()
        _sweep(worker)
        if worker.busy and worker.job is not None:
            failure = worker.verdict or exit_failure(worker.exit_code)
            events.append(JobEndEvent(job_id=worker.job.job_id, outcome="failed", failure=failure))
        return events


def _sweep(worker: _Worker) -> None:
    if isinstance(worker.job, ArrayJob):
        remove_temporaries(worker.job)

"""InProcessExecutor: the same jobs and events in threads of this process, for tests."""

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from service.executors.base import ArrayJob, JobEndEvent, ScoreJob, WorkerEvent
from service.executors.orders import Commands, How
from service.executors.worker_process import Runner

BUFFERED_EVENTS: Final = 1000
JOIN_SECONDS: Final = 30.0


@dataclass(eq=False)
class _Running:
    """A job and the thread that runs it."""

    job: ArrayJob | ScoreJob
    commands: Commands = field(default_factory=Commands)
    forgotten: bool = False


class InProcessExecutor:
    """Runs each job in a thread; see base.Executor.

    It differs from the local executor where threads differ from processes: a job that does not
    heed a stop cannot be killed, and a crash takes everything with it.
    """

    def __init__(self, slots: int = 1, *, runner: Runner | None = None) -> None:
        if runner is None:
            from service.executors.worker import run_job  # loads torch

            runner = run_job
        self._slots = slots
        self._runner = runner
        self._events: queue.Queue[tuple[_Running, WorkerEvent]] = queue.Queue(BUFFERED_EVENTS)
        self._running: dict[str, _Running] = {}
        self._threads: list[threading.Thread] = []

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._slots

    @property
    def free(self) -> int:
        """Slots that would start a job now."""
        return self._slots - len(self._running)

    def submit(self, job: ArrayJob | ScoreJob) -> None:
        """Start a job in a free slot. Raises RuntimeError when none is free."""
        if self.free < 1:
            raise RuntimeError("no slot is free")
        running = _Running(job)
        self._running[job.job_id] = running
        thread = threading.Thread(target=self._work, args=[running], daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def _work(self, running: _Running) -> None:
        self._runner(running.job, lambda event: self._put(running, event), running.commands)

    def _put(self, running: _Running, event: WorkerEvent) -> None:
        while not running.forgotten:
            try:
                self._events.put((running, event), timeout=0.1)
            except queue.Full:
                continue
            return

    def poll(self, timeout_seconds: float) -> Sequence[WorkerEvent]:
        """Events since the last call, in order per job; waits at most so long for the first."""
        until = monotonic() + timeout_seconds
        events: list[WorkerEvent] = []
        while True:
            left = until - monotonic()
            try:
                running, event = self._events.get(
                    block=not events and left > 0, timeout=max(left, 0)
                )
            except queue.Empty:
                return events
            if running.forgotten:
                continue
            events.append(event)
            if isinstance(event, JobEndEvent):
                del self._running[event.job_id]

    def yield_job(self, job_id: str, how: How) -> None:
        """Ask a job to end; see base.Executor."""
        if job_id in self._running:
            self._running[job_id].commands.give(how)

    def forget(self, study_id: str) -> None:
        """Stop every job of a study; their events are dropped."""
        for running in list(self._running.values()):
            if running.job.study_id == study_id:
                running.forgotten = True
                running.commands.give("stop")
                del self._running[running.job.job_id]

    def close(self) -> None:
        """Stop all jobs and wait for their threads."""
        for running in self._running.values():
            running.forgotten = True
            running.commands.give("stop")
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        self._running.clear()

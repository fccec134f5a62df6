"""The engine process: leases studies, ticks their conductors, obeys signals."""

import logging
import os
import signal
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from sqlalchemy.exc import OperationalError

from service.domain.records import Failure
from service.domain.states import StudyState
from service.engine.conductor import Conductor
from service.engine.resources import Resources
from service.errors import Stale, StorageFull, Unavailable
from service.executors.base import WorkerEvent
from service.executors.local import LocalExecutor
from service.settings import Settings
from service.storage.database import Database
from service.storage.leases import LeaseRepository
from service.storage.studies import StudyRepository
from trainers.registry import catalog

log = logging.getLogger(__name__)

AWAY = (Unavailable, StorageFull, OperationalError)
"""The database cannot take a write just now: nothing is lost, the tick is repeated."""
TICK_SECONDS = 0.1
MAX_STUDIES = 8
"""Studies that one engine drives at the same time; the others wait their turn."""
MAX_ERRORS = 3
"""A study whose conductor raised so often in a row is FAILED, with the traceback's tail."""
DRAIN_SECONDS = 3.0


class Supervisor:
    """Drives every study that it can lease. `run` returns when `stop` is set."""

    def __init__(self, resources: Resources, *, lease_seconds: float, owner: str) -> None:
        self._resources = resources
        self._lease_seconds = lease_seconds
        self._owner = owner
        self._conductors: dict[str, Conductor] = {}
        self._errors: dict[str, int] = {}
        self._renewed = 0.0
        self._acquired = 0.0
        self._turn = 0

    def run(self, stop: threading.Event) -> None:
        """Tick until told to stop; then let workers save, and release the leases."""
        try:
            while not stop.is_set():
                self.step()
        finally:
            self._drain()

    def step(self) -> None:
        """One round over all studies."""
        clock = self._resources.clock
        if clock() - self._acquired >= TICK_SECONDS:
            self._acquired = clock()
            self._guard_database(self._acquire)
        events = self._resources.executor.poll(TICK_SECONDS)
        for conductor in list(self._conductors.values()):
            self._tick(conductor, [event for event in events if conductor.owns(event.job_id)])
        self._fill_slots()
        if clock() - self._renewed >= self._lease_seconds / 3:
            self._renewed = clock()
            self._guard_database(self._renew)

    def _acquire(self) -> None:
        room = MAX_STUDIES - len(self._conductors)
        if room <= 0:
            return
        with self._resources.database.transaction() as session:
            leases = LeaseRepository(session).acquire_any(self._owner, self._lease_seconds, room)
        for lease in leases:
            try:
                self._conductors[lease.study_id] = Conductor(lease, self._resources)
            except AWAY:
                raise
            except Exception as error:  # noqa: BLE001 - one study's trouble must not end the others
                self._count_error(lease.study_id, lease.fence, error)

    def _renew(self) -> None:
        for conductor in list(self._conductors.values()):
            with self._resources.database.transaction() as session:
                held = LeaseRepository(session).renew(
                    conductor.study_id, self._owner, conductor.fence, self._lease_seconds
                )
            if not held:
                self._drop(conductor)

    def _tick(self, conductor: Conductor, events: Sequence[WorkerEvent]) -> None:
        try:
            conductor.tick(events)
        except Stale:
            log.warning("study %s: the lease has passed on", conductor.study_id)
            self._drop(conductor)
        except AWAY as error:
            log.warning("study %s: the database does not answer: %s", conductor.study_id, error)
        except LookupError:
            self._drop(conductor)
        except Exception as error:  # noqa: BLE001 - one study's trouble must not end the others
            self._drop(conductor)
            self._count_error(conductor.study_id, conductor.fence, error)
        else:
            self._errors.pop(conductor.study_id, None)
            if conductor.finished:
                self._release(conductor)

    def _fill_slots(self) -> None:
        """Hand free slots round, one job a study at a time, so that none starves."""
        idle = 0
        while self._resources.executor.free > 0 and idle < len(self._conductors):
            order = sorted(self._conductors)
            self._turn = (self._turn + 1) % len(order)
            conductor = self._conductors[order[self._turn]]
            try:
                job = conductor.next_job()
            except Stale:
                self._drop(conductor)
                continue
            except AWAY as error:
                # It is unknown whether the start was recorded: a new conductor reads it back.
                log.warning("study %s: dispatch failed: %s", conductor.study_id, error)
                self._drop(conductor)
                return
            if job is None:
                idle += 1
                continue
            idle = 0
            self._resources.executor.submit(job)

    def _count_error(self, study_id: str, fence: int, error: Exception) -> None:
        """Try a broken study again a few times, then end it with its reason."""
        log.error("study %s: %s", study_id, "".join(traceback.format_exception(error)))
        self._errors[study_id] = self._errors.get(study_id, 0) + 1
        self._guard_database(lambda: self._give_up_or_release(study_id, fence, error))

    def _give_up_or_release(self, study_id: str, fence: int, error: Exception) -> None:
        with self._resources.database.transaction() as session:
            if self._errors[study_id] >= MAX_ERRORS:
                StudyRepository(session).transition(
                    study_id,
                    StudyState.FAILED,
                    fence=fence,
                    failure=Failure(
                        kind="error",
                        message=f"{type(error).__name__}: {error}",
                        traceback_tail="".join(traceback.format_exception(error))[-4000:],
                    ),
                )
            LeaseRepository(session).release(study_id, self._owner, fence)

    def _drop(self, conductor: Conductor) -> None:
        """Stop driving a study at once: its jobs are killed, its lease is given back if ours."""
        self._resources.executor.forget(conductor.study_id)
        self._release(conductor)

    def _release(self, conductor: Conductor) -> None:
        self._conductors.pop(conductor.study_id, None)
        self._guard_database(lambda: self._release_lease(conductor.study_id, conductor.fence))

    def _release_lease(self, study_id: str, fence: int) -> None:
        with self._resources.database.transaction() as session:
            LeaseRepository(session).release(study_id, self._owner, fence)

    def _guard_database(self, action: object) -> None:
        assert callable(action)
        try:
            action()
        except (*AWAY, Stale) as error:
            log.warning("the database does not answer: %s", error)

    def _drain(self) -> None:
        """Let running jobs save their state, record it, then give the leases back."""
        deadline = self._resources.clock() + DRAIN_SECONDS
        while self._resources.clock() < deadline:
            busy = [conductor.pause_jobs() for conductor in self._conductors.values()]
            if not any(busy):
                break
            events = self._resources.executor.poll(TICK_SECONDS)
            for conductor in list(self._conductors.values()):
                self._tick(conductor, [e for e in events if conductor.owns(e.job_id)])
        for conductor in list(self._conductors.values()):
            self._release(conductor)
        self._resources.executor.close()


def run_engine(settings: Settings, stop: threading.Event | None = None) -> int:
    """Run an engine until `stop` is set or SIGTERM or SIGINT arrives; the exit status."""
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():

        def obey(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, obey)
        signal.signal(signal.SIGINT, obey)
    database = Database(settings.database_url)
    executor = LocalExecutor(settings.workers)
    pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="engine")
    resources = Resources(
        database=database,
        executor=executor,
        catalog=catalog(),
        pool=pool,
        data_roots=settings.data_roots,
        data_store=settings.data_store,
        artifact_root=settings.artifact_root,
        clock=time.monotonic,
        save_seconds=settings.save_seconds,
    )
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    try:
        Supervisor(resources, lease_seconds=settings.lease_seconds, owner=owner).run(stop)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return 0

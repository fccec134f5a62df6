"""The engine process: leases studies, ticks their conductors, obeys signals."""

import logging
import os
import signal
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType

from sqlalchemy.exc import OperationalError

from service.domain.records import Failure, Lease
from service.engine.conductor import Conductor
from service.engine.context import StudyContext
from service.engine.mirror import StudyGone
from service.engine.resources import Resources
from service.errors import Stale, StorageFull, Unavailable
from service.executors.base import WorkerEvent
from service.executors.local import LocalExecutor
from service.settings import Settings
from service.storage.database import Database
from service.storage.leases import LeaseRepository
from trainers import registry

log = logging.getLogger(__name__)

AWAY = (Unavailable, StorageFull, OperationalError)
"""The database cannot take a write just now: nothing is lost, the tick is repeated."""
TICK_SECONDS = 0.1
MAX_STUDIES = 8
"""Studies that one engine drives at the same time; the others wait their turn."""
MAX_ERRORS = 3
"""A study whose conductor raised so often is FAILED, with the traceback's tail."""
FORGIVEN_SECONDS = 300.0
"""An error this long ago no longer counts."""
DRAIN_SECONDS = 3.0


@dataclass
class Driven:
    """A study that this engine holds, and how it fares."""

    lease: Lease
    conductor: Conductor | None = None
    """None after an error, until it is time to try again."""
    errors: int = 0
    failed_at: float = 0.0
    retry_at: float = 0.0


class Supervisor:
    """Drives every study that it can lease. `run` returns when `stop` is set."""

    def __init__(self, resources: Resources, *, lease_seconds: float, owner: str) -> None:
        self._resources = resources
        self._lease_seconds = lease_seconds
        self._owner = owner
        self._driven: dict[str, Driven] = {}
        self._renewed = 0.0
        self._turn = 0

    def run(self, stop: threading.Event) -> None:
        """Tick until told to stop; then let workers save, and release the leases."""
        try:
            while not stop.is_set():
                self.step()
        finally:
            self._drain()

    def step(self) -> None:
        """One round over all studies.

        Leases are renewed before new ones are taken: after a long silence one's own are
        still there, unless another engine came for them.
        """
        self._guard_database(self._renew)
        self._guard_database(self._acquire)
        events = self._resources.executor.poll(TICK_SECONDS)
        for driven in list(self._driven.values()):
            self._tick(driven, events)
        self._fill_slots()

    def _renew(self) -> None:
        now = self._resources.clock()
        if now - self._renewed < self._lease_seconds / 3:
            return
        for driven in list(self._driven.values()):
            with self._resources.database.transaction() as session:
                held = LeaseRepository(session).renew(
                    driven.lease.study_id, self._owner, driven.lease.fence, self._lease_seconds
                )
            if not held:
                self._drop(driven)
        self._renewed = now

    def _acquire(self) -> None:
        room = MAX_STUDIES - len(self._driven)
        with self._resources.database.read() as session:
            if not LeaseRepository(session).any_free(urgent_only=room <= 0):
                return
        with self._resources.database.transaction() as session:
            leases = LeaseRepository(session).acquire_any(
                self._owner, self._lease_seconds, max(room, 1), urgent_only=room <= 0
            )
        for lease in leases:
            if lease.study_id in self._driven:
                self._resources.executor.forget(lease.study_id)
            self._driven[lease.study_id] = Driven(lease)

    def _tick(self, driven: Driven, events: Sequence[WorkerEvent]) -> None:
        study_id = driven.lease.study_id
        try:
            if driven.conductor is None:
                if self._resources.clock() < driven.retry_at:
                    return
                driven.conductor = Conductor(driven.lease, self._resources)
            conductor = driven.conductor
            conductor.tick([event for event in events if conductor.owns(event.job_id)])
        except Stale:
            log.warning("study %s: the lease has passed on", study_id)
            self._drop(driven)
        except StudyGone:
            self._drop(driven)
        except AWAY as error:
            log.warning("study %s: the database does not answer: %s", study_id, error)
        except Exception as error:  # noqa: BLE001 - one study's trouble must not end the others
            self._note_error(driven, error)
        else:
            if conductor.finished:
                self._release(driven)

    def _fill_slots(self) -> None:
        """Hand free slots round, one job a study at a time, so that none starves."""
        idle = 0
        while self._resources.executor.free > 0 and idle < len(self._driven):
            order = sorted(self._driven)
            self._turn = (self._turn + 1) % len(order)
            idle = 0 if self._dispatch(self._driven[order[self._turn]]) else idle + 1

    def _dispatch(self, driven: Driven) -> bool:
        """Start one job of a study; whether there was one."""
        if driven.conductor is None:
            return False
        try:
            job = driven.conductor.next_job()
            if job is not None:
                self._resources.executor.submit(job)
        except Stale:
            self._drop(driven)
        except AWAY as error:
            # It is unknown whether the start was recorded: a new conductor reads it back.
            log.warning("study %s: the database does not answer: %s", driven.lease.study_id, error)
            self._restart(driven, TICK_SECONDS)
        except Exception as error:  # noqa: BLE001 - one study's trouble must not end the others
            self._note_error(driven, error)
        else:
            return job is not None
        return False

    def _note_error(self, driven: Driven, error: Exception) -> None:
        """Try a broken study again a few times, then end it with its reason."""
        study_id, now = driven.lease.study_id, self._resources.clock()
        trace = "".join(traceback.format_exception(error))
        log.error("study %s: %s", study_id, trace)
        driven.errors = 1 if now - driven.failed_at > FORGIVEN_SECONDS else driven.errors + 1
        driven.failed_at = now
        self._restart(driven, 2.0 ** (driven.errors - 1))
        if driven.errors >= MAX_ERRORS:
            message = f"{type(error).__name__}: {error}"
            failure = Failure(kind="error", message=message, traceback_tail=trace[-4000:])
            self._guard_database(lambda: self._give_up(driven, failure))

    def _give_up(self, driven: Driven, failure: Failure) -> None:
        StudyContext(driven.lease, self._resources).fail(failure)
        self._release(driven)

    def _restart(self, driven: Driven, after_seconds: float) -> None:
        """Drop what is in memory and in the workers; a new conductor reads the records."""
        self._resources.executor.forget(driven.lease.study_id)
        driven.conductor = None
        driven.retry_at = self._resources.clock() + after_seconds

    def _drop(self, driven: Driven) -> None:
        """Stop driving a study at once: its jobs are killed, its lease is given back if ours."""
        self._resources.executor.forget(driven.lease.study_id)
        self._release(driven)

    def _release(self, driven: Driven) -> None:
        lease = driven.lease
        if self._driven.get(lease.study_id) is driven:
            del self._driven[lease.study_id]
        self._guard_database(lambda: self._give_back(lease))

    def _give_back(self, lease: Lease) -> None:
        with self._resources.database.transaction() as session:
            LeaseRepository(session).release(lease.study_id, self._owner, lease.fence)

    def _guard_database(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (*AWAY, Stale, StudyGone) as error:
            log.warning("the database does not answer: %s", error)

    def _drain(self) -> None:
        """Let running jobs save their state, record it, then give the leases back."""
        deadline = self._resources.clock() + DRAIN_SECONDS
        while self._resources.clock() < deadline:
            driven = [each for each in self._driven.values() if each.conductor is not None]
            busy = [each.conductor.pause_jobs() for each in driven if each.conductor]  # ask all
            if not any(busy):
                break
            events = self._resources.executor.poll(TICK_SECONDS)
            for each in driven:
                self._tick(each, events)
        for each in list(self._driven.values()):
            self._release(each)
        self._resources.executor.close()


def run_engine(settings: Settings, stop: threading.Event | None = None) -> int:
    """Run an engine until `stop` is set or SIGTERM or SIGINT arrives; the exit status."""
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():

        def obey(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, obey)
        signal.signal(signal.SIGINT, obey)
    registry.use_sources(settings.families)
    known = registry.catalog()  # raises for a family that is none, before anything is started
    database = Database(settings.database_url)
    executor = LocalExecutor(settings.workers, families=settings.families)
    pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="engine")
    resources = Resources(
        database=database,
        executor=executor,
        catalog=known,
        pool=pool,
        data_roots=settings.data_roots,
        upload_root=settings.upload_root,
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
        registry.close()
    return 0

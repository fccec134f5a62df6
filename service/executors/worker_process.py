"""The life of a worker process: obey orders from its socket, send events back, end with it."""

import os
import queue
import socket
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import wait
from time import monotonic
from typing import Final, TypeAlias

from service.executors.base import ArrayJob, ScoreJob, WorkerEvent
from service.executors.lines import JsonLines
from service.executors.orders import ORDER, Commands, RunOrder

Emit: TypeAlias = Callable[[WorkerEvent], None]
Runner: TypeAlias = Callable[[ArrayJob | ScoreJob, Emit, Commands], None]
"""Runs one job to its JobEndEvent; `worker.run_job` unless a test says otherwise."""
HEARTBEAT: Final = b"null"
"""Sent between events, also in the middle of a long step: this process is not frozen."""


class WorkerProcess:
    """Jobs run one after another in the main thread.

    A second thread hears orders and sends heartbeats meanwhile.
    """

    def __init__(self, sock: socket.socket, runner: Runner) -> None:
        self._lines = JsonLines(sock)
        self._sending = threading.Lock()
        self._runner = runner
        self._jobs: queue.SimpleQueue[tuple[ArrayJob | ScoreJob, Commands]] = queue.SimpleQueue()

    def run(self) -> None:
        """Never returns: the process ends when its executor is gone."""
        threading.Thread(target=self._hear, name="orders", daemon=True).start()
        while True:
            job, commands = self._jobs.get()
            self._runner(job, self._emit, commands)

    def _hear(self) -> None:
        try:
            self._obey()
        except Exception:  # noqa: BLE001 -- a deaf worker must not live on
            traceback.print_exc()
            os._exit(1)
        # Even in the middle of an epoch: nobody is left to hear of it.
        os._exit(0)

    def _obey(self) -> None:
        job_id, commands = "", Commands()
        beat_seconds, beat_at = 0.0, None  # nobody listens for a worker that has no job yet
        while not self._lines.ended:
            wait(
                [self._lines.fileno()], None if beat_at is None else max(0.0, beat_at - monotonic())
            )
            for line in self._lines.receive(wait=False):
                order = ORDER.validate_json(line)
                if isinstance(order, RunOrder):
                    job_id, commands = order.job.job_id, Commands()
                    beat_seconds, beat_at = order.beat_seconds, monotonic()
                    self._jobs.put((order.job, commands))
                elif order.job_id == job_id:
                    commands.give(order.how)
            if beat_at is not None and monotonic() >= beat_at:
                self._beat()
                beat_at = monotonic() + beat_seconds

    def _beat(self) -> None:
        """Say that this process lives. Never waits: an order may come at any time."""
        # An event that is being sent, or a full pipe, says the same as soon as it is read.
        if self._sending.acquire(blocking=False):
            try:
                # So short that it is sent whole or not at all.
                self._lines.send(HEARTBEAT, wait=False)
            except (BlockingIOError, ConnectionError):
                return  # full, or nobody is left: that is read as the end of the orders
            finally:
                self._sending.release()

    def _emit(self, event: WorkerEvent) -> None:
        try:
            # Waits while the executor does not read: the pipe is the buffer, and it is bounded.
            with self._sending:
                self._lines.send(event.model_dump_json().encode(), wait=True)
        except ConnectionError:
            os._exit(0)


def serve(sock: socket.socket, runner: Runner) -> None:
    """Be a worker at this end of the socket pair; does not return."""
    WorkerProcess(sock, runner).run()

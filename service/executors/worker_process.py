"""The life of a worker process: obey orders from its socket, send events back, end with it."""

import os
import queue
import socket
import threading
import traceback
from collections.abc import Callable
from typing import TypeAlias

from service.executors.base import ArrayJob, ScoreJob, WorkerEvent
from service.executors.lines import JsonLines
from service.executors.orders import ORDER, Commands, RunOrder

Emit: TypeAlias = Callable[[WorkerEvent], None]
Runner: TypeAlias = Callable[[ArrayJob | ScoreJob, Emit, Commands], None]
"""Runs one job to its JobEndEvent; `worker.run_job` unless a test says otherwise."""


class WorkerProcess:
    """Jobs run one after another in the main thread; a second thread hears orders meanwhile."""

    def __init__(self, sock: socket.socket, runner: Runner) -> None:
        self._lines = JsonLines(sock)
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
        while not self._lines.ended:
            for line in self._lines.receive(wait=True):
                order = ORDER.validate_json(line)
                if isinstance(order, RunOrder):
                    job_id, commands = order.job.job_id, Commands()
                    self._jobs.put((order.job, commands))
                elif order.job_id == job_id:
                    commands.give(order.how)

    def _emit(self, event: WorkerEvent) -> None:
        try:
            # Waits while the executor does not read: the pipe is the buffer, and it is bounded.
            self._lines.send(event.model_dump_json().encode(), wait=True)
        except ConnectionError:
            os._exit(0)


def serve(sock: socket.socket, runner: Runner) -> None:
    """Be a worker at this end of the socket pair; does not return."""
    WorkerProcess(sock, runner).run()

"""What runs in the nursery: load torch once, fork workers, reap them, leave none behind."""

import contextlib
import ctypes
import faulthandler
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final, NoReturn

from service.executors.nursery import REQUEST, SPAWN
from service.executors.worker_process import Runner, serve
from trainers import registry

PR_SET_PDEATHSIG: Final = 1


def load_runner(path: str) -> Runner:
    """`module:function`, as a function."""
    module, _, name = path.partition(":")
    runner: Runner = getattr(importlib.import_module(module), name)
    return runner


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


class NurseryProcess:
    """Serves one executor until the socket between them breaks."""

    def __init__(self, control: socket.socket, runner: Runner) -> None:
        self._control = control
        self._runner = runner
        self._workers: dict[int, int] = {}  # process id -> number
        self._wake, wake_writer = socket.socketpair()
        self._wake.setblocking(False)
        wake_writer.setblocking(False)
        self._wake_writer = wake_writer

    def run(self) -> None:
        """Fork, kill and reap on request; returns when the executor is gone and no child left."""
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ, self._obey)
        selector.register(self._wake, selectors.EVENT_READ, self._drain_wake)
        try:
            self._tell(None)  # ready
            while True:
                for key, _ in selector.select():
                    obey: Callable[[], None] = key.data
                    obey()
                self._reap()
        except (EOFError, ConnectionError):
            self._end_all()

    def _obey(self) -> None:
        request, ends, _, _ = socket.recv_fds(self._control, REQUEST.size, 1)
        if len(request) < REQUEST.size:
            raise EOFError
        what, number = REQUEST.unpack(request)
        if what == SPAWN:
            self._fork(number, ends[0])
        else:
            self._kill(number)

    def _fork(self, number: int, end: int) -> None:
        parent = os.getpid()
        try:
            process = os.fork()
        except OSError:
            # Too many processes, or no memory: the executor reads the end of the worker's stream.
            traceback.print_exc()
        else:
            if process == 0:
                self._become_worker(parent, end)
            self._workers[process] = number
        os.close(end)

    def _become_worker(self, parent: int, end: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent(parent)
            for ours in (self._control, self._wake, self._wake_writer):
                ours.close()
            serve(socket.socket(fileno=end), self._runner)
        except BaseException:
            # The stack above belongs to the nursery: it must not be unwound in the child.
            traceback.print_exc()
            raise
        finally:
            sys.stderr.flush()
            os._exit(1)

    def _kill(self, number: int) -> None:
        for process, known in self._workers.items():
            if known == number:
                os.kill(process, signal.SIGKILL)

    def _reap(self) -> None:
        while self._workers:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            number = self._workers.pop(process)
            self._tell({"worker": number, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, document: Any) -> None:
        self._control.sendall(json.dumps(document).encode() + b"\n")

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass

    def _end_all(self) -> None:
        for process in self._workers:
            os.kill(process, signal.SIGKILL)
        for process in self._workers:
            os.waitpid(process, 0)


def _ignore(signum: int, frame: object) -> None:
    """SIGCHLD only has to wake the selector."""


def main(arguments: list[str]) -> None:
    """`nursery_process SOCKET RUNNER [FAMILY...]`."""
    # Ctrl-C reaches the whole foreground group; the engine alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    control = socket.socket(fileno=int(arguments[0]))
    runner = load_runner(arguments[1])
    # Only the workers import them: what a stranger's module starts must not be forked.
    registry.use_sources(arguments[2:])
    gc.collect()
    gc.freeze()  # fewer pages copied after a fork
    NurseryProcess(control, runner).run()


if __name__ == "__main__":
    main(sys.argv[1:])

"""The executor's handle on its nursery: the process that forks workers with torch preloaded."""

import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from service.domain.model import Record
from service.domain.records import Failure
from service.executors.lines import JsonLines

REQUEST: Final = struct.Struct("!cQ")
"""One request: SPAWN (with the worker's socket attached) or KILL, and the worker's number."""
SPAWN: Final = b"S"
KILL: Final = b"K"

ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
"""Read when torch and numpy are loaded, so set before; also keeps the nursery single-threaded,
as a process that forks must be."""

CLOSE_SECONDS: Final = 5.0


class Exit(Record):
    """A worker is dead and reaped; the code is negative for a signal."""

    worker: int
    code: int


_EXIT: TypeAdapter[Exit | None] = TypeAdapter(Exit | None)


class Nursery:
    """A child process with torch loaded that forks workers on request and reaps them.

    Not multiprocessing's forkserver: that one re-imports `__main__` in every worker, pickles,
    and keeps a resource tracker; and its children hold it open after the engine's death.
    Here the one rope is a socket: when it breaks, whoever is left ends.
    """

    def __init__(self, runner: str, families: Sequence[str] = ()) -> None:
        ours, theirs = socket.socketpair()
        environment = os.environ | ONE_THREAD
        # The same modules as here, and not those of a working directory that is not on our path.
        environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "service.executors.nursery_process"),
                    *(str(theirs.fileno()), runner, *families),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=environment,
            )
        self._socket = ours
        self._lines = JsonLines(ours)
        self._ready = False

    def fileno(self) -> int:
        """Readable when a worker has exited or the nursery is gone."""
        return self._lines.fileno()

    @property
    def ready(self) -> bool:
        """Whether it is known to have loaded torch: workers asked for are forked at once."""
        return self._ready

    @property
    def ended(self) -> bool:
        """Whether the nursery is gone, and its workers with it."""
        return self._lines.ended

    def spawn(self, worker: int, end: socket.socket) -> None:
        """Ask for a worker at the other end of a socket pair. Raises OSError when gone."""
        socket.send_fds(self._socket, [REQUEST.pack(SPAWN, worker)], [end.fileno()])

    def kill(self, worker: int) -> None:
        """SIGKILL a worker; one that is dead already is ignored.

        Its parent does it, which alone knows that the process id has not passed to another.
        """
        if not self.ended:
            try:
                self._socket.sendall(REQUEST.pack(KILL, worker))
            except OSError:
                self._lines.ended = True

    def exits(self) -> list[Exit]:
        """Workers that have exited since the last call; never waits."""
        if self.ended:
            return []
        found = [_EXIT.validate_json(line) for line in self._lines.receive(wait=False)]
        self._ready = self._ready or bool(found)
        return [each for each in found if each is not None]

    def close(self) -> None:
        """End the nursery and every worker of it; returns when they are gone."""
        self.exits()
        self._lines.close()
        if not self._ready:
            # Still importing torch: it would notice only afterwards, and has no children yet.
            self._process.send_signal(signal.SIGKILL)
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            # Its workers die with it: they asked the kernel for that.
            self._process.kill()
            self._process.wait()


def exit_failure(code: int | None) -> Failure:
    """What is known of a worker that died by itself, or by a stranger's hand."""
    if code is None:
        return Failure(kind="crash", message="its worker vanished")
    if code >= 0:
        return Failure(kind="crash", message=f"its worker exited with status {code}")
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal
        name = f"signal {-code}"
    hint = " (by hand, or by the system for want of memory)" if name == "SIGKILL" else ""
    return Failure(kind="crash", message=f"its worker was killed by {name}{hint}")

"""The engine as a child process: started, watched, started again, ended with all its workers."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Between a death and the next start; the last one repeats."""
HEALTHY_SECONDS = 20.0
"""An engine that lived so long has earned a fresh count."""
GRACE_SECONDS = 3.8
"""From SIGTERM to SIGKILL: the engine lets arrays save for 3 s; all must be gone within 5 s."""


class EngineProcess:
    """Keeps one engine running.

    The engine leads its own session, so that a Ctrl-C in the terminal reaches it through us
    alone, and so that its whole group can be killed. It holds the read end of a pipe from us:
    should we die by kill -9, the pipe closes and it ends itself.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="engine-keeper", daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the engine that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def alive(self) -> bool:
        """Whether an engine runs."""
        return self.pid is not None

    def start(self) -> None:
        """Start the engine, and start it again whenever it dies."""
        self._keeper.start()

    def request_stop(self) -> None:
        """Ask the engine to end; returns at once."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            _signal_process(process, signal.SIGTERM)

    def stop(self) -> None:
        """End the engine and its workers: politely, then not."""
        self.request_stop()
        if self._keeper.ident is None:
            return  # never started
        self._keeper.join(GRACE_SECONDS)
        process = self._process
        if self._keeper.is_alive() and process is not None:
            log.warning("the engine did not end in time and is killed")
            _kill_group(process)
            self._keeper.join(GRACE_SECONDS)

    def _keep(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            begin = time.monotonic()
            process = self._process = self._spawn()
            if self._stopping.is_set():
                # stop() may have looked before the process was there.
                _signal_process(process, signal.SIGTERM)
            process.wait()
            # Here and nowhere else, so that no engine is forgotten: not one either that was
            # started while `stop` was looking at the one before.
            _clear_away(process)
            if self._stopping.is_set():
                return
            deaths = 1 if time.monotonic() - begin > HEALTHY_SECONDS else deaths + 1
            pause = BACKOFF_SECONDS[min(deaths, len(BACKOFF_SECONDS)) - 1]
            log.error(
                "the engine died (status %s); starting it again in %.1f s",
                process.returncode,
                pause,
            )
            self._stopping.wait(pause)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli", "engine", "--with-parent"],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=2,
            start_new_session=True,
        )


def _signal_process(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except ProcessLookupError:
        log.debug("the engine has just ended")


def _clear_away(process: subprocess.Popen[bytes]) -> None:
    """Of an engine that has ended: kill its workers, close our end of its pipe."""
    _kill_group(process)
    if process.stdin is not None:
        process.stdin.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        log.debug("nothing is left of the engine's group")

"""One child process that draws figures, its browser, and the folder that both live in."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.errors import ServiceError, Unavailable
from trainers.data.workspace import workspace

log = logging.getLogger(__name__)

MODULE = "service.exports.picture_child"
CLOSING_SECONDS = 3.0
GONE_SECONDS = 3.0
REMEDY = "try again in a moment, or take ?format=html, json or csv: they need no browser"


class PictureProcess:
    """Starts with its first picture; after `close`, or any error, nothing of it is left."""

    def __init__(self, folder: Path, browser: str, plotly: Path, seconds: float) -> None:
        self.drawn = 0
        """Pictures so far."""
        self._seconds = seconds
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(workspace(folder))
        environment = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
        try:
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-m", MODULE),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment | {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
                start_new_session=True,
            )
            self._send(
                {
                    "folder": str(self._folder),
                    "browser": browser,
                    "plotly": str(plotly),
                    "seconds": seconds,
                }
            )
        except BaseException:
            self._stack.close()
            raise

    def draw(self, order: Mapping[str, Any]) -> bytes:
        """One picture. Raises Unavailable and ServiceError; `close` it then."""
        assert self._process.stdout is not None
        file = self._folder / f"picture-{self.drawn}"
        late = threading.Event()
        alarm = threading.Timer(self._seconds, self._give_up, [late])
        alarm.start()
        try:
            self._send({**order, "file": str(file)})
            line = self._process.stdout.readline()
        finally:
            alarm.cancel()
        if late.is_set():
            raise Unavailable(f"drawing takes longer than {self._seconds:g} seconds", REMEDY)
        answer: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
        if "done" not in answer:
            failed = answer.get("failed", {})
            log.error("a figure could not be drawn: %s", failed.get("traceback", "no answer"))
            if not answer:
                raise Unavailable("the browser that draws figures has died", REMEDY)
            raise ServiceError(
                "the figure could not be drawn", f"{REMEDY}; the server's log says why"
            )
        self.drawn += 1
        picture = file.read_bytes()
        file.unlink()
        return picture

    def close(self) -> None:
        """End the child, its browser, and the folder with all that is in it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            try:
                self._process.wait(CLOSING_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            # The browser ends by itself when its pipe closes; one that hangs does not.
            end_processes_of(self._folder)
        finally:
            self._stack.close()

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        self._process.kill()

    def _send(self, value: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its silence says so, too
            self._process.stdin.write(json.dumps(value, allow_nan=False).encode() + b"\n")
            self._process.stdin.flush()


def end_processes_of(folder: Path) -> None:
    """Kill what names the folder in its command line, as every part of its browser does."""
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        found = _processes_of(folder)
        if not found:
            return
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)
    log.error("a browser that drew figures could not be ended")


def _processes_of(folder: Path) -> list[int]:
    """Where there is no /proc: none."""
    mark, found = os.fsencode(folder), []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if mark in file.read_bytes():
                found.append(int(file.parent.name))
    return found

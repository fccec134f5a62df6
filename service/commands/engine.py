"""`hifitune engine`: drives studies until it is told to stop."""

import os
import signal
import sys
import threading
from collections.abc import Callable

from service.commands.exits import end_process
from service.engine.supervisor import run_engine
from service.settings import Settings

LAST_RESORT_SECONDS = 4.5


def run(
    settings: Settings, with_parent: bool, leave: Callable[[int], object] = end_process
) -> None:
    """Run the engine and end the process; with a parent, only while its pipe on stdin is open.

    `leave` ends the process at once with a status. It is not left to the interpreter, which
    would first wait for the engine's threads: reading a large data set or fitting a proposal's
    model takes longer than the 5 s within which a signal ends everything. What they do is lost
    without harm: it is recorded, and made durable, only when it is whole.
    """
    stop = threading.Event()
    if with_parent:
        threading.Thread(target=_follow_parent, args=(stop,), daemon=True).start()
    leave(run_engine(settings, stop))


def _follow_parent(stop: threading.Event) -> None:
    # os.read and not sys.stdin: a lock held by a daemon thread would upset the interpreter's end.
    while os.read(sys.stdin.fileno(), 4096):
        continue
    stop.set()
    timer = threading.Timer(LAST_RESORT_SECONDS, _kill_own_group)
    timer.daemon = True
    timer.start()


def _kill_own_group() -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)

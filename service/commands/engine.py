"""`hifitune engine`: drives studies until it is told to stop."""

import os
import signal
import sys
import threading

from service.engine.supervisor import run_engine
from service.settings import Settings

LAST_RESORT_SECONDS = 4.5


def run(settings: Settings, with_parent: bool) -> int:
    """Run the engine; with a parent, only for as long as its pipe on stdin stays open."""
    stop = threading.Event()
    if with_parent:
        threading.Thread(target=_follow_parent, args=(stop,), daemon=True).start()
    return run_engine(settings, stop)


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

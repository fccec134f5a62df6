"""What a session leaves behind fails it by name, and cannot keep the process from exiting.

A thread that is no daemon is joined at the interpreter's end, however long that takes; a child
process goes on without us. Hooks of tests/conftest.py.
"""

import atexit
import faulthandler
import sys
import threading
import time
import traceback
from typing import Any, Final

import psutil
import pytest

GRACE_SECONDS: Final = 10.0
"""Threads and processes that were told to end may take so long."""
EXIT_SECONDS: Final = 60
"""For joining threads after the last line of the report; usually none is left to join."""
TIDYING_SECONDS: Final = 900
"""For removing temporary folders from a slow disk, after the last thread."""
OF_PYTHON: Final = ("multiprocessing.resource_tracker", "loky.backend.resource_tracker")
"""Processes that the standard library and joblib keep to the end, and which end with us."""

FOUND: Final = pytest.StashKey[str]()


def left_over() -> str:
    """Names and stacks of what should have ended, after a while of waiting; empty for nothing."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (found := _threads() + _processes()) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    return "\n".join(found)


def _threads() -> list[str]:
    frames = sys._current_frames()
    return [
        f"thread {thread.name!r}, which is no daemon, was at\n"
        + "".join(traceback.format_stack(frames[thread.ident])[-12:])
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.daemon and thread.ident in frames
    ]


def _processes() -> list[str]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            command = " ".join(child.cmdline())
            ended = child.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            continue
        if not ended and not any(name in command for name in OF_PYTHON):
            found.append(f"process {child.pid}: {command[:300]}")
    return found


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session for what it leaves."""
    found = left_over()
    if not found:
        return
    session.config.stash[FOUND] = session.config.stash.get(FOUND, "") + found
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:  # a process of pytest-xdist: its session's status is not looked at
        output["left_over"] = found
    if session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of pytest-xdist has left."""
    found = getattr(node, "workeroutput", {}).get("left_over", "")
    if found:
        stash = node.config.stash
        stash[FOUND] = stash.get(FOUND, "") + f"of {node.gateway.id}: {found}\n"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what is left, with names and stacks."""
    if FOUND in config.stash:
        terminalreporter.section("left over at the end: this fails the session", red=True)
        terminalreporter.write_line(config.stash[FOUND])


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """A hang at exit ends soon, with the stack of every thread on stderr."""
    if hasattr(config, "workeroutput"):
        return  # stays until all others have finished; whoever started it ends it
    known = FOUND in config.stash
    # The descriptor and not sys.stderr: it is needed when the interpreter is half gone.
    faulthandler.dump_traceback_later(5 if known else EXIT_SECONDS, exit=True, file=2)
    # Runs when all threads are joined, before other handlers: those only tidy up.
    atexit.register(faulthandler.dump_traceback_later, TIDYING_SECONDS, exit=True, file=2)

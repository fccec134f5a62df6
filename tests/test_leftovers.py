"""A session that leaves something behind fails with its name, and ends; another is left alone."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

HOOKS = """
from tests.leftovers import *
from tests import leftovers
leftovers.GRACE_SECONDS = 2.0
"""
LEAVES_A_THREAD = """
import threading
def test_it():
    def wait_for_ever():
        threading.Event().wait()
    threading.Thread(target=wait_for_ever, name="forgotten").start()
"""
LEAVES_A_PROCESS = """
import subprocess, sys
CHILD = "import os; print(flush=True); os.read(0, 1)"
children = []
def test_it():
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child.stdout.readline()
    children.append(child)
"""
LEAVES_NOTHING = """
import subprocess, sys, threading
def test_it():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    threading.Timer(0.1, lambda: None).start()
    subprocess.Popen([sys.executable, "-c", ""]).wait()
"""
FREEZES_THE_CLOCK = re.compile(r"""setattr\(\s*(["'][\w.]*\btime\.\w+["']|time\s*,)""")


def session(folder: Path, test: str) -> "subprocess.CompletedProcess[str]":
    """A session of pytest of its own, over one test."""
    (folder / "conftest.py").write_text(HOOKS)
    (folder / "test_it.py").write_text(test)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_a_thread_that_is_left_fails_the_session_and_does_not_keep_it(tmp_path: Path) -> None:
    done = session(tmp_path, LEAVES_A_THREAD)
    assert done.returncode == 1
    assert "1 passed" in done.stdout
    assert "thread 'forgotten'" in done.stdout and "in wait_for_ever" in done.stdout
    assert "Timeout" in done.stderr  # of the interpreter's wait for it


def test_a_process_that_is_left_fails_the_session(tmp_path: Path) -> None:
    done = session(tmp_path, LEAVES_A_PROCESS)
    assert done.returncode == 1
    assert "os.read(0, 1)" in done.stdout


def test_daemons_and_what_ends_in_time_are_no_fault(tmp_path: Path) -> None:
    done = session(tmp_path, LEAVES_NOTHING)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""


def test_no_test_sets_the_clock_of_the_whole_process() -> None:
    """The event loops of servers that run beside would sleep for the machine's uptime."""
    files = (ROOT / "tests").rglob("*.py")
    assert [file.name for file in files if FREEZES_THE_CLOCK.search(file.read_text())] == []

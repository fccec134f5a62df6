"""The engine as a child process: nothing of it stays, not even a pipe."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.commands.engine_process import EngineProcess
from tests.cli.processes import eventually

OBEDIENT = "import sys; sys.stdin.read()"


class Engines(EngineProcess):
    """An EngineProcess over a script; keeps what it has started."""

    def __init__(self, script: str) -> None:
        super().__init__({})
        self.script = script
        self.started: list[subprocess.Popen[bytes]] = []
        self.may_start = threading.Event()
        self.may_start.set()
        self.wants_to_start = threading.Event()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        self.wants_to_start.set()
        self.may_start.wait()
        process = subprocess.Popen(
            [sys.executable, "-c", self.script], stdin=subprocess.PIPE, start_new_session=True
        )
        self.started.append(process)
        return process

    def nothing_is_left(self) -> bool:
        """Whether every process was reaped and its pipe closed."""
        return all(
            process.returncode is not None and process.stdin is not None and process.stdin.closed
            for process in self.started
        )


@pytest.fixture
def engines() -> Iterator[Engines]:
    engines = Engines(OBEDIENT)
    yield engines
    engines.may_start.set()
    engines.stop()


def test_an_engine_that_was_stopped_leaves_no_pipe(engines: Engines) -> None:
    engines.start()
    eventually("an engine", engines.alive)
    engines.stop()
    assert len(engines.started) == 1
    assert engines.nothing_is_left()


def test_an_engine_that_starts_while_it_is_stopped_leaves_no_pipe(engines: Engines) -> None:
    engines.may_start.clear()
    engines.start()
    assert engines.wants_to_start.wait(10)
    stopping = threading.Thread(target=engines.stop)
    stopping.start()
    assert engines._stopping.wait(10)
    engines.may_start.set()
    stopping.join(20)
    assert len(engines.started) == 1
    assert engines.nothing_is_left()


def test_an_engine_that_died_leaves_no_pipe_when_another_follows(engines: Engines) -> None:
    engines.script = "pass"
    engines.start()
    eventually("another engine", lambda: len(engines.started) >= 2)
    engines.stop()
    assert engines.nothing_is_left()


def test_an_engine_that_does_not_obey_is_killed(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.commands.engine_process.GRACE_SECONDS", 0.5)
    deaf = tmp_path / "deaf"
    engines.script = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"open({str(deaf)!r}, 'w').close(); signal.pause()"
    )
    engines.start()
    eventually("an engine", deaf.exists)
    engines.stop()
    assert engines.started[0].returncode == -signal.SIGKILL
    assert engines.nothing_is_left()


def test_an_engine_that_never_started_can_be_stopped(engines: Engines) -> None:
    engines.stop()
    assert engines.started == []

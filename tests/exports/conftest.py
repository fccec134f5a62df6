"""Databases for the exports, the running house of tests.api.house, and Optuna's own dashboard."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from service.executors.in_process import InProcessExecutor
from service.exports.exporter import Exporter
from service.storage.database import Database
from service.storage.migration import migrate
from tests.api.house import house, http, seed
from tests.engine.harness import House
from tests.exports.studies import SEARCH

__all__ = ["house", "http", "seed"]

DASHBOARD_SECONDS = 60.0


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with the study `s`, really searched: pruned, diverged and conditional trials."""
    folder = tmp_path_factory.mktemp("searched")
    url = f"sqlite:///{folder / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    made = House(folder, database)
    made.submit("s", SEARCH)
    study = made.run("s", InProcessExecutor(2))
    assert study.state == "COMPLETE", study.failure
    yield made
    database.close()


@pytest.fixture(scope="session")
def optuna_file(searched: House) -> Path:
    """The export of that study."""
    exported = Exporter(searched.database, searched.folder / "exports").write("s", "optuna")
    return save(exported, searched.folder / "s.optuna.db")


def save(exported: IO[bytes], file: Path) -> Path:
    """Write an export to a file."""
    with exported:
        file.write_bytes(exported.read())
    return file


@pytest.fixture
def dashboard() -> Iterator[Callable[[Path], "Dashboard"]]:
    """Starts optuna-dashboard, as a process of its own, over a file."""
    with contextlib.ExitStack() as stack:
        yield lambda file: stack.enter_context(running_dashboard(file))


class Dashboard:
    """The JSON API of a running optuna-dashboard."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str) -> dict[str, Any]:
        answer = httpx.get(self._url + path, timeout=30, trust_env=False)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert isinstance(found, dict)
        return found


@contextlib.contextmanager
def running_dashboard(file: Path) -> Iterator[Dashboard]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("optuna-dashboard")
    command = [program, f"sqlite:///{file}", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        drain = threading.Thread(target=process.stderr.read, daemon=True)  # type: ignore[union-attr]
        drain.start()
        try:
            _wait_for(port, process)
            yield Dashboard(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(10)
            drain.join(10)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + DASHBOARD_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "optuna-dashboard ended"
        assert time.monotonic() < deadline, "optuna-dashboard does not answer"
        threading.Event().wait(0.05)

"""Engines and workers that are really killed: the study goes on and comes out identical (I11)."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.domain.states import TERMINAL_STUDY_STATES, StudyState
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.decisions import DecisionRepository
from service.storage.migration import migrate
from service.storage.trials import TrialRepository
from tests.engine.harness import SMALL, House, fingerprint

DEADLINE_SECONDS = 90.0
ENGINE = (
    "from service.engine.supervisor import run_engine\n"
    "from service.settings import Settings\n"
    "raise SystemExit(run_engine(Settings()))"
)
SPEC: dict[str, Any] = SMALL | {
    "training": {"epochs": 60, "early_stopping": None},
    "pruner": {"type": "halving", "min_epochs": 20},
    "budget": {"trials": 8},
}


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    pulse = threading.Event()
    while not done():
        assert time.monotonic() < deadline, "it did not come about in time"
        pulse.wait(0.02)


@contextmanager
def engine(house: House) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "HIFITUNE_DATA_DIR": str(house.folder),
        "HIFITUNE_DATABASE_URL": house.database.url.render_as_string(hide_password=False),
        "HIFITUNE_WORKERS": "2",
        "HIFITUNE_LEASE_SECONDS": "2",
        "HIFITUNE_SAVE_SECONDS": "0.2",
    }
    process = subprocess.Popen([sys.executable, "-c", ENGINE], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def open_house(folder: Path) -> House:
    folder.mkdir()
    url = f"sqlite:///{folder / 'hifitune.db'}"
    migrate(url)
    return House(folder, Database(url))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = open_house(tmp_path_factory.mktemp("undisturbed") / "house")
    house.submit("s", SPEC)
    house.run("s", InProcessExecutor(2))
    yield house
    house.database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = open_house(tmp_path / "house")
    yield house
    house.database.close()


def finish(house: House) -> None:
    with engine(house):
        wait_until(lambda: house.study("s").state in TERMINAL_STUDY_STATES)


def assert_identical(house: House, undisturbed: House) -> None:
    assert house.study("s").state is StudyState.COMPLETE, house.study("s").failure
    assert fingerprint(house.trials("s")) == fingerprint(undisturbed.trials("s"))
    assert house.study("s").best == undisturbed.study("s").best
    assert house.study("s").summary == undisturbed.study("s").summary
    with house.database.read() as session:
        repository = TrialRepository(session)
        for trial in repository.all("s"):
            epochs = [report.epoch for report in repository.epochs("s", trial.number)]
            assert epochs == list(range(1, trial.epochs + 1))


def test_an_engine_killed_again_and_again_changes_nothing(house: House, undisturbed: House) -> None:
    house.submit("s", SPEC)
    chance = random.Random(7)
    for _ in range(3):
        goal = house.study("s").progress.epochs + chance.randint(5, 60)
        with engine(house) as process:
            family = psutil.Process(process.pid)
            wait_until(lambda goal=goal: house.study("s").progress.epochs >= goal)
            tree = family.children(recursive=True)
            process.send_signal(signal.SIGKILL)
            process.wait()
            _gone, alive = psutil.wait_procs(tree, timeout=10)
            assert not alive, "workers outlived their engine"
    finish(house)
    assert_identical(house, undisturbed)
    assert max(trial.attempt for trial in house.trials("s")) > 1


def test_a_killed_worker_costs_only_its_array_and_leaves_its_reason(
    house: House, undisturbed: House
) -> None:
    house.submit("s", SPEC)
    with engine(house) as process:
        wait_until(lambda: house.study("s").progress.epochs >= 10)
        workers = [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if not child.children()
        ]
        workers[0].kill()
        wait_until(lambda: house.study("s").state in TERMINAL_STUDY_STATES)
    assert_identical(house, undisturbed)
    with house.database.read() as session:
        retries = DecisionRepository(session).all("s", "retry")
    assert [retry.detail["failure"]["kind"] for retry in retries] == ["crash"]
    assert "SIGKILL" in retries[0].detail["failure"]["message"]


def test_sigterm_ends_the_engine_in_time_and_the_next_one_goes_on(
    house: House, undisturbed: House
) -> None:
    house.submit("s", SPEC)
    with engine(house) as process:
        wait_until(lambda: house.study("s").progress.epochs >= 10)
        began = time.monotonic()
        process.terminate()
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - began < 5
    finish(house)
    assert_identical(house, undisturbed)


def test_two_engines_share_a_database_and_each_study_has_one_driver(
    house: House, undisturbed: House
) -> None:
    house.submit("s", SPEC)
    with engine(house), engine(house):
        wait_until(lambda: house.study("s").state in TERMINAL_STUDY_STATES)
    assert_identical(house, undisturbed)


def freeze(process: subprocess.Popen[bytes], house: House) -> None:
    """Stop a process outside of a write: SQLite's only lock would be frozen with it."""
    for _ in range(100):
        process.send_signal(signal.SIGSTOP)
        with sqlite3.connect(str(house.folder / "hifitune.db"), timeout=0.2) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
            else:
                connection.rollback()
                return
    raise AssertionError("the engine was never outside of a write")


def test_an_engine_that_was_frozen_beyond_its_lease_is_refused(
    house: House, undisturbed: House
) -> None:
    house.submit("s", SPEC)
    with engine(house) as frozen:
        wait_until(lambda: house.study("s").progress.epochs >= 10)
        freeze(frozen, house)
        with engine(house):
            goal = house.study("s").progress.epochs + 10
            wait_until(lambda: house.study("s").progress.epochs >= goal)
            frozen.send_signal(signal.SIGCONT)
            wait_until(lambda: house.study("s").state in TERMINAL_STUDY_STATES)
    assert_identical(house, undisturbed)

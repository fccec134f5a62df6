"""`hifitune engine` ends its process itself, whatever its threads are doing."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.commands import engine
from service.settings import Settings

BUSY = """
import threading
from concurrent.futures import ThreadPoolExecutor
from service.commands import engine

def run_engine(settings, stop):
    pool = ThreadPoolExecutor(1)
    pool.submit(threading.Event().wait, 20)  # an ingestion
    pool.shutdown(wait=False, cancel_futures=True)
    print("its last words")
    return 3

engine.run_engine = run_engine
print("ready", flush=True)
engine.run(None, False)
"""


def test_a_busy_thread_does_not_keep_the_process_and_nothing_said_is_lost() -> None:
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    begin = time.monotonic()
    said = process.stdout.read()
    process.communicate(timeout=60)
    assert time.monotonic() - begin < 5
    assert said == "its last words\n"
    assert process.returncode == 3


def test_the_status_is_that_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "run_engine", lambda settings, stop: 7)
    left: list[int] = []
    engine.run(Settings(data_dir=tmp_path), False, leave=left.append)
    assert left == [7]

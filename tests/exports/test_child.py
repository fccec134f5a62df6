"""The processes that write files which the HTTP process has no library for."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.errors import Conflict, NotFound, ServiceError, Unavailable
from service.exports.child import Limits, run_child
from service.exports.exporter import OPTUNA, PARQUET, WAITING, Exporter
from tests.api.house import House, Seed
from tests.dashboards.synthetic import make_spec, make_study

COLUMNS: dict[str, Any] = {"columns": [["n", "int"]], "metadata": {}}


def start(module: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        (sys.executable, "-I", "-m", module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def test_a_child_writes_what_it_is_fed(tmp_path: Path) -> None:
    rows = ([number] for number in range(12_000))
    assert run_child(PARQUET, COLUMNS, rows, tmp_path / "x") == {"trials": 12_000}
    assert (tmp_path / "x").read_bytes().startswith(b"PAR1")


@pytest.mark.parametrize("module", [PARQUET, OPTUNA])
def test_a_child_whose_parent_died_ends_without_a_file(module: str, tmp_path: Path) -> None:
    limits = {"seconds": 60, "memory_bytes": 1 << 32, "file_bytes": 1 << 30}
    study = make_study(count=1).study.model_dump(mode="json")
    request = {**COLUMNS, **limits, "file": str(tmp_path / "x"), "study": study, "exported_at": ""}
    with start(module) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.close()
        assert process.wait(60) == 1


def test_a_child_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    waiting = threading.Event()

    def slowly() -> Iterator[list[int]]:
        while True:  # the pipe breaks when the child is gone
            waiting.wait(0.05)
            yield [1]

    began = time.monotonic()
    with pytest.raises(Conflict, match="longer than 1 seconds") as caught:
        run_child(PARQUET, COLUMNS, slowly(), tmp_path / "x", Limits(seconds=1.0))
    assert time.monotonic() - began < 30
    assert "csv" in str(caught.value.remedy)


def test_a_child_that_needs_too_much_memory_says_so(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=256 << 20)
    request: dict[str, Any] = {"columns": [["t", "text"]], "metadata": {}}
    rows = (["x" * 100_000] for _ in range(5_000))
    with pytest.raises(Conflict, match="more than 256 MiB of memory"):
        run_child(PARQUET, request, rows, tmp_path / "x", limits)


def test_a_fault_of_ours_is_an_error_that_says_what_else_there_is(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="could not be written") as caught:
        run_child(PARQUET, COLUMNS, [["no number"]], tmp_path / "x")
    assert caught.value.status == 500
    assert "another format" in str(caught.value.remedy)


def test_a_study_that_went_meanwhile_is_not_found(house: House, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Exporter(house.database, tmp_path).write("nobody", "csv")


def test_a_failed_export_leaves_nothing(house: House, seed: Seed, tmp_path: Path) -> None:
    spec = make_spec(trials=4, selection={"top_k": 0})
    study_id = seed(count=4, spec=spec).study_id
    exporter = Exporter(house.database, tmp_path, Limits(seconds=0.05))
    with pytest.raises(Conflict):
        exporter.write(study_id, "optuna")
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    exporter.sweep()


def test_only_so_many_at_a_time(house: House, tmp_path: Path) -> None:
    exporter = Exporter(house.database, tmp_path, turn_seconds=0.01)
    with exporter._turn(), exporter._turn(), pytest.raises(Unavailable, match="being exported"):
        exporter.write("nobody", "csv")


def test_few_wait_and_the_others_are_told_at_once(house: House, tmp_path: Path) -> None:
    exporter = Exporter(house.database, tmp_path, turn_seconds=60.0)
    told: queue.SimpleQueue[type[Exception]] = queue.SimpleQueue()

    def export() -> None:
        try:
            exporter.write("nobody", "csv")
        except ServiceError as error:
            told.put(type(error))

    threads = [threading.Thread(target=export) for _ in range(WAITING + 6)]
    with exporter._turn(), exporter._turn():
        for thread in threads:
            thread.start()
        assert [told.get(timeout=30.0) for _ in range(6)] == [Unavailable] * 6
        assert told.empty()
    for thread in threads:
        thread.join(30.0)
    assert [told.get(timeout=30.0) for _ in range(WAITING)] == [NotFound] * WAITING

"""`hifitune export` and the client's export, over a real server."""

import csv
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from service.client import Client, ProblemError
from tests.api.house import House, Seed
from tests.dashboards.synthetic import make_spec


@pytest.fixture
def study_id(seed: Seed) -> str:
    return seed(count=5, spec=make_spec(trials=5, selection={"top_k": 0})).study_id


def hifitune(house: House, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "service.cli", "export", *words, "--url", house.url]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd=folder
    )


def test_a_study_is_written_to_a_file(house: House, study_id: str, tmp_path: Path) -> None:
    done = hifitune(house, tmp_path, study_id, "--format", "csv", "--output", "trials.csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "trials.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["trials.csv"]


def test_without_a_name_it_is_named_after_the_study(
    house: House, study_id: str, tmp_path: Path
) -> None:
    done = hifitune(house, tmp_path, study_id, "--format", "optuna", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["event"] == "exported"
    assert answer["bytes"] == (tmp_path / "digits-vae.optuna.db").stat().st_size
    with closing(sqlite3.connect(answer["file"])) as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (5,)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nobody",), 5, "no such study"),
        (("{id}", "--format", "xlsx"), 2, "xlsx"),
        (("{id}", "--output", "missing/x.json"), 2, "--output"),
    ],
)
def test_what_goes_wrong_has_its_exit_code(
    house: House, study_id: str, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = hifitune(house, tmp_path, *(word.format(id=study_id) for word in words))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_handle_exports(house: House, study_id: str, tmp_path: Path) -> None:
    with Client(house.url) as client:
        handle = client.handle(study_id)
        dump = json.loads(handle.export(tmp_path / "x.json").read_text())
        assert dump["study"]["id"] == study_id
        assert handle.export(tmp_path / "x.parquet", format="parquet").stat().st_size > 0
        with pytest.raises(ProblemError) as caught:
            client.export("nobody", tmp_path / "y.csv", "csv")
    assert caught.value.status == 404
    assert not (tmp_path / "y.csv").exists()

"""A study is checked against its own records: nothing differs, until one thing is changed."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.artifacts import FilesystemArtifacts
from service.domain.states import StudyState
from service.engine.verifying import Verified, verify
from service.executors.in_process import InProcessExecutor
from service.executors.replay import best_epoch_of
from service.storage.database import Database
from service.storage.migration import migrate
from tests.cli.processes import hifitune
from tests.engine.harness import SMALL, House

SPEC: dict[str, Any] = {
    **SMALL,
    "training": {"epochs": 7},
    "enqueue": [{"learning_rate": 0.01}],
    "selection": {"top_k": 2, "seeds": 2},
}


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a COMPLETE study, to be copied."""
    folder = tmp_path_factory.mktemp("studied")
    url = f"sqlite:///{folder / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    house = House(folder, database)
    house.submit("s", SPEC)
    assert house.run("s", InProcessExecutor(1)).state is StudyState.COMPLETE
    database.close()
    return folder


@pytest.fixture
def house(studied: Path, tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "house"
    shutil.copytree(studied, folder)
    database = Database(f"sqlite:///{folder / 'hifitune.db'}")
    yield House(folder, database)
    database.close()


def check(house: House) -> Verified:
    artifacts = FilesystemArtifacts(house.folder / "artifacts")
    return verify(house.database, artifacts, "s", best_epoch_of)


def change(house: House, statement: str, **values: Any) -> None:
    with house.database.transaction() as session:
        assert session.execute(text(statement), values).rowcount == 1  # type: ignore[attr-defined]


def change_value(house: House) -> str:
    number = next(t.number for t in house.trials("s") if t.state == "COMPLETE")
    change(
        house,
        "UPDATE trials SET value = value * 1.0001 WHERE study_id = 's' AND number = :number",
        number=number,
    )
    return f"trial {number}, value"


def change_param(house: House) -> str:
    params = {**house.trials("s")[5].params, "learning_rate": 0.0123}
    change(
        house,
        "UPDATE trials SET params = :params WHERE study_id = 's' AND number = 5",
        params=json.dumps(params),
    )
    return "trial 5, learning_rate"


def change_verdict(house: House) -> str:
    with house.database.read() as session:
        row = session.execute(
            text("SELECT sequence, detail FROM decisions WHERE study_id = 's' AND kind = 'verdict'")
        ).first()
    assert row is not None
    detail = json.loads(row.detail)
    number, word = next(iter(detail["verdicts"].items()))
    detail["verdicts"][number] = "prune" if word == "continue" else "continue"
    change(
        house,
        "UPDATE decisions SET detail = :detail WHERE study_id = 's' AND sequence = :sequence",
        detail=json.dumps(detail),
        sequence=row.sequence,
    )
    return f"trial {number}, verdict at epoch {detail['rung']}"


def change_byte(house: House) -> str:
    summary = house.study("s").summary
    assert summary is not None
    model = summary["selection"]["model"]
    folder = house.folder / "artifacts" / "studies" / model["study"] / "trials"
    file = folder / str(model["trial"]) / "checkpoint.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    return f"repetitions {model['study']}, trial {model['trial']}, checkpoint"


def change_mean(house: House) -> str:
    summary = house.study("s").summary
    assert summary is not None
    summary["selection"]["configs"][0]["mean"] *= 0.9
    change(
        house, "UPDATE studies SET summary = :summary WHERE id = 's'", summary=json.dumps(summary)
    )
    return "selection, configs"


def test_an_untouched_study_is_identical(house: House) -> None:
    found = check(house)
    assert found.identical, found.differences
    assert found.counts["proposals"] == 12 + 4
    assert found.counts["verdicts at rungs"] > 0
    assert found.counts["files"] > 12


@pytest.mark.parametrize(
    "plant", [change_value, change_param, change_verdict, change_byte, change_mean]
)
def test_a_planted_change_is_found_and_named(house: House, plant: Callable[[House], str]) -> None:
    where = plant(house)
    found = check(house)
    assert not found.identical
    assert where in [difference.where for difference in found.differences], found.differences


def test_the_command_replays_the_winner_and_says_identical(house: House) -> None:
    url = house.database.url.render_as_string(hide_password=False)
    where = ("--data-dir", str(house.folder), "--database-url", url)
    ended = hifitune("verify", "s", *where)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1] == "identical"
    assert "replayed metrics" in ended.stdout
    change_byte(house)
    ended = hifitune("verify", "s", *where, "--json")
    assert ended.returncode == 1
    assert "checkpoint" in ended.stdout
    missing = hifitune("verify", "none", *where)
    assert missing.returncode == 5
    assert "there is no study none" in missing.stderr

"""A study is checked against its own records: nothing differs, until one thing is changed."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.states import StudyState
from service.executors.in_process import InProcessExecutor
from tests.cli.processes import hifitune
from tests.engine.harness import SMALL, House
from tests.engine.planted import PLANTED, change_byte, check, opened

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
    with opened(folder) as house:
        house.submit("s", SPEC)
        assert house.run("s", InProcessExecutor(1)).state is StudyState.COMPLETE
    return folder


@pytest.fixture
def house(studied: Path, tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "house"
    shutil.copytree(studied, folder)
    with opened(folder) as copied:
        yield copied


def test_an_untouched_study_is_identical(house: House) -> None:
    found = check(house)
    assert found.identical, found.differences
    assert found.counts["proposals"] == 12 + 4
    assert found.counts["verdicts at rungs"] > 0
    assert found.counts["files"] > 12


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
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

"""Studies that no trial can have a result of: how they end, and what they name as the reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.states import StudyState
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.migration import migrate
from tests.engine.harness import House

TINY: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"name": "digits"},
    "split": {"train": 200, "validation": 10, "test": 10},
    "family": "autoencoder",
    "space": {
        "learning_rate": {"type": "float", "low": 0.005, "high": 0.01},
        "hidden_width": 8,
        "latent_dim": 4,
    },
    "training": {"epochs": 2},
    "pruner": {"type": "none"},
    "budget": {"trials": 2},
    "parallel": {"cohort_size": 2},
}
FEW_HOLES = {"task": {"kind": "inpaint", "share": 1e-4}}
"""Of the 640 values of validation none is hidden."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    yield House(tmp_path, database)
    database.close()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"objective": {"metric": "bce_excess"}}, "bce_excess needs values in [0, 1]"),
        (
            {"objective": [{"metric": "mse"}, {"metric": "bce_excess"}]},
            "bce_excess needs values in [0, 1]",
        ),
        ({"space": {**TINY["space"], "loss": "bce"}}, "bce needs values in [0, 1]"),
    ],
    ids=str,
)
def test_unscaled_data_that_a_loss_or_metric_cannot_take_ends_the_study_before_a_trial_is_trained(
    house: House, changes: dict[str, Any], named: str
) -> None:
    house.submit("s", TINY | {"scaling": "none"} | changes)
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.FAILED and study.failure is not None
    assert study.failure.kind == "data"
    assert named in study.failure.message
    assert "goes from 0 to 16: write scaling: unit" in study.failure.message
    assert house.trials("s") == []


def test_a_ranking_metric_that_epochs_do_not_have_is_named(house: House) -> None:
    house.submit("s", TINY | FEW_HOLES | {"objective": {"metric": "hole_mse"}})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.FAILED and study.failure is not None
    assert "epochs have no hole_mse" in study.failure.message
    assert "rank by another metric" in study.failure.message


@pytest.mark.parametrize(
    "objective",
    [
        [{"metric": "mse"}, {"metric": "hole_mse"}],
        {"metric": "mse", "subject_to": [{"metric": "hole_mse", "at_most": 1}]},
    ],
    ids=["second-objective", "bound"],
)
def test_a_second_metric_that_no_trial_has_is_named(house: House, objective: Any) -> None:
    house.submit("s", TINY | FEW_HOLES | {"objective": objective})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.FAILED and study.failure is not None
    assert study.failure.kind == "no-result"
    assert "none has hole_mse" in study.failure.message
    assert "learning rates" not in study.failure.message

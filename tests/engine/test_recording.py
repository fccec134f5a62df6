"""What is written down of a trial that ends."""

from pathlib import Path

import pytest

from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.migration import migrate
from tests.engine.harness import SMALL, House


def test_the_difficulty_offset_is_that_of_the_samples_that_are_evaluated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    house = House(tmp_path, database)
    house.submit("s", SMALL | {"budget": {"trials": 1}})
    study = house.run("s", InProcessExecutor(1))
    with database.read() as session:
        dataset = DatasetRepository(session).get(study.data_hash or "")
    [trial] = house.trials("s")
    database.close()

    assert dataset is not None
    assert trial.verdict is not None
    baselines = dataset.baselines
    assert baselines.evaluated_mean_validation is not None
    assert baselines.evaluated_mean_train is not None
    offset = baselines.evaluated_mean_validation / baselines.evaluated_mean_train - 1
    assert trial.verdict.numbers["difficulty_offset"] == pytest.approx(offset)
    assert offset != pytest.approx(baselines.mean_validation / baselines.mean_train - 1, abs=1e-6)
    # Measured over the samples, not the rule of thumb.
    assert trial.metrics is not None
    errors = [trial.metrics.train["mse_se"], trial.metrics.validation["mse_se"]]
    squares = sum(error**2 for error in errors if error is not None)
    assert trial.verdict.numbers["gap_se"] == pytest.approx(squares**0.5)

"""Studies of pictures and tables, from a file to the answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.api.best import best_record, read_best
from service.domain.states import StudyState
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.migration import migrate
from tests.engine.harness import House
from tests.trainers.data.kinds import parquet_bytes, people, picture_zip, pictures

TINY: dict[str, Any] = {
    "name": "kinds",
    "family": "autoencoder",
    "space": {
        "learning_rate": {"type": "float", "low": 0.005, "high": 0.01},
        "hidden_width": 16,
        "latent_dim": 2,
    },
    "training": {"epochs": 2},
    "pruner": {"type": "none"},
    "budget": {"trials": 2},
    "parallel": {"cohort_size": 2},
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    (tmp_path / "people.csv").write_bytes(people(120))
    numbers = np.random.default_rng(0).random((120, 3)).T
    table = dict(zip("abc", numbers, strict=True))
    (tmp_path / "numbers.parquet").write_bytes(parquet_bytes(table))
    (tmp_path / "pictures.zip").write_bytes(picture_zip(pictures(60, 16, 16)))
    yield House(tmp_path, database)
    database.close()


@pytest.mark.parametrize(
    ("dataset", "kind", "shape"),
    [
        ({"kind": "csv", "path": "people.csv"}, "table", [5]),
        ({"kind": "parquet", "path": "numbers.parquet"}, "table", [3]),
        ({"kind": "images", "path": "pictures.zip", "size": [8, 8]}, "image", [8, 8, 3]),
        (
            {"kind": "images", "path": "pictures.zip", "mode": "grey", "patches": {"size": 8}},
            "image",
            [8, 8],
        ),
        ({"name": "photos", "limit": 400}, "image", [16, 16, 3]),
        ({"name": "iris"}, "table", [7]),
    ],
)
def test_data_of_every_kind_is_tuned_and_answered(
    house: House, dataset: dict[str, Any], kind: str, shape: list[int]
) -> None:
    house.submit("s", {**TINY, "dataset": dataset})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    found = read_best(house.database, study)
    study, data = found.study, found.dataset
    assert data is not None
    assert (data.kind, data.shape) == (kind, shape)
    best = best_record(found)
    assert best.metrics.test is not None
    assert best.metrics.test["mse"] > 0

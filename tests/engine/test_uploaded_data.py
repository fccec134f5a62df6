"""Studies of uploaded data, through a real supervisor."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.api.inspection import Inspector
from service.api.uploads import Received, UploadDesk, UploadLimits
from service.domain.records import Upload
from service.domain.resolve import resolve
from service.domain.spec import StudySpec
from service.domain.states import StudyState
from service.domain.uploads import header_within
from service.engine import preparation
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.migration import migrate
from service.storage.studies import StudyRepository
from service.storage.uploads import UploadRepository
from service.upload_files import UploadFiles
from tests.engine.harness import House
from trainers.registry import catalog

TINY: dict[str, Any] = {
    "name": "tiny",
    "family": "autoencoder",
    "space": {"learning_rate": {"type": "categorical", "choices": [0.003, 0.01]},
              "hidden_width": 16, "latent_dim": 2},
    "training": {"epochs": 2},
    "sampler": {"type": "grid"},
}  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    yield House(tmp_path, database)
    database.close()


@pytest.fixture
def desk(house: House) -> UploadDesk:
    store = house.folder / "data"
    return UploadDesk(
        house.database,
        UploadFiles(house.folder / "uploads"),
        store,
        Inspector(store, 1 << 30, 60),
        UploadLimits(1 << 20, 1 << 30, 5, 60),
    )


@pytest.fixture
def upload(desk: UploadDesk) -> Upload:
    with desk.files.receiving() as folder:
        file = folder / "coming"
        np.save(file.with_suffix(".npy"), np.random.default_rng(0).random((60, 6)))
        file.with_suffix(".npy").rename(file)
        content = file.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        return desk.keep(Received(file, "numbers", None, {}, sha256, len(content)))[0]


def submit(house: House, upload: Upload, study_id: str, **dataset: Any) -> None:
    found = {"dataset": {"id": upload.id, **dataset}, "selection": {"top_k": 0}}
    asked = StudySpec.model_validate(TINY | found)
    header = header_within(upload.header, dataset.get("limit"))
    with house.database.transaction() as session:
        StudyRepository(session).create(
            study_id, asked, resolve(asked, catalog(), header), "0" * 64, [], {}
        )


def test_a_study_trains_on_what_was_uploaded(house: House, upload: Upload) -> None:
    submit(house, upload, "s")
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    assert study.data_hash == upload.data_hash


def test_a_study_of_some_of_the_samples_has_data_of_its_own(house: House, upload: Upload) -> None:
    submit(house, upload, "s", limit=30)
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    with house.database.read() as session:
        stored = DatasetRepository(session).get(str(study.data_hash))
    assert stored is not None
    assert stored.train + stored.validation + stored.test == 30


def test_a_study_whose_file_is_gone_fails_with_the_reason(house: House, upload: Upload) -> None:
    submit(house, upload, "s", limit=30)
    (house.folder / "uploads" / upload.id / "content").unlink()
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.FAILED
    assert study.failure is not None
    assert study.failure.kind == "data"


def test_data_deleted_as_unused_while_a_study_takes_them_up_come_back(
    house: House, desk: UploadDesk, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(house, upload, "s", limit=30)
    ingest: Callable[..., Any] = preparation.ingest_dataset
    calls = 0

    def ingest_and_lose(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        found = ingest(*arguments)
        if calls == 1:  # as when a study of the same data is deleted at this moment
            (house.folder / "data" / found.folder).rename(house.folder / "data" / ".trash-x~0")
        return found

    monkeypatch.setattr(preparation, "ingest_dataset", ingest_and_lose)
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    assert calls == 2


def test_an_upload_outlives_a_deletion_that_could_not_be_committed(
    house: House, desk: UploadDesk, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(desk, "discard", fail)
    with pytest.raises(OSError, match="full"):
        desk.delete(upload.id)
    assert (house.folder / "uploads" / upload.id / "content").is_file()
    with house.database.read() as session:
        assert UploadRepository(session).get(upload.id) == upload

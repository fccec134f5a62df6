from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from service.domain.records import Baselines, Dataset, PcaBaseline
from service.errors import NotFound
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from tests.storage.racing import race

PCA = PcaBaseline(
    latent_dim=16, train=0.1, validation=0.1, test=None, validation_clipped=0.1, test_clipped=None
)


def make_dataset(**fields: Any) -> Dataset:
    return Dataset.model_validate(
        {
            "data_hash": "d" * 64,
            "folder": "datasets/d",
            "shape": [8, 8],
            "dtype": "float32",
            "train": 1257,
            "validation": 270,
            "test": 270,
            "low": 0.0,
            "high": 1.0,
            "duplicates_across": 0,
            "scaling": {"kind": "unit", "scale": 16.0},
            "baselines": Baselines(
                mean_train=0.07, mean_validation=0.07, mean_test=None, pca=[], eigenvalues=[1.0]
            ),
            "created_at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        }
        | fields
    )


def test_a_data_set_is_read_back_as_it_was_put(database: Database) -> None:
    with database.transaction() as session:
        stored = DatasetRepository(session).put(make_dataset())
    with database.read() as session:
        assert DatasetRepository(session).get("d" * 64) == stored == make_dataset()
        assert DatasetRepository(session).get("e" * 64) is None


def test_putting_it_again_updates_the_baselines_and_keeps_the_count(database: Database) -> None:
    more = make_dataset().baselines.model_copy(update={"pca": [PCA]})
    with database.transaction() as session:
        datasets = DatasetRepository(session)
        datasets.put(make_dataset())
        datasets.add_opening("d" * 64)
        later = datetime(2027, 1, 1, tzinfo=UTC)
        again = datasets.put(make_dataset(baselines=more, created_at=later))
    assert again == make_dataset(baselines=more, test_openings=1)


def test_what_one_study_knows_of_pca_survives_another(database: Database) -> None:
    unclipped = PCA.model_copy(update={"validation_clipped": None})
    other = PCA.model_copy(update={"latent_dim": 8, "validation": 0.2})
    bare = make_dataset().baselines

    def put(*pca: PcaBaseline) -> Dataset:
        with database.transaction() as session:
            baselines = bare.model_copy(update={"pca": list(pca)})
            return DatasetRepository(session).put(make_dataset(baselines=baselines))

    put(PCA)
    stored = put(other, unclipped)

    assert stored.baselines.pca == [other, PCA]
    assert put() == stored


def test_a_request_for_data_is_remembered_and_may_be_corrected(database: Database) -> None:
    with database.transaction() as session:
        datasets = DatasetRepository(session)
        datasets.put(make_dataset())
        datasets.put(make_dataset(data_hash="e" * 64))
        assert datasets.by_key("the key") is None
        datasets.put_key("the key", "d" * 64)
        assert datasets.by_key("the key") == make_dataset()
        datasets.put_key("the key", "e" * 64)
        assert datasets.by_key("the key") == make_dataset(data_hash="e" * 64)


def test_every_opening_of_the_test_part_is_counted(database: Database) -> None:
    with database.transaction() as session:
        DatasetRepository(session).put(make_dataset())

    def open_once(_: int) -> int:
        with database.transaction() as session:
            return DatasetRepository(session).add_opening("d" * 64)

    assert sorted(race(6, open_once)) == [1, 2, 3, 4, 5, 6]


def test_one_test_part_is_one_seal_however_the_rest_is_divided(database: Database) -> None:
    hashes = [letter * 64 for letter in "defa"]
    with database.transaction() as session:
        for data_hash in hashes:
            shared = None if data_hash in hashes[2:] else "7" * 64
            DatasetRepository(session).put(make_dataset(data_hash=data_hash, test_hash=shared))

    def open_once(turn: int) -> int:
        with database.transaction() as session:
            return DatasetRepository(session).add_opening(hashes[turn % 2])

    assert sorted(race(6, open_once)) == [1, 2, 3, 4, 5, 6]
    with database.transaction() as session:
        datasets = DatasetRepository(session)
        assert datasets.add_opening(hashes[2]) == datasets.add_opening(hashes[3]) == 1
        found = [datasets.get(data_hash) for data_hash in hashes]
    assert [each.test_openings for each in found if each is not None] == [6, 6, 1, 1]


def test_a_test_part_becomes_known_of_a_data_set_that_is_there(database: Database) -> None:
    with database.transaction() as session:
        datasets = DatasetRepository(session)
        datasets.put(make_dataset())
        datasets.add_opening("d" * 64)
        assert datasets.put(make_dataset(test_hash="7" * 64)).test_hash == "7" * 64
        assert datasets.put(make_dataset()).test_hash == "7" * 64
        other = datasets.put(make_dataset(data_hash="e" * 64, test_hash="7" * 64))
    assert other.test_openings == 1


def test_an_unknown_data_set_cannot_be_opened(database: Database) -> None:
    with pytest.raises(NotFound), database.transaction() as session:
        DatasetRepository(session).add_opening("none")


def test_what_the_samples_are_comes_back_with_them(database: Database) -> None:
    columns = [
        {"name": "age", "kind": "numeric", "start": 0, "width": 1},
        {"name": "sex", "kind": "categorical", "start": 1, "width": 2, "categories": ["f", "m"]},
    ]
    audit = {
        "duplicates": "drop",
        "exact_duplicates": 3,
        "dropped": 3,
        "across_before": 2,
        "across_after": 0,
        "groups": 1794,
        "largest_group": 1,
    }
    table = make_dataset(kind="table", shape=[3], columns=columns, audit=audit)
    lines = make_dataset(
        data_hash="e" * 64,
        kind="text",
        vocabulary=5,
        tokens=["<pad>", "<end>", "<unknown>", "<dropped>", "a"],
        tokenizer="char",
    )
    with database.transaction() as session:
        for dataset in (table, lines):
            DatasetRepository(session).put(dataset)
    with database.read() as session:
        assert DatasetRepository(session).get("d" * 64) == table
        assert DatasetRepository(session).get("e" * 64) == lines


def test_a_row_of_the_first_version_is_told_by_its_shape(database: Database) -> None:
    with database.transaction() as session:
        DatasetRepository(session).put(make_dataset())
        session.execute(text("UPDATE datasets SET content = NULL"))
    with database.read() as session:
        found = DatasetRepository(session).get("d" * 64)
    assert found is not None
    assert (found.kind, found.audit) == ("image", None)
